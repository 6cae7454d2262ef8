"""Every public module on a GPU, in every form of call, against the same module on the CPU."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise as gw
from gatewise import penalties
from tests.cuda.device import assert_near, assert_on, gradients
from tests.nn.recurrent import (
    LENGTHS,
    RUNS,
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

ON_GPU = [(cell, engine) for cell, engine in RUNS if engine != "native"]
"""Every cell with every engine that can compute there."""


def _lengths(kind: str, device: str) -> Any:
    return {
        "list": list(LENGTHS),
        "host": torch.tensor(LENGTHS),
        "there": torch.tensor(LENGTHS, device=device),
        "pinned": torch.tensor(LENGTHS, pin_memory=device == "cuda"),
    }[kind]


FORMS: dict[str, Any] = {
    "dense": lambda module, x, hx, lengths: module(x),
    "states": lambda module, x, hx, lengths: module(x, hx),
    "unbatched": lambda module, x, hx, lengths: module(x[:, 0]),
    "gates": lambda module, x, hx, lengths: module(x, hx, return_gates=True),
    "lengths": lambda module, x, hx, lengths: module(x, hx, lengths=lengths),
    "lengths and gates": lambda module, x, hx, lengths: module(
        x, hx, lengths=lengths, return_gates=True
    ),
    "packed": lambda module, x, hx, lengths: module(
        pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False), hx
    ),
    "packed with gates": lambda module, x, hx, lengths: module(
        pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False), return_gates=True
    ),
}


def _call(module: Any, form: str, device: str, kind: str = "list") -> tuple[Any, list[Any]]:
    """Return what a call gives on a device, and its gradients of input and weights."""
    module = copy.deepcopy(module).to(device)
    x = inputs(T, B, I, dtype=torch.float32).to(device).requires_grad_()
    hx = as_hx(tuple(state.to(device) for state in states_for(module, B)))
    result = FORMS[form](module, x, hx, _lengths(kind, device))
    assert_on(result, device)
    return result, gradients(result, [x, *module.parameters()])


@pytest.mark.parametrize(("cell", "engine"), [*ON_GPU, *((cell, "auto") for cell in STOCK)])
def test_every_cell_in_every_form(cell: str, engine: str, device: str) -> None:
    torch.manual_seed(0)
    options = {"bidirectional": True, "num_layers": 2} if cell in STOCK else {}
    module = build(cell, engine=engine, dtype=torch.float32, **options)
    oracle = build(cell, engine="reference", dtype=torch.float32, **options)
    oracle.load_state_dict(module.state_dict())
    for form in FORMS:
        found = _call(module, form, device)
        wanted = _call(oracle, form, "cpu")
        for mine, other in zip(found, wanted, strict=True):
            assert_near(mine, other)


@pytest.mark.parametrize("kind", ["list", "host", "there", "pinned"])
def test_lengths_may_lie_anywhere(kind: str, device: str) -> None:
    module = build("lstm", dtype=torch.float32)
    found, wanted = (
        _call(module, "lengths and gates", where, kind if where == device else "list")[0]
        for where in (device, "cpu")
    )
    assert_near(found, wanted)


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_cells(kind: str, device: str) -> None:
    torch.manual_seed(0)
    module, x = getattr(gw, kind)(I, H), inputs(B, I, dtype=torch.float32)
    wanted = module(x, return_gates=True)
    found = copy.deepcopy(module).to(device)(x.to(device), return_gates=True)
    assert_on(found, device)
    assert_near(found, wanted)


def test_the_slstm(device: str) -> None:
    torch.manual_seed(0)
    module, x = gw.SLSTM(I, 8, heads=2), inputs(T, B, I, dtype=torch.float32)
    there = copy.deepcopy(module).to(device)
    wanted = module(x, lengths=LENGTHS, return_gates=True)
    found = there(x.to(device), lengths=LENGTHS, return_gates=True)
    assert_on(found, device)
    assert_near(found, wanted)
    grads = (
        gradients(*of) for of in ((found, [*there.parameters()]), (wanted, [*module.parameters()]))
    )
    assert_near(*grads)


@pytest.mark.parametrize("cell", STOCK)
def test_dropout_between_layers_is_drawn_anew_and_by_the_seed(cell: str, device: str) -> None:
    module = build(cell, num_layers=2, dropout=0.5, dtype=torch.float32).to(device)
    x = inputs(T, B, I, dtype=torch.float32).to(device)
    for call in (
        lambda: module(x)[0],
        lambda: module(x, return_gates=True)[0],
        lambda: module(x, lengths=LENGTHS)[0],
    ):
        torch.manual_seed(1)
        first, second = call(), call()
        torch.manual_seed(1)
        assert torch.equal(call(), first)
        assert not torch.equal(first, second)
    module.eval()
    assert_near(module(x)[0], module(x, return_gates=True)[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_autocast(cell: str, dtype: torch.dtype, device: str) -> None:
    module = build(cell, num_layers=2, dtype=torch.float32).to(device)
    x = inputs(T, B, I, dtype=torch.float32).to(device)
    exact = module(x, lengths=LENGTHS, return_gates=True)
    with torch.autocast(device, dtype):
        dense = module(x)[0]
        found = module(x, lengths=LENGTHS, return_gates=True)
        packed = module(pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False))[0]
        torchs = stock_of(module).to(device)(x)[0]
    assert dense.dtype == packed.data.dtype == torchs.dtype  # float16: cuDNN gets no bfloat16
    assert_near(found, exact, rtol=0.03, atol=0.03)
    dense.float().sum().backward()
    assert all(own.grad.isfinite().all() for own in module.parameters())


@pytest.mark.parametrize("cell", STOCK)
def test_a_stock_model_is_accelerated_there_and_restored(cell: str, device: str) -> None:
    options = {"nonlinearity": cell.removeprefix("rnn_")} if cell.startswith("rnn") else {}
    stock = STOCK[cell](I, H, num_layers=2, bidirectional=True, **options).to(device)
    x = inputs(T, B, I, dtype=torch.float32).to(device)
    packed = pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False)
    wanted = [stock(x), stock(packed)]
    gw.accelerate(stock)
    found = [stock(x), stock(packed)]
    _, _, gates = stock(x, return_gates=True)
    assert_on(gates, device)
    gw.restore(stock)
    for mine, other in zip(found, wanted, strict=True):
        assert_on(mine, device)
        assert_near(mine, other)
    assert type(stock) is STOCK[cell]


def test_a_model_goes_from_device_to_device_and_back(device: str) -> None:
    module, x = gw.LSTM(I, H, num_layers=2), inputs(T, B, I, dtype=torch.float32)
    before = module(x)[0]
    module.to(device).flatten_parameters()
    assert_near(module(x.to(device))[0], before)
    state = module.state_dict()
    fresh = gw.LSTM(I, H, num_layers=2)
    fresh.load_state_dict(state)
    assert torch.equal(fresh(x)[0], module.cpu()(x)[0])


def test_starting_values_and_the_curriculum(device: str) -> None:
    drawn = torch.Generator().manual_seed(0)
    here, there = gw.LSTM(I, H), gw.LSTM(I, H, device=device)
    there.load_state_dict(here.state_dict())
    gw.init.chrono(there, max_lag=50, generator=drawn)
    gw.init.chrono(here, max_lag=50, generator=torch.Generator().manual_seed(0))
    assert_near(there.state_dict(), here.state_dict())
    for module in (here, there):
        torch.manual_seed(0)
        gw.init.open_forget_gate(module)
        gw.init.long_memory(module, 400, 100)
        curriculum = gw.LengthCurriculum(module, 400, streak=2)
        solved = torch.ones((), dtype=torch.bool, device=next(module.parameters()).device)
        while curriculum.length < 400:
            curriculum.step(solved)
    assert_near(there.state_dict(), here.state_dict())


def test_costs_on_gates(device: str) -> None:
    module, x = gw.LSTM(I, H), inputs(T, B, I, dtype=torch.float32)
    costs = []
    for where in ("cpu", device):
        own = copy.deepcopy(module).to(where)
        _, _, gates = own(x.to(where), lengths=torch.tensor(LENGTHS), return_gates=True)
        total = (
            penalties.write_cost(gates)
            + penalties.forget_cost(gates, timescale=torch.linspace(1, 20, H))
            + penalties.saturation_cost(gates, margin=0.4)
            + penalties.write_cost_of(own, x.to(where), own(x.to(where))[0])
        )
        total.backward()
        costs.append([total, *(weight.grad for weight in own.parameters())])
    assert_near(*costs)


def test_the_choice_of_an_engine_names_the_device(device: str) -> None:
    choice = gw.LSTM(I, H, device=device).engine_choice()
    assert choice.name == "torch"
    assert device in str(choice)


def test_a_stream_asks_for_the_cpu(device: str) -> None:
    module = gw.LSTM(I, H, device=device)
    with pytest.raises(gw.errors.InputError, match="move the module to the CPU first"):
        gw.Stream(module)


@pytest.mark.filterwarnings("ignore")  # of the compiler, on what it does not follow
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_compiled(cell: str, device: str) -> None:
    module = build(cell, dtype=torch.float32, num_layers=2).to(device)
    x = inputs(T, B, I, dtype=torch.float32).to(device)

    def both(x: torch.Tensor) -> Any:
        return module(x)[0].sin(), module(x, return_gates=True)[2].candidate

    wanted = both(x)
    found = torch.compile(both, backend="aot_eager")(x)
    assert_near(found, wanted)
    assert_near(gradients(found, [*module.parameters()]), gradients(wanted, [*module.parameters()]))
