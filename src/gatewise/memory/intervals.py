"""Intervals of figures, over rows, or over blocks of steps where rows are few.

The steps of one row resemble their neighbours, so they are never resampled one by one. What is
resampled are *groups* taken as independent: whole rows where there are at least `MIN_GROUPS` (several
neighbours together where they resemble each other, as overlapping windows do), else long blocks of
consecutive steps. Where not even that many groups can be made there is no interval (NaN), rather than
one that is too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import OptionError
from gatewise.memory._dependence import block_length
from gatewise.memory.checking import check_repetitions
from gatewise.typing import Array

MIN_GROUPS = 10
"""The fewest independent groups that an interval is made from."""

BLOCKS = 15
"""How many blocks the steps of few rows are cut into. Schmeiser 1982, "Batch size effects in the
analysis of simulation output": between 10 and 30, since more, and so shorter, blocks add next to no
precision and resemble one another."""

MIN_BLOCK = 5
"""The fewest steps of a block that is cut unasked."""

MIN_FREEDOM = 4
"""The fewest degrees of freedom of the error of a slope."""

MAX_GROUPS = 500
"""Neighbouring groups are joined above this number, which leaves the interval as it is."""


@dataclass(frozen=True)
class Sampling:
    """How intervals are made.

    Attributes:
        level: The share of intervals that hold the true value.
        resamples: How often a bootstrap draws.
        seed: Of the draws; they touch no global generator.
        block: The steps of a block; None takes whole rows, or a fifteenth of the steps where the rows
            are fewer than ten.
        row_block: How many neighbouring rows stand together; None finds it from how much they resemble
            each other (Politis & White 2004), 1 takes each row by itself. Windows of one series
            overlap: give them in the order of time, and leave this to None.

    Raises OptionError for values out of range.
    """

    level: float = 0.95
    resamples: int = 1000
    seed: int = 0
    block: int | None = None
    row_block: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise OptionError(f"level must lie between 0 and 1, as 0.95 does; got {self.level!r}")
        if self.resamples < 100:
            raise OptionError(f"resamples must be at least 100; got {self.resamples!r}")
        check_repetitions("resamples", self.resamples)
        if self.block is not None and self.block < 1:
            raise OptionError(f"block must be at least 1 step, or None; got {self.block!r}")
        if self.row_block is not None and self.row_block < 1:
            raise OptionError(f"row_block must be at least 1 row, or None; got {self.row_block!r}")

    def settings(self) -> dict[str, Any]:
        """Return the options as a result's settings have them."""
        return {"level": self.level, "resamples": self.resamples, "seed": self.seed}


@dataclass(frozen=True, eq=False)
class Groups:
    """Which steps of `[T, B]` stand together.

    Attributes:
        kind: "rows" or "blocks".
        steps: T.
        length: Steps of a block, T for rows.
        starts: The first step of each block, the same in every row.
        used: Which groups `[blocks, B]` have a valid step.
        joined: Where each joined group begins among the used ones.
        row_block: How many neighbouring rows stand together, 1 for blocks of steps.
    """

    kind: str
    steps: int
    length: int
    starts: NDArray[np.int64]
    used: NDArray[np.bool_]
    joined: NDArray[np.int64]
    row_block: int = 1

    @property
    def count(self) -> int:
        """How many groups there are."""
        return len(self.joined)

    @property
    def enough(self) -> bool:
        """Whether an interval can be made."""
        return self.count >= MIN_GROUPS

    def sums(self, values: Array) -> Array:
        """Return sums of `values [T, B, ...]` over each group, `[groups, ...]`; NaN adds nothing."""
        if not self.count:
            return np.zeros((0, *values.shape[2:]))
        blocks = np.add.reduceat(np.nan_to_num(values, posinf=np.inf, neginf=-np.inf), self.starts)
        return np.asarray(np.add.reduceat(blocks[self.used], self.joined), dtype=np.float64)

    def labels(self) -> NDArray[np.int64]:
        """Return the number of the group of each step and row, `[T, B]`; padding has any."""
        order = np.maximum(np.cumsum(self.used).reshape(self.used.shape) - 1, 0)
        group = np.searchsorted(self.joined, order, side="right") - 1
        return np.repeat(group, np.diff(self.starts, append=self.steps), axis=0)

    def settings(self) -> dict[str, Any]:
        """Return what a result says of the groups behind its interval."""
        return {
            "groups": self.kind,
            "group_count": self.count,
            "block": self.length,
            "row_block": self.row_block,
        }


def groups_of(
    valid: NDArray[np.bool_],
    sampling: Sampling,
    *,
    like: Array | None = None,
    at_least: int = 1,
) -> Groups:
    """Return the independent groups of the `valid [T, B]` steps: rows, or blocks where rows are few.

    Rows whose means of `like [T, B, ...]` resemble those of their neighbours stand together. A block is
    a `BLOCKS`-th of the steps, and no shorter than `at_least`. Blocks hold what they promise if they
    are some times longer than the correlation in time.
    """
    steps, count = len(valid), int(valid.sum())
    if sampling.block is not None:
        return _groups(valid, "blocks", min(max(sampling.block, at_least), max(steps, 1)))
    if not count or valid.any(axis=0).sum() >= MIN_GROUPS:
        together = sampling.row_block or _alike(valid, like)
        return _groups(valid, "rows", max(steps, 1), together)
    return _groups(valid, "blocks", min(max(-(-count // BLOCKS), MIN_BLOCK, at_least), steps))


def ratio_interval(
    numerator: Array,
    denominator: Array,
    groups: Groups,
    sampling: Sampling,
    change: Callable[[Array], Array] = lambda ratio: ratio,
) -> tuple[Array, Array]:
    """Return the bootstrap interval of `change(sum numerator / sum denominator)`, low and high.

    Both are sums by group, `[groups, ...]`; `denominator` may have fewer trailing axes.
    Percentiles of the resampled ratios (Efron & Tibshirani 1993, chapter 13), moved outwards for
    few groups as Hesterberg 2015 does ("What teachers should know about the bootstrap", the expanded
    percentile interval). `change` must be monotone.
    """
    shape = numerator.shape[1:]
    if not groups.enough:
        return np.full(shape, np.nan), np.full(shape, np.nan)
    # sums are drawn and not ratios: groups of other sizes have to weigh by their steps
    weights = drawn(groups.count, sampling)
    flat = numerator.reshape(groups.count, -1)
    below = denominator.reshape(*denominator.shape, *(1,) * (numerator.ndim - denominator.ndim))
    below = np.broadcast_to(below, numerator.shape).reshape(groups.count, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = change(_weighted(weights, flat) / (weights @ below))
    tail = expanded_tail(groups.count, sampling.level)
    low, high = np.quantile(ratios, [tail, 1 - tail], axis=0, method="inverted_cdf")
    return low.reshape(shape), high.reshape(shape)


def share_interval(
    hits: Array, trials: Array, groups: Groups, sampling: Sampling
) -> tuple[Array, Array]:
    """Return the interval of a share, from hits `[groups, ...]` among trials `[groups]`.

    Wilson's (1927) interval with the effective number of trials (Kish 1965: as many independent
    ones as would vary as much as the groups do), which is what Korn & Graubard 1998 do for surveys.
    Unlike a bootstrap it stays open where there was no hit at all: the groups count then as trials.
    """
    shape = hits.shape[1:]
    if not groups.enough:
        return np.full(shape, np.nan), np.full(shape, np.nan)
    count, total = groups.count, trials.sum()
    share = hits.sum(axis=0) / total
    each = trials.reshape(-1, *(1,) * len(shape))
    variance = ((hits - share * each) ** 2).sum(axis=0) * count / (count - 1) / total**2
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = share * (1 - share) / variance
    effective = np.where(variance > 0, np.minimum(effective, total), count)
    t = student_quantile((1 + sampling.level) / 2, count - 1)
    middle = (share + t * t / (2 * effective)) / (1 + t * t / effective)
    spread = np.sqrt(share * (1 - share) / effective + (t / (2 * effective)) ** 2)
    half = t * spread / (1 + t * t / effective)
    return np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)


def slope_error(
    leaning: Array, squares: Array, counts: Array, groups: Groups
) -> tuple[Array, float]:
    """Return the standard error of `sum leaning / sum squares`, and its degrees of freedom.

    By group: `leaning [groups, ...]` is the sum of x y, `squares [groups]` that of x^2 and `counts`
    the steps, x and y being centred. The error is robust to correlation within a group (Liang &
    Zeger 1986), each group's residual raised by its leverage (MacKinnon & White 1985, HC3); groups
    far from the centre weigh most, which leaves fewer degrees of freedom (Satterthwaite 1946). NaN
    and 0 where there are too few groups.
    """
    total = squares.sum()
    freedom = float(total**2 / (squares**2).sum()) - 1 if total > 0 else 0.0
    if not groups.enough or freedom < MIN_FREEDOM:
        return np.full(leaning.shape[1:], np.nan), 0.0
    leverage = squares / total + (counts / counts.sum() if groups.kind == "blocks" else 0.0)
    slope = leaning.sum(axis=0) / total
    score = (leaning - slope * squares[:, None]) / (1 - leverage)[:, None]
    return np.sqrt((score**2).sum(axis=0)) / total, freedom


def jackknife_interval(estimate: float, left_out: Array, sampling: Sampling) -> tuple[float, float]:
    """Return the interval of a positive figure from its values `[groups]` with one group left out.

    The jackknife's standard error of the logarithm (Efron & Tibshirani 1993, chapter 11) times
    Student's quantile. For figures that repeated groups would bias, which a bootstrap has.
    """
    count = len(left_out)
    if count < MIN_GROUPS or not estimate > 0 or not (left_out > 0).all():
        return math.nan, math.nan
    logs = np.log(left_out)
    error = math.sqrt((count - 1) / count * float(((logs - logs.mean()) ** 2).sum()))
    reach = math.exp(student_quantile((1 + sampling.level) / 2, count - 1) * error)
    return estimate / reach, estimate * reach


def student_quantile(p: float, freedom: float) -> float:
    """Return the quantile of Student's t, within 0.2 % from 9 degrees of freedom on, 2 % from 4.

    The expansion in 1 / freedom of Abramowitz & Stegun 1964, equation 26.7.5.
    """
    z = NormalDist().inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom ** (n + 1) for n, term in enumerate(terms))


def drawn(count: int, sampling: Sampling) -> Array:
    """Return how often each group is drawn, `[resamples, groups]`."""
    draws = np.random.default_rng(sampling.seed)
    even = np.full(count, 1 / count)
    return draws.multinomial(count, even, size=sampling.resamples).astype(np.float64)


def _weighted(weights: Array, values: Array) -> Array:
    """Return `weights @ values` where an infinite value counts if it is drawn, 0 * inf being 0."""
    infinite = np.isinf(values)
    if not infinite.any():
        return np.asarray(weights @ values)
    finite = weights @ np.where(infinite, 0, values)
    sign = np.sign(np.where(infinite, values, 0))
    return np.asarray(np.where(weights @ np.abs(sign) > 0, np.inf * (weights @ sign), finite))


def expanded_tail(count: int, level: float) -> float:
    """Return the share of resamples to cut off at each end."""
    t = student_quantile((1 + level) / 2, count - 1)
    return NormalDist().cdf(-math.sqrt(count / (count - 1)) * t)


def _alike(valid: NDArray[np.bool_], like: Array | None) -> int:
    """Return how many neighbouring rows make a group, by their means of `like`."""
    used = valid.any(axis=0)
    if like is None or used.sum() < 2 * MIN_GROUPS:
        return 1
    inside = valid[:, used].reshape(*valid[:, used].shape, *(1,) * (like.ndim - 2))
    with np.errstate(invalid="ignore"):  # logarithms of shut gates
        sums = np.where(inside, like[:, used], 0.0).sum(axis=0)
    return block_length(sums / inside.sum(axis=0), fewest=MIN_GROUPS)


def _groups(valid: NDArray[np.bool_], kind: str, length: int, together: int = 1) -> Groups:
    steps, rows = valid.shape
    starts = np.arange(0, steps, length) if steps else np.zeros(0, dtype=np.int64)
    seen = np.add.reduceat(valid, starts) > 0 if len(starts) else np.zeros((0, rows), dtype=bool)
    count = int(seen.sum())
    groups = min(-(-count // together), MAX_GROUPS)
    joined = np.unique(np.linspace(0, count, groups, endpoint=False).astype(int))
    return Groups(kind, steps, length, starts, seen, joined, together)
