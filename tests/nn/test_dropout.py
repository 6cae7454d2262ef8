"""Dropout between layers: on every engine torch's masks and numbers, in train mode only."""

from __future__ import annotations

import pytest
import torch
from tests.nn.recurrent import LENGTHS, STOCK, B, I, T, as_states, build, inputs, stock_of
from tests.tolerances import assert_close64
from torch.nn.utils.rnn import pack_padded_sequence

CELLS = pytest.mark.parametrize("cell", STOCK)


def seeded(module, *arguments, **options):
    torch.manual_seed(7)
    result = module(*arguments, **options)
    return result, torch.get_rng_state()


@CELLS
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("form", ["dense", "packed", "unbatched"])
def test_with_gates_the_outputs_are_torchs_under_the_same_seed(
    cell, bidirectional, batch_first, form
) -> None:
    module = build(
        cell,
        num_layers=3,
        dropout=0.4,
        bidirectional=bidirectional,
        batch_first=batch_first,
        engine="torch",
    )
    shape = (T,) if form == "unbatched" else (B, T) if batch_first else (T, B)
    x = inputs(*shape, I)
    if form == "packed":
        x = pack_padded_sequence(
            x, torch.tensor(LENGTHS), batch_first=batch_first, enforce_sorted=False
        )
    (theirs, their_hx), after = seeded(stock_of(module), x)
    (output, hx, gates), mine = seeded(module, x, return_gates=True)
    if form == "packed":
        theirs, output = theirs.data, output.data
    assert_close64(output, theirs, "output")
    for one, other in zip(as_states(hx), as_states(their_hx), strict=True):
        assert_close64(one, other, "state")
    assert torch.equal(mine, after)
    assert gates.hidden.shape[0] == 3


@CELLS
def test_the_reference_draws_torchs_masks_for_dense_input(cell) -> None:
    module = build(cell, num_layers=3, dropout=0.4, bidirectional=True, engine="reference")
    (theirs, _), after = seeded(stock_of(module), inputs(T, B, I))
    (output, _, gates), mine = seeded(module, inputs(T, B, I), return_gates=True)
    assert_close64(output, theirs, "output")
    assert torch.equal(mine, after)
    module.engine = "torch"
    (_, _, fused), _ = seeded(module, inputs(T, B, I), return_gates=True)
    for name in gates:
        assert_close64(gates[name], fused[name], name)


@CELLS
@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
def test_lengths_with_and_without_gates_draw_alike(cell, engine) -> None:
    module = build(cell, num_layers=3, dropout=0.4, engine=engine)
    (plain, _), after = seeded(module, inputs(T, B, I), lengths=LENGTHS)
    (output, _, _), mine = seeded(module, inputs(T, B, I), lengths=LENGTHS, return_gates=True)
    assert_close64(output, plain, "output")
    assert torch.equal(mine, after)


@CELLS
@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
def test_nothing_is_dropped_or_drawn_in_eval_mode(cell, engine) -> None:
    module = build(cell, num_layers=3, dropout=0.4, engine=engine).eval()
    torch.manual_seed(7)
    before = torch.get_rng_state()
    (output, _, _), after = seeded(module, inputs(T, B, I), return_gates=True)
    assert torch.equal(before, after)
    module.dropout = 0.0
    assert_close64(module(inputs(T, B, I))[0], output, "output")


FORMS = ["dense", "batch_first", "unbatched", "packed", "presorted", "lengths"]


@CELLS
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_every_engine_draws_the_same_masks(cell, form, bidirectional) -> None:
    """With torch's own pass as the measure, with gates and without."""
    lengths = sorted(LENGTHS, reverse=True) if form == "presorted" else LENGTHS
    x = inputs(T, I) if form == "unbatched" else inputs(T, B, I)
    options = {"lengths": lengths} if form == "lengths" else {}
    if form == "batch_first":
        x = x.transpose(0, 1)
    if form in ("packed", "presorted"):
        x = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=form == "presorted")
    found = {}
    for engine in ("torch", "native", "reference"):
        torch.manual_seed(0)
        module = build(
            cell,
            num_layers=3,
            dropout=0.4,
            bidirectional=bidirectional,
            batch_first=form == "batch_first",
            engine=engine,
        )
        for gates in (False, True):
            (output, hx, *_), after = seeded(module, x, return_gates=gates, **options)
            output = output if isinstance(output, torch.Tensor) else output.data
            found[engine, gates] = (output, *as_states(hx), after)
    measure = found["torch", False]
    for one in found.values():
        for ours, theirs in zip(one[:-1], measure[:-1], strict=True):
            assert_close64(ours, theirs, form)
        assert torch.equal(one[-1], measure[-1])
