"""Timescales of known gates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.errors import InputError
from gatewise.memory import gate_timescale


@given(st.floats(0.01, 1e4))
def test_a_constant_gate_has_its_own_timescale(tau: float) -> None:
    keep = np.full((2, 1, 7, 3, 4), np.exp(-1 / tau))
    assert np.allclose(gate_timescale(keep), tau, rtol=1e-9)
    assert gate_timescale(keep).shape == (2, 1, 4)


def test_the_geometric_mean_over_time_and_batch_counts() -> None:
    keep = np.array([[[0.5], [0.25]], [[0.125], [0.5]]])  # [T, B, H]: logs -1 -2 -3 -1, in log 2
    assert np.allclose(gate_timescale(keep), 4 / (7 * np.log(2)), rtol=1e-14)


def test_padding_is_left_out() -> None:
    keep = np.array([[[0.5], [0.5]], [[0.5], [np.nan]], [[np.nan], [np.nan]]])
    assert np.allclose(gate_timescale(keep), 1 / np.log(2), rtol=1e-14)
    assert np.isnan(gate_timescale(np.full((2, 1, 1), np.nan))).all()


def test_extremes() -> None:
    keep = np.array([[[1.0, 0.0, 0.5]], [[1.0, 0.5, 1.0]]])
    tau = gate_timescale(keep)
    assert tau[0] == np.inf
    assert tau[1] == 0
    assert np.isclose(tau[2], 2 / np.log(2))


def test_axes() -> None:
    keep = np.array([[0.5, 0.25], [0.5, 0.25]])  # [T, H]
    expected = [1 / np.log(2), 0.5 / np.log(2)]
    assert np.allclose(gate_timescale(keep, time_axis=-2, batch_axis=None), expected)
    apart = gate_timescale(np.stack([keep, keep], axis=1), batch_axis=None)  # [T, B, H]
    assert apart.shape == (2, 2)


def test_float32_input_gives_float64() -> None:
    assert gate_timescale(np.full((2, 1, 1), 0.5, dtype=np.float32)).dtype == np.float64


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (np.full((2, 1, 1), 1.5), r"between 0 and 1 .*; got 1\.5 at \(0, 0, 0\)"),
        (np.full((2, 1, 1), -0.1), r"between 0 and 1 .*; got -0\.1"),
        (np.full((2, 2), 0.5), r"keep has shape \[2, 2\]; time_axis=-3"),
    ],
)
def test_bad_input(keep, message) -> None:
    with pytest.raises(InputError, match=message):
        gate_timescale(keep)
