"""What `accelerate` takes, what it leaves, and what it says of each."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import warnings
from typing import Any

import pytest
import torch
from torch.nn.utils import parametrizations, parametrize

import gatewise as gw
from gatewise.errors import GatewiseWarning, InputError
from gatewise.nn import accelerate, restore


class Sized(torch.nn.LSTM):
    """Chooses its sizes itself, as many a model's encoder does."""

    kind = "encoder"

    def __init__(self, size: int) -> None:
        super().__init__(size, 2 * size, num_layers=2, batch_first=True)
        self.size = size


class Twice(Sized):
    def __init__(self) -> None:
        super().__init__(3)


class SizedCell(torch.nn.GRUCell):
    def __init__(self) -> None:
        super().__init__(3, 4)


class Own(torch.nn.LSTM):
    def forward(self, x, hx=None):
        return super().forward(2 * x, hx)


class Marked(torch.nn.GRU):
    def marked(self) -> bool:
        return True


class Reset(torch.nn.RNN):
    def reset_parameters(self) -> None:
        super().reset_parameters()


class Mixed(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.sized, self.cell, self.plain = Sized(3), SizedCell(), torch.nn.GRU(3, 4)
        self.own, self.marked, self.reset = Own(3, 4), Marked(3, 4), Reset(3, 4)
        self.ready = torch.ao.nn.quantizable.LSTM(3, 4)
        self.set = torch.nn.RNN(3, 4)
        self.set.forward = lambda x: x


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_mixed_model_is_named_part_by_part() -> None:
    model = Mixed()
    model.scripted = torch.jit.script(torch.nn.GRU(3, 4))
    kinds = {name: type(part) for name, part in model.named_children()}
    with pytest.warns(GatewiseWarning) as caught:
        assert accelerate(model) is model
    left = {
        "own": "is a class of its own: Own has a forward of its own",
        "marked": "is a class of its own: Marked has a marked of its own",
        "reset": "is a class of its own: Reset has a reset_parameters of its own",
        "ready": "is quantised, or made ready for it",
        "set": "has a forward that was set on the module itself",
        "scripted": "is TorchScript",
    }
    found = accelerate(model, report=True)
    assert found.model is model
    assert found.taken == ("sized", "cell", "plain")
    assert found.left.items() >= left.items()
    assert len(caught) == 1
    assert str(caught[0].message) == f"accelerate {found}"
    for name, why in left.items():
        assert type(getattr(model, name)) is kinds[name]
        assert f"{name!r} {why}" in str(found)
    restore(model)
    assert {name: type(part) for name, part in model.named_children()} == kinds


def test_nothing_is_said_where_nothing_is_left() -> None:
    model = torch.nn.Sequential(Sized(3), torch.nn.GRUCell(3, 4), torch.nn.Linear(4, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        accelerate(accelerate(model))
    assert str(accelerate(model, report=True)) == "took '0', '1'"


@pytest.mark.parametrize("make", [lambda: Sized(3), Twice])
def test_a_subclass_with_only_an_init_is_taken_and_given_back(make: Any) -> None:
    torch.manual_seed(0)
    module, x = make(), torch.randn(2, 5, 3)
    kind, attributes, before = type(module), vars(module).keys(), module(x)[0]
    assert accelerate(module) is module
    assert isinstance(module, kind)
    assert isinstance(module, gw.LSTM)
    assert repr(module) == repr(make())
    assert (module.kind, module.size) == ("encoder", 3)
    output, _, gates = module(x, return_gates=True)
    torch.testing.assert_close(output, before)
    with gw.trace(module) as trace:
        module(x)
    torch.testing.assert_close(trace[""].forget, gates.forget.detach())
    assert type(accelerate(make())) is type(module)
    assert restore(module) is module
    assert type(module) is kind
    assert vars(module).keys() == attributes
    torch.testing.assert_close(module(x)[0], before, rtol=0, atol=0)


def through_file(module: torch.nn.Module) -> torch.nn.Module:
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


@pytest.mark.parametrize(
    "way", [copy.deepcopy, copy.copy, lambda m: pickle.loads(pickle.dumps(m)), through_file]
)
def test_a_taken_subclass_is_copied_and_pickled(way: Any) -> None:
    module, x = accelerate(Twice()), torch.randn(2, 5, 3)
    made = way(module)
    assert type(made) is type(module)
    assert torch.equal(made(x)[0], module(x)[0])
    assert type(restore(made)) is Twice
    assert isinstance(module, gw.LSTM)


def test_a_taken_subclass_loads_in_another_process(tmp_path) -> None:
    torch.save(accelerate(Sized(3)), tmp_path / "model.pt")
    code = (
        "import sys, torch; m = torch.load(sys.argv[1], weights_only=False)\n"
        "import gatewise as gw; from tests.nn.test_taking import Sized\n"
        "assert isinstance(m, gw.LSTM) and isinstance(m, Sized) and type(gw.restore(m)) is Sized\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "model.pt"], check=True, timeout=120)


@torch.no_grad()
def test_a_taken_subclass_under_a_parametrization() -> None:
    torch.manual_seed(0)
    module, x = parametrizations.weight_norm(Sized(3), "weight_hh_l0"), torch.randn(2, 5, 3)
    before = module(x)[0]
    accelerate(module)
    assert isinstance(module, gw.LSTM)
    torch.testing.assert_close(module(x)[0], before)
    torch.testing.assert_close(copy.deepcopy(module)(x)[0], before)
    restore(module)
    assert not isinstance(module, gw.LSTM)
    assert parametrize.type_before_parametrizations(module) is Sized


class Model(torch.nn.Module):
    """A class that somebody forgot to call."""


NO_MODELS = {
    "None": (None, "got NoneType"),
    "class": (Model, r"got the class Model; make one first: Model\(...\)"),
    "stock class": (torch.nn.LSTM, r"got the class LSTM; make one first: LSTM\(...\)"),
    "list": ([torch.nn.LSTM(3, 4)], "got a list; call .* with each model"),
    "tuple": ((torch.nn.LSTM(3, 4),), "got a tuple; call .* with each model"),
    "dict": ({"a": torch.nn.LSTM(3, 4)}, "got a dict; call .* with each model"),
    "state dict": (
        torch.nn.LSTM(3, 4).state_dict(),
        "got a state dict; load it into a model first",
    ),
    "text": ("model.pt", "got str"),
    "tensor": (torch.zeros(3), "got Tensor"),
    "function": (lambda x: x, "got function"),
}
CALLERS = {
    "accelerate": accelerate,
    "restore": restore,
    "trace": lambda model: gw.trace(model).__enter__(),
    "open_forget_gate": gw.init.open_forget_gate,
    "chrono": lambda model: gw.init.chrono(model, 10),
    "horizon": lambda model: gw.memory.horizon(model, torch.zeros(3, 2, 1)),
    "highway": lambda model: gw.memory.highway(model, torch.zeros(3, 2, 1)),
    "training_drift": gw.memory.training_drift,
}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("given", NO_MODELS)
def test_what_is_no_model_is_refused_by_what_it_is(caller: str, given: str) -> None:
    model, said = NO_MODELS[given]
    with pytest.raises(InputError, match=rf"^{caller}: model must be a torch\.nn\.Module; {said}"):
        CALLERS[caller](model)
