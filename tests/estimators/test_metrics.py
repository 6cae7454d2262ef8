"""Metrics against answers known by hand and laws that hold for any data."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gatewise.errors import InputError
from gatewise.estimators.forecaster import metrics
from gatewise.estimators.forecaster.metrics import METRICS

RNG_SEED = 7


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(RNG_SEED).normal(3.0, 2.0, size=(40, 3))


def test_perfect_prediction(truth: np.ndarray) -> None:
    found = metrics.scores(truth, truth)
    plain = [name for name, metric in METRICS.items() if not metric.levels and not metric.scaled]
    assert list(found) == plain
    assert (found["nse"], found["rmse"], found["mae"]) == (1.0, 0.0, 0.0)


def test_mean_has_nse_zero_and_rmse_equal_to_the_standard_deviation(truth: np.ndarray) -> None:
    mean = np.full_like(truth, truth.mean())
    assert metrics.nse(truth, mean) == pytest.approx(0.0, abs=1e-12)
    assert metrics.rmse(truth, mean) == pytest.approx(truth.std())


def test_hand_worked_values() -> None:
    truth, prediction = [1.0, 2.0, 3.0, 6.0], [2.0, 2.0, 1.0, 3.0]
    assert metrics.mae(truth, prediction) == pytest.approx(6 / 4)
    assert metrics.rmse(truth, prediction) == pytest.approx(math.sqrt(14 / 4))
    assert metrics.nse(truth, prediction) == pytest.approx(0.0)  # 1 - 14 / 14


def test_nse_does_not_depend_on_unit_or_offset(truth: np.ndarray) -> None:
    prediction = truth + np.random.default_rng(1).normal(size=truth.shape)
    changed = metrics.nse(40.0 * truth - 11.0, 40.0 * prediction - 11.0)
    assert changed == pytest.approx(metrics.nse(truth, prediction))


def test_nse_of_a_constant_truth_is_nan() -> None:
    assert math.isnan(metrics.nse([2.0, 2.0], [2.0, 3.0]))


def test_smape_by_hand() -> None:
    # 200 * 1 / 3, 0 of a truth and prediction that are 0, 200 where one of them is.
    assert metrics.smape([1.0, 0.0, 5.0], [2.0, 0.0, 0.0]) == pytest.approx((200 / 3 + 0 + 200) / 3)


def test_kge_by_hand(truth: np.ndarray) -> None:
    # Twice as high and wide, and perfectly correlated: both ratios are off by 1.
    assert metrics.kge([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]) == pytest.approx(1 - math.sqrt(2))
    assert metrics.kge([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == pytest.approx(1 - 2)
    assert metrics.kge(truth, truth) == pytest.approx(1.0)
    assert metrics.kge([1.0, 3.0], [2.0, 2.0]) == pytest.approx(1 - math.sqrt(2))
    for t, p in (([2.0, 2.0], [1.0, 3.0]), ([-1.0, 1.0], [0.0, 1.0])):
        assert math.isnan(metrics.kge(t, p))


def test_biases_by_hand() -> None:
    assert metrics.percent_bias([1.0, 3.0], [1.0, 5.0]) == pytest.approx(50.0)
    assert math.isnan(metrics.percent_bias([-1.0, 3.0], [1.0, 5.0]))
    assert math.isnan(metrics.percent_bias([0.0, 0.0], [1.0, 5.0]))
    flow = np.ones(100)
    flow[[20, 60]] = 10.0  # the highest 2 %
    late = np.roll(flow, 1)
    assert metrics.peak_bias(flow, late) == pytest.approx(-90.0)
    assert metrics.high_flow_bias(flow, late) == 0.0
    assert metrics.high_flow_bias(flow, flow * 0.8) == pytest.approx(-20.0)
    assert metrics.peak_bias(flow, flow * 0.8) == pytest.approx(-20.0)
    assert math.isnan(metrics.high_flow_bias(flow[:49], flow[:49]))


def test_scaled_scores_by_hand() -> None:
    truth = np.array([[10.0, 12.0], [100.0, 140.0]])
    point = truth + np.array([[1.0, -3.0], [20.0, 0.0]])
    found = metrics.scores(truth, point, naive=([2.0, 10.0], [4.0, 5.0]))
    assert found["mase"] == pytest.approx((1 / 2 + 3 / 2 + 20 / 10 + 0) / 4)
    assert found["rmsse"] == pytest.approx(math.sqrt((1 / 16 + 9 / 16 + 16 + 0) / 4))
    # A series without a naive error has no part in it.
    found = metrics.scores(truth, point, naive=([2.0, math.nan], [4.0, math.nan]))
    assert found["mase"] == pytest.approx((1 / 2 + 3 / 2) / 2)


def test_pinball_at_the_median_is_half_the_mae(truth: np.ndarray) -> None:
    point = truth[::-1]
    loss = metrics.pinball(truth, point[..., None], [0.5])
    assert loss == pytest.approx(metrics.mae(truth, point) / 2)


def test_pinball_by_hand() -> None:
    # Level .9: too low by 10 costs 9, too high by 10 costs 1.
    quantiles = np.array([[0.0], [20.0]])
    assert metrics.pinball([10.0, 10.0], quantiles, [0.9]) == pytest.approx(5.0)


def test_pinball_is_least_at_the_true_quantile() -> None:
    sample = np.random.default_rng(RNG_SEED).exponential(size=4001)
    candidates = np.linspace(0.0, 5.0, 501)
    losses = [metrics.pinball(sample, np.full((sample.size, 1), c), [0.8]) for c in candidates]
    best = candidates[int(np.argmin(losses))]
    assert best == pytest.approx(np.quantile(sample, 0.8), abs=0.01)


def test_coverage_counts_the_bounds_as_inside() -> None:
    quantiles = np.tile([1.0, 2.0, 3.0], (5, 1))
    assert metrics.coverage([0.9, 1.0, 2.5, 3.0, 3.1], quantiles) == pytest.approx(3 / 5)


def test_unknown_truth_is_left_out(truth: np.ndarray) -> None:
    prediction = truth + 0.5
    quantiles = np.stack([truth - 1.0, truth + np.arange(3.0) - 0.5], axis=-1)
    holed = truth.copy()
    holed[5:12] = np.nan
    seen = ~np.isnan(holed)
    naive = (np.full(40, 2.0), np.full(40, 3.0))
    whole = metrics.scores(holed, prediction, quantiles, [0.1, 0.9], naive)
    rows = seen.all(axis=1)
    naive = (naive[0][rows], naive[1][rows])
    part = metrics.scores(truth[rows], prediction[rows], quantiles[rows], [0.1, 0.9], naive)
    assert whole == pytest.approx(part, nan_ok=True)
    assert set(whole) == set(METRICS) >= {"nse", "rmse", "mae", "pinball", "coverage"}


def test_nan_prediction_is_not_hidden(truth: np.ndarray) -> None:
    point = truth.copy()
    point[3, 1] = np.nan
    quantiles = np.stack([point - 1, point + 1], axis=-1)
    naive = (np.ones(40), np.ones(40))
    values = metrics.scores(np.abs(truth), point, quantiles, [0.1, 0.9], naive)
    assert set(values) == set(METRICS)
    assert all(math.isnan(value) for value in values.values())


def test_no_known_truth_gives_nan() -> None:
    nothing = np.full((2, 2), np.nan)
    naive = (np.ones(2), np.ones(2))
    values = metrics.scores(nothing, np.ones((2, 2)), np.ones((2, 2, 2)), [0.1, 0.9], naive)
    assert len(values) == len(METRICS)
    assert all(math.isnan(value) for value in values.values())


def test_one_level_has_no_coverage(truth: np.ndarray) -> None:
    assert "coverage" not in metrics.scores(truth, truth, truth[..., None], [0.5])


@pytest.mark.parametrize(
    "call",
    [
        lambda t: metrics.rmse(t, t[:-1]),
        lambda t: metrics.mae(t, t[:, :2]),
        lambda t: metrics.nse(t, t[..., None]),
        lambda t: metrics.pinball(t, t, [0.5]),
        lambda t: metrics.pinball(t, t[..., None], [0.1, 0.9]),
        lambda t: metrics.coverage(t, t[:-1, :, None]),
    ],
)
def test_shapes_that_do_not_fit_are_refused(call: object, truth: np.ndarray) -> None:
    with pytest.raises(InputError, match="shape"):
        call(truth)  # type: ignore[operator]
