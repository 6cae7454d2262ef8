"""Intervals of scores by a bootstrap over groups: sequences, or whatever else is independent of another.

The steps of one sequence resemble their neighbours and relatives resemble each other, so that groups
are drawn and never single steps (Efron and Tibshirani 1993, chapter 8). Every model is scored on the
same draws, which makes differences of models paired.

Sizes: n items (sequences or steps), G groups, R draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gatewise.errors import InputError
from gatewise.typing import Array, Indices
from gatewise.wording import counted

MIN_GROUPS = 10
"""The fewest independent groups that an interval is made from."""
MAX_GROUPS = 500
"""Groups above this number are thrown together at random, which leaves the interval as it is."""
BLOCKS = 30
"""How many blocks of consecutive steps are made where the sequences are too few."""
MIN_BLOCK = 50
"""The fewest steps of such a block: shorter ones are not independent of each other."""
DRAWS = 1000
LEVEL = 0.95
"""Share of intervals that hold the true value."""
SEED = 0


@dataclass(frozen=True)
class Interval:
    """A figure, and where its true value lies in 95 of 100 cases; NaN where there is no interval."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def to_json(self) -> dict[str, float]:
        """Return the three figures by name."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, eq=False)
class Groups:
    """Which items belong together, and how intervals over them read."""

    of: Indices  # [n]
    count: int
    noun: str = "sequence"
    about: str = ""
    """What the noun's plural is followed by, such as how long a block is."""

    @property
    def text(self) -> str:
        """How the intervals are made, in a sentence."""
        many = counted(self.count, self.noun) + self.about
        if self.count < MIN_GROUPS:
            return f"No intervals: {many} are too few to draw from."
        return f"Intervals hold 95 of 100: {many}, drawn {DRAWS:,} times with replacement."

    def take(self, kept: ArrayLike) -> Groups:
        """Return the groups of some items: `kept` is a mask `[n]`."""
        found, of = np.unique(self.of[np.asarray(kept)], return_inverse=True)
        return Groups(of.astype(np.int64), len(found), self.noun, self.about)


def groups_of(
    lengths: ArrayLike, names: ArrayLike | None = None, *, per_step: bool = False
) -> Groups:
    """Return the groups of sequences of `lengths` `[s]`, or of their steps, one after the other.

    `names` `[s]` are the groups that sequences belong to; without them each is its own. Fewer groups
    than an interval needs are cut into blocks of consecutive steps, where steps are what is scored.
    Raises InputError for names that are not as many.
    """
    size = np.asarray(lengths, dtype=np.int64)
    noun = "sequence" if names is None else "group"
    found: Indices = np.arange(len(size))
    if names is not None:
        if len(np.asarray(names)) != len(size):
            raise InputError(f"{len(np.asarray(names))} group names for {len(size)} sequences")
        found = np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
    if not per_step:
        return Groups(found, len(np.unique(found)), noun)
    steps = int(size.sum())
    if len(np.unique(found[size > 0])) >= MIN_GROUPS or steps < MIN_GROUPS * MIN_BLOCK:
        return Groups(np.repeat(found, size), len(np.unique(found[size > 0])), noun)
    return _blocks(size, max(MIN_BLOCK, steps // BLOCKS))


def _blocks(lengths: Indices, block: int) -> Groups:
    """Cut each sequence into blocks of about `block` steps: none spans two sequences."""
    parts, number = [], 0
    for length in lengths.tolist():
        pieces = max(1, round(length / block))
        parts.append(number + np.arange(length) * pieces // max(length, 1))
        number += pieces
    of = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    found, of = np.unique(of, return_inverse=True)
    return Groups(
        of.astype(np.int64), len(found), "block", f" of about {block:,} consecutive steps"
    )


class Draws:
    """The sample itself and `draws` bootstrap samples of it, as counts of groups.

    A score that is a function of sums over items is computed for all of them at once: `sums` gives the
    sample first, then every draw.
    """

    def __init__(self, groups: Groups, *, draws: int = DRAWS, seed: int = SEED, width: int = 1):
        """`width` is how many sums a group will hold: many groups of many sums would fill the memory."""
        most = max(MIN_GROUPS, min(MAX_GROUPS, (1 << 24) // max(width, 1)))
        generator = np.random.default_rng([seed, groups.count])
        self.of, self.groups = groups.of, groups.count
        if groups.count > most:
            self.of = (generator.permutation(groups.count) % most)[groups.of]
            self.groups = most
        self.drawn = draws if groups.count >= MIN_GROUPS else 0
        self.counts = np.ones((1 + self.drawn, self.groups))
        if self.drawn:
            share = np.full(self.groups, 1 / self.groups)
            self.counts[1:] = generator.multinomial(self.groups, share, self.drawn)

    def sums(self, values: ArrayLike) -> Array:
        """Return the sums of `values` `[n, ...]` in the sample and in every draw, `[1 + R, ...]`."""
        array = np.asarray(values, dtype=np.float64)
        flat = array.reshape(len(array), math.prod(array.shape[1:]))
        by_group = np.stack(
            [np.bincount(self.of, column, minlength=self.groups) for column in flat.T], axis=1
        ).astype(np.float64)
        found: Array = self.counts @ by_group
        return found.reshape(-1, *array.shape[1:])

    def tables(self, rows: Indices, columns: Indices, size: int, weights: Array) -> Array:
        """Return weighted counts of (row, column) in the sample and each draw, `[1 + R, size, size]`."""
        place = (self.of * size + rows) * size + columns
        most = self.groups * size * size
        by_group = np.bincount(place, weights, minlength=most).astype(np.float64)
        found: Array = self.counts @ by_group.reshape(self.groups, size * size)
        return found.reshape(-1, size, size)

    def weights(self, most: int) -> Array:
        """Return how often each item is in the sample and in up to `most` draws, `[1 + most, n]`."""
        return self.counts[: 1 + most, self.of]


def interval(values: Array) -> Interval:
    """Return the first of `values` `[1 + R]` with the middle 95 % of the others (percentile bootstrap).

    Draws in which the score is not defined, such as those without one of the classes, are left out;
    there is no interval where they are more than one in twenty, or where nothing was drawn.
    """
    drawn = values[1:][np.isfinite(values[1:])]
    value = float(values[0])
    if not math.isfinite(value) or len(drawn) < max(20, LEVEL * (len(values) - 1)):
        return Interval(value)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(value, float(low), float(high))
