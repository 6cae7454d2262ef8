"""Checks of the values in a table: infinity, missing values, static columns that change."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gatewise.choices import Missing
from gatewise.data.tables.categories import MISSING
from gatewise.data.tables.filling import ADDED
from gatewise.data.tables.native import COUNTED
from gatewise.data.tables.repairs import NO_REPAIRS, Repairs
from gatewise.data.tables.table import Table
from gatewise.errors import DataError
from gatewise.wording import figure


def check_values(
    table: Table,
    rows: NDArray[np.int64],
    missing: Missing,
    need_target: bool,
    allow_trailing_gap: int,
    *,
    repairs: Repairs = NO_REPAIRS,
) -> None:
    """Refuse infinity, missing values where they may not be, and static columns that vary."""
    columns = table.columns
    ends = np.repeat(table.starts[1:], np.diff(table.starts))
    trailing = np.arange(len(table)) >= ends - allow_trailing_gap
    for position, name in enumerate(columns.values):
        column = table.values[:, position]
        # Before any column is let off: a gap can be masked, but infinity is a broken value.
        infinite = np.isinf(column)
        if infinite.any():
            _refuse(table, rows, name, infinite, what="infinite", fix="replace or remove them")
        if missing == "mask" or (name in columns.target and not need_target):
            continue
        gaps = np.isnan(column)
        if name in columns.target or name in columns.inputs:
            gaps &= ~trailing
        if gaps.any():
            fix = _fix(table, name, gaps, repairs, allow_trailing_gap)
            _refuse(table, rows, name, gaps, what="missing", fix=fix)
    for place, (name, role) in enumerate(columns.categories):
        gaps = table.labels.codes[:, place] == MISSING
        gaps &= ~(trailing & (role == "inputs"))
        if missing != "mask" and gaps.any():
            fix = 'give it a label of its own, or take it for unknown: missing="mask"'
            _refuse(table, rows, name, gaps, what="missing", fix=fix)
    for name in columns.static:
        _check_static(table, rows, name, table.column(name), partial(figure, digits=6))
    for place, (name, role) in enumerate(columns.categories):
        if role == "static":
            codes = table.labels.codes[:, place].astype(np.float64)
            names = {float(code): repr(name) for code, name in enumerate(table.labels.names[place])}
            names[float(MISSING)] = "none"
            _check_static(table, rows, name, codes, names.__getitem__)


def _fix(
    table: Table, name: str, gaps: NDArray[np.bool_], repairs: Repairs, allow_trailing_gap: int
) -> str:
    """Say what to do about missing values of a column."""
    if repairs.fill is not None:
        return (
            f"fill={repairs.fill!r} reaches gaps of up to fill_limit={repairs.fill_limit} that "
            'it has values beside; fill the others, or mask them: missing="mask"'
        )
    known = np.where(np.isnan(table.column(name)), -1, np.arange(len(table)))
    last = np.repeat(np.maximum.reduceat(known, table.starts[:-1]), np.diff(table.starts))
    if name in table.columns.target and (np.flatnonzero(gaps) > last[gaps]).all():
        if allow_trailing_gap:
            return (
                "of the rows at the end, whose target is still to come, give the first "
                f"{allow_trailing_gap} at most: those that are forecast"
            )
        return "leave out the rows at the end, whose target is still to come: they are for predict"
    return 'fill them (fill="forward", say), or mask them with an indicator: missing="mask"'


def _refuse(
    table: Table,
    rows: NDArray[np.int64],
    name: str,
    bad: NDArray[np.bool_],
    *,
    what: str,
    fix: str,
) -> None:
    at = np.flatnonzero(bad)
    first = int(at[rows[at].argmin()])
    noun = "value" if at.size == 1 else "values"
    if rows[first] == ADDED:
        where = (
            f"at {table.stamp(table.time[first])}{of_series(table, first)} (a row that was added)"
        )
    else:
        when = "" if table.columns.time is None else f"{table.stamp(table.time[first])}; "
        where = f"in row {rows[first] + 1}{of_series(table, first)} ({when}{COUNTED})"
    raise DataError(f"column {name!r} has {at.size} {what} {noun}, the first {where}: {fix}")


def _check_static(
    table: Table,
    rows: NDArray[np.int64],
    name: str,
    column: NDArray[np.float64],
    shown: Callable[[float], str],
) -> None:
    first = np.repeat(column[table.starts[:-1]], np.diff(table.starts))
    varies = (column != first) & ~(np.isnan(column) & np.isnan(first))
    if varies.any():
        row = int(varies.argmax())
        raise DataError(
            f"static column {name!r} changes inside a series: {shown(first[row])}, then "
            f"{shown(column[row])} in row {rows[row] + 1}{of_series(table, row)} "
            f"({COUNTED}); list it under inputs or future"
        )


def of_series(table: Table, row: int) -> str:
    """Return " of series 'a'" for a panel, else nothing."""
    if table.columns.series is None:
        return ""
    return f" of series {table.series[int(table.starts.searchsorted(row, 'right')) - 1]!r}"
