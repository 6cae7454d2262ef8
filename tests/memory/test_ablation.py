"""What known networks lose with their state, and which of their units they can do without."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from tests.memory import known
from torch import nn

import gatewise as gw
from gatewise.engines.heads import dense
from gatewise.errors import InputError, OptionError
from gatewise.memory.interventions.ablation import _apart, ablation
from gatewise.memory.interventions.context import context_need
from gatewise.memory.interventions.idle import idle_units

SOURCES = ["torch", "gatewise"]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("make", "lost"),
    [
        (known.latch, ("cell", "both")),
        (known.delay_line, ("hidden", "both")),
        (known.h_latch, ("hidden", "both")),
        (known.two_copies, ("both",)),
    ],
)
def test_what_is_lost_with_which_state(make: Any, lost: Any, seed: int, source: str) -> None:
    task = make(10, steps=40, seed=seed, source=source, batch_first=seed % 2 == 0)
    found = ablation(task.model, task.inputs, at=35)
    answers = task.model(task.inputs).detach()
    for state in ("cell", "hidden", "both"):
        # Without it the answer is 0: all of it is lost, or nothing.
        wanted = float(answers.abs().mean()) if state in lost else 0
        assert found.change[state] == pytest.approx(wanted, abs=1e-3)
    early = ablation(task.model, task.inputs, at=20)  # before the value came
    assert max(early.change.values()) < 1e-3


def test_memory_in_both_states_is_called_that() -> None:
    task = known.two_copies(10, steps=40)
    assert "Either state alone is enough" in ablation(task.model, task.inputs, at=35).reading
    task = known.latch(10, steps=40)
    assert "Either" not in ablation(task.model, task.inputs, at=35).reading


@pytest.mark.parametrize("kind", ["gru", "rnn_tanh"])
def test_cells_with_one_state(kind: str) -> None:
    task = known.leaky(kind, 0.9, steps=60, rows=400)
    found = ablation(task.model, task.inputs, at=50)
    assert list(found.change) == ["hidden"]
    answers, fresh = (task.model(x).detach() for x in (task.inputs, task.inputs[50:]))
    # Without its only state a network starts afresh.
    wanted = float((answers - fresh).abs().mean())
    assert found.change["hidden"] == pytest.approx(wanted, rel=1e-5)
    pairs = (answers - answers.T).abs().sum() / (400 * 399)
    assert found.spread == pytest.approx(float(pairs), rel=1e-5)
    assert found.low["hidden"] <= found.relative["hidden"] <= found.high["hidden"]


def test_means_in_place_of_zeros() -> None:
    task = known.latch(10, steps=40)
    shifted = task.inputs.clone()
    shifted[..., 0] += 3  # all rows have about one value: its mean is much nearer than zero
    zero, mean = (ablation(task.model, shifted, at=35, replace=r) for r in ("zero", "mean"))
    assert mean.change["cell"] < 0.2 * zero.change["cell"]


def test_distances_between_all_pairs_of_rows() -> None:
    y = np.random.default_rng(0).normal(size=(17, 3))
    y[3] = y[4]
    pairs = np.abs(y[:, None] - y).mean(axis=2).sum(axis=1) / 16
    np.testing.assert_allclose(_apart(y), pairs, rtol=1e-12)
    assert _apart(y[:1]) == 0


def test_all_rows_alike() -> None:
    task = known.dead()
    found = ablation(task.model, task.inputs)
    assert found.spread == 0
    assert math.isnan(found.relative["both"])
    assert "All rows have one answer" in found.reading
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"at": 40}, InputError, r"at=40 must lie between 1 and 39"),
        ({"replace": "noise"}, OptionError, r"replace must be 'zero' or 'mean'; got 'noise'"),
        ({"module": "lstm"}, InputError, r"no recurrent module 'lstm'"),
    ],
)
def test_bad_options(options: Any, error: Any, message: str) -> None:
    task = known.latch(10, steps=40)
    with pytest.raises(error, match=message):
        ablation(task.model, task.inputs, **options)


def with_idle(seed: int, idle: list[int]) -> nn.GRU:
    """Return a GRU with units whose h is the same at every step after the first few."""
    torch.manual_seed(seed)
    module = nn.GRU(3, 8, batch_first=True).double()
    with torch.no_grad():
        module.weight_hh_l0.mul_(2)
        for block in range(3):
            for unit in idle:
                module.weight_ih_l0[8 * block + unit] = 0
                module.weight_hh_l0[8 * block + unit] = 0
                module.bias_ih_l0[8 * block + unit] = 0
                module.bias_hh_l0[8 * block + unit] = 0
    return module


@pytest.mark.parametrize("where", ["recurrence", "output"])
@pytest.mark.parametrize("with_targets", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_planted_idle_units_are_found(where: str, with_targets: bool, seed: int) -> None:
    idle = [1, 4, 6]
    module, x = with_idle(seed, idle), known.noise(24, 15, 3, seed=seed).double()
    targets = module(x)[0].detach() + 0.1 if with_targets else None
    found = idle_units(module, x, targets, where=where)
    assert list(np.flatnonzero(found.idle)) == idle
    assert (found.count, found.count_low, found.count_high) == (3, 3, 3)
    assert sorted(found.order[:3]) == idle
    assert found.together == pytest.approx(0, abs=1e-12)
    assert np.abs(found.effect[idle]).max() < 1e-12
    assert found.names[4] == "model unit 4"
    assert found.reading.startswith("3 of 8 units (3 to 3) are idle")


def test_effects_are_those_of_the_answers() -> None:
    """In the read-out alone, holding unit j moves answer j by its distance from the mean."""
    module, x = with_idle(0, []), known.noise(24, 15, 3, seed=0).double()
    h = module(x)[0].detach()
    found = idle_units(module, x, where="output")
    off = (h - h.mean(dim=(0, 1))).abs().mean(dim=(0, 1)) / 8
    np.testing.assert_allclose(found.effect, off, rtol=1e-9)
    loss = idle_units(module, x, torch.zeros_like(h), where="output", loss="mse")
    lower = (h.mean(dim=(0, 1)).square() - h.square().mean(dim=(0, 1))) / 8
    np.testing.assert_allclose(loss.effect, lower, rtol=1e-9)


def test_holding_in_the_recurrence_reaches_what_the_output_does_not() -> None:
    task = known.delay_line(6, "lstm", steps=30)
    everywhere = idle_units(task.model, task.inputs)
    assert everywhere.count == 0
    assert everywhere.relative.min() > 0.9  # any unit of the line breaks it
    read = idle_units(task.model, task.inputs, where="output")
    assert list(np.flatnonzero(~read.idle)) == [6]  # only the last is read
    assert "only what reads the layer's output" in read.caveat


def test_units_of_every_layer_and_direction_are_named() -> None:
    module = nn.LSTM(2, 3, num_layers=2, bidirectional=True)
    found = idle_units(module, known.noise(9, 12, 2, seed=0))
    assert len(found.names) == 12
    assert found.names[3] == "model layer 1 (reverse) unit 0"
    assert found.names[-1] == "model layer 2 (reverse) unit 2"


def test_nothing_to_lose() -> None:
    task = known.dead()
    found = idle_units(task.model, task.inputs)
    # Its units move: they are the transient of a network that has no input.
    assert math.isnan(found.scale)
    assert found.count == 0
    assert "nothing to lose" in found.reading
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("targets", "options", "error", "message"),
    [
        (None, {"where": "gates"}, OptionError, r"where must be 'recurrence' or 'output'"),
        (None, {"threshold": -1}, OptionError, r"threshold must lie between 0 and 1"),
        (None, {"loss": "mse"}, InputError, r"loss= needs targets"),
        (torch.zeros(3, 3), {}, InputError, r"targets have shape \[3, 3\]"),
    ],
)
def test_bad_options_for_units(targets: Any, options: Any, error: Any, message: str) -> None:
    task = known.latch(10, steps=40)
    with pytest.raises(error, match=message):
        idle_units(task.model, task.inputs, targets, **options)


def test_one_row_has_nothing_to_be_compared_with() -> None:
    task = known.latch(5, rows=2, steps=12, batch_first=True)
    one = task.inputs[:1]
    assert ablation(task.model, one).reading.startswith("One row has no other")
    assert idle_units(task.model, one).reading.startswith("One row has too little to lose")
    assert context_need(task.model, one).reading.startswith("One row has one answer")


def test_one_head_is_wiped_alone() -> None:
    torch.manual_seed(0)
    slstm = gw.SLSTM(3, 8, heads=2, dtype=torch.float64, batch_first=True)
    x = torch.randn(6, 7, 3, dtype=torch.float64)
    found = gw.memory.ablation(slstm, x, at=4, head=1)
    with torch.no_grad():
        whole, _ = slstm(x)
        _, states = slstm(x[:, :4])
        for state in states:
            state[..., 4:] = 0
        cut, _ = slstm(x[:, 4:], states)
    moved = float((cut[:, -1] - whole[:, -1]).abs().mean())
    assert found.change["all"] == pytest.approx(moved)
    assert found.reading.startswith("Wiped after 4 steps, the state of head 1 moves")
    both = [gw.memory.ablation(slstm, x, at=4, head=head).change["all"] for head in (0, 1, None)]
    assert max(both[:2]) < both[2]
    with pytest.raises(OptionError, match="'the model' has 2 heads, counted from 0; got head=2"):
        gw.memory.ablation(slstm, x, at=4, head=2)


def test_units_of_a_layer_with_heads_are_held_as_those_of_one_without() -> None:
    torch.manual_seed(0)
    slstm = gw.SLSTM(3, 6, heads=2, dtype=torch.float64, batch_first=True)
    whole = gw.SLSTM(3, 6, dtype=torch.float64, batch_first=True)
    with torch.no_grad():
        whole.load_state_dict({**slstm.state_dict(), "weight_hh_l0": dense(slstm.weight_hh_l0, 6)})
    x = torch.randn(12, 5, 3, dtype=torch.float64)
    effects = [gw.memory.idle_units(module, x).effect for module in (slstm, whole)]
    np.testing.assert_allclose(*effects, rtol=1e-9)
