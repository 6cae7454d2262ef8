"""Scores of predicted probabilities, item by item or in one figure; logarithms are to base 2.

Sizes: n items, C classes, D samples (the whole one, and those of a bootstrap).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gatewise.errors import InputError
from gatewise.typing import Array, Indices

LEAST = 1e-12
"""A smaller probability counts as this: what was ruled out costs 40 bits, not infinitely many."""


def check_probabilities(truth: ArrayLike, probabilities: ArrayLike) -> tuple[Indices, Array]:
    """Return codes `[n]` and probabilities `[n, C]` in float64; InputError where they do not fit."""
    t, p = np.asarray(truth, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    if t.ndim != 1 or p.ndim != 2 or len(p) != len(t):
        raise InputError(
            f"truth has shape {t.shape} and probabilities {p.shape}: give codes [n] and "
            "probabilities [n, classes]"
        )
    if t.size and t.max() >= p.shape[1]:
        raise InputError(f"truth has code {t.max()} but there are {p.shape[1]} classes")
    return t, p


def losses(truth: Indices, probabilities: Array) -> Array:
    """Return the bits that each label `[n]` costs, `-log2 p(label)`, `[n]`; NaN for an unknown one."""
    told = probabilities[np.arange(len(truth)), np.maximum(truth, 0)]
    bits: Array = -np.log2(np.maximum(told, LEAST))  # NaN stays NaN: nothing broken is hidden
    return np.where(truth < 0, np.nan, bits)


def brier(truth: Indices, probabilities: Array) -> Array:
    """Return the squared distance of each row from the truth, `[n]`: 0 is perfect, 2 the worst.

    (Brier 1950, over all classes.) NaN for an unknown label.
    """
    right = np.arange(probabilities.shape[1]) == truth[:, None]
    distance: Array = np.sum((probabilities - right) ** 2, axis=1)
    return np.where(truth < 0, np.nan, distance)


def entropy(counts: Array) -> Array:
    """Return the entropy of classes that were counted `[..., C]`, in bits."""
    total = counts.sum(axis=-1, keepdims=True)
    share = counts / np.where(total > 0, total, 1.0)
    bits: Array = -np.sum(share * np.log2(np.where(share > 0, share, 1.0)), axis=-1)
    return np.where(total[..., 0] > 0, bits, np.nan)


def auc(truth: Indices, score: Array, weights: Array | None = None) -> Array:
    """Return the chance that an item of the class scores higher than one that is not, ties as a half.

    `truth` `[n]` is 1 for the class and 0 for all others, `score` `[n]`, `weights` `[D, n]`. The area
    under the curve of Hanley and McNeil (1982), `[D]`; NaN where the class is all or nothing.
    """
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf) != 0)
    told = np.ones((1, len(score))) if weights is None else weights
    told = told[:, order]
    positive = np.where(truth[order] == 1, told, 0.0)
    if not len(score):
        return np.full(len(told), np.nan)
    p = np.add.reduceat(positive, starts, axis=1)
    n = np.add.reduceat(told - positive, starts, axis=1)
    below = np.cumsum(n, axis=1) - n
    area = np.sum(p * (below + 0.5 * n), axis=1)
    pairs = p.sum(axis=1) * n.sum(axis=1)
    found: Array = np.where(pairs > 0, area / np.where(pairs > 0, pairs, 1.0), np.nan)
    return np.where(np.isnan(score).any(), np.nan, found)


def mean_auc(truth: Indices, probabilities: Array, weights: Array | None = None) -> Array:
    """Return the mean over the classes that are there of the AUC of each against the rest, `[D]`.

    Of two classes both are alike, so one is computed.
    """
    count = probabilities.shape[1]
    chosen = [1] if count == 2 else range(count)
    each = [
        auc((truth == one).astype(np.int64), probabilities[:, one], weights)
        for one in chosen
        if (truth == one).any() or count == 2
    ]
    if not each:
        return np.full(1 if weights is None else len(weights), np.nan)
    found: Array = np.mean(each, axis=0)
    return found
