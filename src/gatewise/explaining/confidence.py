"""Confidence in a figure, by the width of its interval and the rows behind it."""

from __future__ import annotations

import math

from gatewise import memory
from gatewise.memory.intervals import MIN_GROUPS
from gatewise.report.contents import Confidence
from gatewise.wording import percent


def sureness(lags: memory.Horizon, rows: int) -> Confidence:
    """Return how sure a horizon is: high for a narrow interval from many rows, low without one."""
    if not lags.depends:
        return "high" if rows >= MIN_GROUPS else "medium"
    if math.isnan(lags.low) or rows < MIN_GROUPS:
        return "low"
    width = lags.high - lags.low
    if width <= max(2.0, 0.5 * lags.steps) and rows >= 30 and not lags.at_least:
        return "high"
    return "medium" if width <= max(4.0, 1.5 * lags.steps) else "low"


def certain(width: float, size: float, rows: int) -> Confidence:
    """Return how sure a figure is whose interval is `width` wide, where `size` would be all of it."""
    if math.isnan(width) or rows < MIN_GROUPS:
        return "low"
    share = width / size
    return "high" if share <= 0.25 and rows >= 30 else "medium" if share <= 1 else "low"


def level_of(lags: memory.Horizon) -> str:
    """Return what the interval is, in words, or why there is none."""
    if math.isnan(lags.low):
        return "no interval: too few rows"
    return (
        f"{percent(float(lags.settings['level']))} interval, over {lags.settings['interval_over']}"
    )


def apart(one: memory.Horizon, other: memory.Horizon) -> bool | None:
    """Return whether two intervals do not overlap; None where one is unknown.

    A horizon that is as long as the inputs has no upper end.
    """
    if math.isnan(one.low) or math.isnan(other.low):
        return None
    first, second = sorted((one, other), key=lambda lags: lags.steps)
    return not first.at_least and first.high < second.low
