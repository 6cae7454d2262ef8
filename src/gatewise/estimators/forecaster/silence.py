"""Series of a panel that a fit, a score or a forecast has nothing of are named, not just left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.table import Table
from gatewise.errors import warn


def warn_of_unusable(
    table: Table, rows: NDArray[np.int64], *, lookback: int, horizon: int, lost: str
) -> None:
    """Warn of series that no window can come from: without a known target, or with too few rows.

    `rows [S]` is how many rows each series has, those that go before the table's included; `lost` is
    what there will be none of: "no score". A table without one usable series is refused elsewhere.
    """
    unknown = np.flatnonzero(table.last_known() < 0)
    short = np.setdiff1d(np.flatnonzero(rows < lookback + horizon), unknown)
    silent = unknown.size + short.size
    if not 0 < silent < len(table.series):
        return
    reasons = []
    if short.size:
        reasons.append(
            f"{named(table, short)}lookback={lookback} and horizon={horizon} need "
            f"{lookback + horizon} rows: give more, or leave the series out"
        )
    if unknown.size:
        reasons.append(
            f"{named(table, unknown)}no row has its target ({', '.join(table.columns.target)}): give "
            "known rows, or leave the series out"
        )
    text = f"{lost} for {silent} of {len(table.series)} series: {'; '.join(reasons)}"
    warn(text)


def named(table: Table, numbers: NDArray[np.int64]) -> str:
    """Return "'a', 'b': " for series of a panel, the first five of them; nothing for a lone series."""
    if table.columns.series is None:
        return ""
    names = ", ".join(repr(table.series[number]) for number in numbers[:5])
    return f"{names}{', ...' if numbers.size > 5 else ''}: "
