"""Mutual information of predictions and measurements, in bits: what the one tells of the other.

It does not change when a prediction is put through any increasing function, so that it compares models
whose outputs have different scales (Tareen et al. 2022, MAVE-NN: "predictive information"). Two
continuous values by Kraskov, Stögbauer and Grassberger (2004), a continuous and a discrete one by Ross
(2014), two discrete ones by counts less their bias (Miller 1955).

Sizes: n pairs, k the neighbour whose distance is the yardstick.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from gatewise.errors import InputError
from gatewise.estimators.scores.resampling import Interval
from gatewise.typing import Array, Indices

NEIGHBOUR = 5
MOST = 10_000
"""More pairs are thinned to this number, drawn by the seed: the cost grows with the square."""
_BLOCK = 1 << 22
"""Distances held at a time: 32 MiB."""
_JITTER = 1e-9
"""Of the standard deviation, added so that equal values have an order: neighbours need distances."""


def information_of_numbers(
    truth: ArrayLike,
    prediction: ArrayLike,
    *,
    k: int = NEIGHBOUR,
    seed: int = 0,
    most: int = MOST,
) -> float:
    """Return the information of two continuous values `[n]`, by Kraskov et al. (2004), eq. 8, in bits.

    Of more than `most` pairs so many are drawn.

    May come out a little below 0 where there is none. NaN for fewer than `k` + 1 known pairs and for a
    prediction that is NaN. Raises InputError for shapes that are not alike.
    """
    t, p = _pairs(truth, prediction)
    if len(t) <= k or np.isnan(p).any() or t.std() == 0 or p.std() == 0:
        return 0.0 if len(t) > k and not np.isnan(p).any() else math.nan
    generator = np.random.default_rng(seed)
    t, p = _thinned(t, p, generator, most)
    x, y = _scaled(t, generator), _scaled(p, generator)
    radius = _distances(x, y, k)
    within = _digamma(_within(x, radius) + 1) + _digamma(_within(y, radius) + 1)
    count = np.array([k, len(x)])
    return float((_digamma(count).sum() - within.mean()) / math.log(2))


def information_of_labels(
    labels: ArrayLike, prediction: ArrayLike, *, k: int = NEIGHBOUR, seed: int = 0
) -> float:
    """Return the information of labels `[n]` and a number `[n]`, by Ross (2014), eq. 6, in bits.

    A label that appears once tells nothing and is left out. NaN for a prediction that is NaN.
    Raises InputError for shapes that are not alike.
    """
    t, p = _pairs(labels, prediction)
    if not len(t) or np.isnan(p).any():
        return math.nan
    generator = np.random.default_rng(seed)
    t, p = _thinned(t, p, generator)
    _, codes, counts = np.unique(t, return_inverse=True, return_counts=True)
    kept = counts[codes] > 1
    if not kept.any() or p.std() == 0:
        return 0.0
    codes, x = codes[kept], _scaled(p[kept], generator)
    own, neighbours = counts[codes], np.minimum(k, counts[codes] - 1)
    radius = np.empty(len(x))
    for code in np.unique(codes):
        (members,) = np.nonzero(codes == code)
        radius[members] = _in_order(x[members], int(neighbours[members[0]]))
    reached = _within(x, radius) + 1  # and the neighbour at the radius itself
    nats = _digamma(np.array([len(x)]))[0] + np.mean(
        _digamma(neighbours) - _digamma(own) - _digamma(reached)
    )
    return float(nats / math.log(2))


def information_of_counts(counts: ArrayLike) -> float:
    """Return the information of counts `[A, B]` in bits, less its bias of (A-1)(B-1)/(2 n ln 2).

    Rows and columns without any count are no values (Miller 1955; Treves and Panzeri 1995, eq. 2.14).
    NaN for an empty table.
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    total = table.sum()
    if not total:
        return math.nan
    share = table / total
    apart = np.outer(share.sum(axis=1), share.sum(axis=0))
    plain = np.sum(
        share * np.log2(np.where(share > 0, share, 1.0) / np.where(share > 0, apart, 1.0))
    )
    return float(plain - (len(table) - 1) * (table.shape[1] - 1) / (2 * total * math.log(2)))


def with_error(
    measure: Callable[..., float],
    truth: ArrayLike,
    prediction: ArrayLike,
    *,
    halves: int = 25,
    seed: int = 0,
) -> Interval:
    """Return an information with its 95 % interval, from its spread over random halves of the pairs.

    Neighbours of a bootstrap sample are often the same pair twice, so that halves are drawn without
    replacement; their deviation over the root of 2 is that of the whole (as in MAVE-NN).
    """
    t, p = np.asarray(truth), np.asarray(prediction)
    value = measure(t, p, seed=seed)
    generator = np.random.default_rng([seed, 1])
    spread = np.std(
        [measure(t[half], p[half], seed=seed) for half in _halves(len(t), halves, generator)],
        ddof=1,
    )
    error = 1.96 * float(spread) / math.sqrt(2)
    return Interval(value, value - error, value + error)


def _halves(count: int, many: int, generator: np.random.Generator) -> list[Indices]:
    return [generator.permutation(count)[: count // 2] for _ in range(many)]


def _pairs(truth: ArrayLike, prediction: ArrayLike) -> tuple[Array, Array]:
    t, p = np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    if t.shape != p.shape or t.ndim != 1:
        raise InputError(
            f"truth has shape {t.shape} but prediction has shape {p.shape}: both must be [n]"
        )
    known = ~np.isnan(t)
    return t[known], p[known]


def _thinned(
    t: Array, p: Array, generator: np.random.Generator, most: int = MOST
) -> tuple[Array, Array]:
    if len(t) <= most:
        return t, p
    kept = generator.permutation(len(t))[:most]
    return t[kept], p[kept]


def _scaled(values: Array, generator: np.random.Generator) -> Array:
    """Return values in units of their deviation, no two alike."""
    found: Array = (values - values.mean()) / values.std()
    return found + _JITTER * generator.standard_normal(len(values))


def _distances(x: Array, y: Array, k: int) -> Array:
    """Return the distance of each point to its k-th neighbour, the larger of its two parts, `[n]`."""
    found = np.empty(len(x))
    size = max(1, _BLOCK // len(x))
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        apart = np.abs(x[part, None] - x)
        np.maximum(apart, np.abs(y[part, None] - y), out=apart)
        found[part] = np.partition(apart, k, axis=1)[:, k]  # the nearest of all is the point itself
    return found


def _in_order(x: Array, k: int) -> Array:
    """Return the distance of each number to its k-th neighbour, `[n]`."""
    order = np.argsort(x, kind="stable")
    ranked = np.concatenate([np.full(k, -np.inf), x[order], np.full(k, np.inf)])
    windows = np.lib.stride_tricks.sliding_window_view(ranked, 2 * k + 1)
    apart = np.abs(windows - x[order][:, None])
    found = np.empty(len(x))
    found[order] = np.partition(apart, k, axis=1)[:, k]
    return found


def _within(x: Array, radius: Array) -> Indices:
    """Return how many others lie nearer than the radius of each number, `[n]`."""
    ranked = np.sort(x)
    radius = radius - 1e-14  # the neighbour at the radius stays outside, however sums are rounded
    low = np.searchsorted(ranked, x - radius, side="right")
    high = np.searchsorted(ranked, x + radius, side="left")
    return (high - low - 1).astype(np.int64)


def _digamma(count: Indices) -> Array:
    """Return the digamma function of whole numbers from 1 on: sums of the harmonic series."""
    most = int(count.max(initial=1))
    sums = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, most))])
    return np.asarray(sums[count - 1] - np.euler_gamma)
