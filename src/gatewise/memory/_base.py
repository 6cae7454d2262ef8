"""The base of every measure: its result, the intervals of its figures, and the check of its options."""

from __future__ import annotations

from gatewise.memory._draws import Draws, draws_of
from gatewise.memory.checking import Method, checked_options
from gatewise.memory.intervals import (
    MIN_GROUPS,
    Groups,
    Sampling,
    drawn,
    expanded_tail,
    groups_of,
    jackknife_interval,
    ratio_interval,
    share_interval,
    slope_error,
    student_quantile,
)
from gatewise.memory.result import FELT, Result, in_blocks, known_band, left_out

__all__ = [
    "FELT",
    "MIN_GROUPS",
    "Draws",
    "Groups",
    "Method",
    "Result",
    "Sampling",
    "checked_options",
    "drawn",
    "draws_of",
    "expanded_tail",
    "groups_of",
    "in_blocks",
    "jackknife_interval",
    "known_band",
    "left_out",
    "ratio_interval",
    "share_interval",
    "slope_error",
    "student_quantile",
]
