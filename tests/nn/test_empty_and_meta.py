"""Where torch runs, gates do too: batches of zero rows, and modules on the meta device."""

from __future__ import annotations

import pytest
import torch
from tests.nn.recurrent import LENGTHS, RUNS, STOCK, B, H, I, P, T, as_states, build, inputs
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise.nn
from gatewise.cells import CELLS
from gatewise.engines import ENGINES
from gatewise.tracing import trace

CELL_KINDS = pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
ENGINE = pytest.mark.parametrize("engine", list(ENGINES))


@pytest.mark.parametrize(
    ("cell", "engine", "proj_size"),
    [(*case, 0) for case in RUNS] + [("lstm", engine, P) for engine in ENGINES],
)
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [None, [], torch.zeros(0, dtype=torch.int64)])
def test_zero_rows(cell, engine, proj_size, batch_first, lengths) -> None:
    options = {"proj_size": proj_size} if proj_size else {}
    module = build(
        cell, num_layers=2, bidirectional=True, batch_first=batch_first, engine=engine, **options
    )
    x = inputs(0, T, I) if batch_first else inputs(T, 0, I)
    output, hx, gates = module(x, lengths=lengths, return_gates=True)
    plain, plain_hx = module(x, lengths=lengths)
    assert output.shape == plain.shape
    for one, other in zip(as_states(hx), as_states(plain_hx), strict=True):
        assert one.shape == other.shape
    assert tuple(gates) == CELLS[cell].recorded
    for name, value in gates.items():
        units = proj_size or H if name == "hidden" else H
        assert value.shape == (2, 2, T, 0, units), name
    assert gates.lengths.shape == (0,)


@pytest.mark.parametrize("cell", STOCK)
@pytest.mark.parametrize("form", ["dense", "unbatched", "lengths"])
def test_tracing_a_call_of_zero_rows_changes_nothing(cell, form) -> None:
    x = inputs(T, I) if form == "unbatched" else inputs(T, 0, I)
    given = {"lengths": []} if form == "lengths" else {}
    module = build(cell)
    with trace(module) as seen:
        output, _ = module(x, **given)
    assert output.shape == module(x, **given)[0].shape
    shape = (1, 1, T, H) if form == "unbatched" else (1, 1, T, 0, H)
    assert seen[""].hidden.shape == shape


@CELL_KINDS
@ENGINE
def test_a_cells_step_of_zero_rows(kind, engine) -> None:
    cell = getattr(gatewise.nn, kind)(I, H, engine=engine)
    with trace(cell) as seen:
        states, gates = cell(torch.zeros(0, I), return_gates=True)
        cell(torch.zeros(0, I))
    assert all(state.shape == (0, H) for state in as_states(states))
    assert all(value.shape == (0, H) for value in gates.values())
    assert seen[""].hidden.shape == (1, 1, 2, 0, H)


@pytest.mark.parametrize(("cell", "engine"), RUNS)
@pytest.mark.parametrize("form", ["dense", "unbatched", "lengths", "packed", "sorted"])
def test_on_the_meta_device(cell, engine, form) -> None:
    module = build(cell, num_layers=2, bidirectional=True, engine=engine, device="meta")
    x = inputs(T, I) if form == "unbatched" else inputs(T, B, I)
    x = x.to("meta")
    given = {"lengths": LENGTHS} if form == "lengths" else {}
    if form == "packed":
        x = pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False)
    if form == "sorted":
        x = pack_padded_sequence(x, torch.tensor(sorted(LENGTHS, reverse=True)))
    _, _, gates = module(x, **given, return_gates=True)
    with trace(module) as seen:
        module(x, **given)
    shape = (2, 2, T, H) if form == "unbatched" else (2, 2, T, B, H)
    for record in (gates, seen[""]):
        assert all(value.is_meta for value in record.values())
        assert {value.shape for value in record.values()} == {shape}


@CELL_KINDS
@ENGINE
def test_a_cell_on_the_meta_device(kind, engine) -> None:
    cell = getattr(gatewise.nn, kind)(I, H, engine=engine, device="meta")
    with trace(cell) as seen:
        _, gates = cell(torch.zeros(B, I, device="meta"), return_gates=True)
        cell(torch.zeros(B, I, device="meta"))
    assert all(value.is_meta and value.shape == (B, H) for value in gates.values())
    assert seen[""].hidden.shape == (1, 1, 2, B, H)
