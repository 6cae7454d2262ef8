"""Made-up tables, and baselines fitted on them, for the tests of the baselines."""

from __future__ import annotations

import numpy as np

from gatewise.data.tables.columns import Columns
from gatewise.data.tables.split import split_times
from gatewise.data.tables.steps import DAY, HOUR, Step
from gatewise.data.tables.table import Table
from gatewise.estimators.forecaster.baselines import Baselines, fit_baselines

STEPS = {
    "hour": Step("fixed", HOUR),
    "day": Step("fixed", DAY),
    "month": Step("months", 1, anchor=1),
}


def make_table(
    step: Step = STEPS["day"],
    *,
    start: str = "2001-01-01",
    inputs: tuple[str, ...] = (),
    future: tuple[str, ...] = (),
    static: tuple[str, ...] = (),
    **series: np.ndarray,
) -> Table:
    """Build a table from one block `[N, C]` per series; columns y, then inputs, future, static."""
    columns = Columns(("y",), inputs, future, static, "ds", "unique_id")
    blocks = [
        np.asarray(block, dtype=np.float64).reshape(len(block), -1) for block in series.values()
    ]
    first = np.datetime64(start, "us")
    times = [step.after(np.full(len(block), first), np.arange(len(block))) for block in blocks]
    bounds = np.cumsum([0, *map(len, blocks)])
    return Table(
        columns, np.concatenate(blocks), np.concatenate(times), tuple(series), bounds, step
    )


def wave(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n).cumsum()


def fit(
    table: Table, *, lookback: int = 10, horizon: int = 3, season: int | None = None
) -> Baselines:
    split = split_times(table, 0.2, 0.2)
    return fit_baselines(table, split, lookback=lookback, horizon=horizon, season=season)


def targets(table: Table, origins: np.ndarray, horizon: int) -> np.ndarray:
    return table.column("y")[origins[:, None] + np.arange(1, horizon + 1)]
