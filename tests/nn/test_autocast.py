"""Under autocast every engine returns torch's types, and about torch's values."""

from __future__ import annotations

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
    as_states,
    autocast_call,
    build,
    inputs,
    states_for,
    stock_of,
)
from tests.tolerances import BFLOAT16
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import gatewise.nn
from gatewise.engines import ENGINES, fused

CASES = [(cell, {}) for cell in STOCK] + [("lstm", {"proj_size": 2})]


@pytest.mark.parametrize("engine", list(ENGINES))
@pytest.mark.parametrize("form", ["dense", "packed"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join([case[0], *case[1]]))
@pytest.mark.parametrize("state", [False, True])
def test_types_and_values(case, layers, form, engine, state) -> None:
    cell, options = case
    torch.manual_seed(0)
    module = build(cell, num_layers=layers, dtype=torch.float32, engine=engine, **options)
    x = inputs(T, B, I, dtype=torch.float32)
    if form == "packed":
        x = pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False)
    hx = as_hx(states_for(module, B)) if state else None
    theirs, their_hx = autocast_call(stock_of(module), x, hx)
    output, hx1, gates = autocast_call(module, x, hx, return_gates=True)
    plain, _ = autocast_call(module, x, hx)
    if isinstance(output, PackedSequence):
        output, theirs, plain = output.data, theirs.data, plain.data
    assert output.dtype == plain.dtype == theirs.dtype
    assert torch.allclose(output.float(), theirs.float(), rtol=0, atol=BFLOAT16)
    for one, other in zip(as_states(hx1), as_states(their_hx), strict=True):
        assert one.dtype == other.dtype
        assert torch.allclose(one.float(), other.float(), rtol=0, atol=BFLOAT16)
    assert {value.dtype for value in gates.values()} == {output.dtype}
    module.engine = "reference"
    _, _, exact = module(x, hx, return_gates=True)
    for name, value in gates.items():
        assert torch.allclose(value.float(), exact[name], rtol=0, atol=BFLOAT16, equal_nan=True), (
            name
        )


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_lstm_trains_where_torch_cannot_autocast_it(monkeypatch, bidirectional) -> None:
    """oneDNN refuses processors without AVX-512: the arguments are cast by hand there."""
    monkeypatch.setattr(fused, "_autocasts_lstm", lambda: False)
    module = build("lstm", dtype=torch.float32, engine="torch", bidirectional=bidirectional)
    x = inputs(T, B, I, dtype=torch.float32)
    exact, (h, c) = module(x)
    torch.cat([exact.flatten(), h.flatten(), c.flatten()]).sum().backward()
    gradients = [parameter.grad for parameter in module.parameters()]
    module.zero_grad()
    output, (h, c) = autocast_call(module, x)
    assert output.dtype == h.dtype == c.dtype == torch.bfloat16
    assert torch.allclose(output.float(), exact, rtol=0, atol=BFLOAT16)
    torch.cat([output.flatten(), h.flatten(), c.flatten()]).sum().backward()
    for parameter, expected in zip(module.parameters(), gradients, strict=True):
        assert parameter.grad.dtype == torch.float32
        off = (parameter.grad - expected).norm()
        assert off <= BFLOAT16 * expected.norm()


@pytest.mark.parametrize("engine", list(ENGINES))
@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_types_of_cells(kind, engine) -> None:
    module = getattr(gatewise.nn, kind)(I, H, engine=engine)
    stock = getattr(torch.nn, kind)(I, H)
    stock.load_state_dict(module.state_dict())
    x = inputs(B, I, dtype=torch.float32)
    theirs = as_states(autocast_call(stock, x))
    own, gates = autocast_call(module, x, return_gates=True)
    for one, other in zip(as_states(own), theirs, strict=True):
        assert one.dtype == other.dtype
        assert torch.allclose(one.float(), other.float(), rtol=0, atol=BFLOAT16)
    assert {value.dtype for value in gates.values()} == {theirs[0].dtype}


def test_gates_are_recovered_in_float32_from_what_the_pass_returned() -> None:
    """The GRU returns float32 here: its gates must follow from these h without rounding to bf16."""
    torch.manual_seed(0)
    module = build("gru", dtype=torch.float32)
    cell = gatewise.nn.GRUCell(I, H)
    cell.load_state_dict(
        {name.removesuffix("_l0"): value for name, value in module.state_dict().items()}
    )
    x = inputs(T, B, I, dtype=torch.float32)
    _, _, gates = autocast_call(module, x, return_gates=True)
    assert gates.hidden.dtype == torch.float32
    for t in range(1, T):
        before = gates.hidden[0, 0, t - 1]
        _, exact = cell(x[t], before, return_gates=True)
        _, cast = autocast_call(cell, x[t], before, return_gates=True)
        for own in (gates.update[0, 0, t], cast.update):
            assert torch.allclose(own, exact.update, rtol=0, atol=1e-6)
