"""A linear read-out, judged on blocks of rows or of time that it has not seen; NumPy alone.

Sizes: T steps, B rows, F features, A strengths, S samples, G groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.typing import Array

STRENGTHS: Array = np.logspace(-6, 4, 11)
"""Ridge penalties tried, per sample and in units of the features' variance."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Which steps of which rows are held out together.

    Attributes:
        kind: "rows" where there are enough, else "time".
        fold: The fold of each step, int64 `[T, B]`, -1 for steps that are left out.
        group: What is resampled for an interval, int64 `[T, B]`: rows, or pieces of time.
        gap: Steps beside a held-out block of time that are not trained on.
    """

    kind: str
    fold: NDArray[np.int64]
    group: NDArray[np.int64]
    gap: int

    @classmethod
    def of(cls, valid: NDArray[np.bool_], folds: int, gap: int, *, fewest: int) -> Blocks:
        """Split `valid [T, B]`: neighbouring rows together, or each row's time into blocks.

        `fewest` rows at least, and pieces of time twice as many, are there to be resampled.
        """
        steps, rows = valid.shape
        t, b = np.indices(valid.shape)
        if rows >= max(fewest, 2 * folds):
            fold, group, kind = b * folds // rows, b, "rows"
        else:
            pieces = max(folds, -(-2 * fewest // max(rows, 1)))
            fold, kind = t * folds // steps, "time"
            group = b * pieces + t * pieces // steps
        return cls(
            kind,
            np.where(valid, fold, -1),
            np.asarray(group, dtype=np.int64),
            gap if kind == "time" else 0,
        )

    def split(self, fold: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which steps are trained on and which are held out, `[T, B]` each."""
        held = self.fold == fold
        near = held.any(axis=1)
        for _ in range(self.gap):
            near = near | np.roll(near, 1) | np.roll(near, -1)
        if self.gap:
            # A roll goes round the end: what is near there has to be near in time as well.
            first, last = (int(np.flatnonzero(held.any(axis=1))[n]) for n in (0, -1))
            t = np.arange(len(near))
            near &= (t >= first - self.gap) & (t <= last + self.gap)
        train = (self.fold >= 0) & ~held
        if self.kind == "time":
            train &= ~near[:, None]
        return train, held


def errors(features: Array, concept: Array, blocks: Blocks) -> tuple[Array, Array]:
    """Return squared errors of the read-out and of the training mean, `[T, B]`; 0 where left out.

    `features [T, B, F]`, `concept [T, B]`. Each fold is predicted by a ridge regression (Hoerl &
    Kennard 1970) on the others, whose strength is chosen by holding out one of those in turn.
    """
    residual, total = np.zeros_like(concept), np.zeros_like(concept)
    for fold in np.unique(blocks.fold[blocks.fold >= 0]):
        train, held = blocks.split(int(fold))
        strength = _best_strength(features, concept, blocks, train, int(fold))
        fit = _Ridge(features[train], concept[train])
        predicted = fit.predict(features[held], np.array([strength]))[0]
        residual[held] = (concept[held] - predicted) ** 2
        total[held] = (concept[held] - fit.mean) ** 2
    return residual, total


def _best_strength(
    features: Array, concept: Array, blocks: Blocks, train: NDArray[np.bool_], fold: int
) -> float:
    """Return the strength with the least error when one of the training folds is held out."""
    error = np.zeros(len(STRENGTHS))
    for inner in np.unique(blocks.fold[train]):
        kept, held = blocks.split(int(inner))
        kept, held = kept & train, held & train
        if inner == fold or not kept.any():
            continue
        predicted = _Ridge(features[kept], concept[kept]).predict(features[held], STRENGTHS)
        error += ((concept[held] - predicted) ** 2).sum(axis=1)
    return float(STRENGTHS[int(error.argmin())])


class _Ridge:
    """Ridge regressions of all strengths at once, through the covariance of the features."""

    def __init__(self, x: Array, y: Array) -> None:
        self._centre, self.mean = x.mean(axis=0), float(y.mean())
        spread = x.std(axis=0)
        # A feature that is the same everywhere says nothing, and its rounding must not either.
        still = spread <= 1e-9 * np.maximum(np.abs(self._centre), 1e-300)
        self._scale = np.where(still, 0.0, 1 / np.where(still, 1.0, spread))
        scaled = (x - self._centre) * self._scale
        self._values, self._vectors = np.linalg.eigh(scaled.T @ scaled / len(scaled))
        self._along = self._vectors.T @ (scaled.T @ (y - self.mean)) / len(scaled)

    def predict(self, x: Array, strengths: Array) -> Array:
        """Return predictions `[A, S]`."""
        weights = self._along / (np.maximum(self._values, 0) + strengths[:, None])  # [A, F]
        scaled = (x - self._centre) * self._scale
        return np.asarray(weights @ (scaled @ self._vectors).T + self.mean)
