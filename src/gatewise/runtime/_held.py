"""What a stream keeps of one series: its last rows as a table, and the state that was carried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gatewise.data.tables.categories import MISSING, Labels
from gatewise.data.tables.filling import filled
from gatewise.data.tables.repairs import Repairs
from gatewise.data.tables.table import Table
from gatewise.errors import DataError
from gatewise.estimators.forecaster.fitted import Fitted
from gatewise.runtime._rows import Row
from gatewise.runtime.stream import State
from gatewise.typing import AnyArray

MOST_SKIPPED = 10_000
"""Missing rows that are looked for between two times."""


@dataclass(frozen=True)
class Held:
    """One series of a stream. It is never changed, so that a step that fails leaves all as it was."""

    table: Table  # a lone series: the rows as they came, the last one newest
    states: tuple[State, ...] = ()  # of each member, after the last row; (): zeros
    seen: int = 0  # rows that the states have read

    @classmethod
    def empty(cls, fitted: Fitted, name: str) -> Held:
        """Return what is kept of a series of which nothing is known."""
        like = fitted.context
        rows = np.zeros(len(like), dtype=bool)
        labels = like.labels.taken(rows) if like.columns.categories else like.labels
        return cls(
            replace(
                like,
                values=like.values[rows],
                time=like.time[rows],
                series=(name,),
                starts=np.array([0, 0]),
                filled=None,
                labels=labels,
                notes=(),
            )
        )

    @property
    def last(self) -> Any:
        """The time of the last row."""
        return self.table.time[-1]


def lone_series(table: Table) -> dict[str, Table]:
    """Return a table for each series of a table, by its name."""
    found = {}
    for number, name in enumerate(table.series):
        rows = np.zeros(len(table), dtype=bool)
        rows[table.starts[number] : table.starts[number + 1]] = True
        found[name] = table.only(rows)
    return found


def with_row(table: Table, row: Row, time: Any, most: int) -> Table:
    """Return the last `most` rows of a lone series with a row after them."""
    names, codes = table.labels.names, np.empty((1, 0), dtype=np.int64)
    if table.columns.categories:
        names, codes = _numbered(table.labels.names, row.labels)
        codes = np.concatenate([table.labels.codes, codes])[-most:]
    values = np.concatenate([table.values, row.values[None]])[-most:]
    times = np.concatenate([table.time, np.array([time], dtype=table.time.dtype)])[-most:]
    labels = Labels(codes, names) if table.columns.categories else table.labels
    longer = replace(
        table,
        values=values,
        time=times,
        starts=np.array([0, len(values)]),
        labels=labels,
    )
    return longer.with_calendar()


def _numbered(
    known: tuple[tuple[str, ...], ...], labels: tuple[str | None, ...]
) -> tuple[tuple[tuple[str, ...], ...], AnyArray]:
    """Return the labels of each column with new ones at their ends, and a row's numbers [1, G]."""
    names, codes = [], []
    for before, label in zip(known, labels, strict=True):
        after = before if label is None or label in before else (*before, label)
        names.append(after)
        codes.append(MISSING if label is None else after.index(label))
    return tuple(names), np.array([codes], dtype=np.int64)


def missing_row(table: Table) -> Row:
    """Return a row without values, but for what never changes in a series."""
    values = np.full(table.values.shape[1], np.nan)
    static = len(values) - len(table.columns.static)
    values[static:] = table.values[-1, static:]
    labels = tuple(
        names[code] if one.role == "static" and code != MISSING else None
        for one, names, code in zip(
            table.columns.categories,
            table.labels.names,
            table.labels.codes[-1] if table.columns.categories else (),
            strict=True,
        )
    )
    return Row(table.series[0], None, values, labels)


def skipped(table: Table, time: Any) -> list[Any] | None:
    """Return the times between a lone series and its next row; None where that is off its steps.

    Raises DataError for a time that is not after the last one.
    """
    last, step, name = table.time[-1], table.step, table.columns.time
    if time <= last:
        again = "repeats" if time == last else "goes back to"
        where = f" of series {table.series[0]!r}" if table.series[0] else ""
        raise DataError(
            f"time column {name!r} {again} {table.stamp(time)}{where}, after {table.stamp(last)}: each "
            "row must come after the one before it"
        )
    if step.kind == "rows":
        return []
    if step.after(last, 1) == time:
        return []
    between: list[Any] = []
    for k in range(1, MOST_SKIPPED + 1):
        here = step.after(last, k)[()]
        if here >= time:
            return between if here == time else None
        between.append(here)
    return None


def repaired(table: Table, repairs: Repairs, now: int) -> Table:
    """Return a lone series with its gaps filled in by the run's own policy, up to row `now`."""
    if repairs.fill is None:
        return table
    ahead = np.arange(len(table)) > now
    return replace(filled(table, repairs, 0, ahead), filled=None, notes=table.notes)


def with_targets(table: Table, repairs: Repairs) -> Table:
    """Return a lone series whose last row has every target, as it is filled in later."""
    targets = len(table.columns.target)
    last = table.values[-1, :targets]
    if repairs.fill is None or not np.isnan(last).any() or len(table) < 2:
        return table
    values = table.values.copy()
    before = values[-2, :targets] if repairs.fill == "forward" else np.zeros(targets)
    values[-1, :targets] = np.where(np.isnan(last), before, last)
    return replace(table, values=values)


def knows_targets(table: Table, now: int) -> bool:
    """Say whether row `now` has every target, so that a forecast may start from it."""
    return not np.isnan(table.values[now, : len(table.columns.target)]).any()


def check_row(fitted: Fitted, table: Table, now: int) -> None:
    """Raise DataError where a value is missing in row `now` and the run refuses that."""
    settings, columns = fitted.settings, table.columns
    if settings.missing == "mask":
        return
    # of a target that is to be filled in, as of a sensor's, nothing need be known yet
    unread = columns.target if settings.horizon == 0 or settings.fill is not None else ()
    absent = [
        name
        for place, name in enumerate(columns.values)
        if name not in (*unread, *columns.calendar) and np.isnan(table.values[now, place])
    ]
    for place, one in enumerate(columns.categories):
        if table.labels.codes[now, place] == MISSING:
            absent.append(one.name)
    if absent:
        raise DataError(
            f"column {absent[0]!r} is missing at {table.stamp(table.time[now])}: give its value, or fit "
            'with missing="mask" or a fill'
        )
