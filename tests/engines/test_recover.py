"""Recovering gates piece by piece in time: where the pieces meet, nothing shows."""

from __future__ import annotations

import pytest
import torch
from tests.nn.recurrent import STOCK, B, H, I, T, build, inputs, run
from tests.nn.recurrent import Call as Form
from tests.tolerances import assert_close64

from gatewise.engines import recover


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("form", ["dense", "packed"])
@pytest.mark.parametrize("cell", STOCK)
def test_pieces_of_any_length_give_the_oracles_gates(cell, form, steps, monkeypatch) -> None:
    torch.manual_seed(0)
    module = build(cell, num_layers=2, bidirectional=True, engine="reference")
    oracle = run(module, Form(form, state=True), gates=True, loss="gates")
    module.engine = "torch"
    rows = module.weight_hh_l0.shape[0]
    monkeypatch.setattr(recover, "CHUNK", steps * B * rows)
    fused = run(module, Form(form, state=True), gates=True, loss="gates")
    assert fused.keys() == oracle.keys()
    for name, value in oracle.items():
        assert_close64(fused[name], value, name)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_no_more_than_one_piece_is_worked_on_at_a_time(cell, monkeypatch) -> None:
    module = build(cell, engine="torch")
    seen = []
    linear = recover.linear

    def watched(x, *rest):
        seen.append(len(x))
        return linear(x, *rest)

    monkeypatch.setattr(recover, "linear", watched)
    monkeypatch.setattr(recover, "CHUNK", 2 * B * module.weight_hh_l0.shape[0])
    _, _, gates = module(inputs(T, B, I), return_gates=True)
    assert max(seen) == 2
    assert gates.hidden.shape == (1, 1, T, B, H)
