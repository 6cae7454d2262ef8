"""The laws of every cell on every engine, and those of single cells."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nn.laws import LAWS
from tests.nn.recurrent import RUNS, B, H, I, T, build, inputs
from tests.tolerances import assert_close64

from gatewise.cells import CELLS
from gatewise.engines import ENGINES

BOTH = pytest.mark.parametrize("engine", list(ENGINES))


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


@pytest.mark.parametrize("cell", ["peephole_lstm", "layer_norm_lstm"])
def test_an_lstm_with_more_parameters_keeps_its_cell_exactly_too(cell) -> None:
    torch.manual_seed(0)
    module = build(cell)
    spec = CELLS[cell]
    with torch.no_grad():
        module.bias_ih_l0[spec.slice("forget", H)] = 1000.0
        module.bias_ih_l0[spec.slice("input", H)] = -1000.0
    h0, c0 = inputs(2, 1, B, H)
    _, (_, c), gates = module(inputs(50, B, I), (h0, c0), return_gates=True)
    assert torch.equal(c, c0)
    assert (gates.forget == 1).all()
    assert (gates.input == 0).all()


def test_a_peephole_lstm_that_looks_through_no_hole_is_an_lstm() -> None:
    torch.manual_seed(0)
    module = build("peephole_lstm", num_layers=2, bidirectional=True)
    lstm = build("lstm", num_layers=2, bidirectional=True, engine="reference")
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.startswith("peephole"):
                parameter.zero_()
    lstm.load_state_dict(
        {n: p for n, p in module.state_dict().items() if not n.startswith("peephole")}
    )
    one, two = (own(inputs(T, B, I), return_gates=True) for own in (module, lstm))
    assert torch.equal(one[0], two[0])
    assert all(torch.equal(one[2][name], two[2][name]) for name in two[2])


def test_a_peephole_that_is_wide_open_decides_by_the_cell_alone() -> None:
    """A gate that looks at c with a weight of 2000 is open where c is above 0, and shut below."""
    module = build("peephole_lstm")
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.fill_(2000.0 if name.startswith("peephole") else 0.0)
    c0 = torch.tensor([0.5, -0.5, 2.0, -2.0, 1.0], dtype=torch.float64).expand(1, B, H)
    h0 = torch.zeros_like(c0)
    output, (_, c) = module(inputs(1, B, I), (h0, c0))
    kept = c0.clamp(min=0)
    assert torch.equal(c, kept)
    assert torch.equal(output, kept.tanh())


def test_a_layer_normalised_lstm_does_not_see_the_size_of_its_weights() -> None:
    """Nor what all rows of a weight have in common: norm takes both away (Ba et al. 2016, table 1)."""
    torch.manual_seed(0)
    module, other = build("layer_norm_lstm"), build("layer_norm_lstm")
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.startswith("weight"):
                parameter.mul_(1e5)  # beside which the 1e-5 under the root is nothing
        other.load_state_dict(module.state_dict())
        other.weight_ih_l0.mul_(7.0).add_(1e4 * inputs(1, I))
        other.weight_hh_l0.mul_(0.3).add_(1e4 * inputs(1, H))
    state = (inputs(1, B, H), inputs(1, B, H))
    assert_close64(other(inputs(T, B, I), state)[0], module(inputs(T, B, I), state)[0])


@settings(max_examples=20, deadline=None, derandomize=True)
@given(scale=st.floats(0.1, 30), start=st.floats(0, 5), seed=st.integers(0, 99))
def test_a_minimal_gated_unit_never_leaves_its_start_or_one(scale, start, seed) -> None:
    torch.manual_seed(seed)
    module = build("mgu")
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(scale)
    h0 = start * inputs(1, B, H, seed=seed)
    output, _ = module(scale * inputs(20, B, I, seed=seed), h0)
    assert (output.abs() <= h0.abs().clamp(min=1.0) + 1e-14).all()


def test_a_minimal_gated_unit_holds_where_its_gate_is_shut_and_is_overwritten_where_it_is_open() -> (
    None
):
    torch.manual_seed(0)
    module, rows = build("mgu"), CELLS["mgu"].slice("forget", H)
    h0 = inputs(1, B, H)
    with torch.no_grad():
        module.bias_ih_l0[rows] = -1000.0
    assert torch.equal(module(inputs(50, B, I), h0)[1], h0)
    with torch.no_grad():
        module.bias_ih_l0[rows] = 1000.0
    _, _, gates = module(inputs(T, B, I), h0, return_gates=True)
    assert torch.equal(gates.hidden, gates.candidate)
