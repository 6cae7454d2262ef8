"""Labels of a chain and their probabilities, against every sequence of labels scored one by one."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from tests.estimators.chains import LENGTHS, every, made
from tests.tolerances import FLOAT64

from gatewise.answers.chain import FORBIDDEN, Chain, best_path, marginals


@pytest.mark.parametrize("forbid", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_best_path_is_the_best_of_all(seed: int, *, forbid: bool) -> None:
    scores, chain = made(seed, forbid=forbid)
    found = best_path(scores, LENGTHS, chain)
    for row, length in enumerate(LENGTHS):
        paths = every(scores[:length, row], chain)
        assert tuple(found[:length, row]) == max(paths, key=paths.__getitem__)
        assert (found[length:, row] == -1).all()


@pytest.mark.parametrize("forbid", [False, True])
def test_the_marginals_are_sums_over_all_paths(*, forbid: bool) -> None:
    scores, chain = made(forbid=forbid)
    found = marginals(scores, LENGTHS, chain)
    for row, length in enumerate(LENGTHS):
        wanted = np.zeros((len(scores), scores.shape[2]))
        paths = every(scores[:length, row], chain)
        total = sum(np.exp(score) for score in paths.values())
        for labels, score in paths.items():
            for t, label in enumerate(labels):
                wanted[t, label] += np.exp(score) / total
        np.testing.assert_allclose(found[:, row], wanted, rtol=FLOAT64, atol=FLOAT64)


def test_padding_is_never_looked_at() -> None:
    scores, chain = made()
    padding = np.arange(len(scores))[:, None] >= LENGTHS
    worse = np.where(padding[..., None], 1e3, scores)
    assert np.array_equal(best_path(scores, LENGTHS, chain), best_path(worse, LENGTHS, chain))
    assert np.array_equal(marginals(scores, LENGTHS, chain), marginals(worse, LENGTHS, chain))


def test_a_forbidden_transition_is_never_taken_whatever_the_steps_say() -> None:
    scores = np.zeros((2, 1, 2))
    scores[0, 0, 0] = scores[1, 0, 1] = 500.0
    transitions = np.array([[0.0, FORBIDDEN], [0.0, 0.0]])
    chain = Chain(np.zeros(2), transitions, np.zeros(2))
    assert best_path(scores, np.array([2]), chain)[:, 0].tolist() in ([0, 0], [1, 1])
    shares = marginals(scores, np.array([2]), chain)[:, 0]
    np.testing.assert_allclose(shares, 0.5)


def test_scores_of_any_size_give_probabilities() -> None:
    scores, chain = made()
    shares = marginals(scores * 1e4, LENGTHS, chain)
    inside = np.arange(len(scores))[:, None] < LENGTHS
    np.testing.assert_allclose(shares.sum(axis=2), inside, rtol=FLOAT64)


def test_equally_likely_labels_are_the_first() -> None:
    chain = Chain(np.zeros(3), np.zeros((3, 3)), np.zeros(3))
    assert (best_path(np.zeros((4, 1, 3)), np.array([4]), chain) == 0).all()


def test_no_steps_have_no_labels() -> None:
    chain = Chain(np.zeros(2), np.zeros((2, 2)), np.zeros(2))
    empty = np.zeros((0, 3, 2))
    assert best_path(empty, np.zeros(3, np.int64), chain).shape == (0, 3)
    assert marginals(empty, np.zeros(3, np.int64), chain).shape == (0, 3, 2)


def test_the_room_needs_no_torch() -> None:
    code = "import sys, gatewise.answers.chain; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
