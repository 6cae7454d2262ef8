"""Every measure of one model, in the whole sample and in each of its bootstrap samples.

Sizes: n items, C classes, Q quantile levels, D samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatewise.estimators.scores import labels, probabilities
from gatewise.estimators.scores.information import information_of_numbers
from gatewise.estimators.scores.resampling import Draws
from gatewise.typing import Array, Indices

AUC_WORK = 20_000_000
"""Items times classes times draws that an AUC's interval may cost; under 100 draws it has none."""

MOST_PAIRS = 4_000
"""Pairs that the information of numbers is estimated from: its cost grows with their square."""

Figures = dict[str, Array]
"""Measure to its figure in every sample, `[D]`; fewer samples where that would cost too much."""


@dataclass(frozen=True, eq=False)
class LabelAnswers:
    """What a model says of n items: probabilities, and labels where they are not the likeliest class."""

    probabilities: Array  # [n, C]
    labels: Indices | None = None  # [n], such as a best path


def of_labels(
    truth: Indices, answer: LabelAnswers, weights: Array, draws: Draws, classes: int
) -> tuple[Figures, Array]:
    """Return every measure in every sample, and the counts of the whole one."""
    p = answer.probabilities
    predicted = p.argmax(axis=1) if answer.labels is None else answer.labels
    tables = draws.tables(truth, predicted.astype(np.int64), classes, weights)
    costs = np.stack([probabilities.losses(truth, p), probabilities.brier(truth, p)], axis=1)
    sums = draws.sums(costs * weights[:, None])
    total = draws.sums(weights)
    bits, distance = (column / np.where(total > 0, total, np.nan) for column in sums.T)
    most = min(len(draws.counts) - 1, AUC_WORK // max(len(truth) * classes, 1))
    times = draws.weights(most if most >= 100 else 0) * weights
    figures = {
        "accuracy": labels.accuracy(tables),
        "balanced_accuracy": labels.balanced_accuracy(tables),
        "macro_f1": labels.macro_f1(tables),
        "matthews": labels.matthews(tables),
        "auc": probabilities.mean_auc(truth, p, times),
        "log_loss": bits,
        "brier": distance,
        "information": probabilities.entropy(tables.sum(axis=2)) - bits,
    }
    return figures, tables[0]


def of_numbers(
    truth: Array, told: Array, draws: Draws, band: Array | None, levels: Sequence[float]
) -> Figures:
    """Return every measure in every sample, from sums of moments about the means of the whole sample."""
    known = ~np.isnan(truth)
    t = np.where(known, truth - (truth[known].mean() if known.any() else 0.0), 0.0)
    shift = truth[known].mean() if known.any() else 0.0
    p = np.where(known, told - shift, 0.0)
    moments = np.stack([known.astype(float), t, p, t * t, p * p, t * p, np.abs(t - p)], axis=1)
    n, st, sp, tt, pp, tp, apart = draws.sums(moments).T
    n = np.where(n > 0, n, np.nan)
    spread_t, spread_p, both = tt - st**2 / n, pp - sp**2 / n, tp - st * sp / n
    varies = spread_t > 1e-12 * np.maximum(tt, 1e-300)
    squares = np.maximum(tt - 2 * tp + pp, 0.0)
    below = np.where(varies, spread_t, np.nan)
    figures = {
        "r2": 1 - squares / below,
        "rmse": np.sqrt(squares / n),
        "mae": apart / n,
        "correlation": both / np.sqrt(np.where(spread_p > 0, below * spread_p, np.nan)),
    }
    if (
        draws.drawn
    ):  # a bootstrap sample has pairs twice, which are each other's nearest: no interval
        told_bits = information_of_numbers(truth, told, most=MOST_PAIRS)
        figures["information"] = np.array([told_bits])
    if band is not None and len(levels):
        each = np.full(len(truth), 0.0)
        held = np.full(len(truth), 0.0)
        a = np.asarray(levels)
        error = truth[known][:, None] - band[known]
        each[known] = np.mean(np.maximum(a * error, (a - 1) * error), axis=1)
        inside = (error[:, 0] >= 0) & (error[:, -1] <= 0)
        held[known] = np.where(np.isnan(error).any(axis=1), np.nan, inside)
        figures["pinball"] = draws.sums(each) / n
        if len(levels) > 1:
            figures["coverage"] = draws.sums(held) / n
    return figures


def of_tokens(
    bits: Array, characters: Array, spelled: Array, right: Array | None, draws: Draws
) -> Figures:
    """Return every measure of tokens that cost `bits` and stand for `characters`, `[n]` each.

    `spelled` `[n]` are bits that count for each character alone, and not for the perplexity.
    """
    columns = [bits, bits + spelled, characters, np.ones(len(bits))]
    cost, whole, letters, count = draws.sums(np.stack(columns, axis=1)).T
    count = np.where(count > 0, count, np.nan)
    figures = {
        "bits_per_character": whole / np.where(letters > 0, letters, np.nan),
        "perplexity": np.exp2(cost / count),
    }
    if right is not None:
        figures["top1"] = draws.sums(right) / count
    return figures
