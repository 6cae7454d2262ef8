"""Small made-up tables for the tests of the forecaster: a reservoir that fills with rain and leaks."""

from __future__ import annotations

import numpy as np
import polars as pl


def reservoir(rows: int = 240, seed: int = 0, start: str = "2001-01-01") -> pl.DataFrame:
    """Return daily `rain` and the `level` of a leaking reservoir that it fills (half-life 6.6 days)."""
    rng = np.random.default_rng(seed)
    rain = rng.gamma(0.5, 2.0, rows)
    level = np.zeros(rows)
    for t in range(rows):
        level[t] = 0.9 * (level[t - 1] if t else 5.0) + rain[t]
    days = np.datetime64(start) + np.arange(rows)
    return pl.DataFrame({"ds": days, "rain": rain, "level": level})


def panel(names: tuple[str, ...] = ("north", "south"), rows: int = 160) -> pl.DataFrame:
    """Return two reservoirs of different size under one another, with a static column each."""
    parts = []
    for number, name in enumerate(names):
        part = reservoir(rows, seed=number).with_columns(
            unique_id=pl.lit(name), area=pl.lit(1.0 + number), level=pl.col("level") * (1 + number)
        )
        parts.append(part)
    return pl.concat(parts)
