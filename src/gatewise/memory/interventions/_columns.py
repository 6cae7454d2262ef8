"""The columns of a model's inputs: which features each holds, its lags, and which columns go together.

Sizes: B rows, T steps, I features of a step, C columns, L ranges of lags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.errors import InputError
from gatewise.memory.interventions.subject import Subject
from gatewise.typing import Array

MOST_COLUMNS = 256
"""More columns than anybody reads; each costs passes of its own."""

SINGLE_LAGS = 8
"""The first lags, each a range by itself; after them a range is half as long as all before it."""

MOST_VALUES = 20_000
"""Values of a column that its rank correlations are taken over, at most."""


@dataclass(frozen=True, eq=False)
class FeaturesByColumn:
    """Columns by name, and the features of a step that belong to each.

    Features of no column, such as a flag that says where a window ends, are left as they are.
    """

    names: tuple[str, ...]
    features: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, subject: Subject, columns: Any) -> FeaturesByColumn:
        """Return the columns of the first sequence; None makes a column of each feature.

        `columns` is a name for each feature, or names with the number of a feature or several.
        Raises InputError for names and numbers that do not fit.
        """
        width = subject.sequences[0][0, 0].numel()
        if columns is None:
            columns = ["input"] if width == 1 else [f"input {k}" for k in range(width)]
        if isinstance(columns, Mapping):
            named = {str(name): _numbers(subject, name, value) for name, value in columns.items()}
        else:
            named = dict(_one_each(subject, columns, width))
        every = [number for numbers in named.values() for number in numbers]
        wrong = next((n for n in every if not 0 <= n < width), None)
        if wrong is not None:
            raise InputError(
                f"{subject.caller}: columns names feature {wrong}, but a step has {width}, numbered "
                "from 0"
            )
        twice = next((n for n in every if every.count(n) > 1), None)
        if twice is not None:
            raise InputError(
                f"{subject.caller}: columns names feature {twice} twice; a feature belongs to one column"
            )
        if not named:
            raise InputError(f"{subject.caller}: columns is empty; name at least one")
        if len(named) > MOST_COLUMNS:
            raise InputError(
                f"{subject.caller}: {len(named)} columns are more than the {MOST_COLUMNS} that can be "
                "told; join some with columns={'name': [numbers of features]}"
            )
        features = tuple(np.array(numbers, dtype=np.int64) for numbers in named.values())
        return cls(tuple(named), features)


def _one_each(subject: Subject, columns: Any, width: int) -> list[tuple[str, list[int]]]:
    if isinstance(columns, str) or not isinstance(columns, Sequence | np.ndarray):
        raise InputError(
            f"{subject.caller}: columns must be a name for each feature, or a mapping from names to "
            f"numbers of features; got {columns!r:.60}"
        )
    names = [str(name) for name in columns]
    if len(names) != width:
        raise InputError(
            f"{subject.caller}: columns has {len(names)} names, a step of the inputs {width} features; "
            "give a name for each, or a mapping from names to numbers of features"
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{subject.caller}: columns has {twice!r} twice; give each its own name")
    return [(name, [number]) for number, name in enumerate(names)]


def _numbers(subject: Subject, name: Any, value: Any) -> list[int]:
    try:
        given = np.atleast_1d(np.asarray(value))
    except ValueError:
        given = np.zeros(0)
    if given.ndim != 1 or not given.size or given.dtype.kind not in "iu":
        raise InputError(
            f"{subject.caller}: columns[{name!r}] must be the number of a feature, or several; got "
            f"{value!r:.60}"
        )
    return [int(number) for number in given]


@dataclass(frozen=True, eq=False)
class Lags:
    """Ranges of lags, the nearest first; steps that lie ahead of "now" have lags below 0.

    Attributes:
        first, last: The ends of each range, both inside it, `[L]`.
        now: The step of lag 0 in each row, `[B]`.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    now: NDArray[np.int64]

    @classmethod
    def of(cls, subject: Subject, now: int | None) -> Lags:
        """Return the ranges of the lags back from `now`, by default the end of each row.

        Raises InputError for a step that does not exist.
        """
        if now is None:
            at = subject.ends
        elif 0 <= now < subject.steps:
            at = np.full(subject.rows, now, dtype=np.int64)
        else:
            raise InputError(
                f"{subject.caller}: now={now} is outside the {subject.steps} steps of the inputs"
            )
        back = _ranges(int(at.max()) + 1)
        ahead = [(-last - 1, -first - 1) for first, last in _ranges(int((subject.ends - at).max()))]
        first, last = np.array([*ahead[::-1], *back], dtype=np.int64).T
        return cls(first, last, at)

    def steps(self, place: int) -> NDArray[np.int64]:
        """Return the steps `[B, W]` of the lags of one range; some may lie outside their row."""
        return np.asarray(
            self.now[:, None] - np.arange(self.first[place], self.last[place] + 1)[None]
        )

    def every(self) -> NDArray[np.int64]:
        """Return the steps `[B, W]` of all lags."""
        return np.asarray(
            self.now[:, None] - np.arange(self.first.min(), self.last.max() + 1)[None]
        )


def _ranges(count: int) -> list[tuple[int, int]]:
    """Return ranges of the numbers from 0 to `count - 1`: single ones first, then ever longer."""
    ranges: list[tuple[int, int]] = []
    begin = 0
    while begin < count:
        width = 1 if begin < SINGLE_LAGS else begin // 2
        ranges.append((begin, min(begin + width, count) - 1))
        begin += width
    return ranges


def flat(sequence: Tensor) -> Tensor:
    """Return a sequence `[B, T, ...]` as `[B, T, I]`."""
    return sequence.reshape(*sequence.shape[:2], -1)


def rank_correlations(subject: Subject, columns: FeaturesByColumn) -> Array:
    """Return Spearman's rank correlation of each two columns `[C, C]`, over rows and steps.

    That of the first feature of each; NaN where one of them never changes.
    """
    x = flat(subject.sequences[0]).detach().cpu().double()
    inside = np.arange(subject.steps)[None] <= subject.ends[:, None]
    values = x[torch.from_numpy(inside)].numpy()
    step = -(-len(values) // MOST_VALUES)
    picked = values[::step, [int(one[0]) for one in columns.features]]
    ranks = np.stack([_ranks(column) for column in picked.T])
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    sizes = np.sqrt((ranks**2).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((ranks @ ranks.T) / np.outer(sizes, sizes))


def _ranks(values: Array) -> Array:
    """Return ranks, the mean rank for values that are the same."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse.reshape(-1)])


def together(correlations: Array, threshold: float) -> list[list[int]]:
    """Return clusters of columns each two of which are correlated by at least `threshold`, or minus it.

    The most alike are joined first (complete linkage); a column that is like no other is in none.
    """
    alike = np.abs(np.nan_to_num(correlations))
    clusters = [[place] for place in range(len(alike))]

    def likeness(one: list[int], other: list[int]) -> float:
        return float(alike[np.ix_(one, other)].min())

    while True:
        pairs = [
            (likeness(one, other), i, j)
            for i, one in enumerate(clusters)
            for j, other in enumerate(clusters[:i])
        ]
        most, i, j = max(pairs, default=(0.0, 0, 0))
        if most < threshold:
            return sorted(sorted(cluster) for cluster in clusters if len(cluster) > 1)
        clusters[j] += clusters[i]
        del clusters[i]
