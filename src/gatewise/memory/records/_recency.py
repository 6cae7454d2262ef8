"""How recent a content is: the age by which half of it was written."""

from __future__ import annotations

import math

import numpy as np

from gatewise.memory.intervals import MIN_GROUPS, Sampling, drawn, expanded_tail
from gatewise.typing import Array


def half_of(ages: Array, before: Array) -> float:
    """Return the least n so that the last n steps wrote at least half of it.

    `ages [T, B]` are the sizes by age, 0 first, and `before [B]` is what was there before the first
    step, the oldest of all. inf where half is older than the first step, NaN where there is nothing.
    """
    return float(_halves(ages.sum(axis=1)[None], before.sum()[None])[0])


def bootstrap_half(ages: Array, before: Array, sampling: Sampling) -> tuple[float, float]:
    """Return the bootstrap interval of `half_of` over rows; NaN for fewer than ten not empty."""
    used = ages.sum(axis=0) + before > 0
    count = int(used.sum())
    if count < MIN_GROUPS:
        return math.nan, math.nan
    weights = drawn(count, sampling)
    halves = [
        _halves(some @ ages[:, used].T, some @ before[used])
        for some in np.array_split(weights, max(1, len(ages) // 1000))
    ]
    tail = expanded_tail(count, sampling.level)
    ends = np.quantile(np.concatenate(halves), [tail, 1 - tail], method="inverted_cdf")
    return float(ends[0]), float(ends[1])


def _halves(ages: Array, before: Array) -> Array:
    """Return `half_of` for each row of `ages [R, T]` and `before [R]`."""
    reached = np.cumsum(ages, axis=1)
    total = ages.sum(axis=1) + before
    enough = reached >= (total / 2)[:, None]
    steps = np.where(enough.any(axis=1), enough.argmax(axis=1) + 1.0, np.inf)
    return np.where(total > 0, steps, np.nan)
