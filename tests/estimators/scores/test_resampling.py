"""Bootstrap over groups: the draws, the intervals' honesty, and when there is none."""

from __future__ import annotations

import numpy as np
import pytest

from gatewise.errors import InputError
from gatewise.estimators.scores.resampling import Draws, Groups, groups_of, interval


def test_the_first_sum_is_the_sample_and_others_are_of_whole_groups() -> None:
    groups = Groups(np.repeat(np.arange(12), 3), 12)
    values = np.arange(36.0)
    draws = Draws(groups, draws=50, seed=3)
    sums = draws.sums(np.stack([values, np.ones(36)], axis=1))
    assert sums.shape == (51, 2)
    assert np.array_equal(sums[0], [values.sum(), 36])
    assert np.array_equal(sums[:, 1], np.full(51, 36))  # groups of equal size
    by_items = draws.weights(50) @ values
    assert np.allclose(by_items, sums[:, 0], rtol=1e-13, atol=0)
    table = draws.tables(np.zeros(36, dtype=int), np.arange(36) % 2, 2, np.ones(36))
    assert np.array_equal(table.sum(axis=(1, 2)), np.full(51, 36))


def test_the_same_seed_draws_the_same() -> None:
    groups = Groups(np.arange(40), 40)
    values = np.random.default_rng(0).normal(size=40)
    first, again = (Draws(groups, seed=5).sums(values) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, Draws(groups, seed=6).sums(values))


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Steps of one sequence share its level: intervals over single steps would hold it half as often."""
    generator = np.random.default_rng(1)
    held = []
    for _ in range(200):
        values = np.repeat(generator.normal(size=40), 8) + 0.3 * generator.normal(size=320)
        draws = Draws(groups_of(np.full(40, 8), per_step=True), draws=300)
        found = interval(draws.sums(values) / 320)
        held.append(found.low <= 0 <= found.high)
    assert 0.88 <= np.mean(held) <= 0.99  # 95 %, less what percentiles of 40 groups lose


def test_many_groups_are_thrown_together_and_the_interval_stays() -> None:
    values = np.random.default_rng(2).normal(size=6000)
    found = interval(Draws(Groups(np.arange(6000), 6000)).sums(values) / 6000)
    assert abs((found.high - found.low) / (2 * 1.96 / np.sqrt(6000)) - 1) < 0.15


def test_few_groups_have_no_interval_and_say_so() -> None:
    groups = Groups(np.repeat(np.arange(3), 5), 3)
    found = interval(Draws(groups).sums(np.ones(15)))
    assert found.value == 15
    assert not found.known
    assert groups.text == "No intervals: 3 sequences are too few to draw from."


def test_steps_of_few_long_sequences_are_cut_into_blocks() -> None:
    groups = groups_of([2000, 1000, 0], per_step=True)
    assert groups.count == 30
    assert np.bincount(groups.of).max() <= 101
    assert groups.of[1999] != groups.of[2000]  # no block spans two sequences
    assert "30 blocks of about 100 consecutive steps, drawn" in groups.text
    short = groups_of([100, 60], per_step=True)
    assert short.count == 2
    assert groups_of([5, 0, 7], per_step=True).count == 2


def test_sequences_of_one_group_stay_together() -> None:
    groups = groups_of([3, 2, 4], ["b", "a", "b"])
    assert groups.of.tolist() == [1, 0, 1]
    assert groups.noun == "group"
    assert groups.take([True, False, True]).count == 1
    with pytest.raises(InputError, match="2 group names for 3 sequences"):
        groups_of([3, 2, 4], ["a", "b"])


def test_scores_that_some_draws_do_not_have() -> None:
    values = np.array([0.5, *np.linspace(0, 1, 100)])
    values[3] = np.nan
    assert interval(values).known
    values[1:11] = np.nan
    assert not interval(values).known
