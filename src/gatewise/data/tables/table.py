"""A checked table: one float64 block, series after series, time ascending inside each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.calendar import calendar_values
from gatewise.data.tables.categories import MISSING, Labels
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.steps import Step
from gatewise.data.tables.zones import stamp
from gatewise.errors import DataError, nearest
from gatewise.files import parse

__all__ = ["Filled", "Step", "Table"]


@dataclass(frozen=True)
class Filled:
    """What of a table was filled in, and so was never measured. Sizes: N rows, K targets."""

    targets: NDArray[np.bool_]  # [N, K] seen as history, never trained on or scored
    foreseen: NDArray[np.bool_]  # [N] a value that knows a later one: no scored window ends there

    def taken(self, rows: NDArray[Any]) -> Filled:
        """Return what is left of it when `rows`, a mask or numbers, are taken from the table."""
        return Filled(self.targets[rows], self.foreseen[rows])

    def placed(self, rows: NDArray[np.int64], total: int) -> Filled:
        """Return it for a table of `total` rows in which its rows [N] are the numbers `rows`."""
        targets = np.zeros((total, self.targets.shape[1]), dtype=bool)
        foreseen = np.zeros(total, dtype=bool)
        targets[rows], foreseen[rows] = self.targets, self.foreseen
        return Filled(targets, foreseen)


@dataclass(frozen=True)
class Table:
    """Columns of numbers over time, for one series or many. Sizes: N rows, C columns, S series."""

    columns: Columns
    values: NDArray[np.float64]  # [N, C], in the order of columns.values; NaN: missing
    time: NDArray[Any]  # [N] datetime64[us], without a zone or in UTC; or int64
    series: tuple[str, ...]  # S names; "" for a lone series
    starts: NDArray[np.int64]  # [S+1] row bounds of each series
    step: Step
    zone: str | None = None  # the zone that the times came in; they are UTC then
    form: str | None = None  # the spelling of times that came as text or numbers
    ids: str = "String"  # the type of the series column, by its name in narwhals
    filled: Filled | None = None  # what was filled in on request
    labels: Labels = field(default_factory=Labels.none)  # of columns.categories
    notes: tuple[str, ...] = ()  # what was done to the rows on request, in words

    def __len__(self) -> int:
        return len(self.values)

    def stamp(self, time: Any) -> str:
        """Write one of the table's times as people do, on the clock of its zone."""
        return stamp(time, self.zone)

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one column as a view [N]; DataError if there is none of that name."""
        if name not in self.columns.values:
            raise DataError(
                f"no column {name!r} in this table.{nearest(name, self.columns.values)}"
            )
        return self.values[:, self.columns.values.index(name)]

    def series_index(self) -> NDArray[np.int64]:
        """Return the number of each row's series, [N]."""
        return np.repeat(np.arange(len(self.series)), np.diff(self.starts))

    def extended(self, steps: int) -> Table:
        """Return the table with `steps` rows more at the end of each series, for forecasts past it.

        The new rows hold NaN, static columns their series' value; their times continue the step.
        """
        if steps == 0:
            return self
        owner = self.series_index()
        old = np.arange(len(self)) + steps * owner
        new_starts = self.starts + steps * np.arange(len(self.starts))
        ends = self.starts[1:] - 1
        ahead = np.arange(1, steps + 1)
        new = (new_starts[1:, None] - steps + ahead - 1).ravel()
        values = np.full((new_starts[-1], self.values.shape[1]), np.nan)
        values[old] = self.values
        static = self.values.shape[1] - len(self.columns.static)
        values[new, static:] = np.repeat(self.values[ends, static:], steps, axis=0)
        time = np.empty(new_starts[-1], dtype=self.time.dtype)
        time[old] = self.time
        time[new] = self.step.after(self.time[ends][:, None], ahead[None, :]).ravel()
        filled = None if self.filled is None else self.filled.placed(old, len(values))
        longer = replace(
            self,
            values=values,
            time=time,
            starts=new_starts,
            filled=filled,
            labels=self._labels_with_rows_after(old, new, np.repeat(ends, steps)),
        )
        return longer.with_calendar()

    def _labels_with_rows_after(
        self, old: NDArray[np.int64], new: NDArray[np.int64], last: NDArray[np.int64]
    ) -> Labels:
        """Return the labels when rows come in between: none there, but of static columns the `last`."""
        if not self.columns.categories:
            return self.labels
        codes = np.full((len(old) + len(new), len(self.labels.names)), MISSING)
        codes[old] = self.labels.codes
        static = [one.role == "static" for one in self.columns.categories]
        codes[np.ix_(new, np.flatnonzero(static))] = self.labels.codes[last][:, static]
        return Labels(codes, self.labels.names)

    def with_calendar(self) -> Table:
        """Return the table with those columns that follow from its times."""
        made = self.columns.calendar
        if not made or self.time.dtype.kind != "M":
            return self
        values = self.values.copy()
        places = [self.columns.values.index(name) for name in made]
        values[:, places] = calendar_values(self.time, self.zone, made)
        return replace(self, values=values)

    def distinct_times(self) -> NDArray[Any]:
        """Return the times that any series has, each once, ascending."""
        if len(self.series) == 1:  # they ascend already
            return self.time
        # a stable sort merges runs that ascend, which each series is; np.unique would hash every time
        times = np.sort(self.time, kind="stable")
        kept = np.ones(len(times), dtype=bool)
        np.not_equal(times[1:], times[:-1], out=kept[1:])
        return times[kept]

    def last_known(self) -> NDArray[np.int64]:
        """Return the last row of each series [S] in which every target is known; -1 if there is none."""
        known = ~np.isnan(self.values[:, : len(self.columns.target)]).any(axis=1)
        row = np.where(known, np.arange(len(self)), -1)
        last: NDArray[np.int64] = np.maximum.reduceat(row, self.starts[:-1])
        return last

    def tail(self, rows: int | NDArray[np.int64]) -> Table:
        """Return the last `rows` rows (one number, or [S]) of each series, all of a shorter one."""
        starts = np.maximum(self.starts[:-1], self.starts[1:] - rows)
        kept = np.arange(len(self)) >= np.repeat(starts, np.diff(self.starts))
        bounds = np.concatenate([[0], np.cumsum(self.starts[1:] - starts)])
        return self._of_rows(kept, starts=bounds)

    def until(self, last: Any) -> Table:
        """Return the rows up to and including the time `last`; series that begin later are gone."""
        return self.only(self.time <= last)

    def only(self, rows: NDArray[np.bool_]) -> Table:
        """Return the table of `rows` [N]; series without any are gone."""
        counts = np.add.reduceat(rows.astype(np.int64), self.starts[:-1])
        names = tuple(name for name, count in zip(self.series, counts, strict=True) if count)
        bounds = np.concatenate([[0], np.cumsum(counts[counts > 0])])
        return self._of_rows(rows, starts=bounds, series=names)

    def parted(self, most: int) -> tuple[Table, Table | None]:
        """Return the table without its future, and that: up to `most` last rows without a target.

        They are the last of their series and hold what is known ahead; None where there are none.
        """
        last = np.maximum(self.last_known(), self.starts[:-1] - 1)
        lengths = np.diff(self.starts)
        beyond = np.arange(len(self)) - np.repeat(last, lengths)
        unknown = np.isnan(self.values[:, : len(self.columns.target)]).all(axis=1)
        ahead = (beyond > 0) & unknown & np.repeat(self.starts[1:] - 1 - last <= most, lengths)
        # a series of which nothing is known has no future either
        ahead &= np.repeat(last >= self.starts[:-1], lengths)
        if not ahead.any():
            return self, None
        return self.only(~ahead), self.only(ahead)

    def _of_rows(self, rows: NDArray[Any], **changes: Any) -> Table:
        """Return the table of `rows`, a mask or numbers, with the `changes` that this brings."""
        filled = None if self.filled is None else self.filled.taken(rows)
        labels = self.labels.taken(rows) if self.columns.categories else self.labels
        return replace(
            self,
            values=self.values[rows],
            time=self.time[rows],
            filled=filled,
            labels=labels,
            **changes,
        )

    def before(self, other: Table) -> Table:
        """Return `other` with the rows of `self` before each of its series that directly follows.

        A series follows if its first row is one step after this table's last row of that series; with
        a step of kind "rows", any later time follows. Series that do not follow, and all of a table
        with other columns or another step, stay as they are.
        """
        # Rows that follow make a first window possible without repeated history; where a gap lies
        # between, a window across it would be taken for one without.
        position = {name: number for number, name in enumerate(self.series)}
        mine = np.array([position.get(name, -1) for name in other.series], dtype=np.int64)
        alike = self.columns == other.columns and self.time.dtype == other.time.dtype
        alike &= all(  # labels are numbered alike
            later[: len(earlier)] == earlier
            for earlier, later in zip(self.labels.names, other.labels.names, strict=False)
        )
        if not alike or (other.step != self.step and np.any(np.diff(other.starts) > 1)):
            return other
        last = self.time[self.starts[mine + 1] - 1]
        first = other.time[other.starts[:-1]]
        joins = first > last if self.step.kind == "rows" else first == self.step.after(last, 1)
        joins &= mine >= 0
        if not joins.any():
            return other
        number = np.full(len(self.series), -1)
        number[mine[joins]] = np.flatnonzero(joins)
        owner = number[self.series_index()]
        kept = np.flatnonzero(owner >= 0)
        owners = np.concatenate([owner[kept], other.series_index()])
        order = np.argsort(owners, kind="stable")
        filled = other.filled
        if filled is not None:  # of the rows before, which are not predicted, it does not matter
            later = np.arange(len(kept), len(owners))
            filled = filled.placed(later, len(owners)).taken(order)
        return replace(
            other,
            values=np.concatenate([self.values[kept], other.values])[order],
            time=np.concatenate([self.time[kept], other.time])[order],
            starts=np.concatenate([[0], np.cumsum(np.bincount(owners))]),
            step=self.step,
            filled=filled,
            labels=Labels(
                np.concatenate([self.labels.taken(kept).codes, other.labels.codes])[order],
                other.labels.names,
            )
            if self.columns.categories
            else other.labels,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the table as plain arrays, for saving; `from_arrays` reads them back."""
        about = {
            "columns": self.columns.to_json(),
            "series": list(self.series),
            "step": self.step.to_json(),
            "clock": bool(np.issubdtype(self.time.dtype, np.datetime64)),
            "zone": self.zone,
            "form": self.form,
            "ids": self.ids,
            **({"labels": self.labels.names} if self.columns.categories else {}),
        }
        return {
            **({"labels": self.labels.codes} if self.columns.categories else {}),
            "values": self.values,
            "time": self.time.astype(np.int64),
            "starts": self.starts,
            "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Table:
        """Return the table that `arrays` wrote."""
        about = parse(arrays["about"].tobytes())
        time = arrays["time"]
        return cls(
            columns=Columns.from_json(about["columns"]),
            values=arrays["values"],
            time=time.astype("datetime64[us]") if about["clock"] else time,
            series=tuple(about["series"]),
            starts=arrays["starts"],
            step=Step.from_json(about["step"]),
            zone=about.get("zone"),
            form=about.get("form"),
            ids=about.get("ids", "String"),
            labels=Labels(arrays["labels"], tuple(map(tuple, about["labels"])))
            if "labels" in arrays
            else Labels.none(),
        )


def check_calendar(table: Table) -> None:
    """Refuse a calendar without dates, and what is the same in every row."""
    names = table.columns.calendar
    if not names:
        return
    words = list(dict.fromkeys(name.partition(":")[0] for name in names))
    if table.time.dtype.kind != "M":
        what = "the rows are counted" if table.columns.time is None else "it holds whole numbers"
        raise DataError(
            f"calendar={words!r} needs dates in the time column, and "
            f"{what}: give dates such as 1985-01-31, or leave the calendar out"
        )
    for word in words:
        of_word = [name for name in names if name.partition(":")[0] == word]
        columns = np.stack([table.column(name) for name in of_word])
        if len(table) > 1 and np.ptp(columns, axis=1).max() < 1e-9:
            raise DataError(
                f"calendar={words!r}: the {word} is the same in all {len(table):,} rows (one step is "
                f"{table.step.text}): leave {word!r} out"
            )
