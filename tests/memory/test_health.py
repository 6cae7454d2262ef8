"""Growth of states and their distance to known ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import ledoit_wolf
from tests.memory.loops import autoregression, record

from gatewise.errors import InputError, OptionError
from gatewise.memory import state_health
from gatewise.memory.records._distance import Reference, shrunk


def test_a_straight_growth_has_its_slope() -> None:
    state = np.stack([0.5 * np.arange(40), -0.25 * np.arange(40), np.full(40, 3.0)], axis=-1)
    state = np.tile(state[:, None, :], (1, 12, 1))
    state[:, ::2] += 7 * np.sign(state[:, ::2])  # each row has an intercept of its own
    found = state_health(state=state)
    assert np.allclose(found.slope, [0.5, 0.25, 0], atol=1e-14)
    assert np.allclose(found.slope_low, [0.5, 0.25, 0], atol=1e-13)
    assert found.growing.tolist() == [True, True, False]
    assert found.settings["from_step"] == 20
    assert (
        "2 of 3 units grow from step 20 on, most unit 0: by 0.5 (0.5 to 0.5) a step"
        in found.reading
    )


def test_growth_in_padded_rows_and_both_directions() -> None:
    steps, lengths = 60, [60, 45, 0, 52]
    state = np.full((1, 2, steps, 4, 1), np.nan)
    for row, length in enumerate(lengths):
        state[0, 0, :length, row, 0] = 0.1 * np.arange(length)
        state[0, 1, :length, row, 0] = 0.1 * np.arange(length)[::-1]
    found = state_health(state=state)
    assert np.allclose(found.slope, 0.1, rtol=1e-12)
    assert found.growing.all()
    assert np.allclose(found.size[0, 0, :45], 0.1 * np.arange(45))  # in the order of time
    assert np.isclose(found.size[0, 1, 0], np.sqrt(np.mean([5.9**2, 4.4**2, 5.1**2])))


def test_steady_states_are_not_called_growing() -> None:
    # Over 40 layers of 50 units that wander about a mean, hardly a layer may have a flag.
    rng = np.random.default_rng(0)
    flagged = sum(
        state_health(state=autoregression(rng, 0.9, 3000, 1, 50) + 1).growing.any()
        for _ in range(40)
    )
    assert flagged <= 5  # 2 expected of intervals that hold together at 95 %; 6 or more: 1.4 %


def test_slow_growth_under_noise_is_found() -> None:
    rng = np.random.default_rng(0)
    noise = 0.1 * autoregression(rng, 0.9, 4000, 1, 5)
    state = 1 + np.arange(4000)[:, None, None] * 1e-3 + noise
    found = state_health(state=state)
    assert found.growing.all()
    assert ((found.slope_low < 1e-3) & (found.slope_high > 1e-3)).sum() >= 4


def test_the_first_steps_from_zero_are_no_growth() -> None:
    state = np.tile((1 - 0.9 ** np.arange(400.0))[:, None, None], (1, 15, 1))
    assert not state_health(state=state).growing.any()
    assert state_health(state=state, from_step=0).growing.any()


def test_a_record() -> None:
    gates, _ = record("gru", [40, 30], layers=2, directions=2)
    found = state_health(gates)
    assert found.slope.shape == (2, 2, 3)
    size = np.sqrt(np.nanmean(gates["hidden"] ** 2, axis=(3, 4)))
    assert np.allclose(found.size, size, rtol=1e-14)
    assert found.distance is None
    assert "too few rows or steps for an interval" in state_health(gates, from_step=38).reading


def test_short_records_have_no_slope() -> None:
    for steps in (0, 1):
        found = state_health(state=np.ones((steps, 2, 1)))
        assert np.isnan(found.slope).all()
        assert "too short to tell" in found.reading


def test_the_shrunk_covariance_is_ledoit_and_wolfs() -> None:
    rng = np.random.default_rng(0)
    for count in (12, 60, 1000):
        states = rng.normal(size=(count, 8)) @ rng.normal(size=(8, 8))
        centred = states - states.mean(axis=0)
        ours = shrunk(centred.T @ centred / count, centred)
        assert np.allclose(ours, ledoit_wolf(states)[0], rtol=1e-10)


def test_the_distance_is_mahalanobis() -> None:
    rng = np.random.default_rng(1)
    known = rng.normal(size=(50, 12, 4)) @ rng.normal(size=(4, 4)) + 2
    new = rng.normal(size=(30, 3, 4))
    found = state_health(state=new, reference=known)
    flat = known.reshape(-1, 4)
    inverse = np.linalg.inv(ledoit_wolf(flat)[0])
    expected = [[mahalanobis(c, flat.mean(axis=0), inverse) / 2 for c in row] for row in new]
    assert found.distance is not None
    assert np.allclose(found.distance, expected, rtol=1e-8)
    z = np.abs(new - flat.mean(axis=0)).mean(axis=(0, 1)) / flat.std(axis=0)
    assert found.unit_distance is not None
    assert np.allclose(found.unit_distance, z, rtol=1e-12)


def test_states_of_the_same_kind_are_inside_and_others_outside() -> None:
    rng = np.random.default_rng(2)
    mix = rng.normal(size=(6, 6))
    draw = [autoregression(rng, 0.8, 300, 20, 6) @ mix for _ in range(2)]
    same = state_health(state=draw[0], reference=draw[1])
    assert same.outside is not None
    assert 0.003 <= same.outside <= 0.03
    far = state_health(state=draw[0] + 8 * mix[0], reference=draw[1])
    assert far.outside is not None
    assert far.outside > 0.95
    assert "of the states are farther from the reference than 99 % of its own." in far.reading


def test_an_unusual_combination_of_usual_values_is_outside() -> None:
    # Two units that always agree: apart they are as usual as ever, unit by unit nothing is seen.
    rng = np.random.default_rng(3)
    known = np.repeat(rng.normal(size=(200, 12, 1)), 2, axis=-1)
    known += 0.01 * rng.normal(size=known.shape)
    found = state_health(state=known * [1, -1], reference=known)
    assert found.outside is not None
    assert found.outside > 0.9
    assert found.unit_distance is not None
    assert (found.unit_distance < 1).all()


def test_by_place_and_in_time() -> None:
    gates, _ = record("lstm", [40, 0, 35], layers=2, directions=2)
    known, _ = record("lstm", [40, 40], layers=2, directions=2, seed=5)
    found = state_health(gates, reference=known)
    assert found.distance is not None
    assert found.distance.shape == (2, 2, 40, 3)
    for place in np.ndindex(2, 2):
        states = known["cell"][place]
        expected = Reference(states, np.ones(states.shape[:2], dtype=bool)).distance(
            gates["cell"][*place, :35, 2]
        )
        assert np.allclose(found.distance[*place, :35, 2], expected, rtol=1e-12)
    assert np.isnan(found.distance[:, :, 35:, 2]).all()
    assert np.isnan(found.distance[:, :, :, 1]).all()


def test_a_reference_that_stands_still() -> None:
    found = state_health(state=np.array([0.0, 1.0])[:, None, None], reference=np.zeros((20, 1, 1)))
    assert found.distance is not None
    assert found.distance.ravel().tolist() == [0, np.inf]
    assert found.outside == 0.5
    assert found.unit_distance == np.inf


def test_bad_input() -> None:
    state = np.ones((30, 2, 3))
    with pytest.raises(
        InputError, match=r"reference has leading axes .* and 2 units; the record has"
    ):
        state_health(state=state, reference=state[..., :2])
    with pytest.raises(InputError, match="reference holds 8 states, 4 and 4 in the halves"):
        state_health(state=state, reference=state[:4])
    with pytest.raises(OptionError, match="from_step must not be negative; got -1"):
        state_health(state=state, from_step=-1)
    with pytest.raises(InputError, match="state is missing"):
        state_health()
