"""Climatology: the training part's mean for the same time of the year.

By day of the year (mean over the 31 days around it) for steps of a day or more, by hour and month
for shorter steps, by month for calendar months; per series. Where time is not a calendar, the
series' mean. A series that training never saw gets the mean over all series.
Sizes: N rows, n origins, S predicted steps, K targets, G series, C calendar slots.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.steps import DAY
from gatewise.data.tables.table import Table
from gatewise.estimators.forecaster.baselines.rows import FOLDS
from gatewise.typing import Array, Indices

Calendar = Literal["none", "month", "day", "hour"]

_SLOTS: dict[Calendar, int] = {"none": 1, "month": 12, "day": 366, "hour": 12 * 24}
_HALF_WINDOW = 15  # days on either side, about a month in all
_FEBRUARY_29 = 59  # its place in a leap year, counted from 0


def calendar_of(table: Table) -> Calendar:
    """Return which slots suit the table's step; where rows are only counted, its median gap."""
    if not np.issubdtype(table.time.dtype, np.datetime64):
        return "none"
    if table.step.kind == "months":
        return "month"
    length = table.step.microseconds or _median_gap(table)
    return "none" if not length else "day" if length >= DAY else "hour"


def _median_gap(table: Table) -> float:
    """Return the median time between rows of one series in microseconds, 0 without any."""
    inside = np.ones(max(len(table) - 1, 0), dtype=bool)
    inside[table.starts[1:-1] - 1] = False
    gaps = np.diff(table.time.astype(np.int64))[inside]
    return float(np.median(gaps)) if gaps.size else 0.0


def slots(time: NDArray[Any], calendar: Calendar) -> NDArray[np.int64]:
    """Return the slot of each time, same shape; -1 for a date that is not known (NaT).

    Day slots are those of a leap year, so that a date keeps its slot in every year; hour slots are
    `24 * month + hour`.
    """
    if calendar == "none":
        return np.zeros(time.shape, dtype=np.int64)
    known = ~np.isnat(time)
    date = np.where(known, time, np.datetime64(0, "us"))
    return np.where(known, _slots_of_dates(date, calendar), -1)


def _slots_of_dates(date: NDArray[Any], calendar: Calendar) -> NDArray[np.int64]:
    month = date.astype("datetime64[M]").astype(np.int64) % 12
    if calendar == "month":
        return month
    midnight = date.astype("datetime64[D]")
    if calendar == "hour":
        hour: NDArray[np.int64] = (date - midnight).astype("timedelta64[h]").astype(np.int64)
        return 24 * month + hour
    year = midnight.astype("datetime64[Y]")
    day = (midnight - year).astype(np.int64)
    length = ((year + np.timedelta64(1, "Y")).astype("datetime64[D]") - year).astype(np.int64)
    slot: NDArray[np.int64] = day + ((length == 365) & (day >= _FEBRUARY_29))
    return slot


def _sums_by_slot(
    table: Table, values: Array, rows: Indices, calendar: Calendar
) -> tuple[Array, Array]:
    """Return sums and counts of the known `values [N, K]` of the rows by slot, both `[G, C, K]`."""
    shape = len(table.series), _SLOTS[calendar]
    index = table.series_index()[rows] * shape[1] + slots(table.time[rows], calendar)
    values = values[rows]
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    size = shape[0] * shape[1]
    total = [np.bincount(index, column, size).reshape(shape) for column in filled.T]
    count = [np.bincount(index, column, size).reshape(shape) for column in known.T]
    return np.stack(total, axis=-1), np.stack(count, axis=-1)


def _circular(values: Array) -> Array:
    """Return the sum over the window around each slot on the circle of axis 1."""
    total = np.zeros_like(values)  # one after the other: all shifts at once are 31 copies
    for shift in range(-_HALF_WINDOW, _HALF_WINDOW + 1):
        total += np.roll(values, shift, axis=1)
    return total


def _blocks(time: NDArray[Any], calendar: Calendar) -> Iterator[Indices]:
    """Yield the places in `time [n]` of up to `FOLDS` blocks: of whole years, if time has any."""
    period = time if calendar == "none" else time.astype("datetime64[Y]")
    distinct = np.unique(period)
    for block in np.array_split(distinct, min(FOLDS, distinct.size)):
        yield np.flatnonzero((period >= block[0]) & (period <= block[-1]))


def _means(total: Array, count: Array, fallback: Array) -> Array:
    """Return `total / count`, and the fallback (broadcast) where nothing was counted."""
    return np.where(count > 0, total / np.maximum(count, 1.0), fallback)


@dataclass(frozen=True)
class Climatology:
    """Mean by calendar slot, `table [G + 1, C + 1, K]`.

    The last series is the mean over all of them, the last slot the mean over all slots.
    """

    calendar: Calendar
    series: tuple[str, ...]
    table: Array

    @property
    def slots(self) -> int:
        """The number C of calendar slots; KeyError for a calendar that there is not."""
        return _SLOTS[self.calendar]

    @classmethod
    def fit(cls, table: Table, values: Array, rows: NDArray[np.bool_]) -> Climatology:
        """Average `values [N, K]` over the rows `[N]` of the training part."""
        calendar = calendar_of(table)
        total, count = _sums_by_slot(table, values, np.flatnonzero(rows), calendar)
        total = np.concatenate([total, total.sum(axis=0, keepdims=True)])
        count = np.concatenate([count, count.sum(axis=0, keepdims=True)])
        # From the coarsest mean to the finest: each stands in where the next has seen nothing.
        whole = _means(total.sum(axis=1), count.sum(axis=1), np.array(np.nan))
        coarse = np.where(np.isnan(whole), whole[-1:], whole)[:, None]
        fallback = coarse
        if calendar == "hour":
            by_hour = [a.reshape(len(a), 12, 24, -1).sum(axis=1) for a in (total, count)]
            fallback = np.tile(_means(by_hour[0], by_hour[1], coarse), (1, 12, 1))
        if calendar == "day":
            total, count = _circular(total), _circular(count)
        fine = _means(total, count, fallback)
        return cls(calendar, table.series, np.concatenate([fine, coarse], axis=1))

    def errors(self, table: Table, values: Array, rows: NDArray[np.bool_]) -> Array:
        """Return the errors on the rows `[N]` of the training part, `[N, K]`; NaN elsewhere.

        A value is in the mean of its own slot, so blocks of years are left out in turn and compared
        with the mean of the other years; a slot that no other year has is left out (NaN).
        """
        found = np.full(values.shape, np.nan)
        train = np.flatnonzero(rows)
        series, slot = table.series_index(), slots(table.time, self.calendar)
        whole = _sums_by_slot(table, values, train, self.calendar)
        for block in _blocks(table.time[train], self.calendar):
            left_out = train[block]
            part = _sums_by_slot(table, values, left_out, self.calendar)
            total, count = (a - b for a, b in zip(whole, part, strict=True))
            if self.calendar == "day":
                total, count = _circular(total), _circular(count)
            others = _means(total, count, np.array(np.nan))
            found[left_out] = values[left_out] - others[series[left_out], slot[left_out]]
        return found

    def predict(self, table: Table, origins: Indices, steps: Indices) -> Array:
        """Return the mean of the slots `steps` rows after each origin, `[n, S, K]`."""
        place = {name: number for number, name in enumerate(self.series)}
        number = np.array([place.get(name, len(self.series)) for name in table.series])
        group = number[table.series_index()[origins]]
        slot = slots(table.time[origins[:, None] + steps], self.calendar)
        means: Array = self.table[group[:, None], slot]
        return means
