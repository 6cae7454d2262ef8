"""The horizon of networks whose memory is known, whatever their gates say."""

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
from gatewise.memory.interventions._lags import DENSE, LagSearch, grid
from gatewise.memory.interventions._resampler import Resampler
from gatewise.memory.interventions.horizon import horizon
from gatewise.memory.interventions.subject import Subject
from gatewise.memory.records.timescale import gate_timescale

SOURCES = ["torch", "gatewise"]
SEEDS = range(4)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("make", [known.latch, known.delay_line, known.h_latch, known.two_copies])
def test_a_lag_is_found_exactly(make: Any, seed: int, source: str) -> None:
    task = make(13 + seed, seed=seed, source=source, batch_first=seed % 2 == 0)
    found = horizon(task.model, task.inputs, sampling=Sampling(seed=seed))
    assert found.steps == task.horizon
    assert found.low <= task.horizon <= found.high
    assert found.depends
    assert not found.at_least


@pytest.mark.parametrize("kind", ["gru", "rnn_tanh", "rnn_relu"])
@pytest.mark.parametrize("source", SOURCES)
def test_a_delay_line_of_any_cell(kind: str, source: str) -> None:
    task = known.delay_line(17, kind, source=source)
    found = horizon(task.model, task.inputs)
    assert (found.steps, found.low, found.high) == (17, 17, 17)
    # Nothing but that one lag counts: its effect stands alone, above rounding.
    others = np.delete(found.curve, list(found.lags).index(17))
    assert others.max() <= max(found.floor, 0.02 * found.curve.max())


@pytest.mark.parametrize(
    ("kind", "keep"),
    [
        *(("lstm", keep) for keep in (0.5, 0.8, 0.9)),
        *((kind, 0.8) for kind in ("gru", "rnn_tanh", "rnn_relu")),
        *(
            pytest.param(kind, keep, marks=pytest.mark.full)
            for kind in ("gru", "rnn_tanh", "rnn_relu")
            for keep in (0.5, 0.9)
        ),
    ],
)
def test_a_leaky_sum_ends_where_its_half_life_says(kind: str, keep: float) -> None:
    task = known.leaky(kind, keep, rows=256, steps=60)
    found = horizon(task.model, task.inputs, resamples=8)
    assert found.low <= task.horizon <= found.high
    assert abs(found.steps - task.horizon) <= 2
    # M(k) itself falls by `keep` with each step; its ratios are noisy by some 1 / sqrt(256 * 8).
    ratios = found.curve[1:6] / found.curve[:5]
    np.testing.assert_allclose(ratios, keep, rtol=0.15)


def test_intervals_hold_the_true_horizon_as_often_as_they_say() -> None:
    inside = 0
    for seed in range(40):
        task = known.leaky("lstm", 0.8, rows=64, steps=40, seed=seed)
        found = horizon(task.model, task.inputs, sampling=Sampling(seed=seed))
        inside += found.low <= task.horizon <= found.high
    assert inside >= 34  # of 40 at 95 %: fewer by chance once in 200 times


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize("per_step", [True, False])
def test_a_dead_network_depends_on_nothing(kind: str, source: str, per_step: bool) -> None:
    for seed in SEEDS:
        task = known.dead(kind, seed=seed, source=source, per_step=per_step, num_layers=2)
        found = horizon(task.model, task.inputs)
        assert (found.steps, found.depends, found.at_least) == (0, False, False)
        assert (found.low, found.high) == (0, 0)
        assert "does not depend on the input" in found.reading


def test_gates_alone_would_have_said_otherwise() -> None:
    """The forget gates of a network that remembers in h say 0; its horizon says 20."""
    task = known.h_latch(20, source="gatewise")
    *_, gates = task.model.rnn(task.inputs, return_gates=True)
    # In float32 the gate is 9.4e-14: a timescale of a thirtieth of a step.
    tau = gate_timescale(gates.forget[0, 0].detach().numpy())
    assert float(np.max(getattr(tau, "steps", tau))) < 1
    assert horizon(task.model, task.inputs).steps == 20


def test_a_network_that_only_sees_its_own_step() -> None:
    task = known.delay_line(0, "lstm", steps=20)
    found = horizon(task.model, task.inputs)
    assert (found.steps, found.depends) == (0, True)
    assert "of its own step alone" in found.reading


def test_the_horizon_may_reach_the_end_of_the_inputs() -> None:
    task = known.leaky("gru", 0.99, steps=20)
    found = horizon(task.model, task.inputs)
    assert (found.steps, found.at_least) == (19, True)
    assert "at least 19 steps back, as far as the inputs reach; longer inputs" in found.reading
    task = known.leaky("gru", 0.99, steps=40)
    cut = horizon(task.model, task.inputs, max_lag=9)
    assert (cut.steps, cut.at_least) == (9, True)
    assert "as far as max_lag lets it look; a larger one would show" in cut.reading
    assert not horizon(known.leaky("gru", 0.5).model, task.inputs).at_least


@pytest.mark.parametrize(
    "lag", [131, *(pytest.param(lag, marks=pytest.mark.full) for lag in (201, 259))]
)
def test_a_lag_between_the_points_of_the_grid(lag: int) -> None:
    assert lag not in grid(280)
    task = known.delay_line(lag, "gru", steps=280, rows=16, source="gatewise")
    found = horizon(task.model, task.inputs)
    assert (found.steps, found.low, found.high) == (lag, lag, lag)
    assert found.settings["untested"] == 0


def test_chosen_steps_of_a_model_that_answers_at_each() -> None:
    task = known.delay_line(6, "lstm", steps=30, per_step=True, batch_first=True)
    for at in (None, 12, [10, 20, 29], -3):
        found = horizon(task.model, task.inputs, at=at)
        assert found.steps == 6
    early = horizon(task.model, task.inputs, at=4)  # before the line has delivered anything
    assert not early.depends
    assert early.settings["max_lag"] == 4


def test_one_long_row_is_enough() -> None:
    task = known.delay_line(6, "gru", steps=60, rows=1, per_step=True)
    found = horizon(task.model, task.inputs, at=6)
    assert found.steps == 6
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    many = horizon(task.model, task.inputs, at=list(range(20, 60, 2)))
    assert (many.steps, many.low, many.high) == (6, 6, 6)
    assert many.settings["interval_over"] == "rows and steps"


def test_the_reverse_direction_looks_ahead() -> None:
    forward = known.delay_line(4, "gru", steps=20).model.rnn
    both = known.module("gru", 1, 5, bidirectional=True)
    with torch.no_grad():
        for name, parameter in forward.named_parameters():
            getattr(both, f"{name}_reverse").copy_(parameter)
    x = known.SMALL * known.noise(20, 16, 1, seed=0)
    read = lambda y: y[0][:, :, 9].transpose(0, 1).unsqueeze(-1) / known.SMALL  # noqa: E731
    found = horizon(both, x, output=read, future=True, at=5)
    assert (found.steps, found.future) == (4, True)
    assert "4 steps ahead" in found.reading
    assert not horizon(both, x, output=read, at=15).depends


def test_a_model_around_it_and_its_second_sequence() -> None:
    class Gauge(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = known.delay_line(5, "rnn_relu").model.rnn
            self.drop = nn.Dropout(0.9)

        def forward(self, rain: Tensor, snow: Tensor, area: Tensor) -> dict[str, Tensor]:
            y = self.rnn(self.drop(rain + snow).transpose(0, 1))[0]
            return {"flow": y[-1, :, -1:] * area}

    generator = torch.Generator().manual_seed(0)
    rain, snow = (torch.rand(24, 18, 1, generator=generator) for _ in range(2))
    area = torch.rand(24, 1, generator=generator) + 1
    model = Gauge().train()
    found = horizon(model, (rain, 0 * snow, area), output=lambda y: y["flow"])
    assert found.steps == 5
    assert horizon(model, (0 * rain, snow, area), output=lambda y: y["flow"]).steps == 5
    assert model.drop.training


def test_classes_as_inputs() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(3, 1)
            with torch.no_grad():
                self.embed.weight.copy_(torch.tensor([[0.0], [0.01], [0.02]]))
            self.rnn = known.delay_line(3, "gru", batch_first=True).model.rnn

        def forward(self, words: Tensor) -> Tensor:
            return self.rnn(self.embed(words))[0][:, -1, -1]

    words = torch.randint(3, (32, 12), generator=torch.Generator().manual_seed(0))
    assert horizon(Words(), words).steps == 3


def test_the_same_seed_gives_the_same_figures() -> None:
    task = known.leaky("gru")
    one, two = (horizon(task.model, task.inputs) for _ in range(2))
    np.testing.assert_array_equal(one.curve, two.curve)
    other = horizon(task.model, task.inputs, sampling=Sampling(seed=1))
    assert not np.array_equal(one.curve, other.curve)


def test_calls_of_any_size_give_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    task = known.leaky("lstm", rows=16, steps=40)
    whole = horizon(task.model, task.inputs)
    monkeypatch.setattr("gatewise.memory.interventions.subject.NUMBERS", 1)
    parts = horizon(task.model, task.inputs)
    np.testing.assert_allclose(parts.curve, whole.curve, atol=whole.floor)


def test_what_it_says_and_hands_on() -> None:
    task = known.latch(20)
    found = horizon(task.model, task.inputs)
    assert found.reading == "The answer depends on inputs up to 20 steps back (20 to 20)."
    assert "one at a time" in found.caveat
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["steps"] == 20
    assert record["settings"]["share"] == 0.05
    assert len(record["curve"]) == len(record["lags"])


def test_the_grid() -> None:
    assert grid(1) == [0]
    assert grid(40) == list(range(40))
    long = grid(5000)
    assert long[: DENSE + 1] == list(range(DENSE + 1))
    assert long[-1] == 4999
    assert len(long) < 130
    assert all(b / a < 1.11 for a, b in zip(long[DENSE:], long[DENSE + 1 :], strict=False))


@pytest.mark.parametrize("spikes", [(), (0,), (70, 333), (64, 65, 999), (998,), (512, 777, 778)])
def test_the_search_finds_the_last_spike(spikes: tuple[int, ...]) -> None:
    effect = np.zeros(1000)
    effect[[0, *spikes]] = 1.0
    asked = []

    def measure(blocks: Any, repeats: int) -> Any:
        asked.extend(blocks)
        return np.array([[effect[a:b].sum()] for a, b in blocks])

    search = LagSearch(measure, 1000, 0.05, 1e-9)
    assert max(lag for lag in search.lags if search.found[lag][0] > 0.05) == max(0, *spikes, 0)
    assert len(asked) < 250
    assert search.untested == 0


def test_a_budget_that_runs_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatewise.memory.interventions._lags.BUDGET", 5)
    task = known.delay_line(131, "gru", steps=280, rows=16, source="gatewise")
    found = horizon(task.model, task.inputs)
    assert found.settings["untested"] > 100
    assert "were not tried one by one" in found.caveat


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"share": 0.0}, OptionError, r"share must lie between 0 and 1"),
        ({"resamples": 0}, OptionError, r"resamples must be at least 1"),
        ({"max_lag": 0}, OptionError, r"max_lag must be at least 1"),
        ({"at": 3}, InputError, r"at=3 asks for the answer at a step"),
        ({"time": 0}, InputError, r"answers have shape \[32, 1\], .* no place for 60 rows"),
    ],
)
def test_bad_options(options: Any, error: Any, message: str) -> None:
    task = known.latch(20, batch_first=True)
    with pytest.raises(error, match=message):
        horizon(task.model, task.inputs, **options)


def test_inputs_that_show_nothing() -> None:
    task = known.leaky(per_step=True, batch_first=True)
    with pytest.raises(InputError, match=r"every step of the inputs is the same"):
        horizon(task.model, torch.ones(4, 9, 1))
    with pytest.raises(InputError, match=r"at a step with no input before it"):
        horizon(task.model, task.inputs, at=0)
    with pytest.raises(InputError, match=r"at a step with no input after it"):
        horizon(task.model, task.inputs, at=-1, future=True)
    with pytest.raises(InputError, match=r"contains no LSTM, GRU, RNN"):
        horizon(nn.Linear(1, 1), task.inputs)


@pytest.mark.parametrize("rows", [1, 5])
def test_what_is_put_in_comes_from_elsewhere_and_from_everywhere(rows: int) -> None:
    task = known.leaky("gru", rows=rows, steps=12)
    subject = Subject(task.model, task.inputs, caller="test")
    resampler = Resampler(subject, *subject.places(None), future=False, resamples=1, seed=0)
    steps = np.tile([4, 5, 6], (rows, 1))
    taken = np.concatenate([resampler._donors(steps) for _ in range(400)], axis=1)
    at = np.tile([4, 5, 6], 400)
    for row in range(rows):
        from_row, from_step = np.divmod(taken[row], 12)
        if rows > 1:
            assert set(from_row) == set(range(rows)) - {row}
            assert set(from_step) == set(range(12))
        else:
            assert (from_step != at).all()
            assert set(from_step) == set(range(12))
