"""Permutation importance and integrated gradients, of models whose inputs' worth is known by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import gatewise as gw
from gatewise import memory
from gatewise.errors import InputError, OptionError
from gatewise.memory import Importance, Sampling
from gatewise.memory.interventions._swaps import donors_of
from gatewise.memory.interventions.importance import _sure
from gatewise.memory.interventions.importance_result import counting_lags
from gatewise.unit import Unit

STEPS, COLUMNS = 12, 3


class Linear(torch.nn.Module):
    """A weighted sum of its inputs by lag; the recurrent module beside it changes nothing."""

    def __init__(self, weights: dict[tuple[int, int], float], answers: int = 1) -> None:
        super().__init__()
        self.rnn = torch.nn.RNN(COLUMNS, 2, batch_first=True, dtype=torch.float64)
        table = torch.zeros(STEPS, COLUMNS, dtype=torch.float64)
        for (lag, column), weight in weights.items():
            table[STEPS - 1 - lag, column] = weight
        self.table = torch.nn.Parameter(table)
        self.answers = answers

    def forward(self, x: Tensor) -> Tensor:
        own = (x * self.table + 0 * self.rnn(x)[0][..., :1]).sum(dim=(1, 2))
        return torch.stack([own, x[:, -1, 2]], dim=1)[:, : self.answers]


def noise(rows: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, STEPS, COLUMNS, dtype=torch.float64, generator=generator)


def asked(model: torch.nn.Module, x: Tensor, **options: Any) -> Importance:
    targets = options.pop("targets", None)
    targets = model(x).detach() if targets is None else targets
    return memory.importance(model, x, targets, **options)


def test_the_loss_rises_by_twice_the_variance_that_a_column_brings() -> None:
    """E (w x - w x')^2 = 2 w^2 for independent x and x': 2 * 4 and 2 * (1 + 1/4)."""
    model, x = Linear({(3, 0): 2.0, (0, 1): 1.0, (5, 1): 0.5}), noise(400)
    found = asked(model, x, columns=["a", "b", "c"])
    np.testing.assert_allclose(found.rise, [8, 2.5, 0], rtol=0.15)
    assert found.score == pytest.approx(float(model(x).detach().var(correction=0)))
    for column, share in enumerate([8 / 5.25, 2.5 / 5.25, 0]):
        assert found.low[column] <= share <= found.high[column]
    assert found.reading.startswith("a counts most")
    assert found.reading.endswith("c adds nothing.")


@pytest.mark.full
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """The share is 2 * 4 of 5 for one column, 2 * 1 of 5 for the other: noise costs no score."""
    model, truth = Linear({(3, 0): 2.0, (0, 1): 1.0}), np.array([8 / 5, 2 / 5])
    held = np.zeros(2)
    for seed in range(100):
        x = noise(60, seed)
        y = model(x).detach() + 0.5 * noise(60, seed + 1000)[:, 0, :1]
        found = asked(model, x, targets=y, sampling=Sampling(seed=seed, resamples=400))
        held += (found.low[:2] <= truth) & (truth <= found.high[:2])
    assert held.min() >= 85


def test_a_column_that_is_never_used_is_worth_nothing_for_sure() -> None:
    found = asked(Linear({(0, 0): 1.0, (0, 1): 1.0}), noise(60))
    assert found.low[2] <= 0 <= found.high[2]
    assert found.adds_nothing.tolist() == [False, False, True]
    assert not found.unsure.any()


def test_only_the_lag_that_is_read_counts() -> None:
    found = asked(Linear({(3, 0): 1.0}), noise(80))
    read = (found.lag_first <= 3) & (found.lag_last >= 3)
    assert found.by_lag[0, read] > 1
    assert not found.by_lag[0, ~read].any()
    assert (found.lag_from[0], found.lag_to[0]) == (3, 3)
    assert (found.lag_to_low[0], found.lag_to_high[0]) == (3, 3)
    assert np.isnan(found.by_lag[1:]).all()  # nothing to look for in what adds nothing
    assert found.lags_said(0, Unit("day")) == "3 days back"


def test_lags_that_are_spread_too_thin_are_not_told() -> None:
    by_lag = np.array([[0.5, 0.1, 0.1, -0.1], [0.1, 0.1, 0.1, 0.1]])
    low = np.array([[0.2, -0.1, 0.05, -0.2], [0.01, -0.1, -0.1, -0.1]])
    assert _sure(by_lag, low).tolist() == [[True, False, True, False], [False] * 4]
    assert _sure(by_lag, np.full_like(low, np.nan)).all()  # no interval: by the figures alone
    places = np.arange(4)
    begin, end = counting_lags(np.where(_sure(by_lag, low), by_lag, 0), places, places)
    np.testing.assert_array_equal(begin, [0, np.nan])
    np.testing.assert_array_equal(end, [0, np.nan])  # .5 of .6 is more than four fifths


def test_lags_add_up_to_the_column_where_inputs_are_independent() -> None:
    found = asked(Linear({(0, 0): 1.0, (2, 0): 1.0, (9, 0): 1.0}), noise(400))
    assert found.by_lag[0].sum() == pytest.approx(found.relative[0], rel=0.1)
    assert found.lags_said(0, Unit("day")) == "of the last 12 days"  # lags 8 to 11 are one range


def test_two_copies_of_a_column_are_found_and_taken_together() -> None:
    x = noise(200)
    x[..., 1] = x[..., 0] + 0.01 * x[..., 1]
    found = asked(Linear({(0, 0): 1.0, (0, 1): 1.0}), x)
    assert found.groups == ((0, 1),)
    assert found.correlation[0, 1] > 0.99
    # One of two equal halves: E (x - x')^2 = 2 of a score of 4; both: E (2 x - 2 x')^2 = 8.
    np.testing.assert_allclose(found.relative[:2], 0.5, rtol=0.2)
    np.testing.assert_allclose(found.group_relative, 2, rtol=0.2)
    assert found.group_low[0] > found.high[0]


def test_columns_below_the_threshold_are_no_group_and_all_of_a_group_are_above_it() -> None:
    x = noise(300)
    x[..., 1] += x[..., 0]  # correlated by .7 with the columns on both sides
    x[..., 2] += x[..., 1] - x[..., 0]
    model = Linear({(0, 0): 1.0})
    assert asked(model, x, correlated=0.9).groups == ()
    [group] = asked(model, x, correlated=0.5).groups
    assert len(group) == 2  # the first and the last are hardly alike
    x[..., 2] = -(x[..., 0] ** 3)
    assert (0, 2) in asked(model, x, correlated=0.9).groups  # ranks, and of either sign


def test_features_of_one_column_go_together_and_the_rest_is_left_alone() -> None:
    model = Linear({(0, 0): 1.0, (0, 1): 1.0, (0, 2): 5.0})
    found = asked(model, noise(300), columns={"pair": [0, 1]})
    assert found.columns.tolist() == ["pair"]
    np.testing.assert_allclose(found.rise, [4], rtol=0.2)


def test_each_target_has_a_figure_of_its_own() -> None:
    model = Linear({(0, 0): 1.0}, answers=2)
    apart = {"sum": lambda y: y[:, :1], "last": lambda y: y[:, 1:]}
    found = asked(model, noise(300), apart=apart)
    assert found.targets.tolist() == ["sum", "last"]
    np.testing.assert_allclose(found.by_target, [[2, 0, 0], [0, 0, 2]], rtol=0.2)


def test_other_networks_widen_the_interval_by_how_they_differ() -> None:
    x = noise(200)
    model, other = Linear({(0, 0): 1.0}), Linear({(0, 1): 1.0})
    y = x[:, -1, :1] + x[:, -1, 1:2]
    alone = asked(model, x, targets=y)
    both = asked(model, x, targets=y, others=[other])
    assert both.settings["networks"] == 2
    assert both.relative[0] == pytest.approx(both.relative[1], rel=0.2)
    assert both.low[0] < 0.05  # one of two uses it: nothing is known of a third
    assert both.high[0] - both.low[0] > 3 * (alone.high[0] - alone.low[0])


def test_rows_that_share_steps_take_nothing_from_each_other() -> None:
    """Rows in pairs of equals: from its twin a row would get its own column back."""
    half = noise(50)
    x = half.repeat_interleave(2, dim=0)
    model = Linear({(0, 0): 1.0})
    apart = asked(model, x, distance=2, repeats=32)
    np.testing.assert_allclose(apart.rise[0], 2 * float(half[:, -1, 0].var()), rtol=0.1)
    away = (donors_of(40, 50, 7, seed=0) - np.arange(40)) % 40
    assert away.min() == 7
    assert away.max() == 33
    assert donors_of(2, 4, 100, seed=0).tolist() == [[1, 0]] * 4  # there is but one other


def test_short_rows_take_steps_by_their_lag_from_the_end() -> None:
    class Packed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.RNN(1, 1, nonlinearity="relu", batch_first=True)
            with torch.no_grad():
                for weight in self.rnn.parameters():
                    weight.zero_()
                self.rnn.weight_ih_l0.fill_(1.0)  # holds its last input, and no more

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            packed = torch.nn.utils.rnn.pack_padded_sequence(
                x, lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            return self.rnn(packed)[1][0]

    lengths = torch.tensor([3, 8, 5, 8] * 10)
    x = torch.rand(40, 8, 1, generator=torch.Generator().manual_seed(0)) + 1
    model = Packed()
    last = x[torch.arange(40), lengths - 1]
    found = memory.importance(model, (x, lengths), last)
    assert found.by_lag[0, 0] == pytest.approx(found.relative[0], rel=0.5)
    assert not found.by_lag[0, 1:].any()


def test_what_never_changes_is_said_to_be_unknown_and_what_is_steady_has_no_lags() -> None:
    x = noise(60)
    x[..., 1] = 3.0
    x[..., 2] = x[:, :1, 2]  # one value a row, as a static column
    found = asked(Linear({(0, 0): 1.0, (0, 1): 1.0, (0, 2): 1.0}), x)
    assert found.varies.tolist() == [True, False, True]
    assert not found.adds_nothing[1]
    assert found.relative[2] > 0.3
    assert np.isnan(found.by_lag[2]).all()


def test_steps_ahead_are_lags_below_zero() -> None:
    found = asked(Linear({(1, 0): 1.0, (4, 1): 1.0}), noise(80), now=STEPS - 4)
    assert found.lag_first[0] == -3
    assert (found.lag_from[0], found.lag_to[0]) == (-2, -2)
    assert (found.lag_from[1], found.lag_to[1]) == (1, 1)
    assert found.lags_said(0, Unit("day")) == "of the 2 days ahead"


def test_answers_per_step_count_at_the_end_and_without_targets_they_are_their_own() -> None:
    class PerStep(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.LSTM(COLUMNS, 2, batch_first=True, dtype=torch.float64)

        def forward(self, x: Tensor) -> Tensor:
            return x[..., :1].roll(2, dims=1) + 0 * self.rnn(x)[0][..., :1]

    x = noise(60)
    found = memory.importance(PerStep(), x)
    assert (found.lag_from[0], found.lag_to[0]) == (2, 2)
    assert found.full == 0
    assert "own answers" in found.caveat
    every = memory.importance(PerStep(), x, PerStep()(x).detach())
    np.testing.assert_array_equal(every.relative, found.relative)


def test_the_same_seed_gives_the_same_figures_and_another_gives_others() -> None:
    model, x = Linear({(0, 0): 1.0, (2, 1): 0.5}), noise(40)
    first, again = (asked(model, x).to_dict() for _ in range(2))
    assert first == again
    other = asked(model, x, sampling=Sampling(seed=1))
    assert other.rise[0] != first["rise"][0]


def test_too_few_rows_have_figures_and_no_interval() -> None:
    found = asked(Linear({(0, 0): 1.0}), noise(6))
    assert found.relative[0] > 0
    assert np.isnan(found.low).all()
    assert "too few" in found.reading
    assert not found.adds_nothing.any()
    assert not found.unsure.any()


def test_without_a_score_no_column_is_told_from_another() -> None:
    found = asked(Linear({(0, 0): 1.0}), noise(40), targets=noise(40, seed=5)[:, 0, :1])
    assert not found.has_score
    assert np.isnan(found.relative).all()
    assert "not shown to have a score to lose" in found.reading


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ("rain", "must be a name for each feature"),
        (["a", "b"], "2 names"),
        (["a", "b", "a"], "'a' twice"),
        ({"a": 3}, "feature 3"),
        ({"a": [0, 1], "b": 1}, "feature 1 twice"),
        ({"a": "x"}, "number of a feature"),
        ({}, "is empty"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns: Any, says: str) -> None:
    model, x = Linear({(0, 0): 1.0}), noise(12)
    for measure in (memory.importance, memory.integrated_gradients):
        with pytest.raises(InputError, match=says):
            measure(model, x, columns=columns)


def test_options_out_of_range_and_a_single_row_are_refused() -> None:
    model, x = Linear({(0, 0): 1.0}), noise(12)
    for option, value in (("repeats", 0), ("distance", 0), ("correlated", 0.0)):
        with pytest.raises(OptionError, match=option):
            memory.importance(model, x, **{option: value})
    with pytest.raises(InputError, match="now=12"):
        memory.importance(model, x, now=12)
    with pytest.raises(InputError, match="one row"):
        memory.importance(model, x[:1])
    with pytest.raises(InputError, match="needs targets"):
        memory.importance(model, x, loss="mse")


# --- integrated gradients ---------------------------------------------------------------------------


def test_a_linear_model_is_shared_out_exactly() -> None:
    """The way of a linear model is its weights times how far each input lies from the baseline."""
    x = noise(50)
    model = Linear({(3, 0): 2.0, (0, 1): 1.0, (7, 1): -0.5})
    found = memory.integrated_gradients(model, x, columns=["a", "b", "c"])
    assert found.error < 1e-12
    mean = x.mean(dim=(0, 1))
    a = 2 * (x[:, STEPS - 4, 0] - mean[0])
    b = x[:, -1, 1] - mean[1] - 0.5 * (x[:, STEPS - 8, 1] - mean[1])
    np.testing.assert_allclose(found.moved, [float(a.abs().mean()), float(b.abs().mean()), 0])
    np.testing.assert_allclose(found.share.sum(), 1)
    np.testing.assert_allclose(found.baseline, mean)
    assert found.distance == pytest.approx(float((a + b).abs().mean()))
    places = np.flatnonzero(found.by_lag[0])
    assert found.lag_first[places].tolist() == [3]
    assert "a" in found.reading.split(":")[1].split(",")[0]


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_the_parts_of_a_network_add_up_to_the_whole(kind: str) -> None:
    torch.manual_seed(0)
    rnn = getattr(gw, kind)(COLUMNS, 6, batch_first=True)
    with torch.no_grad():
        for weight in rnn.parameters():
            weight.mul_(3)  # far from linear
    found = memory.integrated_gradients(rnn, noise(20).float())  # all units at the last step
    assert found.error < 0.01
    rough = memory.integrated_gradients(rnn, noise(20).float(), points=1)
    assert rough.points == 4  # doubled twice, and said
    assert rough.error > found.error


def test_a_baseline_is_kept_to_and_what_is_in_no_column_stays() -> None:
    x = noise(30)
    model = Linear({(0, 0): 1.0, (0, 1): 4.0})
    found = memory.integrated_gradients(model, x, columns={"a": 0}, baseline=[2.0, 9.0, 9.0])
    assert found.distance == pytest.approx(float((x[:, -1, 0] - 2).abs().mean()))
    assert found.settings["baseline"] == "the baseline given"
    with pytest.raises(InputError, match="3 finite numbers"):
        memory.integrated_gradients(model, x, baseline=[1.0])


def test_several_answers_are_shared_out_along_the_way_that_they_take() -> None:
    x = noise(40)
    model = Linear({(0, 0): 3.0}, answers=2)
    found = memory.integrated_gradients(model, x)
    off = x[:, -1] - x.mean(dim=(0, 1))
    way = torch.hypot(3 * off[:, 0], off[:, 2])
    expected = [(9 * off[:, 0] ** 2 / way).mean(), 0.0, (off[:, 2] ** 2 / way).mean()]
    np.testing.assert_allclose(found.moved, [float(one) for one in expected], atol=1e-12)
    assert found.error < 1e-12


def test_answers_without_a_gradient_are_refused() -> None:
    class Cut(Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).detach()

    with pytest.raises(InputError, match="differentiably"):
        memory.integrated_gradients(Cut({(0, 0): 1.0}), noise(12))
    tokens = torch.randint(0, 4, (15, STEPS))
    embedded = torch.nn.Sequential(torch.nn.Embedding(4, 3), torch.nn.LSTM(3, 2, batch_first=True))
    with pytest.raises(InputError, match="has no gradient"):
        memory.integrated_gradients(embedded, tokens)
    assert memory.importance(embedded, tokens).columns.tolist() == ["input"]


def test_inputs_that_no_answer_depends_on_move_nothing() -> None:
    found = memory.integrated_gradients(Linear({}), noise(12))
    assert np.isnan(found.share).all()
    assert "No answer moves" in found.reading
    with pytest.raises(OptionError, match="points"):
        memory.integrated_gradients(Linear({}), noise(12), points=0)
