"""Layers whose projections go through in the recurrence's own pass, and when they do not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from tests.nn.published_layers import sLSTMFlashRNNLayer, sLSTMLayer
from tests.nn.recurrent import inputs
from tests.tolerances import assert_close64
from torch import Tensor

import gatewise as gw
from gatewise.nn.adapters import around, projected, tirex2

B, T, UNITS, HEADS = 3, 5, 12, 2
KINDS = pytest.mark.parametrize("kind", [sLSTMLayer, sLSTMFlashRNNLayer])


def build(kind: type, dtype: torch.dtype = torch.float64) -> tuple[Any, Any]:
    """Return a layer and a copy of it that is turned."""
    torch.manual_seed(0)
    layer = kind(UNITS, HEADS, dtype)
    return layer, gw.accelerate(copy.deepcopy(layer))


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that says of each call whether it went through in one pass."""
    found: list[bool] = []

    def through(*given: Any) -> Tensor | None:
        output = projected.through(*given)
        found.append(output is not None)
        return output

    monkeypatch.setattr(around, "through", through)
    monkeypatch.setattr(tirex2, "through", through)
    return found


@KINDS
def test_the_result_and_every_gradient_are_the_packages(kind: type, passes: list[bool]) -> None:
    results = []
    for layer in build(kind):
        x = inputs(B, T, UNITS).requires_grad_()
        output = layer(x)
        loss = (output * torch.linspace(-1, 1, output.numel()).view(output.shape)).sum()
        results.append([output, *torch.autograd.grad(loss, [x, *layer.parameters()])])
    for number, (theirs, mine) in enumerate(zip(*results, strict=True)):
        assert_close64(mine, theirs, f"{number}")
    assert passes == [True]


def test_the_norm_of_tirex2_in_float32(passes: list[bool]) -> None:
    layer, turned = build(sLSTMFlashRNNLayer, torch.float32)
    x = inputs(B, T, UNITS, dtype=torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(turned(x), layer(x), rtol=0, atol=5e-5)
        turned.group_norm.weight.zero_()
        assert not turned(x).any()
        turned.group_norm.register_forward_hook(lambda *_: torch.ones(()))
        assert turned(x) == 1
    assert passes == [True] * 3


@KINDS
def test_names_and_the_way_back(kind: type) -> None:
    layer, turned = build(kind)
    named = "slstm_cell" if kind is sLSTMLayer else ""
    assert gw.accelerate(turned, report=True).taken == (named,)
    assert list(turned.state_dict()) == list(layer.state_dict())
    assert isinstance(turned, kind)
    x = inputs(B, T, UNITS)
    assert torch.equal(copy.deepcopy(turned)(x), turned(x))
    assert type(gw.restore(turned)) is kind
    assert torch.equal(turned(x), layer(x))


@KINDS
def test_each_part_runs_by_itself_where_somebody_looks(kind: type, passes: list[bool]) -> None:
    layer, turned = build(kind)
    x = inputs(B, T, UNITS)
    expected = layer(x)
    seen = []
    hook = turned.zgate.register_forward_hook(lambda *given: seen.append(given[2].shape))
    assert_close64(turned(x), expected)
    assert seen == [(B, T, UNITS)]
    hook.remove()
    with gw.trace(turned) as trace:
        assert_close64(turned(x), expected)
    assert next(iter(trace.values()))["keep"].shape == (1, 1, T, B, UNITS)
    turned.ogate.forward = lambda given: 0 * given  # a method of this one alone
    assert not torch.allclose(turned(x), expected)
    del turned.ogate.forward
    recurrence = next(part for part in turned.modules() if isinstance(part, gw.nn.custom.Recurrent))
    recurrence.engine = "reference"
    assert_close64(turned(x), expected)
    del recurrence.engine
    assert_close64(turned(x), expected)
    assert passes == [False, False, False, False, True]


@KINDS
def test_projections_of_another_kind_stay_as_they_are(kind: type, passes: list[bool]) -> None:
    layer, turned = build(kind)
    x = inputs(B, T, UNITS)
    for one in (layer, turned):
        torch.manual_seed(1)
        one.igate = torch.nn.Linear(UNITS, UNITS, dtype=torch.float64)
    assert_close64(turned(x), layer(x))
    assert passes == [False]


def test_a_layer_that_goes_on_from_a_state_hands_it_to_the_cell(passes: list[bool]) -> None:
    layer, turned = build(sLSTMLayer)
    x = inputs(B, T, UNITS)
    state = layer.slstm_cell(torch.cat(layer.products(x), -1))[1].detach()
    assert_close64(turned(x, state), layer(x, state))
    assert passes == []
    gw.restore(turned.slstm_cell)
    assert torch.equal(turned(x), layer(x))
