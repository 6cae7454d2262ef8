"""Forecasters of every kind, fitted once for all tests of this room."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from tests.estimators.data import panel, reservoir

ROWS = 120
KNOWN = 90
"""Rows that are fitted; the prediction begins with the last 30 of them, so that it joins history."""
FORECAST = {"target": "level", "inputs": ["rain"], "horizon": 3}
PANEL = {**FORECAST, "series": "unique_id", "static": ["area"]}

USUAL = {
    "baselines": ["climatology"],
    "lookback": 8,
    "hidden_size": 4,
    "epochs": 1,
    "engine": "native",
}

CASES: dict[str, dict[str, Any]] = {
    "sensor": {"horizon": 0, "target": "level", "inputs": ["rain"], "missing": "mask"},
    "two sensors": {
        "horizon": 0,
        "target": ["level", "rain"],
        "inputs": ["level2"],
        "members": 2,
        "cell": "rnn",
        "quantiles": [0.1, 0.5, 0.9],
    },
    "quantiles": {
        **FORECAST,
        "quantiles": [0.05, 0.5, 0.9],
        "members": 2,
        "cell": "gru",
        "num_layers": 2,
        "baselines": ["ridge"],
        "engine": "torch",
    },
    "panel": {
        **PANEL,
        "future": ["plan"],
        "calendar": ["month", "weekday"],
        "members": 2,
        "normalise": "last",
        "transform": "log",
        "positive": True,
    },
    "panel of labels": {
        **PANEL,
        "categories": ["kind"],
        "inputs": ["rain", "kind"],
        "missing": "mask",
        "cell": "slstm",
        "heads": 2,
        "quantiles": [0.25, 0.5, 0.75],
        "refit": False,
    },
    "gaussian": {**FORECAST, "likelihood": "gaussian", "cell": "gru", "members": 2},
    "student-t": {**FORECAST, "likelihood": "student-t", "scale": "standard"},
    "mixture": {**FORECAST, "likelihood": "mixture", "normalise": "none"},
    "counts": {"target": "count", "horizon": 2, "likelihood": "negative-binomial", "members": 2},
    "residuals": {**FORECAST, "likelihood": "residuals", "cell": "rnn"},
}


def table(case: str) -> pl.DataFrame:
    """Return the rows of a case: those of the fit and those that follow."""
    if "panel" in case:
        days = np.arange(ROWS)
        names = ("north", "south")
        frame = panel(names, ROWS).with_columns(
            plan=pl.Series(np.tile(np.sin(days), len(names))),
            kind=pl.Series([f"k{day % 3}" for day in days] * len(names)),
        )
    else:
        frame = reservoir(ROWS).with_columns(
            level2=pl.col("level").shift(1).fill_null(5.0), count=pl.col("rain").round()
        )
    if CASES[case].get("missing") == "mask":
        holes = [None if day % 17 == 5 else 1.0 for day in range(len(frame))]
        frame = frame.with_columns(rain=pl.col("rain") * pl.Series(holes, dtype=pl.Float64))
    return frame


def part(frame: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    """Return rows `first` to `last` of each series."""
    if "unique_id" not in frame.columns:
        return frame[first:last]
    return pl.concat([one[first:last] for one in frame.partition_by("unique_id")])


def new_rows(case: str) -> pl.DataFrame:
    """Return rows to predict from; of a forecast with columns known ahead, rows ahead of the targets."""
    rows = part(table(case), KNOWN - 30, ROWS)
    if "future" in CASES[case]:
        ahead = pl.int_range(pl.len()).over("unique_id") >= ROWS - KNOWN + 30 - 3
        rows = rows.with_columns(
            pl.when(~ahead).then(pl.col(name)).otherwise(None) for name in ("level", "rain")
        )
    return rows
