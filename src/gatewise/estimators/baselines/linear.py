"""Linear models of features: logistic regression by scikit-learn, ridge regression in closed form.

Both try a few penalties and keep the one that is best on items that were not fitted. What is kept are
coefficients, so that predicting needs NumPy alone. Sizes: n items, D features, C classes, K numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from gatewise.answers.drawing import softmax
from gatewise.estimators.baselines.rows import Rows
from gatewise.estimators.scores.calibration import fit_temperature
from gatewise.estimators.scores.probabilities import losses
from gatewise.typing import AnyArray, Array

STRENGTHS = (0.003, 0.03, 0.3, 3.0)
"""Inverse penalties C that logistic regression tries, of features with a deviation of 1."""
MIDDLE = (0.03,)
"""The one that features are chosen with."""
PENALTIES = np.logspace(-4, 2, 13)
"""That ridge regression adds to the diagonal of the features' covariance."""
ITERATIONS = 100
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Linear:
    """Coefficients, and what they are made into: probabilities, or numbers as they are."""

    weights: Array  # [D, C] or [D, K]
    intercept: Array  # [C] or [K]
    scale: Array  # [D]: features are divided by it
    sharpness: float | None  # of the softmax; None for numbers

    def predict(self, rows: Rows) -> Array:
        """Return probabilities `[n, C]` or numbers `[n, K]`."""
        found = rows.times(self.weights / self.scale[:, None]) + self.intercept
        return found if self.sharpness is None else softmax(found * self.sharpness)


def has_logistic() -> bool:
    """Tell whether scikit-learn is installed, which logistic regression needs."""
    return find_spec("sklearn") is not None


def logistic(
    rows: Rows,
    truth: AnyArray,
    weights: Array,
    held: tuple[Rows, AnyArray, Array],
    classes: int,
    *,
    strengths: Sequence[float] = STRENGTHS,
) -> tuple[Linear, float]:
    """Return logistic regression of codes `[n]`, and the bits that a held label costs it.

    Of a single class it is certain, whatever the features: that is nothing to fit.
    """
    there = np.unique(truth)
    if len(there) < 2:
        ahead = np.where(np.isin(np.arange(classes), there), 0.0, -30.0)
        certain = Linear(np.zeros((rows.width, classes)), ahead, np.ones(rows.width), 1.0)
        return certain, _cost(certain.predict(held[0]), held[1], held[2])
    linear_model: Any = import_module("sklearn.linear_model")  # an extra, without types

    scale = rows.deviation()
    x, share = rows.scaled(scale).sparse(), weights / weights.mean()
    best: tuple[Linear, float] | None = None
    start: AnyArray | None = None
    for strength in strengths:
        model = linear_model.LogisticRegression(C=strength, max_iter=ITERATIONS, warm_start=True)
        if start is not None:
            model.coef_, model.intercept_ = start[:, :-1].copy(), start[:, -1].copy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one that needs more steps is judged as it is
            model.fit(x, truth, share)
        start = np.concatenate([model.coef_, model.intercept_[:, None]], axis=1)
        found = _of_scikit(model, scale, classes)
        cost = _cost(found.predict(held[0]), held[1], held[2])
        if best is None or cost < best[1]:
            best = found, cost
        elif cost > best[1] * 1.02:
            break  # a weaker penalty fits noise
    assert best is not None
    return best


def _of_scikit(model: Any, scale: Array, classes: int) -> Linear:
    """Return scikit-learn's coefficients; of two classes it has those of the second alone."""
    coefficients, intercept = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercept = np.concatenate([[0.0], intercept])
    weights, ahead = np.zeros((coefficients.shape[1], classes)), np.full(classes, -30.0)
    weights[:, model.classes_] = coefficients.T
    ahead[model.classes_] = intercept  # a class that was not there has next to no chance
    return Linear(weights, ahead, scale, 1.0)


def _cost(probabilities: Array, truth: AnyArray, weights: Array) -> float:
    return float(np.average(losses(truth, probabilities), weights=weights)) if len(truth) else 0.0


def ridge(
    rows: Rows, truth: Array, weights: Array, held: tuple[Rows, Array, Array]
) -> tuple[Linear, float]:
    """Return ridge regression of numbers `[n, K]`, and its mean squared error on what was held."""
    found, costs = _path(rows, truth, weights, held)
    best = int(np.argmin(costs))
    return found[best], float(costs[best])


def ridge_of_classes(
    rows: Rows, truth: AnyArray, weights: Array, held: tuple[Rows, AnyArray, Array], classes: int
) -> tuple[Linear, float]:
    """Return ridge regression of a number per class, as probabilities; and the bits of a held label."""
    each = np.eye(classes)
    found, _ = _path(rows, each[truth], weights, (held[0], each[held[1]], held[2]))
    best: tuple[Linear, float] | None = None
    for one in found:
        scores = softmax(one.predict(held[0]))
        made = fit_temperature(held[1], scores, held[2])
        sharpness = 4.0 if made.too_few else 1 / made.value
        sharp = Linear(one.weights, one.intercept, one.scale, sharpness)
        cost = _cost(sharp.predict(held[0]), held[1], held[2])
        if best is None or cost < best[1]:
            best = sharp, cost
    assert best is not None
    return best


def _path(
    rows: Rows, truth: Array, weights: Array, held: tuple[Rows, Array, Array]
) -> tuple[list[Linear], Array]:
    """Return the regressions of every penalty, with their mean squared errors on what was held."""
    share = weights / weights.sum()
    scale, centre = rows.deviation(), share @ truth
    decomposed = _of_items if len(rows) < rows.width else _of_features
    mean, back, values, rotated = decomposed(rows, truth - centre, share, scale)
    values = np.maximum(values, 0.0)[:, None]
    found, costs = [], []
    for penalty in PENALTIES:
        coefficients = back @ (rotated / (values + penalty))
        one = Linear(coefficients, centre - mean @ coefficients, scale, None)
        found.append(one)
        told = one.predict(held[0])
        error = np.mean((told - held[1]) ** 2, axis=1)
        costs.append(float(np.average(error, weights=held[2])) if len(error) else 0.0)
    return found, np.array(costs)


def _of_features(
    rows: Rows, truth: Array, share: Array, scale: Array
) -> tuple[Array, Array, Array, Array]:
    """Return the features' means, and their covariance decomposed: each penalty is then one product."""
    count = rows.width
    second, toward = np.zeros((count, count)), np.zeros((count, truth.shape[1]))
    mean = np.zeros(count)
    for first in range(0, len(rows), _CHUNK):
        part = slice(first, min(first + _CHUNK, len(rows)))
        x = rows.dense(part) / scale
        weighed = x * share[part, None]
        second += weighed.T @ x
        toward += weighed.T @ truth[part]
        mean += weighed.sum(axis=0)
    values, vectors = np.linalg.eigh(second - np.outer(mean, mean))
    return mean, vectors, values, vectors.T @ toward


def _of_items(
    rows: Rows, truth: Array, share: Array, scale: Array
) -> tuple[Array, Array, Array, Array]:
    """Return the same from products of items, which are fewer than the features."""
    x = rows.dense(slice(0, len(rows))) / scale
    mean = share @ x
    root = np.sqrt(share)[:, None]
    centred = (x - mean) * root
    values, vectors = np.linalg.eigh(centred @ centred.T)
    return mean, centred.T @ vectors, values, vectors.T @ (truth * root)
