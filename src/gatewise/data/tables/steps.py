"""The step between two rows: found in the timestamps, and continued past their end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["fixed", "months", "rows"]

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
"""Lengths in microseconds, the unit of every timestamp here."""

_UNITS = (
    (7 * DAY, "week"),
    (DAY, "day"),
    (HOUR, "hour"),
    (60 * SECOND, "minute"),
    (SECOND, "second"),
    (1000, "millisecond"),
    (1, "microsecond"),
)
_MONTHS = ((12, "year"), (3, "quarter"), (1, "month"))


@dataclass(frozen=True)
class Step:
    """How far apart two rows of a series are.

    `kind` "fixed" is a constant difference: of `size` microseconds, or with `clock=False` of `size`
    units of an integer time column. "months" is `size` calendar months with the day held at
    `anchor` or the month's last day before it (31: month ends). "rows" counts rows, whatever their
    stamps say.
    """

    kind: Kind
    size: int = 1
    clock: bool = True
    anchor: int = 0

    @property
    def microseconds(self) -> int | None:
        """The step's length where it is a constant length of time, else None."""
        return self.size if self.kind == "fixed" and self.clock else None

    @property
    def text(self) -> str:
        """The step in words, such as "1 day", "15 minutes", "1 quarter", "1 row" or "5 units"."""
        if self.kind == "months":
            return _counted(self.size, _MONTHS)
        if self.kind == "rows":
            return "1 row"
        if self.clock:
            return _counted(self.size, _UNITS)
        return "1 step" if self.size == 1 else f"{self.size} units"

    def after(self, times: NDArray[Any], k: int | NDArray[np.int64]) -> NDArray[Any]:
        """Return the times `k` steps after `times`; both broadcast.

        A step of kind "rows" cannot know later dates: they are NaT, while integer times go on by 1.
        """
        times, steps = np.broadcast_arrays(times, np.asarray(k, dtype=np.int64))
        if self.kind == "months":
            return self._months_after(times, steps)
        if self.kind == "rows" and np.issubdtype(times.dtype, np.datetime64):
            return np.where(steps == 0, times, np.datetime64("NaT", "us"))
        ahead: NDArray[Any] = steps * self.size
        if np.issubdtype(times.dtype, np.datetime64):
            ahead = ahead.astype("timedelta64[us]")  # NumPy 2.5 guesses no unit any more
        moved: NDArray[Any] = times + ahead
        return moved

    def _months_after(self, times: NDArray[Any], steps: NDArray[np.int64]) -> NDArray[Any]:
        of_day = times - times.astype("datetime64[D]")
        month = times.astype("datetime64[M]") + (steps * self.size).astype("timedelta64[M]")
        day = np.minimum(self.anchor, _days_in(month))
        date = month.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
        moved: NDArray[Any] = (date + of_day).astype("datetime64[us]")
        return moved

    def to_json(self) -> dict[str, Any]:
        """Return the step as JSON values."""
        return {
            "kind": self.kind,
            "size": self.size,
            "clock": self.clock,
            "anchor": self.anchor,
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Step:
        """Return the step that `to_json` wrote."""
        return cls(**saved)


ROWS = Step("rows")


def infer_step(time: NDArray[Any], starts: NDArray[np.int64]) -> tuple[Step, int | None]:
    """Find the step of sorted `time` [N], whose series begin at `starts` [S+1].

    Returns the step that most rows keep, and the first row that does not follow the one before it
    by that step, or None if all do. Fewer than two rows in every series have no step: kind "rows".
    """
    inner = np.ones(max(len(time) - 1, 0), dtype=bool)
    inner[starts[1:-1] - 1] = False
    before = np.flatnonzero(inner)
    if before.size == 0:
        return ROWS, None
    gaps = (time[before + 1] - time[before]).astype(np.int64)
    clock = np.issubdtype(time.dtype, np.datetime64)
    if clock and gaps.min() >= 28 * DAY:
        months = _infer_months(time, before)
        if months is not None:
            return months
    size = _most_common(gaps)
    return Step("fixed", size, clock=clock), _first(before, gaps != size)


def follows(step: Step, time: NDArray[Any], starts: NDArray[np.int64]) -> int | None:
    """Return the first row that is not one `step` after its predecessor, or None if all are."""
    if step.kind == "rows":
        return None
    inner = np.ones(max(len(time) - 1, 0), dtype=bool)
    inner[starts[1:-1] - 1] = False
    before = np.flatnonzero(inner)
    return _first(before, step.after(time[before], 1) != time[before + 1])


def stamp(time: Any) -> str:
    """Write one time as people do: no clock at midnight, no seconds where there are none."""
    if not isinstance(time, np.datetime64):
        return str(time)
    if np.isnat(time):
        return "no date"
    day, _, clock = str(time.astype("datetime64[us]")).partition("T")
    clock = clock.rstrip("0").rstrip(".") if "." in clock and clock.endswith("0") else clock
    if clock in {"00:00:00", "00:00:"}:
        return day
    return f"{day} {clock[:-3] if clock.endswith(':00') and clock.count(':') == 2 else clock}"


def _infer_months(time: NDArray[Any], before: NDArray[np.int64]) -> tuple[Step, int | None] | None:
    """Find a calendar step, or None where days or clock times do not keep to one."""
    month = time.astype("datetime64[M]")
    date = time.astype("datetime64[D]")
    of_day = (time - date).astype(np.int64)
    if np.any(of_day[before] != of_day[before + 1]):
        return None
    day = (date - month.astype("datetime64[D]")).astype(np.int64) + 1
    last = _days_in(month)
    anchor = 31 if np.all(day == last) else int(day.max())
    if np.any(day != np.minimum(anchor, last)):
        return None
    gaps = (month[before + 1] - month[before]).astype(np.int64)
    size = _most_common(gaps)
    return Step("months", size, anchor=anchor), _first(before, gaps != size)


def _days_in(month: NDArray[Any]) -> NDArray[np.int64]:
    first = month.astype("datetime64[D]")
    after: NDArray[np.int64] = (
        (month + np.timedelta64(1, "M")).astype("datetime64[D]") - first
    ).astype(np.int64)
    return after


def _most_common(gaps: NDArray[np.int64]) -> int:
    least = int(gaps.min())
    if least == gaps.max():  # as nearly always, and without a sort
        return least
    values, counts = np.unique(gaps, return_counts=True)
    return int(values[counts.argmax()])


def _first(before: NDArray[np.int64], wrong: NDArray[np.bool_]) -> int | None:
    return int(before[wrong.argmax()]) + 1 if wrong.any() else None


def _counted(size: int, units: tuple[tuple[int, str], ...]) -> str:
    for length, name in units:
        if size % length == 0:
            count = size // length
            return f"{count} {name}" + ("" if count == 1 else "s")
    raise AssertionError("the last unit has length 1")
