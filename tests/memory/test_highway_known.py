"""The highway of networks whose answer is known: integrators, latches, delay lines, dead ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.memory.known import OPEN, delay_line, latch, module

import gatewise as gw
from gatewise.memory.gradients.highway import highway


def leaky(keep: float, units: int = 3) -> gw.LSTM:
    """Return an LSTM whose forget gates are all `keep`, without recurrent weights."""
    module = gw.LSTM(1, units, dtype=torch.float64)
    with torch.no_grad():
        module.weight_hh_l0.zero_()
        module.weight_ih_l0[units : 2 * units] = 0.0
        module.bias_hh_l0.zero_()
        module.bias_ih_l0[units : 2 * units] = math.log(keep / (1 - keep))
    return module


def carried_in_h(slope: float) -> gw.LSTM:
    """Return an LSTM of one unit with forget gate e^-20 whose cell hands on `slope` of itself by h.

    At c = 0 with i = 1/2 and o = 1/2: dc_t/dc_(t-1) = f + (1/2) w dh/dc = f + w / 4.
    """
    module = gw.LSTM(1, 1, dtype=torch.float64)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.bias_ih_l0[1] = -20.0
        module.weight_hh_l0[2] = 4 * slope
    return module


def test_a_leaky_integrator_has_its_own_rate_and_travels_in_the_cell():
    x = torch.randn(400, 7, 1, dtype=torch.float64)
    found = highway(leaky(0.97), x)
    assert found.rate == pytest.approx(math.log(0.97))
    np.testing.assert_allclose(found.gain, 0.97**found.lags)
    np.testing.assert_allclose(found.ratio, 1.0)
    assert found.path == "cell"
    assert found.reach == math.floor(math.log(0.05) / math.log(0.97))
    assert "in the cell's own path; it decays by 3 % per step" in found.reading


@pytest.mark.parametrize("slope", [0.99, 1.001])
def test_a_memory_carried_by_h_is_seen_although_the_forget_gates_let_everything_go(slope):
    found = highway(carried_in_h(slope), torch.zeros(200, 6, 1, dtype=torch.float64))
    assert found.path == "recurrent"
    assert found.rate == pytest.approx(math.log(slope), rel=1e-4)
    assert found.gain[100] == pytest.approx(slope**100, rel=1e-4)
    assert found.log_direct[0, 100] == pytest.approx(100 * -20.0, rel=1e-6)
    assert "through the recurrent weights W_hh, not through the cell's own path" in found.reading
    assert ("grows" if slope > 1 else "decays") in found.reading


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_tanh"])
def test_a_delay_line_travels_through_the_recurrent_weights(kind):
    """What a unit holds goes to the next one, so it is gone after as many steps as there are units."""
    known = delay_line(20, kind)
    found = highway(known.model, 0.01 * known.inputs)  # so small that no tanh bends them
    assert found.path == "recurrent"
    assert found.reach == 20
    # 21 - k of the 21 units are still on their way k steps later.
    np.testing.assert_allclose(found.gain[:21], np.sqrt(1 - found.lags[:21] / 21), rtol=1e-3)
    assert (found.low <= found.total).all()
    assert (found.high >= found.total).all()


def test_one_slow_unit_does_not_make_the_path_the_cells():
    """What is left at the last lags is that unit's; up to the 20th the others hand theirs on by W_hh."""
    known = delay_line(20)
    line, wider = known.model.rnn, module("lstm", 1, 22)
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"):
            blocks = getattr(line, name).view(4, 21, -1)
            getattr(wider, name).view(4, 22, -1)[:, :21, : blocks.shape[-1]] = blocks
        wider.bias_ih_l0.view(4, 22)[1, 21] = math.log(0.97 / 0.03)  # the forget gate of unit 21
        wider.bias_ih_l0.view(4, 22)[3, 21] = OPEN
    found = highway(wider, 0.01 * known.inputs)
    assert found.reach == math.floor(math.log(0.05 * math.sqrt(22)) / math.log(0.97))
    np.testing.assert_allclose(found.ratio[21 : found.reach + 1], 1.0, rtol=1e-3)
    assert 0.1 < found.own_share < 0.5
    assert found.path == "both"
    assert f"up to there {found.own_share:.3g} times the total): the memory travels partly" in (
        found.reading
    )


def test_a_latch_travels_in_the_cell_for_as_long_as_it_holds():
    """Its forget gate is 1 but for the trigger's step, where it is 0; no recurrent weights."""
    known = latch(20)
    found = highway(known.model, known.inputs)
    assert found.path == "cell"
    assert found.reach == 20
    np.testing.assert_allclose(found.total[:21], 1.0, rtol=1e-6)
    np.testing.assert_allclose(found.ratio[:21], 1.0, rtol=1e-6)
    assert found.total[21] < 1e-6


def test_recurrent_weights_that_undo_what_the_gates_keep_are_called_so():
    module = leaky(0.99, units=1)
    with torch.no_grad():
        module.weight_ih_l0.zero_()
        module.bias_ih_l0[[0, 2, 3]] = 0.0
        module.weight_hh_l0[2] = -4 * 0.79  # dc_t/dc_(t-1) = 0.99 - 0.79 = 0.2 at c = 0
    found = highway(module, torch.zeros(50, 1, 1, dtype=torch.float64))
    assert found.rate == pytest.approx(math.log(0.2))
    assert found.path == "cancelled"
    assert "cancel" in found.caveat


def test_a_rectified_rnn_multiplies_by_its_weights_and_has_no_direct_path():
    module = gw.RNN(1, 2, nonlinearity="relu", bias=False, dtype=torch.float64)
    W = torch.tensor([[0.9, 0.3], [0.1, 0.8]], dtype=torch.float64)
    with torch.no_grad():
        module.weight_ih_l0.fill_(1.0)
        module.weight_hh_l0.copy_(W)
    found = highway(module, torch.ones(30, 1, 1, dtype=torch.float64), norm="spectral")
    for lag in (1, 5, 29):
        assert found.total[lag] == pytest.approx(
            float(torch.linalg.matrix_norm(torch.linalg.matrix_power(W, lag), ord=2))
        )
        assert found.direct[lag] == 0
        assert found.ratio[lag] == 0
    assert found.path == "recurrent"
    assert "the only path there is" in found.reading


def test_a_dead_network_carries_nothing():
    module = gw.RNN(1, 3, nonlinearity="relu", dtype=torch.float64)
    with torch.no_grad():
        module.bias_ih_l0.fill_(-100.0)
    found = highway(module, torch.zeros(20, 6, 1, dtype=torch.float64))
    assert (found.total[1:] == 0).all()
    assert found.reach == 0
    assert found.path == "none"
    assert math.isnan(found.rate)
    assert "carries no memory" in found.reading
    assert found.to_dict()["rate"] is None
