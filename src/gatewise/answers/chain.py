"""The labels of a linear chain: the most likely sequence of labels, and the probability of each label.

A linear-chain conditional random field (Lafferty, McCallum and Pereira 2001) gives a sequence of labels
y_1 … y_L the probability exp(score) / Z, with

    score = start[y_1] + sum_t s[t, y_t] + sum_{t>1} transitions[y_{t-1}, y_t] + end[y_L]

and Z the sum over all sequences. Everything is computed in float64 in the domain of logarithms, so that
no score is too large or too small.

Sizes: T steps, B sequences, C classes. Training's side is `gatewise.estimators.tagger.chain`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatewise.typing import Array, Floats, Indices

FORBIDDEN = -1e6
"""The score of a transition that may not be, far below what any network gives, and finite: a difference
of two infinities would be no number."""


@dataclass(frozen=True, eq=False)
class Chain:
    """What a chain has learnt: `start` [C], `transitions` [C, C] from row to column, `end` [C]."""

    start: Array
    transitions: Array
    end: Array


def best_path(scores: Floats, lengths: Indices, chain: Chain) -> Indices:
    """Return the most likely labels, [T, B], -1 past the end of a sequence (Viterbi 1967).

    `scores` [T, B, C] of each step, of which sequence b has the first `lengths[b]`. Of labels that are
    equally likely the one of the lower number is taken.
    """
    steps, rows, _ = scores.shape
    path = np.full((steps, rows), -1, dtype=np.int64)
    if steps == 0:
        return path
    best = chain.start + scores[0].astype(np.float64)
    came_from = np.empty((steps, *best.shape), dtype=np.int32)
    for t in range(1, steps):
        through = best[:, :, None] + chain.transitions  # [B, from, to]
        came_from[t] = through.argmax(axis=1)
        reached = through.max(axis=1) + scores[t]
        best = np.where((t < lengths)[:, None], reached, best)
    label = (best + chain.end).argmax(axis=1)
    row = np.arange(rows)
    for t in range(steps - 1, -1, -1):
        inside = t < lengths
        path[t, inside] = label[inside]
        if t > 0:
            label = np.where(inside, came_from[t, row, label], label)
    return path


def marginals(scores: Floats, lengths: Indices, chain: Chain) -> Array:
    """Return the probability of each label at each step, [T, B, C], 0 past the end of a sequence.

    By the forward and the backward sums (Rabiner 1989, eqs. 19–27), here of logarithms.
    """
    steps, rows, classes = scores.shape
    forward = np.empty((steps, rows, classes))
    found = np.zeros((steps, rows, classes))
    if steps == 0:
        return found
    forward[0] = chain.start + scores[0]
    for t in range(1, steps):
        forward[t] = _log_sum(forward[t - 1][:, :, None] + chain.transitions) + scores[t]
    backward = np.broadcast_to(chain.end, (rows, classes))
    for t in range(steps - 1, -1, -1):
        inside = t < lengths
        both = forward[t] + backward
        both -= both.max(axis=1, keepdims=True)
        share = np.exp(both)
        found[t, inside] = (share / share.sum(axis=1, keepdims=True))[inside]
        before = _log_sum((backward + scores[t])[:, :, None] + chain.transitions.T)
        backward = np.where(inside[:, None], before, backward)
    return found


def _log_sum(values: Array) -> Array:
    """Return the logarithm of the sum of exponentials over the second axis of `values` [B, C, D]."""
    most = values.max(axis=1)
    total: Array = np.log(np.exp(values - most[:, None]).sum(axis=1)) + most
    return total
