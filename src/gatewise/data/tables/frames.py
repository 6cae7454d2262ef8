"""From a frame to a checked `Table`: every complaint about data is raised here, before any work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.choices import Frequency, Missing
from gatewise.data.finding import holds_time_text
from gatewise.data.tables.categories import read_labels
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.filling import filled, with_missing_rows
from gatewise.data.tables.ids import Ids, read_ids
from gatewise.data.tables.native import COUNTED, Frame, as_frame
from gatewise.data.tables.reading import Times, float_column, time_column
from gatewise.data.tables.repairs import NO_REPAIRS, Repairs, ordered
from gatewise.data.tables.season import find_seasons
from gatewise.data.tables.steps import ROWS, Step, follows, infer_step
from gatewise.data.tables.table import Table, check_calendar
from gatewise.data.tables.values import check_values, of_series
from gatewise.errors import DataError, OptionError, nearest


def table_from_frame(
    frame: Any,
    columns: Columns,
    *,
    missing: Missing = "refuse",
    frequency: Frequency = "infer",
    need_target: bool = True,
    read_target: bool = True,
    allow_trailing_gap: int = 0,
    step: Step | None = None,
    like: Table | None = None,
    repairs: Repairs = NO_REPAIRS,
) -> Table:
    """Read and check the columns of a pandas or polars frame; a `Table` passes through the checks.

    missing: "refuse" refuses NaN and null by name, "mask" keeps them as NaN. Infinity is refused
        either way.
    frequency: "infer" finds the step and refuses irregular times; "rows" takes every row as a step.
    need_target: with False the target may be absent (NaN then) or have gaps.
    read_target: with False the target's columns are not looked at, whatever they hold (NaN then).
    allow_trailing_gap: so many last rows of each series may lack target and inputs, for steps ahead
        of which only the future columns are known. Where no series has more rows than that, the
        columns may be absent.
    step: the step to hold the rows to, such as the one found when a model was fitted.
    like: rows of the data of a fit: its spelling of times is tried first, times must have a zone as
        they had there, or none, and series are called as they were there.
    repairs: how the time is written, and what may be done to rows that are out of order, repeated or
        incomplete; the table's `notes` count what was done.

    Rows are put series after series, in order of appearance; inside a series they must be sorted.
    Raises DataError (column, row, value) for what it cannot take, OptionError for an option value.
    """
    _check_option("missing", missing, ("refuse", "mask"))
    _check_option("frequency", frequency, ("infer", "rows"))
    if isinstance(frame, Table):
        _check_as_asked(frame, columns, step)
        check_values(frame, np.arange(len(frame)), missing, need_target, allow_trailing_gap)
        return frame
    table = as_frame(frame)
    count = len(table)
    if count == 0:
        raise DataError("the table has no rows")
    ids = _ids(table, columns.series, like)
    optional = () if need_target else columns.target
    if not need_target and np.bincount(ids.index).max() <= allow_trailing_gap:  # all rows lie ahead
        optional += columns.named("inputs")
    keys = () if columns.time is None else (columns.time,)
    optional += columns.calendar
    asked = columns.values + tuple(one.name for one in columns.categories)
    _check_present(table, (*keys, *(name for name in asked if name not in optional)))
    times = _times(table, columns.time, like, repairs)
    rows, notes = ordered(ids.index, None if times is None else times.values, repairs)
    lengths = np.bincount(ids.index[rows], minlength=len(ids.names))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    values = _values(table, columns, rows, read_target=read_target)
    if times is None:  # the rows of each series are counted from 0
        times = Times(np.arange(len(rows)) - np.repeat(starts[:-1], lengths))
    else:
        times = replace(times, values=_ordered(times.values, rows))
    result = Table(
        *(columns, values, times.values, ids.names, starts, step or ROWS),
        zone=times.zone,
        form=times.form,
        ids=ids.kind,
        notes=tuple(notes),
        labels=read_labels(table, columns.categories, rows, None if like is None else like.labels),
    )
    _check_order(result, rows, table)
    if repairs.fill is not None:
        regular = columns.time is not None and frequency == "infer"
        grid = (step or infer_step(result.time, result.starts)[0]) if regular else ROWS
        result, rows = _filled(result, rows, repairs, grid, allow_trailing_gap)
    result = replace(result, step=_checked_step(result, rows, frequency, step)).with_calendar()
    if like is None:
        check_calendar(result)
    check_values(result, rows, missing, need_target, allow_trailing_gap, repairs=repairs)
    return result


def _filled(
    table: Table,
    rows: NDArray[np.int64],
    repairs: Repairs,
    step: Step,
    allow_trailing_gap: int,
) -> tuple[Table, NDArray[np.int64]]:
    """Return the table with its missing rows and values, and the row of the frame of each."""
    count = len(table)
    table, rows = with_missing_rows(table, rows, step)
    if repairs.fill == "season" and repairs.season is None:
        season = _found_season(replace(table, step=step))
        repairs = replace(repairs, season=season)
        table = replace(table, notes=(*table.notes, f"a season of {season} steps found"))
    ahead = np.zeros(len(table), dtype=bool)
    if allow_trailing_gap:
        last = np.maximum(table.last_known(), table.starts[:-1] - 1)
        ahead = np.arange(len(table)) > np.repeat(last, np.diff(table.starts))
    return filled(table, repairs, len(table) - count, ahead), rows


def _found_season(table: Table) -> int:
    """Return the season that the targets repeat best, in steps."""
    found = find_seasons(table)
    if not found:
        raise DataError(
            "fill='season' takes values of a season before, and none is found here: say season=..., in "
            "steps, or fill otherwise"
        )
    return found[0].rows


def _check_as_asked(table: Table, columns: Columns, step: Step | None) -> None:
    """Raise DataError unless a table that was read before has these columns and this step."""
    if table.columns != columns:
        raise DataError(f"the table has the columns {table.columns}, but {columns} are asked for")
    if step is not None and table.step != step:
        raise DataError(
            f"the table's rows are {table.step.text} apart, where {step.text} is expected"
        )


def _ids(table: Frame, name: str | None, like: Table | None) -> Ids:
    """Return the series of each row; those of column `name` are called as in `like`."""
    if name is None:
        return Ids(("",), np.zeros(len(table), dtype=np.int64), "String")
    _check_present(table, (name,))
    return read_ids(table[name], name, () if like is None else like.series)


def _values(
    table: Frame, columns: Columns, rows: NDArray[np.int64], *, read_target: bool
) -> NDArray[np.float64]:
    """Return the columns of numbers [N, C] in the order of `rows`; NaN for those that are not read."""
    values = np.empty((len(rows), len(columns.values)), dtype=np.float64)
    for position, name in enumerate(columns.values):
        unread = name not in table.columns or (name in columns.target and not read_target)
        unread |= name in columns.calendar
        values[:, position] = np.nan if unread else _ordered(float_column(table, name), rows)
    return values


def _ordered(values: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return `values` in the order of `rows`, without a copy where that is as they came."""
    as_they_came = len(rows) == len(values) and (rows[1:] > rows[:-1]).all()
    return values if as_they_came else values[rows]


def _check_option(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        listed = " or ".join(map(repr, allowed))
        raise OptionError(f"{name}={value!r}: use {listed}.{nearest(str(value), allowed)}")


def _check_present(table: Frame, names: tuple[str, ...]) -> None:
    """Refuse absent columns, all of them in one message."""
    absent = [name for name in names if name not in table.columns]
    if absent:
        known = [str(name) for name in table.columns]
        raise DataError(
            f"the table lacks {'column' if len(absent) == 1 else 'columns'} "
            f"{', '.join(map(repr, absent))}.{nearest(absent[0], known)} It has: {', '.join(known)}"
        )


def _times(table: Frame, name: str | None, like: Table | None, repairs: Repairs) -> Times | None:
    """Return the times of column `name`; DataError unless zoned as `like` is. None: rows are counted."""
    if name is None:
        asked = [word for word in ("sort", "drop_duplicates") if getattr(repairs, word)]
        if asked:
            raise DataError(
                f"{asked[0]}={getattr(repairs, asked[0])!r} needs a time column, and here the rows are "
                f"counted: name it with time=..., or leave {asked[0]} out"
            )
        return None
    form = None if like is None else like.form
    times = time_column(table, name, form, repairs.date_format)
    if like is not None and (times.zone is None) != (like.zone is None):
        here, there = (one or "no time zone" for one in (times.zone, like.zone))
        raise DataError(
            f"time column {name!r} has {here}, and that of the fitted data has {there}: give both "
            "times with a zone, or both without"
        )
    return times


def _check_order(table: Table, rows: NDArray[np.int64], frame: Frame) -> None:
    """Refuse repeated times and times that go back, inside a series: often a panel without its name."""
    late = np.flatnonzero(table.time[1:] <= table.time[:-1]) + 1
    late = np.setdiff1d(late, table.starts, assume_unique=True)
    if not late.size:
        return
    now = int(late[0])
    first, second = int(rows[now - 1]) + 1, int(rows[now]) + 1
    name, where = table.columns.time, of_series(table, now)
    hint = "" if table.columns.series else _series_hint(table, frame)
    if table.time[now] == table.time[now - 1]:
        raise DataError(
            f"time column {name!r} repeats {table.stamp(table.time[now])} in rows {first} and {second}"
            f"{where} ({COUNTED}): keep one row for each time (drop_duplicates='first' or "
            f"'last'){hint}"
        )
    raise DataError(
        f"time column {name!r} goes back from {table.stamp(table.time[now - 1])} in row {first} to "
        f"{table.stamp(table.time[now])} in row {second}{where} ({COUNTED}): sort the rows by {name!r} "
        f"(sort=True){hint}"
    )


def _series_hint(table: Table, frame: Frame) -> str:
    """Say how to name the series, with the columns under each of whose values no time repeats."""
    used = {table.columns.time, *table.columns.values}
    fitting = []
    for name in frame.columns:
        column = frame[name]
        if name in used:
            continue
        if column.dtype.is_temporal() or holds_time_text(column):
            return f", and if {str(name)!r} holds the time of day, join the two in one column"
        if column.dtype.is_float():
            continue
        try:
            values = column.to_list()
            pairs = set(zip(map(str, values), table.time.tolist(), strict=True))
        except (TypeError, ValueError):
            continue
        if len(pairs) == len(table) and 1 < len(set(map(str, values))) < len(table):
            fitting.append(str(name))
    hint = ", or name the column that tells series apart"
    if len(fitting) == 1:
        return f"{hint}: series={fitting[0]!r}"
    return f"{hint} (series{': ' if fitting else ''}{' or '.join(map(repr, fitting))})"


def _checked_step(
    table: Table, rows: NDArray[np.int64], frequency: Frequency, given: Step | None
) -> Step:
    """Find the step, or hold the rows to a given one; refuse irregular times."""
    name = table.columns.time
    if name is None:
        return Step("fixed", 1, clock=False)
    if frequency == "rows":
        return ROWS
    step, broken = infer_step(table.time, table.starts)
    if given is not None:
        _check_same_kind(table, given)
        # Rows can fit two steps (28 February: the 28th, or the end of the month): the given one decides.
        regular, broken = broken is None, follows(given, table.time, table.starts)
        if broken is not None and regular:
            raise DataError(
                f"the rows of time column {name!r} are {step.text} apart, where {given.text} is "
                "expected"
            )
        step = given
    if broken is None:
        return step
    hint = ""
    if table.zone is not None:
        hint = (
            " Times with a zone are compared in UTC: if local times are regular, remove the zone."
        )
    raise DataError(
        f"time column {name!r} is irregular: row {rows[broken] + 1} ({table.stamp(table.time[broken])})"
        f"{of_series(table, broken)} does not follow row {rows[broken - 1] + 1} "
        f"({table.stamp(table.time[broken - 1])}) by {step.text} ({COUNTED}): fill in the missing rows "
        f'(fill="forward", say), or count rows as steps with frequency="rows".{hint}'
    )


def _check_same_kind(table: Table, given: Step) -> None:
    """Refuse integer times where the expected step is one of dates, and the reverse."""
    clock = bool(np.issubdtype(table.time.dtype, np.datetime64))
    wanted = given.clock or given.kind == "months"
    if given.kind != "rows" and clock != wanted:
        kinds = ("integers", "dates")
        raise DataError(
            f"time column {table.columns.time!r} holds {kinds[clock]}, where {kinds[wanted]} are "
            f"expected (step: {given.text})"
        )
