"""Scores of predicted numbers against the truth, on NumPy arrays in float64.

Pairs whose truth is NaN are left out; a NaN prediction where the truth is known makes the score
NaN, so that a broken prediction is never hidden. With no known truth at all, every score is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from gatewise.errors import InputError
from gatewise.typing import Array

NAN = math.nan
"""One object for all that is undefined, so that tables of scores that are alike compare equal."""


def known_pairs(truth: ArrayLike, prediction: ArrayLike) -> tuple[Array, Array]:
    """Return the two arrays, flat, without the pairs whose truth is NaN."""
    t = np.asarray(truth, dtype=np.float64)
    p = np.asarray(prediction, dtype=np.float64)
    if t.shape != p.shape:
        raise InputError(
            f"truth has shape {t.shape} but prediction has shape {p.shape}: both must be alike"
        )
    known = ~np.isnan(t)
    return t[known], p[known]


def _known_quantiles(truth: ArrayLike, quantiles: ArrayLike) -> tuple[Array, Array]:
    """Return truth `[n]` and quantiles `[n, Q]` where the truth is known."""
    t = np.asarray(truth, dtype=np.float64)
    q = np.asarray(quantiles, dtype=np.float64)
    if q.shape[:-1] != t.shape or q.ndim == 0:
        raise InputError(
            f"quantiles have shape {q.shape} but truth has shape {t.shape}: "
            f"give quantiles of shape {(*t.shape, 'Q')}"
        )
    known = ~np.isnan(t)
    return t[known], q[known]


def rmse(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the root of the mean squared error, in the target's units."""
    t, p = known_pairs(truth, prediction)
    return float(np.sqrt(np.mean((p - t) ** 2))) if t.size else NAN


def mae(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the mean absolute error, in the target's units."""
    t, p = known_pairs(truth, prediction)
    return float(np.mean(np.abs(p - t))) if t.size else NAN


def nse(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the Nash-Sutcliffe efficiency, `1 - sum((p - t)^2) / sum((t - mean(t))^2)`.

    1 is perfect, 0 is what the mean of the truth itself would reach (Nash and Sutcliffe 1970;
    the same figure as R^2 of regression). NaN where the truth never varies.
    """
    t, p = known_pairs(truth, prediction)
    if t.size == 0:
        return NAN
    spread = float(np.sum((t - t.mean()) ** 2))
    return 1.0 - float(np.sum((p - t) ** 2)) / spread if spread > 0.0 else NAN


def pinball(truth: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]) -> float:
    """Return the mean pinball loss over the levels, in the target's units.

    For level a and error e = t - q the loss is `max(a e, (a - 1) e)` (Koenker and Bassett 1978):
    at a = .5 it is half the absolute error. `quantiles` is `truth.shape + (Q,)`.
    """
    t, q = _known_quantiles(truth, quantiles)
    a = np.asarray(levels, dtype=np.float64)
    if a.shape != q.shape[-1:]:
        raise InputError(
            f"{a.size} levels for quantiles of shape {q.shape}: give one level for each"
        )
    if t.size == 0:
        return NAN
    error = t[:, None] - q
    return float(np.mean(np.maximum(a * error, (a - 1.0) * error)))


def coverage(truth: ArrayLike, quantiles: ArrayLike) -> float:
    """Return the share of known truths within the outermost quantiles, bounds included.

    With levels .05 ... .95 an honest model reaches .90. `quantiles` is `truth.shape + (Q,)`,
    ascending.
    """
    t, q = _known_quantiles(truth, quantiles)
    if t.size == 0 or np.isnan(q).any():
        return NAN
    return float(np.mean((q[:, 0] <= t) & (t <= q[:, -1])))
