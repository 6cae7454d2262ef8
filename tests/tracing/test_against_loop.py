"""The record of every kind of module, by every engine, against a loop that shares no code with it."""

from __future__ import annotations

import copy

import pytest
import torch
from tests.tracing.loop import assert_near, cell_gates_by_loop, gates_by_loop
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise as gw
from gatewise.engines import recover
from gatewise.nn import accelerate
from gatewise.tracing import _recovery as recovery

T, B, I, H, P = 23, 4, 3, 6, 2  # noqa: E741 - the papers' symbol
LENGTHS = [9, 23, 1, 14]
DTYPES = [torch.float32, torch.float64]
ENGINES = ["stock", "native", "torch", "reference"]


@pytest.fixture(autouse=True, params=["whole", "pieces"])
def pieces(request, monkeypatch) -> bool:
    """Run each test also with pieces of a few steps, where gates are recovered."""
    if request.param == "pieces":
        size = 5 * B * 4 * H
        monkeypatch.setattr(recovery, "CHUNK", size)
        monkeypatch.setattr(recover, "CHUNK", size)
    return request.param == "pieces"


def prepared(model: torch.nn.Module, engine: str) -> torch.nn.Module:
    if engine == "stock":
        return model
    accelerate(model)
    for part in model.modules():
        if isinstance(part, torch.nn.RNNBase | torch.nn.RNNCellBase):
            part.engine = engine
    return model


def values(*shape: int, dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def exact(module: torch.nn.Module) -> torch.nn.Module:
    return copy.deepcopy(module).double()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("state", [False, True])
def test_a_bidirectional_lstm_of_three_layers(engine, dtype, state) -> None:
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(I, H, num_layers=3, bidirectional=True, dtype=dtype)
    oracle = exact(lstm)
    x = values(T, B, I, dtype=dtype)
    hx = tuple(values(6, B, H, dtype=dtype, seed=s) for s in (1, 2)) if state else None
    with torch.no_grad(), gw.trace(prepared(lstm, engine)) as trace:
        lstm(x, hx)
    own = None if hx is None else tuple(part.double() for part in hx)
    assert_near(trace[""], gates_by_loop(oracle, x.double(), own), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["GRU", "LSTM", "RNN"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_rows_of_different_lengths(kind, engine, dtype, bidirectional) -> None:
    torch.manual_seed(0)
    module = getattr(torch.nn, kind)(I, H, num_layers=2, bidirectional=bidirectional, dtype=dtype)
    oracle = exact(module)
    x = values(T, B, I, dtype=dtype)
    count = 4 if bidirectional else 2
    hx = [values(count, B, H, dtype=dtype, seed=s) for s in range(2 if kind == "LSTM" else 1)]
    given = hx[0] if len(hx) == 1 else tuple(hx)
    prepared(module, engine)
    with torch.no_grad(), gw.trace(module) as trace:
        module(pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False), given)
        if engine != "stock":
            padded = x.clone()
            for row, length in enumerate(LENGTHS):
                padded[length:, row] = torch.nan  # what stands in the padding touches nothing
            module(padded, given, lengths=LENGTHS)
    wanted = gates_by_loop(oracle, x.double(), tuple(h.double() for h in hx), LENGTHS)
    for record in trace.calls(""):
        assert record.lengths.tolist() == LENGTHS
        assert_near(record, wanted, dtype)


# torch's own words about its float32 pass with a projection, which we have not chosen.
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_projected_lstm(engine, dtype) -> None:
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(I, H, 2, proj_size=P, bidirectional=True, batch_first=True, dtype=dtype)
    oracle = exact(lstm)
    x = values(B, T, I, dtype=dtype)
    with torch.no_grad(), gw.trace(prepared(lstm, engine)) as trace:
        lstm(x)
        lstm(x[0])
    wanted = gates_by_loop(oracle, x.double().transpose(0, 1))
    batched, alone = trace.calls("")
    assert_near(batched, wanted, dtype)
    assert_near(alone, {name: value[:, :, :, 0] for name, value in wanted.items()}, dtype)


class Block(torch.nn.Module):
    def __init__(self, first: torch.nn.Module, second: torch.nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second


class Nested(torch.nn.Module):
    """Four recurrent modules in others, each on an input that the test knows."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        own = {"dtype": dtype}
        self.encoder = Block(torch.nn.LSTM(I, H, **own), torch.nn.GRU(H, H, 2, **own))
        deeper = Block(torch.nn.RNN(I, H, bidirectional=True, **own), torch.nn.GRUCell(I, H, **own))
        self.parts = torch.nn.ModuleDict({"list": torch.nn.ModuleList([deeper])})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, _ = self.encoder.second(self.encoder.first(x)[0])
        deeper = self.parts["list"][0]
        z, _ = deeper.first(x)
        h = None
        for step in x:
            h = deeper.second(step, h)
        return torch.cat([y[-1], z[-1], h], dim=-1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_four_modules_nested_in_others_over_several_calls(engine, dtype) -> None:
    torch.manual_seed(0)
    model = Nested(dtype)
    oracle = exact(model)
    prepared(model, engine)
    with torch.no_grad(), gw.trace(model) as trace:
        for seed, steps in enumerate((T, 7)):
            model(values(steps, B, I, dtype=dtype, seed=seed))
    names = ("encoder.first", "encoder.second", "parts.list.0.first", "parts.list.0.second")
    assert trace.names == names
    for call, steps in enumerate((T, 7)):
        x = values(steps, B, I, dtype=dtype, seed=call).double()
        first = gates_by_loop(oracle.encoder.first, x)
        deeper = oracle.parts["list"][0]
        wanted = [
            first,
            gates_by_loop(oracle.encoder.second, first["hidden"][0, 0]),
            gates_by_loop(deeper.first, x),
            cell_gates_by_loop(deeper.second, x),
        ]
        for name, own in zip(names, wanted, strict=True):
            assert_near(trace.calls(name)[call], own, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_cells(kind, engine, dtype) -> None:
    torch.manual_seed(0)
    cell = getattr(torch.nn, kind)(I, H, dtype=dtype)
    oracle = exact(cell)
    x = values(T, B, I, dtype=dtype)
    with torch.no_grad(), gw.trace(prepared(cell, engine)) as trace:
        hx = None
        for step in x:
            hx = cell(step, hx)
    assert_near(trace[""], cell_gates_by_loop(oracle, x.double()), dtype)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("packed", [False, True])
def test_training_with_dropout_between_the_layers(engine, packed) -> None:
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(I, H, 3, dropout=0.4, bidirectional=True, dtype=torch.float64)
    oracle = exact(lstm)
    prepared(lstm, engine)
    x = values(T, B, I, dtype=torch.float64)
    lengths = sorted(LENGTHS, reverse=True) if packed else None
    given = pack_padded_sequence(x, torch.tensor(lengths)) if packed else x
    torch.manual_seed(7)
    with gw.trace(lstm) as trace:
        lstm(given)
    torch.manual_seed(7)  # torch's masks, drawn in the form of the data
    shape = (*(given.data if packed else x).shape[:-1], 2 * H)
    masks = [torch.empty(shape, dtype=x.dtype).bernoulli_(0.6) / 0.6 for _ in range(2)]
    if packed:
        masks = [padded_mask(mask, given.batch_sizes) for mask in masks]
    assert_near(trace[""], gates_by_loop(oracle, x, None, lengths, masks), torch.float64)


@pytest.mark.parametrize("engine", ["native", "torch", "reference"])
@pytest.mark.parametrize("form", ["dense", "packed", "lengths"])
def test_dropout_where_the_whole_record_exceeds_the_budget(engine, form) -> None:
    torch.manual_seed(0)
    lstm = gw.LSTM(I, H, 3, dropout=0.4, bidirectional=True, dtype=torch.float64, engine=engine)
    x = values(T, B, I, dtype=torch.float64)
    if form == "packed":
        x = pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False)
    lengths = {"lengths": LENGTHS} if form == "lengths" else {}
    records = []
    for budget in (None, 3 * 2 * T * B * 2 * H * 8):
        torch.manual_seed(7)
        with gw.trace(lstm, quantities=("cell", "hidden"), max_bytes=budget) as trace:
            lstm(x, **lengths)
        records.append(trace[""])
    assert_near(records[1], dict(records[0]), torch.float64)


def padded_mask(mask: torch.Tensor, batch_sizes: torch.Tensor) -> torch.Tensor:
    whole = mask.new_zeros(len(batch_sizes), int(batch_sizes[0]), mask.shape[-1])
    for step, own in enumerate(mask.split(batch_sizes.tolist())):
        whole[step, : len(own)] = own
    return whole
