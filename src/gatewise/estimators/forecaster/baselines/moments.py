"""Second moments of a ridge regression's columns over origins: those that a solution asks for.

Features that serve every step are multiplied with each other once, future columns with those of their
own step only, and of the targets nothing but what a regression on them reads: all products of all
columns would take gigabytes for a long horizon.

Sizes: n origins, S predicted steps, K targets, F features of every step, A future columns.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from gatewise.estimators.forecaster.baselines.design import Design
from gatewise.typing import Array, Indices

_BLOCK = 4096
"""Origins at a time, so that a long table needs little memory."""
_BLOCK_VALUES = 1 << 22
"""Values at a time, where a design has many columns."""


@dataclass(frozen=True)
class Moments:
    """Sums over origins of products of columns, the constant 1 before the features that all share."""

    shared: Array  # [1 + F, 1 + F]
    ahead: Array  # [1 + F, S, A] shared features by each step's future columns
    target: Array  # [1 + F, S, K]
    ahead_ahead: Array  # [S, A, A]
    ahead_target: Array  # [S, A, K]
    square: Array  # [S, K] of the targets with themselves

    @classmethod
    def of(cls, design: Design, origins: Indices) -> Moments:
        """Sum over `origins [n]`."""
        steps, targets = design.ahead_steps.size, design.target.shape[1]
        ahead, count = design.layout.beside, 1 + design.layout.shared
        total = cls(
            np.zeros((count, count)),
            np.zeros((count, steps, ahead)),
            np.zeros((count, steps, targets)),
            np.zeros((steps, ahead, ahead)),
            np.zeros((steps, ahead, targets)),
            np.zeros((steps, targets)),
        )
        size = block_size(design)
        for start in range(0, origins.size, size):
            total += cls._of_block(design, origins[start : start + size])
        return total

    @classmethod
    def _of_block(cls, design: Design, origins: Indices) -> Moments:
        one = np.concatenate([np.ones((origins.size, 1)), design.shared(origins)], axis=1)
        ahead, target = design.future(origins), design.targets(origins)
        by_step = ahead.transpose(1, 2, 0)
        return cls(
            one.T @ one,
            _product(one, ahead),
            _product(one, target),
            by_step @ ahead.transpose(1, 0, 2),
            by_step @ target.transpose(1, 0, 2),
            (target**2).sum(axis=0),
        )

    def __add__(self, other: Moments) -> Moments:
        return Moments(*(a + b for a, b in zip(self._all(), other._all(), strict=True)))

    def __sub__(self, other: Moments) -> Moments:
        return Moments(*(a - b for a, b in zip(self._all(), other._all(), strict=True)))

    def _all(self) -> list[Array]:
        return [getattr(self, field.name) for field in fields(self)]


def block_size(design: Design) -> int:
    """Return how many origins' columns to hold at a time."""
    steps = int(design.ahead_steps.size)
    columns: int = design.layout.shared + steps * (design.layout.beside + design.target.shape[1])
    return max(1, min(_BLOCK, _BLOCK_VALUES // (1 + columns)))


def _product(one: Array, other: Array) -> Array:
    """Return the sum over origins of `one [n, F]` by `other [n, S, C]`, `[F, S, C]`."""
    flat = other.reshape(len(other), -1)
    found: Array = (one.T @ flat).reshape(one.shape[1], *other.shape[1:])
    return found
