"""Medians over rows of curves of logarithms, which may be infinite, and their intervals.

Sizes: B rows, N samples (a row and a time), L lags.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from gatewise.typing import Array


def by_row(values: Array, rows: NDArray[np.int64]) -> Array:
    """Return the median over each row's times `[..., B, L + 1]` of values `[..., N, L + 1]`."""
    each = [median(values[..., rows == row, :]) for row in np.unique(rows)]
    return np.stack(each, axis=-2)


def median(values: Array) -> Array:
    """Return the median over the second last axis without NaN, of values that may be infinite."""
    ordered = np.sort(values, axis=-2)  # NaN last
    count = (~np.isnan(values)).sum(axis=-2, keepdims=True)
    lower = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-2)
    upper = np.take_along_axis(ordered, np.minimum(count // 2, ordered.shape[-2] - 1), axis=-2)
    with np.errstate(invalid="ignore"):
        middle = np.where(lower == upper, lower, (lower + upper) / 2)
    return np.asarray(middle.squeeze(-2))


def median_interval(values: Array, level: float) -> tuple[Array, Array]:
    """Return the interval of the median over rows `[B, L]`: order statistics, free of a distribution.

    The r-th smallest and the r-th largest of n values hold the median with probability
    1 - 2 P(Binomial(n, 1/2) < r) (Conover 1999, "Practical nonparametric statistics", section 3.2);
    r is the largest that keeps the level, and there is none below 6 rows at 95 %.
    """
    count = (~np.isnan(values)).sum(axis=0)
    rank = np.array([_rank(int(n), level) for n in range(values.shape[0] + 1)])[count]
    ordered = np.sort(values, axis=0)
    low = np.take_along_axis(ordered, np.maximum(rank - 1, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.clip(count - rank, 0, len(values) - 1)[None], axis=0)[0]
    return np.where(rank > 0, low, np.nan), np.where(rank > 0, high, np.nan)


def _rank(count: int, level: float) -> int:
    """Return the rank of the order statistic that bounds the median; 0 if there is none."""
    tail, rank = 0.0, 0
    while rank < count:
        tail += math.comb(count, rank) / 2**count
        if 2 * tail > 1 - level:
            break
        rank += 1
    return rank


def rate_of(log_total: Array, level: float) -> tuple[float, float, float]:
    """Return the slope of the logarithm over lags and its interval.

    The median of the rows' slopes with its interval; where rows are too few for one, the interval
    comes from the steps of all rows, resampled in blocks: their mean growth.
    """
    slopes = np.array([_slope(row) for row in log_total])[:, None]
    rate = float(median(slopes)[0])
    low, high = (float(end[0]) for end in median_interval(slopes, level))
    if math.isnan(low) and not math.isnan(rate):
        low, high = _rate_from_blocks(log_total, rate, level)
    return rate, low, high


def _slope(curve: Array) -> float:
    """Return the slope by least squares over the lags from 1 on at which the norm is not 0."""
    lags = np.nonzero(np.isfinite(curve))[0]
    lags = lags[lags > 0]
    if len(lags) < 2:
        return math.nan
    away = lags - lags.mean()
    return float((away * curve[lags]).sum() / (away * away).sum())


def _rate_from_blocks(log_total: Array, rate: float, level: float) -> tuple[float, float]:
    """Return an interval of the rate from blocks of steps, or NaN where these are too few.

    The standard error of the mean growth over ten or more blocks that do not overlap, times the
    normal quantile (batch means: Law 2015, "Simulation modeling and analysis", section 9.5.3).
    """
    growth = np.diff(log_total[:, 1:], axis=1)
    length = max(10, math.isqrt(growth.shape[1]))
    means = [
        row[start : start + length].mean()
        for row in (one[np.isfinite(one)] for one in growth)
        for start in range(0, len(row) - length + 1, length)
    ]
    if len(means) < 10:
        return math.nan, math.nan
    error = float(np.std(means, ddof=1)) / math.sqrt(len(means))
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    return rate - reach, rate + reach
