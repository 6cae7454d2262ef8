"""Tracing: what is recorded, and that the model does not notice."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from tests.nn.recurrent import (
    LENGTHS,
    STOCK,
    B,
    H,
    I,
    T,
    as_hx,
    build,
    inputs,
    states_for,
    stock_of,
)
from tests.tolerances import assert_close64
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise.nn
from gatewise.engines.fused import PASSES
from gatewise.errors import InputError
from gatewise.nn import accelerate
from gatewise.tracing import trace


class Model(torch.nn.Module):
    """Recurrent modules at several depths, with dropout inside and between."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.ModuleDict(
            {"lstm": torch.nn.LSTM(I, H, num_layers=2, dropout=0.5, bidirectional=True)}
        )
        self.between = torch.nn.Dropout(0.3)
        self.decoder = torch.nn.GRUCell(2 * H, 4)
        self.head = torch.nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.between(self.encoder["lstm"](x)[0])
        h = None
        for step in y:
            h = self.decoder(step, h)
        return self.head(h)


class Cells(torch.nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.cell = getattr(torch.nn, kind)(I, H, dtype=torch.float64)

    def forward(self, x: torch.Tensor, hx=None):
        for step in x:
            hx = self.cell(step, hx)
        return hx


def snapshot(model: torch.nn.Module) -> list[object]:
    """Everything on the modules that a trace might leave something in."""
    return [
        (type(part), sorted(vars(part)), [list(v) for k, v in vars(part).items() if "hooks" in k])
        for part in model.modules()
    ]


def outcome(model: torch.nn.Module, x: torch.Tensor, traced: bool):
    torch.manual_seed(5)
    model.zero_grad()
    own = x.clone().requires_grad_()
    if traced:
        with trace(model):
            output = model(own)
    else:
        output = model(own)
    output.sum().backward()
    grads = [parameter.grad.clone() for parameter in model.parameters()]
    return [output, own.grad, *grads, torch.get_rng_state()]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("prepare", [lambda m: m, accelerate])
def test_nothing_changes_for_the_model(training, prepare) -> None:
    torch.manual_seed(0)
    model = prepare(Model()).train(training)
    before = snapshot(model)
    x = torch.randn(T, B, I)
    plain, traced = outcome(model, x, False), outcome(model, x, True)
    assert all(torch.equal(one, other) for one, other in zip(plain, traced, strict=True))
    assert snapshot(model) == before


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("engine", [None, "native", "reference", "torch"])
@pytest.mark.parametrize("cell", STOCK)
@pytest.mark.parametrize("form", ["dense", "batch_first", "packed", "unbatched"])
def test_the_record_is_what_return_gates_returns(cell, engine, form, training) -> None:
    torch.manual_seed(0)
    module = build(
        cell,
        num_layers=2,
        dropout=0.5,
        bidirectional=True,
        batch_first=form == "batch_first",
        engine=engine or "torch",
    ).train(training)
    x = inputs(T, I) if form == "unbatched" else inputs(T, B, I)
    if form == "batch_first":
        x = x.transpose(0, 1)
    if form == "packed":
        x = pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False)
    hx = as_hx(states_for(module, None if form == "unbatched" else B))
    torch.manual_seed(1)
    _, _, gates = module(x, hx, return_gates=True)
    traced = stock_of(module) if engine is None else module
    torch.manual_seed(1)
    with trace(traced) as seen:
        traced(x, hx=hx)
    assert seen.names == ("",)
    assert tuple(seen[""]) == tuple(gates)
    for name, value in gates.items():
        assert not seen[""][name].requires_grad
        assert_close64(seen[""][name], value, name)
    assert torch.equal(seen[""].lengths, gates.lengths)


@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
def test_lengths_and_gates_asked_for_are_recorded(engine) -> None:
    module = build("gru", num_layers=2, dropout=0.5, engine=engine)
    torch.manual_seed(0)
    with trace(module) as seen:
        _, _, gates = module(inputs(T, B, I), lengths=LENGTHS, return_gates=True)
        module.eval()
        module(inputs(T, B, I), lengths=LENGTHS)
    first, second = seen.calls("")
    assert gates.update.requires_grad
    assert not first.update.requires_grad
    for name, value in gates.items():
        assert torch.equal(first[name].isnan(), value.isnan())
        assert torch.equal(first[name].nan_to_num(), value.nan_to_num())
    _, _, gates = module(inputs(T, B, I), lengths=LENGTHS, return_gates=True)
    for name, value in gates.items():
        assert_close64(second[name], value, name)


@pytest.mark.parametrize(
    ("kind", "layer"), [("LSTMCell", "LSTM"), ("GRUCell", "GRU"), ("RNNCell", "RNN")]
)
@pytest.mark.parametrize("prepare", [lambda m: m, accelerate])
def test_the_steps_of_a_cell_are_one_record(kind, layer, prepare) -> None:
    model = prepare(Cells(kind))
    module = getattr(gatewise.nn, layer)(I, H, dtype=torch.float64)
    module.load_state_dict({f"{n}_l0": v for n, v in model.cell.state_dict().items()})
    with trace(model) as seen:
        model(inputs(T, B, I))
        model(inputs(T + 1, B, I, seed=1))
        model(inputs(T, I, seed=2))
    assert seen.names == ("cell",)
    batched = [inputs(T, B, I), inputs(T + 1, B, I, seed=1), inputs(T, I, seed=2)]
    for record, x in zip(seen.calls("cell"), batched, strict=True):
        _, _, gates = module(x, return_gates=True)
        assert torch.equal(record.lengths, gates.lengths)
        for name, value in gates.items():
            assert_close64(record[name], value, name)


def test_a_cell_as_the_model_and_a_batch_that_changes() -> None:
    cell = torch.nn.LSTMCell(I, H)
    with trace(cell) as seen:
        hx = None
        for _ in range(3):
            hx = cell(torch.randn(2, I), hx)
        cell(torch.randn(4, I))
    assert [record.cell.shape for record in seen.calls("")] == [(1, 1, 3, 2, H), (1, 1, 1, 4, H)]


def test_names_calls_and_attribute_access() -> None:
    model = Model().eval()
    with trace(model) as seen:
        assert seen.names == ("encoder.lstm", "decoder")
        model(torch.randn(T, B, I))
        model(torch.randn(T, 2, I))
    assert seen["encoder.lstm"].forget.shape == (2, 2, T, 2, H)
    assert seen["decoder"].update.shape == (1, 1, T, 2, 4)
    assert [call.forget.shape[3] for call in seen.calls("encoder.lstm")] == [B, 2]


def test_errors() -> None:
    model = Model()
    refused = pytest.raises(InputError, match=r"Linear contains no LSTM, GRU, RNN or cell$")
    with refused, trace(torch.nn.Linear(2, 2)):
        pass
    refused = pytest.raises(
        InputError, match=r"model must be a torch.nn.Module; got a list; call trace with each"
    )
    with refused, trace([model]):  # type: ignore[arg-type]
        pass
    with trace(model) as seen:
        with pytest.raises(InputError, match="'decoder' has not been called"):
            seen["decoder"]
        assert seen.calls("decoder") == ()
        with pytest.raises(InputError, match=r"there are 'encoder.lstm', 'decoder'\. Did you mean"):
            seen["encoder.lstn"]
        with pytest.raises(InputError, match="no recurrent module 'head'"):
            seen.calls("head")


def test_subclasses_with_their_own_forward_are_not_guessed_at() -> None:
    class Own(torch.nn.LSTM):
        def forward(self, x, hx=None):
            return super().forward(2 * x, hx)

    model = torch.nn.ModuleDict({"own": Own(I, H), "gru": torch.nn.GRU(I, H)})
    with trace(model) as seen:
        assert seen.names == ("gru",)
    refused = pytest.raises(InputError, match=r"forward is known; there is 'the model' \(Own\)")
    with refused, trace(model["own"]):
        pass


def test_a_module_whose_forward_was_replaced_is_not_guessed_at() -> None:
    model = torch.nn.ModuleDict({"patched": torch.nn.GRU(I, H), "gru": torch.nn.GRU(I, H)})
    model["patched"].forward = lambda x: x
    with trace(model) as seen:
        assert seen.names == ("gru",)


def test_the_last_layer_is_not_run_again(monkeypatch) -> None:
    ran = []
    fused = PASSES["gru"]
    monkeypatch.setitem(PASSES, "gru", lambda *given: ran.append(1) or fused(*given))
    for layers in (1, 3):
        model = torch.nn.GRU(I, H, num_layers=layers)
        with trace(model):
            model(torch.randn(T, B, I))
        assert len(ran) == layers - 1


def test_everything_is_removed_when_the_model_fails() -> None:
    model = Model()
    before = snapshot(model)
    with pytest.raises(RuntimeError, match="input_size"), trace(model):
        model(torch.randn(T, B, I + 1))
    assert snapshot(model) == before


def test_the_users_own_hooks_run_as_before_and_do_not_enter_the_record() -> None:
    model = torch.nn.Sequential(torch.nn.GRU(I, H))
    seen_by_hook = []

    def double(module, args, output):
        seen_by_hook.append(output[0])
        return 2 * output[0], output[1]

    model[0].register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    model[0].register_forward_hook(double)
    x = torch.randn(T, B, I)
    plain = model(x)[0]
    with trace(model) as seen:
        assert torch.equal(model(x)[0], plain)
    assert len(seen_by_hook) == 2
    assert torch.equal(2 * seen["0"].hidden[0, 0], plain.detach())
    gatewise.nn.accelerate(model)
    _, _, gates = model[0].forward(x + 1, return_gates=True)
    assert torch.allclose(gates.update, seen["0"].update, rtol=0, atol=1e-6)


def test_a_trace_inside_a_trace_and_in_inference_mode() -> None:
    model = torch.nn.GRU(I, H)
    with torch.inference_mode(), trace(model) as outer, trace(model) as inner:
        model(torch.randn(T, B, I))
    assert torch.equal(outer[""].reset, inner[""].reset)


def test_every_name_of_a_shared_module_leads_to_its_one_record() -> None:
    torch.manual_seed(0)
    shared, cell = torch.nn.LSTM(I, H), torch.nn.GRUCell(I, H)
    inner = torch.nn.ModuleDict({"cell": cell})
    model = torch.nn.ModuleDict({"a": shared, "b": shared, "left": inner, "right": inner})
    with trace(model) as seen:
        model["a"](torch.randn(T, B, I))
        model["b"](torch.randn(T, 2, I))
        model["left"]["cell"](torch.randn(B, I))
        model["right"]["cell"](torch.randn(B, I))
    assert seen.names == ("a", "left.cell")
    for name in ("a", "b"):
        assert [call.forget.shape[3] for call in seen.calls(name)] == [B, 2]
    assert seen["b"] is seen["a"]
    assert seen["right.cell"].update.shape == seen["left.cell"].update.shape == (1, 1, 2, B, H)
    with pytest.raises(InputError, match=r"no recurrent module 'right\.cel'.*'right\.cell'"):
        seen["right.cel"]


@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm"])
@pytest.mark.parametrize("prepare", [lambda m: m, accelerate])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "LSTMCell", "GRUCell"])
def test_parametrized_modules_in_train_mode(kind, prepare, norm) -> None:
    """Reading a weight moves `spectral_norm` on: the trace must not, and must see the same weight."""
    end = "" if kind.endswith("Cell") else "_l0"
    found = []
    for traced in (False, True):
        torch.manual_seed(0)
        module = getattr(torch.nn, kind)(I, H)
        for weight in ("weight_ih", "weight_hh"):
            getattr(parametrizations, norm)(module, weight + end)
        model = prepare(torch.nn.Sequential(module))
        x = torch.randn(*((B,) if kind.endswith("Cell") else (T, B)), I)
        found.append([*outcome_of(model, x, traced), *model.buffers()])
        assert all(part.training for part in model.modules())
    assert all(map(torch.equal, *found))
    with trace(model) as seen:
        out = module(x)[0]
    if not kind.startswith("GRU"):
        record = seen["0"]
        hidden = record.output * torch.tanh(record.cell)
        h = out.detach()
        assert torch.allclose(hidden.reshape(h.shape), h, rtol=0, atol=1e-6)


def outcome_of(model: torch.nn.Module, x: torch.Tensor, traced: bool) -> list[torch.Tensor]:
    with trace(model) if traced else nullcontext():
        output = model(x)
    h = output[0] if isinstance(output, tuple) else output
    h.sum().backward()
    return [h, *(parameter.grad for parameter in model.parameters())]


@pytest.mark.filterwarnings("ignore")  # of the compiler, on what it does not follow
def test_a_compiled_model_has_the_names_of_the_model_inside() -> None:
    model = Model().eval()
    compiled = torch.compile(model, backend="eager")
    x = torch.randn(T, B, I)
    with torch.no_grad(), trace(compiled) as seen:
        compiled(x)
    with torch.no_grad(), trace(model) as plain:
        model(x)
    assert seen.names == plain.names == ("encoder.lstm", "decoder")
    torch.testing.assert_close(seen["decoder"]["hidden"], plain["decoder"]["hidden"])
    seen.check_unchanged(compiled)
    seen.check_unchanged(model)
