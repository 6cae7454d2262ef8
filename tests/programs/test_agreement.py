"""Agreement of gatewise and torch: the growth of a disturbance where it is known, and the sentence."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import gatewise as gw
from gatewise.programs.growth import growths


def scaled(factor: float) -> nn.RNN:
    """Return a network whose units each keep `factor` of their state: ReLU of what is positive."""
    module = nn.RNN(3, 3, nonlinearity="relu", dtype=torch.float64)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        module.weight_ih_l0.copy_(torch.eye(3))
        module.weight_hh_l0.copy_(factor * torch.eye(3))
    return module


@pytest.mark.parametrize("factor", [0.3, 0.9, 1.05])
def test_the_exponent_of_a_network_where_it_is_known(factor: float) -> None:
    x = torch.rand(90, 2, 3, dtype=torch.float64) + 0.5
    (found,) = growths(scaled(factor), x)
    assert found.exponent == pytest.approx(math.log(factor), abs=1e-3)
    assert found.low - 1e-3 <= math.log(factor) <= found.high + 1e-3


def wild(kind: type[nn.RNNBase], gain: float) -> nn.RNNBase:
    torch.manual_seed(0)
    module = kind(4, 48, batch_first=True)
    with torch.no_grad():
        nn.init.normal_(module.weight_hh_l0, std=gain / 48**0.5)
    return module


def test_a_chaotic_network_is_told_before_the_library_is_blamed() -> None:
    model = wild(nn.RNN, 4.0)
    found = gw.check_agreement(model, torch.randn(2, 400, 4))
    (growth,) = found.growth[""]
    assert growth.low > 0.05
    assert found.torch_exact > 1e-2 < found.ours_exact
    assert str(found).startswith(
        "this network is chaotic on this input: a disturbance grows tenfold"
    )
    assert "torch differs from its own float64 form by" in str(found)


def test_one_that_forgets_is_the_same() -> None:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 6), nn.GRU(6, 8, 2, bidirectional=True, batch_first=True))
    found = gw.check_agreement(model, torch.randn(3, 60, 4))
    assert found.ours_torch < 1e-6 > found.torch_exact
    assert str(found).startswith("same to ")
    assert [(one.layer, one.direction) for one in found.growth["1"]] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    assert all(one.high < 0 for one in found.growth["1"])


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported:UserWarning")
def test_the_model_stays_as_it_was_and_forms_of_input_are_taken() -> None:
    model = gw.LSTM(4, 6, proj_size=3).train()
    before = [parameter.clone() for parameter in model.parameters()]
    state = torch.zeros(1, 2, 3), torch.zeros(1, 2, 6)
    assert gw.check_agreement(model, (torch.randn(40, 2, 4), state)).ours_torch < 1e-6
    packed = nn.utils.rnn.pack_sequence([torch.randn(30, 4), torch.randn(20, 4)])
    assert gw.check_agreement(model, packed).growth == {}
    assert model.training
    assert type(model) is gw.LSTM
    assert all(map(torch.equal, before, model.parameters()))


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(gw.errors.InputError, match="Linear contains no"):
        gw.check_agreement(nn.Linear(2, 2), torch.zeros(1, 2))
    with pytest.raises(gw.errors.InputError, match="must be on the CPU"):
        gw.check_agreement(nn.GRU(2, 2, device="meta"), torch.zeros(1, 2))
