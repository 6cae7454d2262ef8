"""The laws of every cell on every engine, and those of single cells."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nn.laws import LAWS
from tests.nn.recurrent import RUNS, B, H, I, T, build, inputs

from gatewise.cells import CELLS

BOTH = pytest.mark.parametrize("engine", ["native", "reference", "torch"])


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("cell", "engine"), RUNS)
def test_law(cell: str, engine: str, law: str) -> None:
    torch.manual_seed(0)
    LAWS[law](cell, engine)


@BOTH
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_an_lstm_that_forgets_and_writes_nothing_keeps_its_cell_exactly(engine, dtype) -> None:
    torch.manual_seed(0)
    module = build("lstm", dtype=dtype, engine=engine)
    spec = CELLS["lstm"]
    with torch.no_grad():
        module.bias_ih_l0[spec.slice("forget", H)] = 1000.0
        module.bias_ih_l0[spec.slice("input", H)] = -1000.0
    h0, c0 = inputs(2, 1, B, H, dtype=dtype)
    _, (_, c), gates = module(inputs(50, B, I, dtype=dtype), (h0, c0), return_gates=True)
    assert torch.equal(c, c0)
    assert (gates.forget == 1).all()
    assert (gates.input == 0).all()
    assert torch.equal(gates.cell, c0.expand(50, B, H)[None, None])


@BOTH
@settings(max_examples=20, deadline=None, derandomize=True)
@given(scale=st.floats(0.1, 30), start=st.floats(0, 5), seed=st.integers(0, 99))
def test_a_gru_never_leaves_its_start_or_one(engine, scale, start, seed) -> None:
    torch.manual_seed(seed)
    module = build("gru", engine=engine)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(scale)
    h0 = start * inputs(1, B, H, seed=seed)
    output, _ = module(scale * inputs(20, B, I, seed=seed), h0)
    # a convex mean of n in [-1, 1] and h, but for the rounding of the mean
    assert (output.abs() <= h0.abs().clamp(min=1.0) + 1e-14).all()


@BOTH
def test_ranges_of_the_simple_networks(engine) -> None:
    tanh, relu = build("rnn_tanh", engine=engine), build("rnn_relu", engine=engine)
    x = 100 * inputs(T, B, I)
    assert (tanh(x)[0].abs() <= 1).all()
    assert (relu(x)[0] >= 0).all()


@BOTH
def test_an_lstm_obeys_its_own_equations_read_off_its_gates(engine) -> None:
    torch.manual_seed(0)
    module = build("lstm", num_layers=2, engine=engine)
    _, _, gates = module(inputs(T, B, I), return_gates=True)
    before = torch.cat([torch.zeros_like(gates.cell[:, :, :1]), gates.cell[:, :, :-1]], dim=2)
    cell = gates.forget * before + gates.input * gates.candidate
    assert ((cell - gates.cell).abs() <= 1e-15).all()
    assert ((gates.output * cell.tanh() - gates.hidden).abs() <= 1e-15).all()


@BOTH
def test_a_gru_obeys_its_own_equations_read_off_its_gates(engine) -> None:
    torch.manual_seed(0)
    module = build("gru", num_layers=2, engine=engine)
    _, _, gates = module(inputs(T, B, I), return_gates=True)
    before = torch.cat([torch.zeros_like(gates.hidden[:, :, :1]), gates.hidden[:, :, :-1]], dim=2)
    hidden = (1 - gates.update) * gates.candidate + gates.update * before
    assert ((hidden - gates.hidden).abs() <= 1e-15).all()
