"""The start of a row is not memory: networks with a hook at the end of their curve, and without."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from tests.memory import known
from torch import nn

import gatewise as gw
from gatewise import memory
from gatewise.errors import InputError, OptionError
from gatewise.memory.interventions.horizon import horizon
from gatewise.report import Unit

DAY = Unit("day")


@pytest.mark.parametrize("source", ["torch", "gatewise"])
def test_the_start_is_no_memory_whatever_the_window(source: str) -> None:
    for steps in (45, 80, 120):
        task = known.hooked(steps=steps, source=source, batch_first=steps == 80)
        found = horizon(task.model, task.inputs)
        assert found.low <= task.horizon <= found.high
        assert abs(found.steps - task.horizon) <= 2
        assert not found.at_least
        # Its gate is open by 1, .95, .55, .08, .01 and less in the first steps, and beside the sum of
        # long ago even a thousandth is much.
        assert 3 <= found.run_in <= 8
        assert found.reach == steps - 1 - found.run_in
        assert "steps of each row are left out" in found.caveat
        every = horizon(task.model, task.inputs, run_in=0)  # as it was read before: the hook
        assert (every.steps, every.at_least) == (steps - 1, True)
        beyond = found.lags > found.reach
        assert found.curve[beyond].max() > 0.05 * found.curve[~beyond].max()
        assert found.start == found.curve[beyond].max() / found.curve[~beyond].max()


def test_a_memory_that_reaches_the_start_is_still_at_least_so_long() -> None:
    task = known.hooked(0.999, steps=60)
    found = horizon(task.model, task.inputs)
    assert found.run_in >= 1
    assert (found.steps, found.at_least) == (59 - found.run_in, True)
    assert "as far as the inputs reach without their start; longer inputs" in found.reading


@pytest.mark.parametrize("make", [known.latch, known.delay_line, known.h_latch, known.two_copies])
@pytest.mark.parametrize("lag", [39, 38])
def test_a_latch_or_delay_line_that_reaches_the_end_keeps_its_lag(make: Any, lag: int) -> None:
    task = make(lag, steps=40)
    found = horizon(task.model, task.inputs)
    assert (found.steps, found.at_least, found.run_in) == (lag, lag == 39, 0)


def test_a_network_that_holds_its_first_inputs_and_nothing_else_is_taken_as_it_is() -> None:
    task = known.hooked(held=1.0, summed=0.0, steps=60)
    found = horizon(task.model, task.inputs)
    assert (found.steps, found.at_least, found.run_in) == (59, True, 0)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in (1, 2))]
)
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
def test_networks_without_a_hook_lose_no_lag(kind: str, seed: int) -> None:
    """The sweep: whatever carries the memory, a start that adds nothing is not left out."""
    nets = [
        known.leaky(kind, 0.9, seed=seed, steps=50),
        known.leaky(kind, 0.99, seed=seed, steps=30),
        known.delay_line(12, kind, seed=seed, steps=40),
        known.dead(kind, seed=seed),
        known.leaky(kind, 0.9, seed=seed, steps=50, per_step=True, rows=4),
    ]
    if kind == "lstm":
        nets += [make(12, seed=seed) for make in (known.latch, known.h_latch, known.two_copies)]
    for own in nets:
        found, every = (horizon(own.model, own.inputs, run_in=run_in) for run_in in (None, 0))
        assert found.run_in == 0
        np.testing.assert_array_equal(found.curve, every.curve)
        assert found.at_least == every.at_least


def test_rows_of_different_lengths_begin_each_at_their_own_place() -> None:
    task = known.hooked(steps=60, source="gatewise", batch_first=True)
    net = known.Rows(task.model, "lengths")
    lengths = torch.randint(40, 61, (128,), generator=torch.Generator().manual_seed(1))
    found = horizon(net, (task.inputs, lengths))
    assert 3 <= found.run_in <= 5
    assert found.low <= task.horizon <= found.high
    assert not found.at_least
    assert horizon(net, (task.inputs, lengths), run_in=0).steps > 36


def test_what_looks_ahead_begins_at_the_end() -> None:
    forward = known.hooked(steps=50).model.rnn
    both = known.module("lstm", 1, 3, bidirectional=True)
    with torch.no_grad():
        for name, parameter in forward.named_parameters():
            getattr(both, f"{name}_reverse").copy_(parameter)
    x = known.hooked(steps=50).inputs

    def read(y: Any) -> Any:
        own = y[0][:, :, 3:].transpose(0, 1)
        return (own[..., 1:2] + 0.1 * own[..., 2:3]) / known.SMALL

    found = horizon(both, x, output=read, future=True, at=0)
    assert 3 <= found.run_in <= 5
    assert abs(found.steps - 28) <= 2
    assert not found.at_least


def test_where_it_cannot_be_told_the_caveat_says_so() -> None:
    few = known.hooked(steps=60, rows=4)
    found = horizon(few.model, few.inputs)
    assert found.run_in == 0
    assert "what the start from no state adds to the furthest lags is not known" in found.caveat
    assert "too few rows" in found.caveat

    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRUCell(1, 3)

        def forward(self, x: Any) -> Any:
            h = x.new_zeros(len(x), 3)
            for step in x.unbind(1):
                h = self.cell(step, h)
            return h

    torch.manual_seed(0)
    found = horizon(Loop(), torch.randn(16, 12, 1), time=1)
    assert "is a GRUCell, not an LSTM, GRU or RNN" in found.caveat
    with pytest.raises(OptionError, match=r"run_in must be at least 0"):
        horizon(few.model, few.inputs, run_in=-1)
    with pytest.raises(InputError, match=r"run_in=60 leaves no input to replace"):
        horizon(few.model, few.inputs, run_in=60)


def test_the_other_curves_leave_the_same_steps_out() -> None:
    task = known.hooked(steps=60, source="gatewise")
    run_in = horizon(task.model, task.inputs).run_in
    every = memory.connectivity(task.model, task.inputs)
    without = memory.connectivity(task.model, task.inputs, run_in=run_in)
    assert every.reach == 59  # the hook, by the gradient
    assert abs(without.reach - task.horizon) <= 1
    assert without.lags[-1] == 59 - run_in
    assert f"the first {run_in} steps of each row" in without.caveat
    assert f"the first {run_in} days of each row" in without.caveat_in(DAY)
    far = memory.highway(task.model, task.inputs, run_in=run_in)
    assert far.lags[-1] == 59 - run_in
    assert f"the first {run_in} days of each row" in far.as_curve(DAY).note
    whole = memory.highway(task.model, task.inputs)
    np.testing.assert_allclose(far.total, whole.total[: len(far.lags)])
    *_, gates = task.model.rnn(task.inputs, return_gates=True)
    kept = memory.retention_curve(gates, lags=range(1, 60), run_in=run_in)
    assert np.isfinite(kept.curve[..., 59 - run_in]).all()
    assert np.isnan(kept.curve[..., 60 - run_in :]).all()


def test_the_explanation_says_what_is_left_out_and_draws_it_apart() -> None:
    task = known.hooked(steps=60, batch_first=True)
    told = gw.explain(task.model, task.inputs, unit="1 day")
    first = told.finding("memory")
    assert first is not None
    assert first.sentence.startswith(
        ("Remembers about 27", "Remembers about 28", "Remembers about 29")
    )
    run_in = told.results["horizon"].to_dict()["run_in"]
    assert f"The first {run_in} days of each row are left out" in first.sentence
    assert f"the first {run_in} days of each row are left out" in first.caveat
    curve = next(one for one in told.curves() if one.name == "Memory horizon")
    read, start = curve.lines
    assert start.dashed
    assert np.isnan(read.y[-run_in:]).all()
    assert np.isfinite(start.y[-run_in:]).all()
    assert "not read as memory" in curve.reading
    views = told.finding("views")
    assert views is not None
    assert re.search("gradient reach 2[78] days, horizon ", views.sentence)
