"""Temperature and reliability: the known answer is found, the order of classes stays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gatewise.errors import InputError
from gatewise.estimators.scores.calibration import Temperature, fit_temperature, reliability
from gatewise.estimators.scores.probabilities import losses


def sample(temperature: float, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Return labels drawn from probabilities, and these as a model would give that is that far off."""
    generator = np.random.default_rng(0)
    scores = 2 * generator.normal(size=(n, 3))
    true = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    labels = (generator.random(n)[:, None] > true.cumsum(axis=1)).sum(axis=1)
    told = np.exp(scores * temperature)
    return labels, told / told.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_the_labels_were_drawn_with_is_found(temperature: float) -> None:
    labels, told = sample(temperature)
    found = fit_temperature(labels, told)
    assert abs(found.value / temperature - 1) < 0.05
    after = found.apply(told)
    assert np.array_equal(after.argmax(axis=1), told.argmax(axis=1))
    assert np.allclose(after.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert reliability(labels, after).ece < 0.015
    if temperature != 1.0:
        assert reliability(labels, told).ece > 0.05


def test_no_other_temperature_has_a_smaller_loss() -> None:
    labels, told = sample(2.0, 500)
    found = fit_temperature(labels, told)
    best = losses(labels, found.apply(told)).mean()
    for other in (found.value * 0.99, found.value * 1.01):
        assert losses(labels, Temperature(other).apply(told)).mean() > best


def test_weights_count_as_repetition_does_and_unknown_labels_do_not() -> None:
    labels, told = sample(2.0, 300)
    weights = np.random.default_rng(1).integers(1, 4, 300)
    repeated = np.repeat(np.arange(300), weights)
    plain = fit_temperature(labels[repeated], told[repeated])
    assert abs(fit_temperature(labels, told, weights).value / plain.value - 1) < 1e-9
    unknown = fit_temperature(np.append(labels, -1), np.append(told, told[:1], axis=0), None)
    assert unknown.value == fit_temperature(labels, told).value
    assert unknown.items == 300


def test_labels_that_are_all_right_stop_at_the_bound_and_few_change_nothing() -> None:
    labels = np.tile([0, 1], 100)
    told = np.where(np.eye(2)[labels] > 0, 0.9, 0.1)
    found = fit_temperature(labels, told)
    assert found.at_bound
    assert "bound" in found.text()
    few = fit_temperature(labels[:20], told[:20])
    assert (few.value, few.too_few) == (1.0, True)
    assert "20 labels" in few.text()
    assert fit_temperature(np.zeros(100, dtype=int), told[:100]).too_few
    assert Temperature.from_json(found.to_json()) == found
    with pytest.raises(InputError, match="NaN"):
        fit_temperature(labels, told * np.nan)


def test_a_table_of_reliability_by_hand() -> None:
    told = np.array([[0.95, 0.05], [0.92, 0.08], [0.4, 0.6], [0.5, 0.5]])
    found = reliability([0, 1, 1, -1], told, bins=10)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    assert found.accuracy[5] == 1.0
    assert found.accuracy[9] == 0.5
    assert abs(found.confidence[9] - 0.935) < 1e-12
    assert abs(found.ece - (2 * 0.435 + 0.4) / 3) < 1e-12
    assert abs(found.brier - (2 * 0.05**2 + 2 * 0.92**2 + 2 * 0.4**2) / 3) < 1e-12
    empty = reliability([-1], told[:1])
    assert math.isnan(empty.ece)
    assert math.isnan(empty.brier)
