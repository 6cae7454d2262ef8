"""Where known networks keep their memory: transplants."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
import torch
from tests.memory import known
from torch import Tensor, nn

from gatewise.errors import InputError
from gatewise.memory.interventions.transplant import transplant

SOURCES = ["torch", "gatewise"]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("make", "carrier"),
    [(known.latch, "cell"), (known.delay_line, "hidden"), (known.h_latch, "hidden")],
)
def test_the_state_that_carries_it(make: Any, carrier: str, seed: int, source: str) -> None:
    task = make(10, steps=40, seed=seed, source=source, batch_first=seed % 2 == 0)
    found = transplant(task.model, task.inputs, at=35)
    other = {"cell": "hidden", "hidden": "cell"}[carrier]
    assert found.share[carrier] == pytest.approx(1, abs=1e-3)
    assert found.share[other] == pytest.approx(0, abs=1e-3)
    assert found.share["both"] == pytest.approx(1, abs=1e-3)
    assert found.carrier == carrier
    assert max(found.astray.values()) < 1e-3
    # Before the lag there is nothing to take along: the inputs after it decide.
    early = transplant(task.model, task.inputs, at=20)
    assert early.share["both"] == pytest.approx(0, abs=1e-3)
    assert early.carrier == "none"


@pytest.mark.parametrize("kind", ["gru", "rnn_tanh", "rnn_relu"])
@pytest.mark.parametrize("source", SOURCES)
def test_cells_with_one_state(kind: str, source: str) -> None:
    task = known.delay_line(10, kind, steps=40, source=source)
    found = transplant(task.model, task.inputs, at=35)
    assert list(found.share) == ["hidden"]
    assert found.share["hidden"] == pytest.approx(1, abs=1e-3)
    assert found.carrier == "hidden"


def test_a_leaky_sum_hands_on_what_is_left_of_it() -> None:
    # n steps later keep^(2n) of the answer's variance comes from the state, the rest from inputs.
    task = known.leaky("gru", 0.9, rows=2000, steps=60)
    for n in (2, 5, 10):
        found = transplant(task.model, task.inputs, at=60 - n)
        assert found.low["hidden"] <= 0.9 ** (2 * n) <= found.high["hidden"]
        assert found.share["hidden"] == pytest.approx(0.9 ** (2 * n), abs=0.05)


def test_given_pairs_take_from_the_same_row() -> None:
    task = known.latch(10, steps=40)
    flipped = task.inputs.clone()
    flipped[..., 0] *= -1
    found = transplant(task.model, task.inputs, flipped, at=35)
    answers = task.model(task.inputs).detach()
    assert found.distance == pytest.approx(float((2 * answers).square().mean().sqrt()), rel=1e-5)
    assert found.share["cell"] == pytest.approx(1, abs=1e-5)
    assert found.settings["pairs"] == "given"


def test_the_same_runs_show_nothing() -> None:
    task = known.latch(10, steps=40)
    found = transplant(task.model, task.inputs, task.inputs.clone(), at=35)
    assert found.distance == 0
    assert math.isnan(found.share["both"])
    assert "the same answers" in found.reading
    dead = known.dead()
    assert "the same answers" in transplant(dead.model, dead.inputs).reading


def test_rows_of_other_arguments_go_with_the_run() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = known.latch(5, steps=20, batch_first=True).model.rnn

        def forward(self, x: Tensor, offset: Tensor) -> Tensor:
            return self.rnn(x)[0][:, -1] + offset

    task = known.latch(5, steps=20, batch_first=True)
    offset = 10 * known.noise(32, 1, seed=3)
    found = transplant(Scaled(), (task.inputs, offset), at=18)
    # The offsets are not in the state, and they are most of the distance.
    assert found.share["both"] < 0.1
    assert found.astray["both"] > 0


def test_layers_of_a_stack_and_one_of_its_modules() -> None:
    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = known.delay_line(5, "gru").model.rnn
            self.second = known.delay_line(5, "gru").model.rnn

        def forward(self, x: Tensor) -> Tensor:
            h = self.first(x)[0][..., -1:]
            return self.second(h)[0][-1, :, -1] / known.SMALL

    x = known.SMALL * known.noise(30, 24, 1, seed=0)
    model = Stack()
    share = {
        module: transplant(model, x, at=27, module=module).share["hidden"]
        for module in (None, "first", "second", ("first", "second"))
    }
    # 10 steps in all: 3 steps before the end the value is in the second line.
    assert share["first"] == pytest.approx(0, abs=1e-3)
    for module in (None, "second", ("first", "second")):
        assert share[module] == pytest.approx(1, abs=1e-3)


def test_two_layers_and_two_directions() -> None:
    """With all states put in, the answer is that of A's first part with B's second."""
    torch.manual_seed(0)
    module = nn.LSTM(2, 4, num_layers=2, batch_first=True).double()
    a, b = (torch.randn(12, 9, 2).double() for _ in range(2))
    found = transplant(module, a, b, at=4)
    y_a, y_b = (module(own)[0][:, -1].detach() for own in (a, b))
    mixed = module(torch.cat([a[:, :4], b[:, 4:]], dim=1))[0][:, -1].detach()
    slope = ((mixed - y_b) * (y_a - y_b)).sum() / (y_a - y_b).square().sum()
    assert found.share["both"] == pytest.approx(float(slope.clamp(0, 1)), abs=1e-9)


def test_what_it_says_and_hands_on() -> None:
    task = known.latch(10, steps=40)
    found = transplant(task.model, task.inputs, at=35)
    assert found.reading.startswith("Put into another run after 35 steps")
    assert found.reading.endswith(": the cell carries it.")
    assert "never meet" in found.caveat
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("b", "options", "message"),
    [
        (None, {"at": 0}, r"at=0 must lie between 1 and 39"),
        (None, {"at": 40}, r"at=40 must lie between 1 and 39"),
        (None, {"module": "gru"}, r"no recurrent module 'gru'; there are 'rnn'"),
        (torch.zeros(39, 32, 2), {}, r"inputs_b must have the shape of inputs_a"),
        (torch.zeros(40, 31, 2), {}, r"inputs_b must have the shape of inputs_a"),
        (torch.zeros(40), {}, r"transplant: inputs_b: inputs has shape \[40\]"),
    ],
)
def test_bad_input(b: Any, options: Any, message: str) -> None:
    task = known.latch(10, steps=40)
    with pytest.raises(InputError, match=message):
        transplant(task.model, task.inputs, b, **options)


def test_too_little_to_transplant() -> None:
    task = known.latch(10, steps=40)
    with pytest.raises(InputError, match=r"one row has no other to take from"):
        transplant(task.model, task.inputs[:, :1])
    with pytest.raises(InputError, match=r"inputs have one step"):
        transplant(task.model, task.inputs[:1])
    with pytest.raises(InputError, match=r"Linear contains no LSTM"):
        transplant(nn.Linear(2, 2), task.inputs)


@pytest.mark.parametrize(
    ("cell", "hidden", "both", "carrier"),
    [
        (0.9, 0.1, 0.95, "cell"),
        (0.1, 0.9, 0.95, "hidden"),
        (0.14, 0.15, 0.29, "together"),  # half each: neither is the one that carries it
        (0.1, 0.1, 0.9, "together"),
        (0.8, 0.9, 0.9, "each"),
        (0.0, 0.01, 0.01, "none"),
    ],
)
def test_who_carries_by_the_shares(cell: float, hidden: float, both: float, carrier: str) -> None:
    found = transplant(known.latch(5, steps=12).model, known.latch(5, steps=12).inputs)
    share = {"cell": cell, "hidden": hidden, "both": both}
    assert dataclasses.replace(found, share=share).carrier == carrier


def test_the_pair_of_states_is_doubted_only_where_there_are_two() -> None:
    for kind, pair in (("lstm", True), ("gru", False)):
        task = known.leaky(kind, rows=12, steps=12)
        assert ("c of one run" in transplant(task.model, task.inputs).caveat) is pair
