"""The continuous ranked probability score, from quantiles.

Of a truth y and a predictive distribution F it is the integral over x of `(F(x) - [x >= y])^2`, in the
target's units; of a point it is the absolute error (Gneiting and Raftery 2007, section 4.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from gatewise.errors import InputError
from gatewise.typing import Array


def level_widths(levels: Sequence[float]) -> Array:
    """Return the share of all levels between 0 and 1 that each of `levels` [Q] is nearest to."""
    chosen = np.asarray(levels, dtype=np.float64)
    edges = np.concatenate([[0.0], (chosen[1:] + chosen[:-1]) / 2.0, [1.0]])
    return np.diff(edges)


def crps(truth: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]) -> float:
    """Return the CRPS that quantiles stand for, in the target's units; unknown truth is left out.

    The CRPS is twice the integral of the pinball loss over all levels (Laio and Tamea 2007, eq. 7).
    With some levels only, `2 * sum_q w_q pinball_q`, where w_q is the share of levels nearest to q.
    With the median alone that is the mean absolute error.

    Bias: only scores of the same levels can be compared. For a normal distribution that is right, it is
    6 % too small with levels .1 .5 .9, 5 % too large with .1 ... .9, 1.4 % with .05 ... .95 and
    below .1 % with .01 ... .99.

    `quantiles` is `truth.shape + (Q,)`, `levels` ascend. Raises InputError for other shapes.
    """
    t = np.asarray(truth, dtype=np.float64)
    q = np.asarray(quantiles, dtype=np.float64)
    if q.shape != (*t.shape, len(levels)):
        raise InputError(
            f"quantiles have shape {q.shape} but truth has shape {t.shape} and there are "
            f"{len(levels)} levels: give quantiles of shape {(*t.shape, len(levels))}"
        )
    known = ~np.isnan(t)
    if not known.any():
        return math.nan
    error = t[known][:, None] - q[known]
    a = np.asarray(levels, dtype=np.float64)
    pinball = np.maximum(a * error, (a - 1.0) * error)
    return float(2.0 * np.mean(pinball @ level_widths(levels)))
