"""Every sequence of labels of a small chain, scored one by one: the oracle of the chain's sums."""

from __future__ import annotations

from itertools import product

import numpy as np

from gatewise.answers.chain import FORBIDDEN, Chain
from gatewise.typing import Array

STEPS, LENGTHS, CLASSES = 5, np.array([3, 5, 0, 1, 4]), 3


def made(seed: int = 0, classes: int = CLASSES, *, forbid: bool = False) -> tuple[Array, Chain]:
    """Return random scores [T, B, C] and a random chain, in it one transition that may not be."""
    draw = np.random.default_rng(seed)
    scores = draw.normal(size=(STEPS, len(LENGTHS), classes)) * 2
    transitions = draw.normal(size=(classes, classes))
    if forbid:
        transitions[0, 1] = FORBIDDEN
    return scores, Chain(draw.normal(size=classes), transitions, draw.normal(size=classes))


def score(scores: Array, labels: tuple[int, ...], chain: Chain) -> float:
    """Return the score of the labels of one sequence, `scores` [L, C], term by term."""
    total = chain.start[labels[0]] + chain.end[labels[-1]]
    for t, label in enumerate(labels):
        total += scores[t, label]
        if t > 0:
            total += chain.transitions[labels[t - 1], label]
    return float(total)


def every(scores: Array, chain: Chain) -> dict[tuple[int, ...], float]:
    """Return the score of every sequence of labels; of no steps there is one, and its score is 0."""
    steps, classes = scores.shape
    if steps == 0:
        return {(): 0.0}
    return {
        labels: score(scores, labels, chain) for labels in product(range(classes), repeat=steps)
    }
