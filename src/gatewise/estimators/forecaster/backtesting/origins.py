"""Where the folds of a backtest begin and end: rolling origins at the end of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.data.tables.table import Table
from gatewise.data.tables.zones import local, offset_text
from gatewise.errors import DataError, OptionError

if TYPE_CHECKING:
    from gatewise.estimators.options import Bound


FEWEST = 2
"""Times before the first test block: one to train on and one to watch."""


@dataclass(frozen=True)
class Origin:
    """The bounds of one fold: a table cut off after its test block, and the parts' first times."""

    table: Table
    validation: str | None
    test: str
    test_until: Any


def rolling_origins(
    table: Table, *, folds: int, size: int | None, validation: Bound | None, horizon: int = 0
) -> list[Origin]:
    """Return the bounds of `folds` consecutive test blocks of `size` time steps at the table's end.

    Without a size each block is a tenth of the timestamps, and at least the horizon. `validation` is
    the share of the times before each block that early stopping may watch. Raises `OptionError` for a
    validation part that is fixed in time (it cannot roll) and for blocks that no whole forecast fits
    into, `DataError` when the blocks leave nothing to train on.
    """
    if not isinstance(validation, float | np.floating):
        raise OptionError(
            f"backtest moves the validation part with the origin, so validation must be a share such "
            f"as 0.15, not the time {validation}"
        )
    _check_blocks(folds, size, horizon)
    times = table.distinct_times()
    size = max(1, horizon, len(times) // 10) if size is None else size
    first = len(times) - folds * size
    if first < FEWEST:
        raise DataError(
            f"{folds} test blocks of {size} steps leave {max(first, 0)} of {len(times)} steps to train "
            "on: take fewer folds or smaller blocks"
        )
    origins = []
    for start in range(first, len(times), size):
        # Each part has one time at least: a share that rounds to nothing would put the validation
        # part's first time on the test part's, and one that rounds to all would leave no training.
        watched = min(max(round(float(validation) * start), 1, horizon), start - 1)
        # A short series is better trained on than watched.
        spared = horizon > 0 and watched > start // 3
        # A split has no end of its test part, so the table is cut; and its shares count the test
        # part too, so the bounds are times.
        last = times[start + size - 1]
        origins.append(
            Origin(
                table=table.until(last),
                validation=None if spared else bound_text(times[start - watched], table.zone),
                test=bound_text(times[start], table.zone),
                test_until=local(np.array([last]), table.zone)[0],
            )
        )
    return origins


def _check_blocks(folds: int, size: int | None, horizon: int) -> None:
    """Raise OptionError for numbers of folds and steps that cannot be."""
    for name, value in {"folds": folds, "size": 1 if size is None else size}.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise OptionError(f"{name} must be a whole number of at least 1, not {value!r:.60}")
    if size is not None and size < horizon:
        raise OptionError(
            f"a test block of {size} steps holds no whole forecast: with horizon={horizon} it needs at "
            f"least {horizon}"
        )


def bound_text(time: Any, zone: str | None) -> str:
    """Return a time as a bound of the split; in a zone with the offset, so that it is one instant."""
    if zone is None:
        return str(time)
    return f"{local(np.array([time]), zone)[0]}{offset_text(time, zone)}"


def short_time(time: Any) -> str:
    """Return a time as tables show it: without a clock where it is midnight."""
    return str(time).removesuffix(".000000").removesuffix("T00:00:00").replace("T", " ")
