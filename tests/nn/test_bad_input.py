"""Malformed calls are refused alike by torch and by every engine, with torch's own words."""

from __future__ import annotations

import pytest
import torch
from tests.nn.recurrent import STOCK, B, H, I, T, as_hx, build, inputs, states_for, stock_of
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise.nn
from gatewise.engines import ENGINES
from gatewise.errors import InputError


def packed(width: int) -> torch.nn.utils.rnn.PackedSequence:
    return pack_padded_sequence(inputs(T, B, width), torch.tensor([5, 3, 1]))


def states(*shape: int, dtype: torch.dtype = torch.float64):
    return lambda module: as_hx(
        tuple(torch.zeros(*shape, H, dtype=dtype) for _ in states_for(module, 1))
    )


CALLS = {
    "1-D input": (inputs(I), None),
    "4-D input": (inputs(1, T, B, I), None),
    "wrong width": (inputs(T, B, I + 1), None),
    "wrong width, unbatched": (inputs(T, I + 1), None),
    "wrong width, packed": (packed(I + 1), None),
    "wrong type": (inputs(T, B, I, dtype=torch.float32), None),
    "no steps": (inputs(0, B, I), None),
    "state of another batch": (inputs(T, B, I), states(1, B + 1)),
    "state of another batch, packed": (packed(I), states(1, B - 1)),
    "state of other layers": (inputs(T, B, I), states(2, B)),
    "batched state for unbatched input": (inputs(T, I), states(1, 1)),
    "unbatched state for batched input": (inputs(T, B, I), states(1)),
}
TYPE_ONLY = {
    "state of another type": (inputs(T, B, I), states(1, B, dtype=torch.float32)),
}


@pytest.mark.parametrize("call", CALLS | TYPE_ONLY)
@pytest.mark.parametrize("cell", STOCK)
def test_every_engine_refuses_alike(cell: str, call: str) -> None:
    module = build(cell)
    x, make = (CALLS | TYPE_ONLY)[call]
    hx = None if make is None else make(module)
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        stock_of(module)(x, hx)
    for engine in ENGINES:
        module.engine = engine
        for return_gates in (False, True):
            with pytest.raises(theirs.type) as ours:
                module(x, hx, return_gates=return_gates)
            # torch's LSTM leaves the checks of packed input to its kernel: no message to match.
            if call in CALLS and not (cell == "lstm" and call.endswith("packed")):
                assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
@pytest.mark.parametrize("shape", [(1, B, I), (B, I + 1), (I + 1,)])
@pytest.mark.parametrize("engine", list(ENGINES))
def test_cells_refuse_alike(kind, shape, engine) -> None:
    stock, module = getattr(torch.nn, kind)(I, H), getattr(gatewise.nn, kind)(I, H, engine=engine)
    x = inputs(*shape, dtype=torch.float32)
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        stock(x)
    for return_gates in (False, True):
        with pytest.raises(theirs.type) as ours:
            module(x, return_gates=return_gates)
        assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_packed_rows_that_are_longer_than_their_data(engine: str) -> None:
    """torch packs them without a word; a kernel would then write past the end of its arrays."""
    module = build("lstm", engine=engine)
    short = pack_padded_sequence(inputs(2, 3, I), torch.tensor([5, 3, 3]))
    assert len(short.data) < int(short.batch_sizes.sum())
    with pytest.raises(
        InputError, match=r"counts 11 steps of its rows and the data is \[6, .*must not exceed"
    ):
        module(short)
    shuffled = torch.nn.utils.rnn.PackedSequence(inputs(4, I), torch.tensor([1, 2, 1]))
    with pytest.raises(
        InputError, match="batch_sizes must be the rows of each step, never more than before"
    ):
        module(shuffled)
