"""The packages themselves, where they are installed: `gw.accelerate` against their own code.

`pip install --no-deps tirex-ts xlstm tirex-2 flashrnn mlstm_kernels einops 'huggingface-hub<1'` brings
what is missing here. Weights are random, in the published shapes or small ones.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from tests.nn.recurrent import inputs
from torch import Tensor

import gatewise as gw
from benchmarks.descendants import packages
from benchmarks.descendants.exact import InFloat64, distances

T, B, UNITS, HEADS = 12, 3, 32, 4


def gradients(module: torch.nn.Module, x: Tensor) -> list[Tensor]:
    """Return the output of a module and the gradients of a loss that no norm makes constant."""
    own = x.clone().requires_grad_()
    output = module(own)
    weights = torch.linspace(-1, 1, output.numel(), dtype=x.dtype).view(output.shape)
    return [output, *torch.autograd.grad((output * weights).sum(), [own, *module.parameters()])]


def built(found: Any, package: str) -> Any:
    """Return what was built, or skip the test where the package is missing."""
    if found is None:
        pytest.skip(f"{package} is not installed")
    return found


LAYERS = {
    "xlstm": lambda: built(packages.xlstm_layer(UNITS, HEADS, 0), "xlstm"),
    "xlstm with its convolution": lambda: built(packages.xlstm_layer(UNITS, HEADS), "xlstm"),
    "tirex-2": lambda: built(packages.tirex2_layer(UNITS, HEADS), "tirex-2"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_what_the_package_gives(name: str) -> None:
    torch.manual_seed(0)
    theirs = LAYERS[name]()
    mine = gw.accelerate(copy.deepcopy(theirs))
    assert list(mine.state_dict()) == list(theirs.state_dict())
    x = inputs(B, T, UNITS).float()
    with InFloat64():
        exact = gradients(copy.deepcopy(theirs).double(), x.double())
    for ours, own, wanted in zip(gradients(mine, x), gradients(theirs, x), exact, strict=True):
        mistaken, allowed = (float((one - wanted).detach().norm()) for one in (ours, own))
        assert wanted.dtype is torch.float64
        assert mistaken < 5 * allowed + 1e-6 * float(wanted.detach().norm())
    assert type(gw.restore(mine)) is type(theirs)
    assert torch.equal(mine(x), theirs(x))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_goes_on_from_its_own_state(name: str) -> None:
    torch.manual_seed(0)
    theirs = LAYERS[name]()
    mine = gw.accelerate(copy.deepcopy(theirs))
    x = inputs(B, 3, UNITS).float()
    with torch.no_grad():
        states: list[dict[str, Any]] = [{}, {}]
        for t in range(x.shape[1]):
            found = []
            for i, layer in enumerate((theirs, mine)):
                output, states[i] = layer.step(x[:, t : t + 1], **states[i])
                found.append(output)
            torch.testing.assert_close(found[1], found[0], rtol=0, atol=2e-5)


def test_a_state_with_less_than_its_least_n_goes_to_the_package() -> None:
    theirs = LAYERS["tirex-2"]()
    mine = gw.accelerate(copy.deepcopy(theirs))
    x = inputs(B, 1, UNITS).float()
    state = torch.full((4, B, 1, HEADS, UNITS // HEADS), 0.25)
    with torch.no_grad():
        expected, _ = theirs.step(x, slstm_state=state)
        assert torch.equal(mine.step(x, slstm_state=state)[0], expected)


def test_a_compiled_layer_and_what_is_no_slstm_are_named() -> None:
    layer = LAYERS["tirex-2"]()
    layer._compiled_call_impl = layer._call_impl  # what `compile` sets, without its minute
    kind = packages.find("tirex2.model.component.mlstm_block").mLSTMLayer
    mlstm = kind.__new__(kind)
    torch.nn.Module.__init__(mlstm)
    model = torch.nn.ModuleList([layer, mlstm, LAYERS["tirex-2"]()])
    left = gw.accelerate(model, report=True).left
    assert "is compiled" in left["0"]
    assert left["1"] == "is an mLSTM, which gatewise does not have"
    gw.restore(model)


SMALL = {"units": 32, "blocks": 2, "feed": 64, "context": 128}


@pytest.mark.parametrize("sizes", [SMALL, pytest.param({}, marks=pytest.mark.full)])
def test_tirex_before_and_after(sizes: dict[str, int]) -> None:
    model = built(packages.tirex_model(**sizes), "tirex-ts")
    found = distances(model, rows=3, steps=model.config.train_ctx_len)
    assert found.ours < found.package / 100
    # The accelerated model stands so near the exact one that both distances are nearly the same.
    assert found.accelerated < found.package + found.ours


def test_tirex_is_traced_by_patch() -> None:
    model = gw.accelerate(built(packages.tirex_model(**SMALL), "tirex-ts"))
    with gw.trace(model) as trace:
        packages.forecast(model, packages.contexts(2, 128))
    assert list(trace) == [f"blocks.{i}.slstm_layer.slstm_cell.recurrence" for i in range(2)]
    assert trace["blocks.1.slstm_layer.slstm_cell.recurrence"]["keep"].shape == (1, 1, 4, 2, 32)
