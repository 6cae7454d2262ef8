"""Scores of predicted labels, from tables of counts: rows are the truth, columns what was predicted.

Every function takes counts `[..., C, C]` and returns `[...]`, so that one call scores a thousand
bootstrap samples. A score that is not defined is NaN.

Sizes: n items, C classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gatewise.errors import InputError
from gatewise.typing import Array


def confusion(
    truth: ArrayLike, predicted: ArrayLike, classes: int, weights: ArrayLike | None = None
) -> Array:
    """Return how often each class was predicted as each, `[C, C]`; an unknown truth, -1, is left out.

    `truth` and `predicted` are codes `[n]`, `weights` `[n]` what each counts. Raises InputError for
    arrays that are not alike and for codes that are no class.
    """
    t, p = np.asarray(truth, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if t.shape != p.shape or t.ndim != 1:
        raise InputError(
            f"truth has shape {t.shape} but predicted has shape {p.shape}: both must be one row of codes"
        )
    known = t >= 0
    t, p = t[known], p[known]
    if t.size and (max(t.max(), p.max()) >= classes or p.min() < 0):
        raise InputError(f"codes must lie between 0 and {classes - 1}, one for each class")
    counted = None if weights is None else np.asarray(weights, dtype=np.float64)[known]
    table = np.bincount(t * classes + p, counted, minlength=classes * classes)
    return table.astype(np.float64).reshape(classes, classes)


def accuracy(counts: Array) -> Array:
    """Return the share of labels that are right."""
    return _over(np.trace(counts, axis1=-2, axis2=-1), counts.sum(axis=(-2, -1)))


def recalls(counts: Array) -> Array:
    """Return the share of each class that was found, `[..., C]`; NaN for one that is not there."""
    return _over(_hits(counts), counts.sum(axis=-1))


def precisions(counts: Array) -> Array:
    """Return the share of each class's predictions that are right, `[..., C]`; NaN for no prediction."""
    return _over(_hits(counts), counts.sum(axis=-2))


def balanced_accuracy(counts: Array) -> Array:
    """Return the mean of the recalls of all classes that are there: chance reaches 1 / C."""
    return _mean(recalls(counts))


def f1(counts: Array) -> Array:
    """Return the F1 of each class `[..., C]`, `2 TP / (2 TP + FP + FN)`; NaN for one never seen."""
    return _over(2.0 * _hits(counts), counts.sum(axis=-1) + counts.sum(axis=-2))


def macro_f1(counts: Array) -> Array:
    """Return the mean F1 over the classes that appear in truth or prediction."""
    return _mean(f1(counts))


def matthews(counts: Array) -> Array:
    """Return the correlation of truth and prediction over all classes (Gorodkin 2004, eq. 8).

    1 is perfect and 0 is what a constant or random prediction reaches, however rare a class is; of two
    classes it is the coefficient of Matthews (1975). NaN where the truth has one class alone.
    """
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    total = counts.sum(axis=(-2, -1))
    together = _hits(counts).sum(axis=-1) * total - np.sum(true * predicted, axis=-1)
    spread_true = total**2 - np.sum(true**2, axis=-1)
    spread = total**2 - np.sum(predicted**2, axis=-1)
    constant = (spread <= 0) & (spread_true > 0)
    return np.where(constant, 0.0, _over(together, np.sqrt(spread_true * spread)))


def _hits(counts: Array) -> Array:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _over(above: Array, below: Array) -> Array:
    """Return the quotient, NaN where the divisor is 0."""
    none = below <= 0
    return np.where(none, np.nan, above / np.where(none, 1.0, below))


def _mean(values: Array) -> Array:
    """Return the mean of the last axis over what is known."""
    known = np.isfinite(values)
    return _over(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))
