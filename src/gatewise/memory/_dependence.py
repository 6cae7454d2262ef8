"""The length of the blocks in which rows are drawn that resemble their neighbours.

Overlapping windows of one series are not independent rows, and an interval that drew them one by one
would be too narrow. Blocks of neighbours preserve the dependence. Sizes: B rows, F figures.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.typing import Array

CLOSE = 5
"""How many lags in a row must be free of correlation for all later ones to be taken as free of it."""


def block_length(values: NDArray[Any], *, fewest: int) -> int:
    """Return how many neighbours of `values [B, ...]` make a block; 1 where they are independent.

    The length that makes the variance of a circular block bootstrap most exact, estimated from the
    correlations of neighbours (Politis & White 2004, "Automatic block-length selection for the
    dependent bootstrap", section 3, with the correction of Patton, Politis & White 2009): here those
    of all figures of a row together, each weighted with its variance. No shorter than the lag after
    which correlations are no longer significant (1 where not even the first ones are), and short enough
    to leave `fewest` blocks.
    """
    count = len(values)
    most = count // fewest
    r = _correlations(values.reshape(count, -1).astype(np.float64)) if most > 1 else np.zeros(0)
    if not len(r):
        return 1
    last = _last_alike(np.abs(r) > 2 * math.sqrt(math.log10(count) / count))
    if last == 0:
        return 1
    width = min(2 * last, len(r) - 1)
    lags = np.arange(1, width + 1)
    taper = np.clip(
        2 * (1 - lags / width), 0, 1
    )  # flat, then straight down (Politis & Romano 1995)
    slope = 2 * float((taper * lags * r[lags]).sum())
    level = 1 + 2 * float((taper * r[lags]).sum())
    best = (1.5 * (slope / level) ** 2 * count) ** (1 / 3) if level > 0 else 0.0
    return min(max(math.ceil(best), last), most)


def _correlations(values: Array) -> Array:
    """Return the correlations at lags from 0 on of rows `[B, F]`; none where no figure varies."""
    centred = values[:, np.isfinite(values).all(axis=0)]
    centred = centred - centred.mean(axis=0)
    total = float((centred**2).sum())
    if not total > 0:
        return np.zeros(0)
    count = len(centred)
    furthest = min(math.ceil(math.sqrt(count)) + CLOSE, count - 1)
    sums = [float((centred[: count - lag] * centred[lag:]).sum()) for lag in range(furthest + 1)]
    return np.array(sums) / total


def _last_alike(alike: NDArray[np.bool_]) -> int:
    """Return the smallest lag after which the next few show no correlation."""
    free = (lag for lag in range(len(alike)) if not alike[lag + 1 : lag + 1 + CLOSE].any())
    return next(free)
