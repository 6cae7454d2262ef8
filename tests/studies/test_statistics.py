"""The statistics that studies share, against cases whose answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from studies.common.statistics import hac_error, jackknife, loss_ratio, same_time


def test_the_error_of_a_mean_by_hand() -> None:
    # Deviations -1, 1, -2, 2 of the mean 3: sum of squares 10, of neighbours' products -1 - 2 - 4 = -7.
    series = [2.0, 4.0, 1.0, 5.0]
    assert hac_error(series, 0) == pytest.approx(np.sqrt(10) / 4)
    # One lag weighs 1 - 1/2, once for each side.
    assert hac_error(series, 1) == pytest.approx(np.sqrt(10 - 7) / 4)


def test_the_error_of_a_moving_average_is_that_of_theory() -> None:
    noise = np.random.default_rng(0).normal(size=200_001)
    series = noise[1:] + 0.8 * noise[:-1]
    # The mean of n values has variance (1 + theta)^2 / n; taken for independent, (1 + theta^2) / n.
    assert hac_error(series, 60) == pytest.approx(1.8 / np.sqrt(len(series)), rel=0.03)
    assert hac_error(series, 0) == pytest.approx(np.sqrt(1.64 / len(series)), rel=0.03)


def test_diebold_mariano_rejects_as_often_as_it_says() -> None:
    draws, rejected, covered = np.random.default_rng(1), 0, 0
    for _ in range(400):
        noise = draws.normal(size=(2, 1501))
        one, other = np.square(noise[:, 1:] + noise[:, :-1])
        found = loss_ratio(one, other, 10)
        rejected += found.p_value < 0.05
        covered += abs(found.ratio - 1) < 1.96 * found.error
    assert stats.binomtest(rejected, 400, 0.05).pvalue > 0.01
    assert stats.binomtest(covered, 400, 0.95).pvalue > 0.01


def test_a_better_forecast_is_told_and_an_equal_one_is_not() -> None:
    noise = np.random.default_rng(2).normal(size=(2, 1000))
    found = loss_ratio(np.square(0.8 * noise[0]), np.square(noise[1]), 5)
    assert found.ratio == pytest.approx(0.64, abs=0.1)
    assert found.p_value < 1e-3
    same = loss_ratio(np.square(noise[0]), np.square(noise[0]), 5)
    assert (same.ratio, same.error, same.p_value) == (1.0, 0.0, 1.0)


def test_seeds_that_share_their_time_do_not_make_it_longer() -> None:
    found = same_time([0.9, 0.9, 0.9], [0.1, 0.1, 0.1])
    assert found.low == pytest.approx(0.9 - 1.96 * 0.1, abs=1e-3)
    apart = same_time([0.8, 0.9, 1.0], [0.1, 0.1, 0.1])
    assert apart.high - 0.9 == pytest.approx(1.96 * np.hypot(0.1, 0.1 / np.sqrt(3)), abs=1e-3)


def test_the_jackknife_of_a_mean_is_its_t_interval() -> None:
    values = np.random.default_rng(3).normal(size=9)
    found = jackknife(values, lambda rows: float(rows.mean()))
    low, high = stats.t.interval(0.95, 8, loc=values.mean(), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize("sets", [6, 30])
def test_the_jackknife_covers_a_ratio_of_variances(sets: int) -> None:
    draws, covered = np.random.default_rng(2), 0
    for _ in range(400):
        # Two students' answers to five sequences, alike on the same set.
        shared = draws.normal(size=(sets, 5))
        pairs = np.stack(
            [scale * (shared + draws.normal(size=(sets, 5))) for scale in (1.2, 1.0)], axis=1
        )
        found = jackknife(pairs, log_of_ratio)
        covered += found.low <= 2 * np.log(1.2) <= found.high
    assert 0.92 * 400 <= covered <= 0.98 * 400


def log_of_ratio(rows: np.ndarray[Any, Any]) -> float:
    """Return the logarithm of one variance over the other."""
    one, other = rows.var(axis=0, ddof=1).mean(axis=1)
    return float(np.log(one / other))
