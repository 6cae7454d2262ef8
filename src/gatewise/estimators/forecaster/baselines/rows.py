"""Where each row's series begins and ends, and which rows can be the origin of a window.

Sizes: N rows of the table, n origins, S predicted steps (`max(horizon, 1)`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.table import Table
from gatewise.typing import Array, Indices, Mask

FOLDS = 5
"""Blocks of the training part's time that are left out in turn to see errors on data not fitted."""


def series_bounds(table: Table) -> tuple[Indices, Indices]:
    """Return for each row the first row of its series and the row after its last, both `[N]`."""
    lengths = np.diff(table.starts)
    return np.repeat(table.starts[:-1], lengths), np.repeat(table.starts[1:], lengths)


def step_offsets(horizon: int) -> Indices:
    """Return how many rows after the origin each predicted step is, `[S]`: 0, or 1 .. horizon."""
    return np.arange(1, horizon + 1) if horizon else np.zeros(1, dtype=np.int64)


def origins_within(
    table: Table, allowed: NDArray[np.bool_], *, lookback: int, horizon: int
) -> Indices:
    """Return the origins `[n]` whose lookback fits in the series and whose targets are allowed.

    `allowed` is `[N]`, true for the rows of one part; the lookback may reach into an earlier part.
    """
    first, stop = series_bounds(table)
    origin = np.arange(first.size)
    fits = (origin - first >= lookback - 1) & (origin + horizon < stop)
    origin = origin[fits]
    kept: Indices = origin[~any_of_steps(~allowed, origin, horizon)]
    return kept


def any_of_steps(flags: NDArray[np.bool_], origins: Indices, horizon: int) -> NDArray[np.bool_]:
    """Return for each origin `[n]` whether `flags [N]` holds at any of the steps predicted from it."""
    before = np.concatenate([[0], np.cumsum(flags)])  # how many hold before each row
    first = 1 if horizon else 0
    found: NDArray[np.bool_] = before[origins + horizon + 1] > before[origins + first]
    return found


def column_block(table: Table, names: tuple[str, ...]) -> Array:
    """Return the named columns side by side, `[N, len(names)]`."""
    if not names:
        return np.empty((table.values.shape[0], 0))
    return np.stack([table.column(name) for name in names], axis=1)


def fitted_apart(
    table: Table, values: Array, rows: Mask, fit: Callable[[Array], tuple[Array | float, ...]]
) -> tuple[Array, ...]:
    """Return when each series began, [G], and each part of what `fit` makes of it, [G, K, ...].

    `fit` takes one column of `values` [N, K] on the rows [N] of one series that are among `rows`.
    """
    fitted = []
    for number in range(len(table.series)):
        part = slice(table.starts[number], table.starts[number + 1])
        inside = values[part][rows[part]]
        fitted.append([fit(inside[:, k]) for k in range(values.shape[1])])
    parts = range(len(fitted[0][0]))
    began = table.time[table.starts[:-1]].astype(np.int64).astype(np.float64)
    return began, *(np.array([[one[place] for one in each] for each in fitted]) for place in parts)


@dataclass(frozen=True)
class Following:
    """The origins of one series, for a model that follows it row by row from where it began."""

    mine: Indices  # which of the origins
    seen: slice  # the rows of the table from the series' first to the last of its origins
    at: Indices  # the rows of the origins, counted from its first
    group: int  # its number in the fit; -1: it was not there
    late: int | None
    """How many rows after its first row of the fit it begins; None: not known, or before."""


def following(
    table: Table, origins: Indices, series: Sequence[str], began: Array
) -> Iterator[Following]:
    """Yield the series that the origins `[n]` are of, beside those of a fit.

    `series` are the names of the fit, `began [G]` the times of their first rows, as numbers.
    """
    place = {name: number for number, name in enumerate(series)}
    index = table.series_index()[origins]
    for number in np.unique(index):
        start = int(table.starts[number])
        mine = np.flatnonzero(index == number)
        group = place.get(table.series[number], -1)
        yield Following(
            mine=mine,
            seen=slice(start, int(origins[mine].max()) + 1),
            at=origins[mine] - start,
            group=group,
            late=_rows_late(table, start, float(began[group])) if group >= 0 else None,
        )


def _rows_late(table: Table, row: int, began: float) -> int | None:
    """Return how many steps after the time `began` a row of the table is; None where that cannot be."""
    time = table.time[row]
    first = np.array(int(began)).astype(table.time.dtype)
    if time == first:
        return 0
    if time < first or table.step.kind == "rows":
        return None
    most = max(len(table), 1000)
    while True:
        after = table.step.after(np.full(most, first), np.arange(most))
        if after[-1] >= time:
            found = np.flatnonzero(after == time)
            return int(found[0]) if found.size else None
        most *= 4
