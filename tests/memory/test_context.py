"""The context that known networks need."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from tests.memory import known
from torch import Tensor, nn

from gatewise.errors import InputError, OptionError
from gatewise.memory.intervals import Sampling
from gatewise.memory.interventions.context import context_need


@pytest.mark.parametrize("source", ["torch", "gatewise"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [known.latch, known.delay_line, known.h_latch, known.two_copies])
def test_a_lag_needs_itself_and_the_steps_since(make: Any, seed: int, source: str) -> None:
    task = make(11 + seed, seed=seed, source=source, batch_first=seed == 1)
    found = context_need(task.model, task.inputs)
    assert (found.steps, found.low, found.high) == (task.horizon + 1,) * 3
    assert not found.at_least


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_tanh"])
def test_a_leaky_sum_loses_the_square_of_what_it_forgets(kind: str) -> None:
    # What lies before the last n steps is keep^(2n) of the variance: 1 % of it is left at n = 21.9.
    task = known.leaky(kind, 0.9, rows=512, steps=100)
    found = context_need(task.model, task.inputs, tolerance=0.01)
    assert found.low <= math.ceil(math.log(0.01) / (2 * math.log(0.9))) <= found.high
    assert abs(found.steps - 22) <= 1
    lengths = list(found.lengths)
    for n in (5, 10, 15):
        share = found.curve[lengths.index(n)] / found.score
        assert share == pytest.approx(0.9 ** (2 * n), rel=0.2)


def test_a_tighter_tolerance_needs_more() -> None:
    task = known.leaky("gru", 0.9, steps=100)
    steps = [context_need(task.model, task.inputs, tolerance=t).steps for t in (0.2, 0.01, 1e-4)]
    assert steps == sorted(set(steps))


def test_a_need_between_the_points_of_the_grid() -> None:
    task = known.delay_line(131, "gru", steps=280, rows=16, source="gatewise")
    assert context_need(task.model, task.inputs).steps == 132


def test_targets_and_losses() -> None:
    task = known.latch(9, steps=30, batch_first=True)
    value = task.inputs[:, 20, 0]
    for targets in (value, value[:, None]):
        for loss in (None, "mae", lambda y, goal: (y - goal).abs()):
            found = context_need(task.model, task.inputs, targets, loss=loss)
            assert found.steps == 10
            assert found.full > 0  # tanh(tanh(x)) is not x
    noise = torch.randn(len(value), generator=torch.Generator().manual_seed(1)) * 100
    assert context_need(task.model, task.inputs, noise).steps in range(31)


def test_classes() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = known.h_latch(9, steps=30, batch_first=True).model.rnn

        def forward(self, x: Tensor) -> Tensor:
            h = 5 * self.rnn(x)[0][:, -1]
            return torch.cat([-h, h], dim=1)

    x = known.h_latch(9, steps=30, batch_first=True).inputs
    classes = (x[:, 20, 0] > 0).long()
    found = context_need(Two(), x, classes)
    assert found.steps == 10
    assert found.settings["loss"] == "cross_entropy"
    with pytest.raises(InputError, match=r"targets must be classes from 0 to 1; got 0 to 7"):
        context_need(Two(), x, 7 * classes)


def test_a_model_that_answers_at_each_step() -> None:
    task = known.delay_line(4, "gru", steps=30, per_step=True, batch_first=True)
    last = torch.zeros(32, 30, 1)
    last[:, -1] = task.inputs[:, -5] / known.SMALL
    for targets in (None, last, last[:, -1], last[:, -1, 0]):
        assert context_need(task.model, task.inputs, targets).steps == 5


def test_no_score_to_lose() -> None:
    task = known.dead()
    found = context_need(task.model, task.inputs)
    assert found.steps == 0
    assert math.isnan(found.low)
    assert "not shown to do better than one answer for all" in found.reading
    task = known.latch(9)
    wrong = -task.inputs[-10, :, 0]
    assert "not shown to do better" in context_need(task.model, task.inputs, wrong).reading


def test_all_steps_may_be_needed() -> None:
    task = known.latch(29, steps=30)
    found = context_need(task.model, task.inputs)
    assert (found.steps, found.at_least) == (30, True)
    assert "Every one of the 30 steps is needed" in found.reading


def test_what_it_says_and_hands_on() -> None:
    task = known.latch(20)
    found = context_need(task.model, task.inputs)
    assert found.reading == (
        "A window of the last 21 steps (21 to 21) loses under 1 % of the score (mse) against all 60."
    )
    assert "no targets were given" in found.caveat
    json.dumps(found.to_dict(), allow_nan=False)
    few = context_need(task.model, task.inputs[:, :5])
    assert math.isnan(few.low)
    assert np.isnan(few.curve_low).all()


class Fixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(1, 2, batch_first=True)
        self.head = nn.Linear(2 * 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0].flatten(1))


@pytest.mark.parametrize(
    ("targets", "options", "error", "message"),
    [
        (torch.zeros(31), {}, InputError, r"targets have shape \[31\], but the answers \[32, 1\]"),
        (torch.full((32,), torch.nan), {}, InputError, r"targets hold a value that is not finite"),
        (torch.zeros(32), {"loss": "msee"}, OptionError, r"Did you mean 'mse'"),
        (
            torch.zeros(32),
            {"loss": nn.functional.mse_loss},
            InputError,
            r'loss returns shape \[\] .* use reduction="none"',
        ),
        (
            torch.zeros(32),
            {"loss": "cross_entropy"},
            InputError,
            r"cross_entropy needs integer targets and an answer for each class",
        ),
        (None, {"tolerance": 1.0}, OptionError, r"tolerance must lie between 0 and 1"),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_bad_input(targets: Any, options: Any, error: Any, message: str) -> None:
    task = known.latch(9, steps=20)
    with pytest.raises(error, match=message):
        context_need(task.model, task.inputs, targets, **options)


def test_models_and_inputs_of_one_length() -> None:
    with pytest.raises(InputError, match=r"the model fails on the last \d+ of 8 steps"):
        context_need(Fixed(), known.noise(4, 8, 1, seed=0))
    with pytest.raises(InputError, match=r"inputs have one step"):
        context_need(nn.GRU(1, 2), known.noise(1, 4, 1, seed=0))


def test_windows_of_one_series_have_a_wider_interval_and_it_says_so() -> None:
    task = known.leaky("lstm", 0.8, batch_first=True, source="gatewise")
    series = known.SMALL * known.noise(240, seed=1)
    windows = series.unfold(0, 40, 1)[..., None]  # [B, T, I], one step apart
    together = context_need(task.model, windows)
    apart = context_need(task.model, windows, sampling=Sampling(row_block=1))
    assert together.settings["row_block"] >= 5
    assert together.steps == apart.steps
    place = int(np.flatnonzero(together.lengths == 3)[0])
    width = together.curve_high[place] - together.curve_low[place]
    assert width > 1.5 * (apart.curve_high[place] - apart.curve_low[place])
    assert "the interval draws them in blocks of" in together.caveat
    assert "blocks" not in apart.caveat
    shuffled = windows[torch.randperm(len(windows), generator=torch.Generator().manual_seed(0))]
    assert context_need(task.model, shuffled).settings["row_block"] == 1
