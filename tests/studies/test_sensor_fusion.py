"""The floors of `sensor-fusion` against the joint distribution of states and readings."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from studies.sensor_fusion import study

STEPS = 5


def joint(noise: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the covariance of all readings, and that of the last state with each."""
    time = np.repeat(np.arange(len(noise)), study.SENSORS)
    states = study.KEPT ** np.abs(time[:, None] - time)
    return np.asarray(states + np.diag(noise.ravel())), study.KEPT ** (len(noise) - 1 - time)


def conditional(
    readings: NDArray[np.float64], noise: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return mean and variance of the last state given readings `[T, 2]`, and their log density."""
    own, shared = joint(noise)
    weights = np.linalg.solve(own, shared)
    y = readings.ravel()
    density = stats.multivariate_normal(np.zeros(len(y)), own).logpdf(y)
    return float(weights @ y), float(1 - weights @ shared), float(density)


@pytest.fixture(scope="module")
def world() -> tuple[torch.Tensor, torch.Tensor]:
    _, readings, bad = study.world(3, STEPS, torch.Generator().manual_seed(4))
    return readings.double(), bad


def test_kalman_is_the_conditional_of_the_joint_distribution(
    world: tuple[torch.Tensor, torch.Tensor],
) -> None:
    readings, bad = world
    means, variances = study.kalman(readings, bad)
    for row, step in itertools.product(range(3), range(STEPS)):
        noise = study.NOISE.double()[bad[: step + 1, row]].numpy()
        mean, variance, _ = conditional(readings[: step + 1, row].numpy(), noise)
        assert float(means[step, row]) == pytest.approx(mean, rel=1e-9)
        assert float(variances[step, row]) == pytest.approx(variance, rel=1e-9)


def test_the_replay_weighs_every_way_the_flags_may_have_been(
    world: tuple[torch.Tensor, torch.Tensor],
) -> None:
    readings, bad = world
    found = study.replayed(readings, bad)
    for row, step in itertools.product(range(3), range(study.LATE, STEPS)):
        known = bad[: step + 1 - study.LATE, row].numpy()
        logs, means = [], []
        for way in itertools.product((0, 1), repeat=study.LATE * study.SENSORS):
            flags = np.concatenate((known, np.reshape(way, (study.LATE, study.SENSORS))))
            noise = study.NOISE.double().numpy()[flags]
            mean, _, log = conditional(readings[: step + 1, row].numpy(), noise)
            switched = np.diff(flags, axis=0) != 0
            logs.append(log + np.log(np.where(switched, study.SWITCH, 1 - study.SWITCH)).sum())
            means.append(mean)
        weights = np.exp(np.array(logs) - max(logs))
        expected = float(weights @ np.array(means) / weights.sum())
        assert float(found[step, row]) == pytest.approx(expected, rel=1e-9)


def test_states_and_flags_are_those_of_the_model() -> None:
    state, readings, bad = study.world(20_000, 12, torch.Generator().manual_seed(0))
    assert float(state[-1].var()) == pytest.approx(1, abs=0.03)
    assert float((state[-1] * state[-2]).mean()) == pytest.approx(study.KEPT, abs=0.03)
    assert float((bad[-1] != bad[-2]).float().mean()) == pytest.approx(study.SWITCH, abs=0.01)
    apart = readings - state[..., None]
    for kind in (0, 1):
        expected = float(study.NOISE[kind])
        assert float(apart[bad == kind].var()) == pytest.approx(expected, rel=0.03)


def test_a_held_gate_stands_still_and_the_others_move() -> None:
    torch.manual_seed(0)
    model = study.Fuser(4)
    x, _, _ = study.batch("late", 3, 15, torch.Generator().manual_seed(1))
    still = study.held(model, "output", x)
    mean = study.opening(model, "output", x)[study.WARM :].mean((0, 1))
    torch.testing.assert_close(study.opening(still, "output", x)[0, 0], mean)
    assert float(study.opening(still, "output", x).std((0, 1)).max()) < 1e-6
    assert float(study.opening(still, "input", x).std((0, 1)).min()) > 1e-4


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order() -> None:
    draws = torch.Generator().manual_seed(2)
    values, flags = torch.rand(40, 3, generator=draws), torch.rand(40, generator=draws) < 0.3
    ones, others = values[flags], values[~flags]
    pairs = (ones[:, None] > others).double().mean((0, 1))
    torch.testing.assert_close(study.auc(values, flags), pairs)
