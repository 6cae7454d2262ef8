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

Part = Literal["training", "validation", "test", "all"]
Bound = float | int | str | Any
"""A fraction of the distinct times, or the first time of a part."""


@dataclass(frozen=True)
class Split:
    """Where the parts begin; times before `train_end` train. Alike where there is no validation part."""

    train_end: Any | None  # first time of the validation part: datetime64[us] or int64
    validation_end: Any | None  # first time of the test part; None: there is none

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that there are, in the order of time."""
        validated = self.train_end is not None and self.train_end != self.validation_end
        found: tuple[Part, ...] = ("training", "validation") if validated else ("training",)
        return found if self.validation_end is None else (*found, "test")

    @property
    def scored(self) -> Part:
        """The part that a fit is scored on: the last."""
        return self.parts[-1]

    def part_rows(self, table: Table, part: Part) -> NDArray[np.bool_]:
        """Return which rows of `table` belong to a part, [N]. OptionError for an unknown part."""
        time = table.time
        before_test = self.validation_end is None or time < self.validation_end
        if part == "all":
            return np.ones(len(time), dtype=bool)
        if part == "training":
            return np.ones(len(time), bool) if self.train_end is None else time < self.train_end
        if part == "validation":
            if "validation" not in self.parts:
                raise OptionError(
                    "there is no validation part: name its first time or share with validation="
                )
            return np.asarray((time >= self.train_end) & before_test)
        if part == "test":
            if self.validation_end is None:
                raise OptionError("there is no test part: name its first time or share with test=")
            return np.asarray(time >= self.validation_end)
        raise OptionError(f"part={part!r}: use 'training', 'validation', 'test' or 'all'")

    def to_json(self) -> dict[str, Any]:
        """Return the bounds as JSON values: text for dates, integers for integer times."""
        return {
            "train_end": None if self.train_end is None else _saved(self.train_end),
            "validation_end": None if self.validation_end is None else _saved(self.validation_end),
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Split:
        """Return the split that `to_json` wrote."""
        ends = (saved["train_end"], saved["validation_end"])
        return cls(*(None if end is None else _loaded(end) for end in ends))


def split_times(
    table: Table,
    validation: Bound | None,
    test: Bound | None = None,
    *,
    shortest: int = 0,
    kept: int = 0,
) -> Split:
    """Cut a table into training, validation and test parts, in this order; None: no such part.

    Each bound is a fraction between 0 and 1 of the distinct times of all series, or the first time
    of that part: "1985-01-01" (local midnight in a table with a zone), "1985Q1", a date, or an
    integer for integer times. With `shortest`, a part given as a share has at least so many times, and
    where shares do not leave `kept` times to train on they give way, the validation first: to the
    shortest part, and then to none. Raises OptionError for a bound outside the data, parts in the wrong
    order and parts that leave nothing to train on.
    """
    times = table.distinct_times()
    if shortest:
        test = _counted(test, len(times), shortest, kept)
        end = len(times)
        if isinstance(test, Count):
            end -= test
        elif test is not None:
            end = _position(table, times, test, end, "test")
        validation = _counted(validation, len(times), shortest, kept + len(times) - end)
    test_at = None if test is None else _position(table, times, test, len(times), "test")
    end = len(times) if test_at is None else test_at
    if validation is None:
        bound = None if test_at is None else times[test_at]
        return Split(bound, bound)
    validation_at = _position(table, times, validation, end, "validation")
    if validation_at >= end:
        raise OptionError(
            f"validation={_told(validation)} begins at {table.stamp(times[validation_at])}, not before "
            f"test={_told(test)}: the parts are training, validation, test, in this order"
        )
    return Split(times[validation_at], None if test_at is None else times[test_at])


class Count(int):
    """A number of times that a part has, where a plain integer is its first time."""


def _counted(bound: Bound | None, times: int, shortest: int, taken: int) -> Bound | Count | None:
    """Return a share of `times` as a count that leaves `taken` of them; None where there is no room."""
    if not isinstance(bound, (float, np.floating)) or not 0 < bound < 1:
        return bound
    room = times - taken
    wanted = max(round(float(bound) * times), shortest)
    if wanted <= room:
        return Count(wanted)
    return Count(shortest) if shortest <= room else None


def _position(table: Table, times: NDArray[Any], bound: Bound, end: int, name: str) -> int:
    """Return the position in `times` at which a part that ends before `end` begins."""
    if isinstance(bound, Count):
        return end - bound
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
