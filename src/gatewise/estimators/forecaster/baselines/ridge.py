"""Ridge regression on lags and rolling means: what a linear model makes of the same past.

Of a forecast everything is told from the last value of the target, which stays a feature too, so that a
trend goes on; targets are scaled in each series alone; the value a season ago is a feature of each step.

There is one regression per predicted step and target (direct forecast), on the features of
design.py, standardised on the training part; what is missing takes the mean there. Everything is
fitted on the training part, the penalties too (Hoerl and Kennard 1970), by the squared error over
blocks of time left out in turn: a single validation part may be an odd one. On the Fulda, whose
validation year has no flood, it would choose so strong a penalty that the test score fell by .08.

Every regression is read out of second moments, one set per block, so the table is gone through once.
One eigendecomposition of the features that all steps share serves every step and the whole grid of
penalties; the future columns of a step, which are few, are put beside them by block elimination.

Sizes: N rows, n origins, S predicted steps, s steps solved together, K targets, F features of every
step, A future columns, L penalties.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.table import Table
from gatewise.errors import DataError
from gatewise.estimators.forecaster.baselines.design import Design, Layout
from gatewise.estimators.forecaster.baselines.moments import Moments, block_size
from gatewise.estimators.forecaster.baselines.rows import FOLDS, column_block
from gatewise.typing import Array, Indices

PENALTIES = np.logspace(-5.0, 2.0, 29)
"""Added to the diagonal of the features' correlation matrix."""
LEAST_SEASONED = 4
"""Windows with a season before them must be one in so many, or those without are fitted too."""
_SOLVED_VALUES = 1 << 22
"""Coefficients of all penalties held at a time: 32 MiB."""


def _folds(design: Design, origins: Indices, time: NDArray[np.generic]) -> list[Indices]:
    """Return the origins of `FOLDS` blocks of time, in turn; `time` is `[n]`, of the origins.

    Raises DataError for fewer than two windows with known targets.
    """
    order = origins[np.argsort(time, kind="stable")]
    known = design.complete(order)
    if known.size < 2:
        raise DataError(
            f"the training part has {known.size} windows with known targets, and ridge regression "
            "needs 2: give it more rows, or shorten lookback or horizon"
        )
    # In a series' first season its value before is not known, and what stands in says nothing of it.
    seasoned = known[design.has_season(known)]
    known = seasoned if seasoned.size * LEAST_SEASONED >= known.size else known
    return np.array_split(known, min(FOLDS, known.size))


class _Path:
    """The regressions on one set of moments, for every penalty of the grid."""

    def __init__(self, moments: Moments) -> None:
        """Standardise the moments and decompose those of the shared features."""
        count = moments.shared[0, 0]
        mean = moments.shared / count
        self.mean, self.mean_ahead = mean[0, 1:], moments.ahead[0] / count
        self.mean_target = moments.target[0] / count
        covariance = mean[1:, 1:] - np.outer(self.mean, self.mean)
        self.scale = _scale(np.diag(covariance))
        values, self.vectors = np.linalg.eigh(covariance / np.outer(self.scale, self.scale))
        self.shrunk = np.maximum(values, 0.0) + PENALTIES[:, None]  # [L, F]
        within = moments.ahead_ahead / count - _outer(self.mean_ahead, self.mean_ahead)
        self.scale_ahead = _scale(np.diagonal(within, axis1=1, axis2=2))  # [S, A]
        self.within = within / _outer(self.scale_ahead, self.scale_ahead)
        toward = moments.ahead_target / count - _outer(self.mean_ahead, self.mean_target)
        self.toward = toward / self.scale_ahead[..., None]  # [S, A, K]
        self.ahead = self._rotated(moments.ahead / count, self.mean_ahead) / self.scale_ahead
        self.target = self._rotated(moments.target / count, self.mean_target)  # [F, S, K]

    def _rotated(self, mean: Array, other: Array) -> Array:
        """Return the covariance of the features with other columns, on the eigenvectors."""
        covariance = mean[1:] - self.mean[:, None, None] * other
        flat = (covariance / self.scale[:, None, None]).reshape(len(self.mean), -1)
        found: Array = (self.vectors.T @ flat).reshape(covariance.shape)
        return found

    def coefficients(self, steps: slice) -> Array:
        """Return intercept and weights of some steps for every penalty, `[L, 1 + F + A, s, K]`."""
        target, shrunk = self.target[:, steps], self.shrunk[:, :, None, None]
        beside = np.zeros((len(PENALTIES), self.ahead.shape[2], *target.shape[1:]))
        if self.ahead.shape[2]:
            beside = self._beside(steps)
            target = target - np.einsum("fsa,lask->lfsk", self.ahead[:, steps], beside)
        rotated = target / shrunk
        flat = rotated.reshape(*rotated.shape[:2], -1)
        weights = (self.vectors @ flat / self.scale[:, None]).reshape(rotated.shape)
        beside = beside / self.scale_ahead[steps].T[:, :, None]
        explained = np.tensordot(weights, self.mean, axes=(1, 0))
        explained += np.einsum("lask,sa->lsk", beside, self.mean_ahead[steps])
        intercept = self.mean_target[steps] - explained
        return np.concatenate([intercept[:, None], weights, beside], axis=1)

    def _beside(self, steps: slice) -> Array:
        """Return the standardised weights of the future columns, `[L, A, s, K]`.

        What the shared features explain of future columns and targets is taken off (the Schur
        complement), and the rest is regressed on the rest.
        """
        ahead = self.ahead[:, steps].transpose(1, 2, 0)  # [s, A, F]
        target = self.target[:, steps].transpose(1, 0, 2)  # [s, F, K]
        penalty = PENALTIES[:, None, None, None] * np.eye(ahead.shape[1])
        divided = ahead / self.shrunk[:, None, None, :]  # [L, s, A, F]
        left = self.within[steps] + penalty - divided @ ahead.transpose(0, 2, 1)
        right = self.toward[steps] - divided @ target
        found: Array = np.linalg.solve(left, right).transpose(0, 2, 1, 3)
        return found


def _scale(variance: Array) -> Array:
    """Return standard deviations, 1 for a column that does not vary."""
    deviation = np.sqrt(np.maximum(variance, 0.0))
    return np.where(deviation > 1e-9, deviation, 1.0)


def _outer(first: Array, second: Array) -> Array:
    """Return the products `[S, A, K]` of `[S, A]` and `[S, K]`."""
    return first[:, :, None] * second[:, None, :]


def _squared_error(moments: Moments, coefficients: Array, steps: slice) -> Array:
    """Return the summed squared error of some steps' coefficients on other moments, `[L, s, K]`.

    The error y - c' (1, x) is linear, so its sum of squares is a quadratic form in the moments.
    """
    count = len(moments.shared)
    shared, beside = coefficients[:, :count], coefficients[:, count:]
    flat = shared.reshape(*shared.shape[:2], -1)
    half = (moments.shared @ flat).reshape(shared.shape) - 2.0 * moments.target[:, steps]
    if beside.shape[1]:
        half += 2.0 * np.einsum("fsa,lask->lfsk", moments.ahead[:, steps], beside)
    explained: Array = np.sum(shared * half, axis=1) + moments.square[steps]
    if beside.shape[1]:
        within = np.einsum("sab,lbsk->lask", moments.ahead_ahead[steps], beside)
        within -= 2.0 * moments.ahead_target[steps].transpose(1, 0, 2)
        explained += np.sum(beside * within, axis=1)
    return explained


def _solve(folds: Sequence[Moments], *, left_out: bool) -> tuple[Array, Array]:
    """Return the coefficients `[R, S, K, 1 + F + A]`, and their penalties `[S, K]`.

    The first of the R solutions is that of all folds; where asked, one without each fold follows.
    """
    total = sum(folds[1:], start=folds[0])
    without = [_Path(total - fold) for fold in folds]
    wanted = [_Path(total), *(without if left_out else [])]
    solved, penalties = [], []
    for steps in _together(total):
        error = sum(
            _squared_error(fold, path.coefficients(steps), steps)
            for fold, path in zip(folds, without, strict=True)
        )
        best = np.argmin(np.asarray(error), axis=0)
        place = best[None, None]
        # Solved again: to keep the coefficients of every fold and penalty could take gigabytes.
        chosen = [
            np.take_along_axis(path.coefficients(steps), place, axis=0)[0].transpose(1, 2, 0)
            for path in wanted
        ]
        solved.append(np.stack(chosen))
        penalties.append(PENALTIES[best])
    return np.concatenate(solved, axis=1), np.concatenate(penalties)


def _together(moments: Moments) -> Iterator[slice]:
    """Yield the steps to solve together: as many as the memory for all penalties allows."""
    features, steps, targets = moments.target.shape
    ahead = moments.ahead.shape[2]
    each = len(PENALTIES) * (features + ahead) * max(targets, ahead)
    size = max(1, _SOLVED_VALUES // each)
    for start in range(0, steps, size):
        yield slice(start, start + size)


@dataclass(frozen=True)
class Ridge:
    """One ridge regression per step and target, on standardised columns."""

    layout: Layout
    mean: Array  # [G + 1, C] of layout.columns over the training part; [C] in models of before
    deviation: Array  # likewise; the last row serves a series that was not there
    coefficients: Array  # [S, K, 1 + F + A], intercept first
    penalties: Array  # [S, K]
    series: tuple[str, ...] = ()  # G names

    @classmethod
    def fit(
        cls,
        table: Table,
        layout: Layout,
        rows: NDArray[np.bool_],
        origins: Indices,
        *,
        left_out: bool = False,
    ) -> tuple[Ridge, list[tuple[Indices, Ridge]]]:
        """Fit on the training part: its rows `[N]` scale the columns, its windows are fitted.

        With `left_out`, each block of time that chose the penalties follows: its origins, and the
        regression (of the same penalties) that was fitted without them; else the list is empty.
        Raises DataError for fewer than two windows with known targets.
        """
        columns = column_block(table, layout.columns)
        mean, deviation = scalings(table, columns, rows, layout)
        index = table.series_index()
        design = Design(layout, (columns - mean[index]) / deviation[index], table)
        folds = _folds(design, origins, table.time[origins])
        moments = [Moments.of(design, fold) for fold in folds]
        coefficients, penalties = _solve(moments, left_out=left_out)
        whole, *others = (
            cls(layout, mean, deviation, one, penalties, table.series) for one in coefficients
        )
        return whole, list(zip(folds, others, strict=True)) if left_out else []

    def predict(self, table: Table, origins: Indices) -> Array:
        """Return the predictions of every step in the targets' own units, `[n, S, K]`."""
        columns = column_block(table, self.layout.columns)
        mean, deviation = scaling_of(table, self.series, self.mean, self.deviation)
        index = table.series_index()
        design = Design(self.layout, (columns - mean[index]) / deviation[index], table)
        out = np.empty((origins.size, *self.penalties.shape))
        count = 1 + self.layout.shared
        weights = self.coefficients[..., 1:count].reshape(-1, count - 1).T
        size = block_size(design)
        for start in range(0, origins.size, size):
            block = origins[start : start + size]
            value = (design.shared(block) @ weights).reshape(block.size, *self.penalties.shape)
            beside = self.coefficients[..., count:]
            value += np.einsum("nsa,ska->nsk", design.future(block), beside)
            level = design.level(block)
            value += level[:, None] if level.size else 0.0
            out[start : start + size] = value + self.coefficients[..., 0]
        target = self.layout.select(self.layout.targets)
        group = index[origins]
        scale, centre = deviation[group][:, None, target], mean[group][:, None, target]
        found: Array = out * scale + centre
        return found


def scaling_of(
    table: Table, series: tuple[str, ...], mean: Array, deviation: Array
) -> tuple[Array, Array]:
    """Return mean and deviation of the columns of each series of a table, `[series, C]` each.

    `mean` and `deviation` are those of a fit, `[G + 1, C]`, or `[C]` in models of before.
    """
    mean, deviation = np.atleast_2d(mean), np.atleast_2d(deviation)
    place = {name: number for number, name in enumerate(series)}
    number = np.array([place.get(name, len(mean) - 1) for name in table.series])
    return mean[number], deviation[number]


def scalings(
    table: Table, columns: Array, rows: NDArray[np.bool_], layout: Layout
) -> tuple[Array, Array]:
    """Return mean and standard deviation of the columns, `[G + 1, C]` each; the last row of all series.

    Targets of a forecast are scaled in each series alone: else the largest series would decide.
    """
    mean, deviation = (np.tile(one, (len(table.series) + 1, 1)) for one in _scaling(columns[rows]))
    if layout.relative and len(table.series) > 1:
        targets = layout.select(layout.targets)
        for number in range(len(table.series)):
            part = slice(table.starts[number], table.starts[number + 1])
            mine = columns[part][rows[part]][:, targets]
            if ((~np.isnan(mine)).sum(axis=0) > 1).all():
                mean[number, targets], deviation[number, targets] = _scaling(mine)
    return mean, deviation


def _scaling(columns: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of the known values, `[C]` each.

    A column without any is taken as 0, and one that never varies keeps its unit.
    """
    known = ~np.isnan(columns)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, columns, 0.0).sum(axis=0) / count
    square = np.where(known, (columns - mean) ** 2, 0.0).sum(axis=0) / count
    return mean, np.where(square > 0.0, np.sqrt(square), 1.0)
