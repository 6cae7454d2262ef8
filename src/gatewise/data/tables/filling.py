"""Gaps filled in on request: missing rows added, values taken from beside the gap, all of it counted.

A filled target is seen as history and never as the truth. A value that is drawn through to the far
end of its gap knows what comes next, so that no window that is trained on or scored ends in such a gap.
Sizes: N rows, C columns, K targets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from gatewise.data.tables.categories import MISSING, Labels
from gatewise.data.tables.repairs import Repairs
from gatewise.data.tables.steps import Step
from gatewise.data.tables.table import Filled, Table
from gatewise.errors import DataError
from gatewise.typing import AnyArray, Indices, Mask
from gatewise.wording import counted, joined

MOST_ADDED = 10
"""Missing rows that may be added for each row that is there: a slip in one date asks for more."""

ADDED = -1
"""The number, among rows of the frame, of a row that was added."""


def with_missing_rows(table: Table, rows: Indices, step: Step) -> tuple[Table, Indices]:
    """Return the table with the rows that its times leave out, and the row of the frame of each.

    The new rows hold NaN, static columns their series' value. Times that do not lie on the step's grid
    stay as they are, for others to refuse. Raises DataError where it would add far more than there are.
    """
    steps = _steps_between(table, step)
    if steps is None or (steps == 1).all():
        return table, rows
    added = int(steps.sum()) - len(steps)
    if added > MOST_ADDED * len(table):
        widest = int(steps.argmax())
        raise DataError(
            f"time column {table.columns.time!r} leaves out {added:,} rows, where {len(table):,} are "
            f"there; the longest gap follows {table.stamp(table.time[widest])}: is a date wrong there?"
        )
    old = np.cumsum(np.append(0, steps))  # where each row that is there goes
    total = len(table) + added
    there = np.zeros(total, dtype=bool)
    there[old] = True
    before = np.cumsum(there) - 1  # for each new row, the one before it
    values = np.where(there[:, None], table.values[before], np.nan)
    static = table.values.shape[1] - len(table.columns.static)
    values[:, static:] = table.values[before, static:]
    time = step.after(table.time[before], np.arange(total) - old[before])
    starts = np.append(old[table.starts[:-1]], total)
    labels = table.labels
    if table.columns.categories:
        codes = np.where(there[:, None], labels.codes[before], MISSING)
        static = [one.role == "static" for one in table.columns.categories]
        codes[:, static] = labels.codes[before][:, static]
        labels = Labels(codes, labels.names)
    return (
        replace(table, values=values, time=time, starts=starts, labels=labels),
        np.where(there, rows[before], ADDED),
    )


def _steps_between(table: Table, step: Step) -> Indices | None:
    """Return how many steps lie between each row and the next, 1 across series; None off the grid."""
    if step.kind == "rows" or len(table) < 2:
        return None
    here, after = table.time[:-1], table.time[1:]
    inner = np.ones(len(here), dtype=bool)
    inner[table.starts[1:-1] - 1] = False
    if step.kind == "months":
        month = table.time.astype("datetime64[M]").astype(np.int64)
        steps = np.diff(month) // step.size
    else:
        steps = np.diff(table.time).astype(np.int64) // step.size
    steps = np.where(inner, steps, 1)
    on_grid = step.after(here[inner], steps[inner]) == after[inner]
    return steps if on_grid.all() and (steps >= 1).all() else None


class _Runs(NamedTuple):
    """The gaps of one column: rows without a value that follow each other in one series."""

    first: Indices
    last: Indices
    begins: Mask  # whether it is at the start of its series
    ends: Mask  # whether it is at the end of its series

    @classmethod
    def of(cls, gaps: Mask, starts: Indices) -> Self:
        """Return the runs of rows for which `gaps` [N] holds; series begin at `starts`."""
        opens = np.zeros(len(gaps) + 1, dtype=bool)
        opens[starts] = True
        first = np.flatnonzero(gaps & (opens[:-1] | ~np.append(False, gaps[:-1])))
        last = np.flatnonzero(gaps & (opens[1:] | ~np.append(gaps[1:], False)))
        return cls(first, last, opens[first], opens[last + 1])

    def kept(self, which: Mask) -> _Runs:
        return _Runs(self.first[which], self.last[which], self.begins[which], self.ends[which])

    def rows(self) -> Indices:
        """Return every row of every run."""
        counts = self.last - self.first + 1
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows: Indices = np.repeat(self.first, counts) + within
        return rows


@dataclass(frozen=True)
class _Column:
    """One column with what is to be filled in of it."""

    values: AnyArray  # [N], changed in place
    runs: _Runs
    table: Table

    def forward(self) -> Indices:
        """Give every gap the value before it; return the rows."""
        runs = self.runs.kept(~self.runs.begins)
        self.values[runs.rows()] = np.repeat(
            self.values[runs.first - 1], runs.last - runs.first + 1
        )
        return runs.rows()

    def linear(self) -> Indices:
        """Draw a straight line, step by step, from the value before each gap to the one after it."""
        runs = self.runs.kept(~self.runs.begins & ~self.runs.ends)
        rows = runs.rows()
        known = np.unique(np.concatenate([runs.first - 1, runs.last + 1]))
        if rows.size:
            self.values[rows] = np.interp(rows, known, self.values[known])
        return rows

    def zero(self) -> Indices:
        """Take every gap for none."""
        rows = self.runs.rows()
        self.values[rows] = 0.0
        return rows

    def season(self, steps: int) -> Indices:
        """Give each row of a gap the last known value that lies a whole number of seasons before it."""
        rows = self.runs.rows()
        begin = self.table.starts[:-1][self.table.starts.searchsorted(rows, "right") - 1]
        source = rows - steps
        known = ~np.isnan(self.values)
        found = np.full(len(rows), np.nan)
        open_ = np.flatnonzero(source >= begin)
        while open_.size:
            hit = known[source[open_]]
            found[open_[hit]] = self.values[source[open_[hit]]]
            source[open_] -= steps
            open_ = open_[~hit]
            open_ = open_[source[open_] >= begin[open_]]
        hit = ~np.isnan(found)
        self.values[rows[hit]] = found[hit]
        taken: Indices = rows[hit]
        return taken


def filled(table: Table, repairs: Repairs, added: int, ahead: Mask) -> Table:
    """Return the table with its gaps filled in as `repairs` says, which its notes count.

    Gaps longer than `repairs.fill_limit` stay, as do a target's after its last value and, of target and
    inputs, the rows `ahead` [N] that are to be predicted. A column without any value is left alone.
    """
    assert repairs.fill is not None
    columns = table.columns
    values = table.values.copy()
    targets = np.zeros((len(table), len(columns.target)), dtype=bool)
    foreseen = np.zeros(len(table), dtype=bool)
    counts = {}
    for place, name in enumerate(columns.values[: len(columns.values) - len(columns.static)]):
        gaps = np.isnan(values[:, place])
        if (
            gaps.all() or not gaps.any()
        ):  # of what is not read, and of the calendar, nothing is known
            continue
        hidden = name in columns.target + columns.inputs
        runs = _Runs.of(gaps & ~ahead if hidden else gaps, table.starts)
        short = runs.last - runs.first < repairs.fill_limit
        if name in columns.target:
            short &= ~runs.ends
        column = _Column(values[:, place], runs.kept(short), table)
        rows = _fill(column, repairs)
        if rows.size:
            counts[name] = rows.size
        if name in columns.target:
            targets[rows, place] = True
        if hidden and repairs.fill == "linear":
            foreseen[rows] = True
    labels = table.labels.codes.copy()
    for place, (name, role) in enumerate(
        columns.categories
    ):  # of labels there is no zero and no line
        gaps = labels[:, place] == MISSING
        runs = _Runs.of(gaps & ~ahead if role == "inputs" else gaps, table.starts)
        reached = runs.kept(runs.last - runs.first < repairs.fill_limit)
        rows = _Column(labels[:, place], reached, table).forward()
        if rows.size:
            counts[name] = rows.size
    notes = table.notes + _notes(repairs, counts, added, bool(targets.any()))
    return replace(
        table,
        values=values,
        filled=Filled(targets, foreseen),
        notes=notes,
        labels=Labels(labels, table.labels.names),
    )


def _fill(column: _Column, repairs: Repairs) -> Indices:
    if repairs.fill == "forward":
        return column.forward()
    if repairs.fill == "linear":
        return column.linear()
    if repairs.fill == "zero":
        return column.zero()
    assert repairs.season is not None
    return column.season(repairs.season)


def _notes(repairs: Repairs, counts: dict[str, int], added: int, target: bool) -> tuple[str, ...]:
    """Say how many rows were added and how many values filled in, by column."""
    notes = []
    if added:
        notes.append(f"{counted(added, 'missing row')} added")
    if counts:
        listed = joined([f"{number:,} of {name}" for name, number in counts.items()])
        scored = "; no filled target is trained on or scored" if target else ""
        gaps = counted(repairs.fill_limit, "step")
        notes.append(f"values filled in ({repairs.fill}, gaps of up to {gaps}): {listed}{scored}")
    return tuple(notes)
