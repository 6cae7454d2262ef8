"""Training, validation and test parts, cut by time: the same moments for every series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.reading import parse_time
from gatewise.data.tables.table import Table
from gatewise.data.tables.zones import from_local
from gatewise.errors import OptionError

Part = Literal["train", "validation", "test", "all"]
Bound = float | int | str | Any
"""A fraction of the distinct times, or the first time of a part."""


@dataclass(frozen=True)
class Split:
    """Where the parts begin. Times before `train_end` train; `None`: there is no test part."""

    train_end: Any  # first time of the validation part: datetime64[us] or int64
    validation_end: Any | None  # first time of the test part

    def part_rows(self, table: Table, part: Part) -> NDArray[np.bool_]:
        """Return which rows of `table` belong to a part, [N]. OptionError for an unknown part."""
        time = table.time
        before_test = self.validation_end is None or time < self.validation_end
        if part == "all":
            return np.ones(len(time), dtype=bool)
        if part == "train":
            return np.asarray(time < self.train_end)
        if part == "validation":
            return np.asarray((time >= self.train_end) & before_test)
        if part == "test":
            if self.validation_end is None:
                raise OptionError("there is no test part: name its first time or share with test=")
            return np.asarray(time >= self.validation_end)
        raise OptionError(f"part={part!r}: use 'train', 'validation', 'test' or 'all'")

    def to_json(self) -> dict[str, Any]:
        """Return the bounds as JSON values: text for dates, integers for integer times."""
        return {
            "train_end": _saved(self.train_end),
            "validation_end": None if self.validation_end is None else _saved(self.validation_end),
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Split:
        """Return the split that `to_json` wrote."""
        end = saved["validation_end"]
        return cls(_loaded(saved["train_end"]), None if end is None else _loaded(end))


def split_times(table: Table, validation: Bound, test: Bound | None = None) -> Split:
    """Cut a table into training, validation and, unless `test` is None, test parts, in this order.

    Each bound is a fraction between 0 and 1 of the distinct times of all series, or the first time
    of that part: "1985-01-01" (local midnight in a table with a zone), "1985Q1", a date, or an
    integer for integer times. Raises OptionError for a
    bound outside the data, parts in the wrong order and parts that leave nothing to train on.
    """
    times = table.distinct_times()
    test_at = None if test is None else _position(table, times, test, len(times), "test")
    end = len(times) if test_at is None else test_at
    validation_at = _position(table, times, validation, end, "validation")
    if validation_at >= end:
        raise OptionError(
            f"validation={_told(validation)} begins at {table.stamp(times[validation_at])}, not before "
            f"test={_told(test)}: the parts are training, validation, test, in this order"
        )
    return Split(times[validation_at], None if test_at is None else times[test_at])


def _position(table: Table, times: NDArray[Any], bound: Bound, end: int, name: str) -> int:
    """Return the position in `times` at which a part that ends before `end` begins."""
    clock = np.issubdtype(times.dtype, np.datetime64)
    span = f"the data runs from {table.stamp(times[0])} to {table.stamp(times[-1])}"
    if isinstance(bound, (float, np.floating)):
        if not 0 < bound < 1:
            raise OptionError(f"{name}={bound}: a share is above 0 and below 1")
        # A share of all times, not of those before `end`: a test part does not shorten the validation.
        start = end - max(round(float(bound) * len(times)), 1)
        if start < 1:
            raise OptionError(
                f"{name}={bound} leaves no time to train on: {len(times)} distinct times, {span}"
            )
        return start
    try:
        moment = _moment(bound, clock, table)
    except (TypeError, ValueError):
        example = "a date such as '1985-01-01'" if clock else "an integer time such as 800"
        raise OptionError(
            f"{name}={_told(bound)}: use a share such as 0.15, or {example}; {span}"
        ) from None
    if not times[0] < moment <= times[-1]:
        raise OptionError(
            f"{name}={_told(bound)} is not inside the data: {span}, and training needs its start"
        )
    return int(np.searchsorted(times, moment))


def _moment(bound: Any, clock: bool, table: Table) -> Any:
    """Return a bound in the table's own type of time; TypeError or ValueError if it is none.

    In a table with a zone, a bound without an offset is on the clock of that zone.
    """
    if isinstance(bound, (bool, np.bool_)):
        raise TypeError
    if isinstance(bound, np.datetime64) and clock:
        return from_local(bound.astype("datetime64[us]"), table.zone)
    if isinstance(bound, (int, np.integer)) and not clock:
        return np.int64(bound)
    if clock and (hasattr(bound, "isoformat") or isinstance(bound, (int, np.integer))):
        bound = bound.isoformat() if hasattr(bound, "isoformat") else str(bound)  # 20220401
    if isinstance(bound, str):
        return parse_time(bound.strip(), clock=clock, zone=table.zone, form=table.form)
    raise TypeError


def _told(bound: Any) -> str:
    return repr(bound) if isinstance(bound, (str, int, float)) else f"{bound}"


def _saved(bound: Any) -> str | int:
    return str(bound) if isinstance(bound, np.datetime64) else int(bound)


def _loaded(saved: str | int) -> Any:
    return np.datetime64(saved, "us") if isinstance(saved, str) else np.int64(saved)
