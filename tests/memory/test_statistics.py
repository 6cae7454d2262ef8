"""Intervals: do they hold the truth as often as they say, and admit when they cannot?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from tests.memory.loops import autoregression

from gatewise.errors import OptionError
from gatewise.memory.intervals import (
    MAX_GROUPS,
    MIN_GROUPS,
    Sampling,
    groups_of,
    jackknife_interval,
    ratio_interval,
    share_interval,
    slope_error,
    student_quantile,
)

RUNS = 200
# Of 200 intervals at 95 %, fewer than 180 hold the truth with probability 0.0018.
FEWEST = 180


def whole(values: np.ndarray) -> np.ndarray:
    return np.ones(values.shape[:2], dtype=bool)


@pytest.mark.parametrize("freedom", [9, 12, 20, 50, 499])
@pytest.mark.parametrize("p", [0.9, 0.975, 0.995])
def test_students_quantile(p: float, freedom: int) -> None:
    assert np.isclose(student_quantile(p, freedom), stats.t.ppf(p, freedom), rtol=2e-3)
    assert np.isclose(student_quantile(p, 4), stats.t.ppf(p, 4), rtol=2e-2)
    assert np.isclose(student_quantile(1 - p, freedom), -student_quantile(p, freedom))


@pytest.mark.parametrize(
    ("rows", "steps", "r"), [(12, 40, 0.9), (1, 2000, 0.9), (3, 700, 0.5), (1, 300, 0)]
)
def test_a_mean_is_held_as_often_as_said(rows: int, steps: int, r: float) -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(RUNS):
        values = autoregression(rng, r, steps, rows, 1) + 3
        groups = groups_of(whole(values), Sampling())
        assert groups.kind == ("rows" if rows >= MIN_GROUPS else "blocks")
        low, high = ratio_interval(
            groups.sums(values), groups.sums(np.ones(values.shape[:2])), groups, Sampling()
        )
        held += int(low[0] <= 3 <= high[0])
    assert FEWEST <= held < RUNS


def test_steps_taken_as_independent_would_not_hold() -> None:
    # The same check fails when blocks of one step are forced: it can tell the difference.
    rng = np.random.default_rng(1)
    held, sampling = 0, Sampling(block=1)
    for _ in range(RUNS):
        values = autoregression(rng, 0.9, 300, 1, 1)
        groups = groups_of(whole(values), sampling)
        low, high = ratio_interval(
            groups.sums(values), groups.sums(np.ones(values.shape[:2])), groups, sampling
        )
        held += int(low[0] <= 0 <= high[0])
    assert held < 150


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_a_share_is_held_as_often_as_said(share: float) -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(RUNS):
        values = autoregression(rng, 0.8, 1500, 1, 1)
        hit = (values < stats.norm.ppf(share)).astype(float)
        groups = groups_of(whole(values), Sampling())
        trials = groups.sums(np.ones(values.shape[:2]))
        low, high = share_interval(groups.sums(hit), trials, groups, Sampling())
        held += int(low[0] <= share <= high[0])
    assert held >= FEWEST


def test_a_share_of_nothing_stays_open() -> None:
    hit = np.zeros((50, 20, 2))
    hit[:, :, 1] = 1
    groups = groups_of(whole(hit), Sampling())
    trials = groups.sums(np.ones((50, 20)))
    low, high = share_interval(groups.sums(hit), trials, groups, Sampling())
    assert low[0] == 0
    assert high[1] == 1
    t = student_quantile(0.975, 19)
    assert np.isclose(high[0], t**2 / 20 / (1 + t**2 / 20))  # Wilson's, of 20 rows without a hit
    assert np.isclose(low[1], 1 - high[0])


def test_few_rows_and_steps_have_no_interval() -> None:
    values = np.ones((5, 9, 2))
    groups = groups_of(whole(values), Sampling())
    assert not groups.enough
    trials = np.ones(groups.count)
    assert groups.kind == "blocks"
    for function in (ratio_interval, share_interval):
        low, high = function(groups.sums(values), trials, groups, Sampling())
        assert low.shape == (2,)
        assert np.isnan(low).all()
        assert np.isnan(high).all()
    assert np.isnan(jackknife_interval(2.0, np.ones(9), Sampling())).all()
    error, freedom = slope_error(groups.sums(values), trials, trials, groups)
    assert np.isnan(error).all()
    assert freedom == 0


@pytest.mark.parametrize(("rows", "steps"), [(12, 60), (1, 3000)])
def test_a_slope_is_held_as_often_as_said(rows: int, steps: int) -> None:
    rng = np.random.default_rng(5)
    held = 0
    time = np.broadcast_to(np.arange(steps)[:, None] - (steps - 1) / 2, (steps, rows))
    for _ in range(RUNS):
        values = autoregression(rng, 0.9, steps, rows, 1) + 0.01 * time[:, :, None]
        groups = groups_of(whole(values), Sampling())
        leaning = time[:, :, None] * (values - values.mean(axis=0))
        squares, counts = groups.sums(time**2), groups.sums(np.ones(time.shape))
        error, freedom = slope_error(groups.sums(leaning), squares, counts, groups)
        slope = leaning.sum(axis=(0, 1)) / (time**2).sum()
        held += int(abs(slope[0] - 0.01) <= student_quantile(0.975, freedom) * error[0])
    assert FEWEST <= held < RUNS


def test_rows_without_a_step_are_no_group() -> None:
    values = np.ones((4, 14, 1))
    valid = whole(values)
    valid[:, ::3] = False
    groups = groups_of(valid, Sampling())
    assert groups.count == 9
    assert not groups.enough
    assert groups_of(np.ones((0, 3), dtype=bool), Sampling()).count == 0


def test_sums_and_labels_agree() -> None:
    rng = np.random.default_rng(3)
    lengths = np.array([0, 300, 7, 123])
    valid = np.arange(300)[:, None] < lengths
    values = np.where(valid[:, :, None], rng.normal(size=(300, 4, 2)), np.nan)
    for block in (1, 7, 299):
        groups = groups_of(valid, Sampling(block=block))
        sums, labels = groups.sums(values), groups.labels()
        assert labels.shape == valid.shape
        for k in range(groups.count):
            own = valid & (labels == k)
            assert own.any()
            assert np.allclose(sums[k], values[own].sum(axis=0), rtol=1e-12, atol=1e-12)


def test_many_rows_are_joined_without_loss() -> None:
    values = np.ones((2, 3 * MAX_GROUPS + 1, 1))
    groups = groups_of(whole(values), Sampling())
    assert groups.count == MAX_GROUPS
    assert groups.sums(values).sum() == values.sum()


def test_infinite_logs_are_drawn_or_not() -> None:
    values = np.zeros((1, 20, 1))
    values[0, 0] = -np.inf
    groups = groups_of(whole(values), Sampling())
    low, high = ratio_interval(groups.sums(values), np.ones(20), groups, Sampling())
    assert low == -np.inf  # one row in twenty is drawn in 64 % of the resamples
    assert high == 0


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(4).normal(size=(1, 30, 3))
    groups = groups_of(whole(values), Sampling())
    one, same, other = (
        ratio_interval(groups.sums(values), np.ones(30), groups, Sampling(seed=seed))
        for seed in (0, 0, 1)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 95}, "level must lie between 0 and 1, as 0.95 does; got 95"),
        ({"resamples": 10}, "resamples must be at least 100; got 10"),
        ({"block": 0}, "block must be at least 1 step, or None; got 0"),
    ],
)
def test_bad_options(options, message) -> None:
    with pytest.raises(OptionError, match=message):
        Sampling(**options)
