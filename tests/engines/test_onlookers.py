"""Tools that record, export, replace or count a module's calls: each follows it, or is told why not."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import pytest
import torch
from tests.nn.recurrent import STOCK, B, H, I, T, build, inputs, stock_of
from torch._inductor import aoti_compile_and_package, aoti_load_package
from torch.ao import quantization
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx
from torch.func import functional_call, grad
from torch.nn.utils._per_sample_grad import call_for_per_sample_grads
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.flop_counter import FlopCounterMode

import gatewise
from gatewise.engines import operators
from gatewise.engines.plan import NOTHING, Given, Plan
from gatewise.errors import EngineError, GatewiseWarning

ENGINES = pytest.mark.parametrize("engine", ["auto", "native"])
CELLS = pytest.mark.parametrize("cell", STOCK)
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore:.*assigned during export",  # torch's own modules bring these too
    "ignore::torch.jit.TracerWarning",
    "ignore:Exporting a model to ONNX with a batch_size",
    "ignore:.*isinstance.treespec, LeafSpec:FutureWarning",
)


class Model(torch.nn.Module):
    """A recurrent module, a cell and a head."""

    def __init__(self, cell: str, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rnn = build(cell, dtype=torch.float32, bidirectional=True, num_layers=2, **options)
        self.cell = gatewise.GRUCell(2 * H, H)
        self.head = torch.nn.Linear(H, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.cell(self.rnn(x)[0][-1]))


def x_for(steps: int = T) -> torch.Tensor:
    return inputs(steps, B, I, dtype=torch.float32)


def gradients(function: Any, model: Any) -> list[torch.Tensor]:
    return list(torch.autograd.grad(function(x_for()).square().sum(), list(model.parameters())))


def assert_follows(function: Any, model: Any) -> None:
    """Check values without gradients, then with, and the gradients."""
    with torch.no_grad():
        assert torch.allclose(function(x_for()), model(x_for()), atol=1e-6)
    assert torch.allclose(function(x_for()), model(x_for()), atol=1e-6)
    x, wanted = x_for().requires_grad_(), x_for().requires_grad_()
    function(x).square().sum().backward()
    model.zero_grad()
    model(wanted).square().sum().backward()
    assert torch.allclose(x.grad, wanted.grad, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "rnn_tanh"])
@ENGINES
@pytest.mark.parametrize("with_grad", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_what_was_recorded_runs_with_gradients_and_without(cell, engine, with_grad, frozen) -> None:
    model = Model(cell, engine=engine).requires_grad_(not frozen).eval()
    with torch.set_grad_enabled(with_grad):
        traced = torch.jit.trace(model, (x_for(),))  # compares it with the model by itself
        exported = torch.export.export(model, (x_for(),)).module()
    assert ("gatewise::" in str(traced.inlined_graph)) == (engine == "native")
    assert ("gatewise." in str(exported.graph)) == (engine == "native")
    assert_follows(traced, model)
    assert_follows(exported, model)


def test_a_graph_without_gradients_gets_them_and_second_ones() -> None:
    module = build("lstm", num_layers=2, engine="native")
    plan = Plan("lstm", "f64", 1, True, False, False, NOTHING, 0)
    x = inputs(T, B, I).requires_grad_()
    given = Given(x, [], module._flat_weights, [], [])
    leaves = [x, *module.parameters()]
    results = []
    for output in (operators.FORWARD(*given, *plan)[0], module(x)[0]):
        first = torch.autograd.grad(output.square().sum(), leaves, create_graph=True)
        second = torch.autograd.grad(first[0].square().sum(), leaves[1:3], retain_graph=True)
        plain = torch.autograd.grad(output.square().sum(), leaves)
        results.append([output, *first, *second, *plain])
    for mine, wanted in zip(*results, strict=True):
        assert torch.equal(mine, wanted)


def test_the_choice_says_who_records() -> None:
    reasons = []

    class Telling(gatewise.GRU):
        def forward(self, x: torch.Tensor) -> Any:
            reasons.append(self.engine_choice(x).reason)
            return super().forward(x)

    torch.jit.trace(Telling(I, H), (x_for(),), check_trace=False)
    torch.export.export(Telling(I, H), (x_for(),))
    assert any("torch.jit.trace records" in reason for reason in reasons)
    assert any("torch.export records" in reason for reason in reasons)


@pytest.mark.parametrize("cell", ["lstm", "rnn_tanh"])
def test_an_exported_graph_takes_any_number_of_steps_and_rows(cell) -> None:
    model = build(cell, dtype=torch.float32, bidirectional=True).eval()
    steps, rows = torch.export.Dim("steps", min=2, max=500), torch.export.Dim("rows", max=9)
    both = torch.export.export(model, (x_for(),), dynamic_shapes=({0: steps, 1: rows},)).module()
    alone = torch.export.export(model, (x_for(),), dynamic_shapes=({1: rows},)).module()
    assert "gatewise." in str(both.graph)  # torch unrolls the steps, so there its pass is no choice
    assert "gatewise." not in str(alone.graph)
    for sizes in ((2, 1), (7, 4), (300, 8)):
        x = inputs(*sizes, I, dtype=torch.float32)
        assert torch.allclose(both(x)[0], model(x)[0], atol=1e-6)
    x = inputs(T, 7, I, dtype=torch.float32)
    assert torch.allclose(alone(x)[0], model(x)[0], atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "order"),
    [("trace", "import gatewise, torch"), ("export", "import torch, gatewise")],
)
def test_files_load_after_importing_gatewise_alone(tmp_path, kind, order) -> None:
    model, file = Model("lstm", engine="native").eval(), tmp_path / "model.pt2"
    if kind == "trace":
        torch.jit.save(torch.jit.trace(model, (x_for(),)), file)
        load = "torch.jit.load(sys.argv[1])"
    else:
        torch.export.save(torch.export.export(model, (x_for(),)), file)
        load = "torch.export.load(sys.argv[1]).module()"
    code = (
        f"import sys\n{order}\n"
        f"model = {load}\n"
        "torch.save(model(torch.load(sys.argv[2])).detach(), sys.argv[3])\n"
    )
    given, found = tmp_path / "x.pt", tmp_path / "y.pt"
    torch.save(x_for(), given)
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, (file, given, found))]
    subprocess.run(command, check=True, timeout=120)
    assert torch.equal(torch.load(found), model(x_for()))


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")
def test_a_package_compiled_ahead_of_time(tmp_path) -> None:
    model = Model("gru").eval()
    with torch.no_grad():
        program = torch.export.export(model, (x_for(),))
        file = aoti_compile_and_package(program, package_path=str(tmp_path / "model.pt2"))
        assert torch.allclose(aoti_load_package(file)(x_for()), model(x_for()), atol=1e-6)


@CELLS
@pytest.mark.parametrize("dynamo", [False, True])
def test_onnx(cell, dynamo, tmp_path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    model = Model(cell).eval()
    file = str(tmp_path / "model.onnx")
    torch.onnx.export(model, (x_for(),), file, dynamo=dynamo, verbose=False)
    session = runtime.InferenceSession(file)
    [found] = session.run(None, {session.get_inputs()[0].name: x_for().numpy()})
    assert torch.allclose(torch.from_numpy(found), model(x_for()), atol=1e-5)


@pytest.mark.parametrize("dynamo", [False, True])
def test_onnx_names_the_way_out_where_native_is_demanded(dynamo, tmp_path) -> None:
    if dynamo:
        pytest.importorskip("onnxscript")
    model = Model("lstm", engine="native").eval()
    with pytest.raises(Exception, match=r"ONNX has no operator .* gw\.restore\(model\)") as failed:
        torch.onnx.export(model, (x_for(),), str(tmp_path / "m.onnx"), dynamo=dynamo, verbose=False)
    assert dynamo or isinstance(failed.value, EngineError)  # the other exporter wraps it


@pytest.mark.parametrize("cell", ["lstm", "rnn_tanh"])
@pytest.mark.parametrize("record", ["trace", "export"])
def test_lengths_and_gates_are_recorded_with_the_native_operator(cell, record) -> None:
    class Holder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = build(cell, num_layers=2, bidirectional=True, dtype=torch.float32)

        def forward(self, x: torch.Tensor) -> Any:
            output, _, gates = self.inner(x, lengths=[2, 5, 3], return_gates=True)
            return output, gates["hidden"].nan_to_num(7.0)

    model = Holder().eval()
    if record == "trace":
        recorded = torch.jit.trace(model, (x_for(),))
    else:
        recorded = torch.export.export(model, (x_for(),)).module()
    x = inputs(T, B, I, dtype=torch.float32, seed=4)
    for mine, wanted in zip(recorded(x), model(x), strict=True):
        assert torch.allclose(mine, wanted, atol=1e-6)


@ENGINES
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"])
def test_fx_takes_a_module_as_a_leaf(kind, engine) -> None:
    class Holder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = getattr(gatewise, kind)(I, H, engine=engine)

        def forward(self, x: torch.Tensor, h: torch.Tensor) -> Any:
            states = (h, h) if kind.startswith("LSTM") else h
            return self.inner(x, states) if kind.endswith("Cell") else self.inner(x, states)[0]

    model = Holder()
    graph = torch.fx.symbolic_trace(model)
    [node] = [node for node in graph.graph.nodes if node.op == "call_module"]
    assert node.target == "inner"
    x, h = (
        (x_for()[0], torch.zeros(B, H))
        if kind.endswith("Cell")
        else (x_for(), torch.zeros(1, B, H))
    )
    for mine, wanted in zip(_flat(graph(x, h)), _flat(model(x, h)), strict=True):
        assert torch.equal(mine, wanted)
    gatewise.restore(graph)  # what was written down fits torch's module too
    graph(x, h)


def _flat(own: Any) -> list[torch.Tensor]:
    return [own] if isinstance(own, torch.Tensor) else list(own)


def test_fx_keeps_lengths_and_gates() -> None:
    class Holder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = gatewise.LSTM(I, H)

        def forward(self, x: torch.Tensor) -> Any:
            return self.inner(x, lengths=[2, 5, 3], return_gates=True)[2]["forget"]

    model = Holder()
    found = torch.fx.symbolic_trace(model)(x_for())
    assert torch.equal(found.nan_to_num(-1), model(x_for()).nan_to_num(-1))


def _by_fx(model: torch.nn.Module) -> torch.nn.Module:
    prepared = prepare_fx(model, quantization.get_default_qconfig_mapping(), (x_for(),))
    prepared(x_for())
    return convert_fx(prepared)


def _by_hand(model: torch.nn.Module) -> torch.nn.Module:
    model.qconfig = quantization.default_qconfig
    prepared = quantization.prepare(model)
    prepared(x_for())
    return quantization.convert(prepared)


QUANTISE = {
    "dynamic": lambda model: quantization.quantize_dynamic(model, {torch.nn.LSTM}),
    "linear alone": lambda model: quantization.quantize_dynamic(model, {torch.nn.Linear}),
    "fx": _by_fx,
    "prepare and convert": _by_hand,
}


@pytest.mark.parametrize("way", QUANTISE)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_quantisation_leaves_modules_alone_and_says_so(way) -> None:
    model = Model("lstm").eval()
    with pytest.warns(GatewiseWarning, match=r"leaves gatewise's LSTM .* gw\.restore\(model\)"):
        found = QUANTISE[way](model)
    assert isinstance(found.rnn, gatewise.LSTM)


def test_script_names_the_way_out() -> None:
    for module in (gatewise.LSTM(I, H), gatewise.GRUCell(I, H), Model("gru")):
        with pytest.raises(EngineError, match=r"torch\.jit\.script .* gw\.restore\(model\)"):
            torch.jit.script(module)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}])
def test_gradients_of_each_sample(cell, options) -> None:
    module = build(cell, batch_first=True, **options)
    x = inputs(B, T, I)
    call_for_per_sample_grads(module)(x)[0].square().sum().backward()
    for row in range(B):
        loss = stock_of(module)
        loss(x[row : row + 1])[0].square().sum().backward()
        for name, own in module.named_parameters():
            assert torch.allclose(own.grad_sample[row], loss.get_parameter(name).grad, atol=1e-12)


def test_gradients_of_each_sample_need_torchs_pass() -> None:
    module = build("lstm", batch_first=True, engine="native")
    with pytest.raises(EngineError, match=r"class ExpandedWeight; .* gw\.restore\(model\)"):
        call_for_per_sample_grads(module)(inputs(B, T, I))


@CELLS
def test_torch_func(cell) -> None:
    module, x = build(cell), inputs(T, B, I)
    found = []
    for own in (module, stock_of(module)):
        weights = dict(own.named_parameters())
        loss = lambda p, own=own: functional_call(own, p, (x,))[0].square().sum()  # noqa: E731
        found.append(grad(loss)(weights))
    for name, own in found[0].items():
        assert torch.allclose(own, found[1][name], atol=1e-12)


class Named(torch.Tensor):
    """A class that changes nothing but the name."""


class Counting(torch.Tensor):
    """A class that replaces functions, as torch's weights for per-sample gradients do."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return super().__torch_function__(func, types, args, kwargs or {})


def test_classes_of_tensors() -> None:
    module = gatewise.GRU(I, H)
    assert module.engine_choice(x_for().as_subclass(Named)).name == "native"
    choice = module.engine_choice(x_for().as_subclass(Counting))
    assert choice.name == "torch"
    assert "tensors of the class Counting" in choice.reason
    for kind in (Named, Counting):
        found = module(x_for().as_subclass(kind))[0]
        assert type(found) is kind
        assert torch.allclose(found.as_subclass(torch.Tensor), module(x_for())[0], atol=1e-6)


FLOPS = {
    "lstm": {},
    "gru": {"num_layers": 2},
    "rnn_relu": {"bidirectional": True, "num_layers": 2, "bias": False},
    "projected": {"proj_size": 2, "num_layers": 2},
}


def _counted(function: Any) -> tuple[int, Any]:
    with FlopCounterMode(display=False) as counter:
        result = function()
    return counter.get_total_flops(), result


@pytest.mark.parametrize("name", FLOPS)
@pytest.mark.parametrize(("with_grad", "packed"), [*itertools.product([False, True], repeat=2)])
def test_the_flop_counter_counts_what_it_counts_in_torchs_module(name, with_grad, packed) -> None:
    options = dict(FLOPS[name])
    if packed:  # in the reverse direction torch multiplies the zeros that rows start from
        options["bidirectional"] = False
    module = build("lstm" if name == "projected" else name, engine="native", **options)
    counts = []
    for own in (module, stock_of(module)):
        x = inputs(T, B, I).requires_grad_(with_grad)
        given = pack_padded_sequence(x, torch.tensor([5, 4, 2])) if packed else x
        with torch.no_grad():
            plain, _ = _counted(lambda own=own, given=given: own(given))
        forward, (output, _) = _counted(lambda own=own, given=given: own(given))
        backward, _ = _counted((output.data if packed else output).sum().backward)
        counts.append((plain, forward, backward))
    assert counts[0] == counts[1]
    assert counts[0][0] == counts[0][1] > 0


def test_the_flop_counter_counts_valid_steps_and_what_is_recomputed() -> None:
    module = build("gru", engine="native")
    x = inputs(T, B, I)
    packed, _ = _counted(lambda: module(pack_padded_sequence(x, torch.tensor([5, 4, 2]))))
    assert _counted(lambda: module(x, lengths=[2, 5, 4]))[0] == packed
    whole = _counted(module(x)[0].sum().backward)[0]
    module.max_memory = "sqrt"
    long = inputs(200, B, I)
    segments = _counted(module(long)[0].sum().backward)[0]
    module.max_memory = None
    once = _counted(module(long)[0].sum().backward)[0]
    assert segments == once + _counted(lambda: module(long))[0]
    assert whole > 0
