"""Ridge regression on lags and rolling means: what a linear model makes of the same past.

There is one regression per predicted step and target (direct forecast), on the features of
design.py, standardised on the training part; what is missing takes the mean there. Everything is
fitted on the training part, the penalties too (Hoerl and Kennard 1970), by the squared error over
blocks of time left out in turn: a single validation part may be an odd one. On the Fulda, whose
validation year has no flood, it would choose so strong a penalty that the test score fell by .08.

Every regression is read out of second moments of all features and targets, one matrix per block, so
the table is gone through once. An eigendecomposition then solves the whole grid of penalties at the
price of one.

Sizes: N rows, n origins, S predicted steps, K targets, F features of one step, Y = S K regressions
solved together, L penalties, M = 1 + D + S K columns of the moments for D features in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.data.table import Table
from gatewise.errors import DataError
from gatewise.models.baselines.design import Design, Layout
from gatewise.models.baselines.rows import FOLDS, Array, Rows, column_block

PENALTIES = np.logspace(-5.0, 2.0, 29)
"""Added to the diagonal of the features' correlation matrix."""
_BLOCK = 4096  # origins at a time, so that a long table needs little memory


def _moments(design: Design, origins: Rows) -> Array:
    """Return the summed products of the columns (1, features, targets) over origins, `[M, M]`."""
    total = np.zeros(())
    for start in range(0, origins.size, _BLOCK):
        block = origins[start : start + _BLOCK]
        ones = np.ones((block.size, 1))
        columns = np.concatenate([ones, design.features(block), design.targets(block)], axis=1)
        total = total + columns.T @ columns
    return total


def _folds(design: Design, origins: Rows, time: NDArray[np.generic]) -> list[Rows]:
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
    return np.array_split(known, min(FOLDS, known.size))


def _path(moments: Array, x: Rows, y: Rows) -> Array:
    """Return intercept and weights of targets y on features x for every penalty, `[L, 1 + F, Y]`.

    `x [F]` and `y [Y]` are columns of the moments, whose column 0 is the constant 1.
    """
    mean = moments / moments[0, 0]
    mean_x, mean_y = mean[0, x], mean[0, y]
    covariance = mean[np.ix_(x, x)] - np.outer(mean_x, mean_x)
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    scale = np.where(deviation > 1e-9, deviation, 1.0)
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    right = vectors.T @ ((mean[np.ix_(x, y)] - np.outer(mean_x, mean_y)) / scale[:, None])
    shrunk = np.maximum(values, 0.0) + PENALTIES[:, None]
    weights = vectors @ (right / shrunk[..., None]) / scale[:, None]
    return np.concatenate([(mean_y - mean_x @ weights)[:, None], weights], axis=1)


def _squared_error(moments: Array, coefficients: Array, x: Rows, y: Rows) -> Array:
    """Return the summed squared error of `_path`'s coefficients on other moments, `[L, Y]`.

    The error y - c' (1, x) is linear, so its sum of squares is a quadratic form in the moments.
    """
    columns = np.concatenate([[0], x])
    half = moments[np.ix_(columns, columns)] @ coefficients - 2.0 * moments[np.ix_(columns, y)]
    explained: Array = np.sum(coefficients * half, axis=1)
    return explained + moments[y, y]


def _solve(folds: Sequence[Array], x: Rows, y: Rows, *, left_out: bool) -> tuple[Array, Array]:
    """Return the coefficients `[R, 1 + F, Y]` of targets y on features x, and their penalties `[Y]`.

    The first of the R solutions is that of all folds; where asked, one without each fold follows.
    """
    total = np.sum(folds, axis=0)
    error = sum(_squared_error(fold, _path(total - fold, x, y), x, y) for fold in folds)
    best = np.argmin(np.asarray(error), axis=0)
    # The paths are solved again: to keep those of every fold could take gigabytes.
    moments = [total, *(total - fold for fold in folds if left_out)]
    solved = [_path(moment, x, y)[best, :, np.arange(y.size)].T for moment in moments]
    return np.stack(solved), PENALTIES[best]


@dataclass(frozen=True)
class Ridge:
    """One ridge regression per step and target, on standardised columns."""

    layout: Layout
    mean: Array  # [C] of layout.columns over the training part
    deviation: Array  # [C]
    coefficients: Array  # [S, K, 1 + F], intercept first
    penalties: Array  # [S, K]

    @classmethod
    def fit(
        cls,
        table: Table,
        layout: Layout,
        rows: NDArray[np.bool_],
        origins: Rows,
        *,
        left_out: bool = False,
    ) -> tuple[Ridge, list[tuple[Rows, Ridge]]]:
        """Fit on the training part: its rows `[N]` scale the columns, its windows are fitted.

        With `left_out`, each block of time that chose the penalties follows: its origins, and the
        regression (of the same penalties) that was fitted without them; else the list is empty.
        Raises DataError for fewer than two windows with known targets.
        """
        columns = column_block(table, layout.columns)
        mean, deviation = _scaling(columns[rows])
        design = Design(layout, (columns - mean) / deviation, table)
        folds = _folds(design, origins, table.time[origins])
        moments = [_moments(design, fold) for fold in folds]
        steps, targets = design.ahead_steps.size, len(layout.targets)
        y = len(moments[0]) - steps * targets + np.arange(steps * targets).reshape(steps, targets)
        # Without future columns every step has the same features, so one solution serves them all.
        groups = [[step] for step in range(steps)] if layout.ahead else [list(range(steps))]
        solved = [
            _solve(
                moments,
                1 + layout.features_of_step(group[0]),
                y[group].ravel(),
                left_out=left_out,
            )
            for group in groups
        ]
        coefficients = np.concatenate([found for found, _ in solved], axis=2)
        penalties = np.concatenate([found for _, found in solved]).reshape(steps, targets)
        whole, *others = (
            cls(layout, mean, deviation, one.T.reshape(steps, targets, -1), penalties)
            for one in coefficients
        )
        return whole, list(zip(folds, others, strict=True)) if left_out else []

    def predict(self, table: Table, origins: Rows) -> Array:
        """Return the predictions of every step in the targets' own units, `[n, S, K]`."""
        columns = column_block(table, self.layout.columns)
        design = Design(self.layout, (columns - self.mean) / self.deviation, table)
        out = np.empty((origins.size, *self.penalties.shape))
        for start in range(0, origins.size, _BLOCK):
            features = design.features(origins[start : start + _BLOCK])
            for step, coefficients in enumerate(self.coefficients):
                used = features[:, self.layout.features_of_step(step)]
                value = used @ coefficients[:, 1:].T + coefficients[:, 0]
                out[start : start + _BLOCK, step] = value
        target = self.layout.select(self.layout.targets)
        return out * self.deviation[target] + self.mean[target]


def _scaling(columns: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of the known values, `[C]` each.

    A column without any is taken as 0, and one that never varies keeps its unit.
    """
    known = ~np.isnan(columns)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, columns, 0.0).sum(axis=0) / count
    square = np.where(known, (columns - mean) ** 2, 0.0).sum(axis=0) / count
    return mean, np.where(square > 0.0, np.sqrt(square), 1.0)
