"""Timescales of known gates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.memory.loops import autoregression, record

from gatewise.errors import InputError
from gatewise.memory import Sampling, gate_timescale


@given(st.floats(0.01, 1e4))
def test_a_constant_gate_has_its_own_timescale(tau: float) -> None:
    found = gate_timescale(keep=np.full((2, 1, 7, 20, 4), np.exp(-1 / tau)))
    assert np.allclose(found.steps, tau, rtol=1e-9)
    assert found.steps.shape == (2, 1, 4)
    assert np.allclose(found.low, tau, rtol=1e-9)
    assert np.allclose(found.high, tau, rtol=1e-9)


def test_the_geometric_mean_over_time_and_batch_counts() -> None:
    keep = np.array([[[0.5], [0.25]], [[0.125], [0.5]]])  # [T, B, H]: logs -1 -2 -3 -1, in log 2
    assert np.allclose(gate_timescale(keep).steps, 4 / (7 * np.log(2)), rtol=1e-14)


def test_padding_is_left_out() -> None:
    keep = np.array([[[0.5], [0.5]], [[0.5], [np.nan]], [[np.nan], [np.nan]]])
    assert np.allclose(gate_timescale(keep).steps, 1 / np.log(2), rtol=1e-14)
    nothing = gate_timescale(np.full((2, 1, 1), np.nan))
    assert np.isnan(nothing.steps).all()
    assert "no valid step" in nothing.reading


def test_extremes() -> None:
    keep = np.array([[[1.0, 0.0, 0.5]], [[1.0, 0.5, 1.0]]])
    tau = gate_timescale(keep).steps
    assert tau[0] == np.inf
    assert tau[1] == 0
    assert np.isclose(tau[2], 2 / np.log(2))


@pytest.mark.parametrize(("cell", "gate"), [("lstm", "forget"), ("gru", "update")])
def test_the_keep_gate_of_a_record(cell: str, gate: str) -> None:
    gates, _ = record(cell, [9, 0, 4], layers=2, directions=2)
    expected = -1 / np.nanmean(np.log(gates[gate]), axis=(2, 3))
    found = gate_timescale(gates)
    assert np.allclose(found.steps, expected, rtol=1e-13)
    assert found.settings["cell"] == cell
    assert np.isnan(found.low).all()  # three rows, thirteen steps


def test_the_interval_is_around_the_figure_and_holds_the_truth() -> None:
    rng = np.random.default_rng(0)
    logs = -np.exp(autoregression(rng, 0.9, 4000, 1, 200) - 0.5) / 20  # of mean -1 / 20
    found = gate_timescale(keep=np.exp(logs))
    assert (found.low < found.steps).all()
    assert (found.steps < found.high).all()
    held = ((found.low <= 20) & (found.high >= 20)).mean()
    assert 0.88 <= held < 1
    assert found.settings["interval"][0]["groups"] == "blocks"


def test_the_interval_with_a_gate_that_is_shut_in_one_row() -> None:
    keep = np.full((5, 20, 1), 0.5)
    keep[2, 3] = 0
    found = gate_timescale(keep=keep)
    assert found.steps == found.low == 0
    assert np.isclose(found.high[0], 1 / np.log(2))


def test_the_reading() -> None:
    keep = np.broadcast_to(np.exp(-1 / np.array([2.0, 4.0, 30.0])), (3, 2, 5, 20, 3))[:2]
    found = gate_timescale(keep=np.where(np.arange(2)[:, None, None, None, None] == 1, keep, 0.5))
    assert found.reading == (
        "The gate timescale is at most 1.44 steps for half of the 12 units; the longest, of unit 2 "
        "of layer 2 (forward), is 30 (30 to 30)."
    )
    assert found.caveat.startswith("gate path only")
    few = gate_timescale(keep=np.full((3, 2, 1), 0.5), sampling=Sampling(seed=3))
    assert "(no interval: too few rows or steps)" in few.reading
    assert few.settings["seed"] == 3


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (np.full((2, 1, 1), 1.5), r"between 0 and 1 .*; got 1\.5 at \(0, 0, 0\)"),
        (np.full((2, 1, 1), -0.1), r"between 0 and 1 .*; got −0\.1"),
        (np.full((2, 2), 0.5), r"keep has shape \[2, 2\]; it needs at least three axes"),
    ],
)
def test_bad_input(keep, message) -> None:
    with pytest.raises(InputError, match=message):
        gate_timescale(keep)
