"""Swapping classes inside a model, in place, and back."""

from __future__ import annotations

import copy
import io
import subprocess
import sys

import pytest
import torch
from tests.nn.recurrent import Call, run
from torch.nn.utils import parametrizations, parametrize

import gatewise.nn
from gatewise.errors import EngineError, GatewiseWarning, InputError
from gatewise.nn import accelerate, restore

NAMES = ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")


class Own(torch.nn.LSTM):
    """A subclass with a forward of its own."""

    def forward(self, x, hx=None):
        return super().forward(2 * x, hx)


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(3, 4, num_layers=2)})
        self.head = torch.nn.GRU(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder["lstm"](x)[0])[0]


@pytest.mark.parametrize("name", NAMES)
def test_there_and_back(name: str) -> None:
    stock = getattr(torch.nn, name)
    module = stock(3, 4)
    assert accelerate(module) is module
    assert type(module) is getattr(gatewise.nn, name)
    assert accelerate(module) is module  # twice changes nothing more
    assert restore(module) is module
    assert type(module) is stock
    assert "engine" not in vars(module)
    assert restore(module) is module


@pytest.mark.parametrize("name", NAMES)
def test_restore_leaves_no_attribute_of_ours(name: str) -> None:
    stock, ours = (
        getattr(torch.nn, name)(3, 4),
        getattr(gatewise.nn, name)(3, 4, engine="reference"),
    )
    assert vars(restore(ours)).keys() == vars(stock).keys()


def test_identity_hooks_outputs_and_optimizer_stay() -> None:
    torch.manual_seed(0)
    model, x = Model(), torch.randn(5, 2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = []
    model.head.register_forward_hook(lambda *_: seen.append(1))
    parameters, modules = list(model.parameters()), list(model.modules())
    before = model(x)
    accelerate(model)
    assert torch.allclose(model(x), before, rtol=0, atol=1e-6)  # another engine: another rounding
    assert len(seen) == 2
    assert [id(p) for p in model.parameters()] == [id(p) for p in parameters]
    assert [id(m) for m in model.modules()] == [id(m) for m in modules]
    model(x).sum().backward()
    optimizer.step()
    moved = model(x)
    assert not torch.equal(moved, before)
    restore(model)
    assert torch.allclose(model(x), moved, rtol=0, atol=1e-6)


def test_a_restored_model_needs_no_gatewise_to_unpickle(tmp_path) -> None:
    model = torch.nn.Sequential(
        gatewise.nn.LSTM(3, 4, engine="reference"), gatewise.nn.GRUCell(3, 4)
    )
    path = tmp_path / "model.pt"
    torch.save(restore(model), path)
    assert b"gatewise" not in path.read_bytes()
    code = (
        "import sys, torch; sys.modules['gatewise'] = None\n"
        f"model = torch.load({str(path)!r}, weights_only=False)\n"
        "print(type(model[0]), model[0](torch.zeros(2, 1, 3))[0].shape)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "torch.nn.modules.rnn.LSTM" in out.stdout


def test_a_stock_checkpoint_of_a_whole_module_can_be_accelerated() -> None:
    file = io.BytesIO()
    torch.save(torch.nn.LSTM(3, 4), file)
    file.seek(0)
    module = accelerate(torch.load(file, weights_only=False))
    _, _, gates = module(torch.zeros(2, 1, 3), return_gates=True)
    assert gates.forget.shape == (1, 1, 2, 1, 4)


def test_subclasses_with_their_own_code_are_left_alone() -> None:
    model = torch.nn.Sequential(Own(3, 4), torch.nn.GRU(3, 4))
    said = r"^accelerate took '1'; left as it is: '0' is a class of its own: Own has a forward of"
    with pytest.warns(GatewiseWarning, match=said):
        accelerate(model)
    assert type(model[0]) is Own
    assert type(model[1]) is gatewise.nn.GRU


@pytest.mark.parametrize("function", [accelerate, restore])
def test_nothing_to_do_is_an_error_that_says_so(function) -> None:
    with pytest.raises(InputError, match=r"Linear contains no torch\.nn\.LSTM, GRU, RNN"):
        function(torch.nn.Linear(3, 4))
    with pytest.raises(InputError, match=r"cell of these; left as it is: 'inner' is a class of"):
        function(torch.nn.ModuleDict({"inner": Own(3, 4)}))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("function", [accelerate, restore])
def test_script_modules_are_refused(function) -> None:
    scripted = torch.jit.script(torch.nn.LSTM(3, 4))
    with pytest.raises(InputError, match="the model is a TorchScript module"):
        function(scripted)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_restored_model_can_be_scripted() -> None:
    model = restore(accelerate(Model()))
    x = torch.randn(2, 1, 3)
    assert torch.equal(torch.jit.script(model)(x), model(x))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["LSTM", "LSTMCell"])
def test_only_a_restored_module_can_be_scripted(name: str) -> None:
    module = getattr(gatewise.nn, name)(3, 4)
    with pytest.raises(EngineError, match=r"call gw\.restore\(model\) before it"):
        torch.jit.script(module)
    torch.jit.script(restore(module))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_only_a_restored_model_is_quantized() -> None:
    """As docs/modules.md says; should torch's tool learn to find subclasses, say so there."""
    quantize = torch.ao.quantization.quantize_dynamic
    model = accelerate(Model())
    with pytest.warns(GatewiseWarning, match=r"call gw\.restore\(model\) before it"):
        assert type(quantize(model, {torch.nn.LSTM}).encoder["lstm"]) is gatewise.nn.LSTM
    restored = quantize(restore(model), {torch.nn.LSTM})
    assert isinstance(restored.encoder["lstm"], torch.ao.nn.quantized.dynamic.LSTM)


NORMS = pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm"])


def parametrized(name: str, norm: str) -> torch.nn.Module:
    torch.manual_seed(0)
    module = getattr(torch.nn, name)(3, 5, dtype=torch.float64)
    for weight in ("weight_ih", "weight_hh"):
        full = weight if name.endswith("Cell") else f"{weight}_l0"
        getattr(parametrizations, norm)(module, full)
    return module


@NORMS
@pytest.mark.parametrize("name", NAMES)
def test_parametrized_modules_go_there_and_back(name: str, norm: str) -> None:
    module, stock = parametrized(name, norm), getattr(torch.nn, name)
    shared = copy.deepcopy(module)  # copies have one class
    before, values = type(module), copy.deepcopy(module.state_dict())
    parameters = [id(parameter) for parameter in module.parameters()]
    assert accelerate(accelerate(module)) is module
    ours = getattr(gatewise.nn, name)
    assert parametrize.type_before_parametrizations(module) is ours
    assert isinstance(module, ours)
    assert type(shared) is before
    assert isinstance(copy.deepcopy(module), ours)
    restore(module)
    assert not isinstance(module, ours)
    assert type(module).__name__ == before.__name__
    assert type(module).__mro__[1:] == before.__mro__[1:]
    assert vars(type(module)).keys() == vars(before).keys()
    assert vars(module).keys() == vars(shared).keys()
    assert [id(parameter) for parameter in module.parameters()] == parameters
    assert module.state_dict().keys() == values.keys()
    assert all(map(torch.equal, module.state_dict().values(), values.values()))
    accelerate(module)
    for weight in list(module.parametrizations):
        parametrize.remove_parametrizations(module, weight)
    assert type(module) is ours
    assert type(restore(module)) is stock


@NORMS
@pytest.mark.parametrize("gates", [False, True])
@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_parametrized_layers_give_torchs_values(name: str, norm: str, gates: bool) -> None:
    """In train mode, where `spectral_norm` moves on with each reading of a weight."""
    stock, module = parametrized(name, norm), accelerate(parametrized(name, norm))
    theirs = run(stock, Call("dense", state=True))
    own = run(module, Call("dense", state=True), gates=gates)
    for key, value in theirs.items():
        assert torch.allclose(own[key], value, rtol=0, atol=1e-12), key
    for one, other in zip(stock.buffers(), module.buffers(), strict=True):
        assert torch.equal(one, other)


@NORMS
@pytest.mark.parametrize("engine", ["native", "torch", "reference"])
@pytest.mark.parametrize("gates", [False, True])
@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "RNNCell"])
def test_parametrized_cells_give_torchs_values(name, norm, gates, engine) -> None:
    stock, module = parametrized(name, norm), accelerate(parametrized(name, norm))
    module.engine = engine
    x = torch.randn(2, 3, dtype=torch.float64)
    theirs, own = stock(x), module(x, return_gates=gates)
    if gates:
        own, record = own
        h = own[0] if name == "LSTMCell" else own
        assert torch.allclose(record.hidden, h, rtol=0, atol=1e-12)
    for hx in (theirs, own):
        (hx[0] if name == "LSTMCell" else hx).sum().backward()
    for one, other in zip(stock.parameters(), module.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=0, atol=1e-12)
    for one, other in zip(stock.buffers(), module.buffers(), strict=True):
        assert torch.equal(one, other)
