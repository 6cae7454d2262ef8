"""A network trained on a task whose lag is known: each view against the task, and against the gates.

The forget gates alone mislead here. By them half of the units lose half of what they hold within
two steps and the slowest holds on for longer than the task's lag; neither is what the network remembers.
"""

from __future__ import annotations

import pytest
import torch
from tests.memory.trained import Recall, error, recall, rows
from torch import Tensor, nn

import gatewise as gw
from gatewise import memory
from gatewise.explaining import Explanation

LAG, STEPS = 8, 40
SEEDS = (0, 1, 2)


@pytest.fixture(params=SEEDS, scope="module")
def model(request: pytest.FixtureRequest) -> Recall:
    return recall(LAG, request.param)


@pytest.fixture(scope="module")
def x() -> Tensor:
    return rows(64, STEPS, seed=10**6)  # which no training has seen


@pytest.fixture(scope="module")
def own(model: Recall, x: Tensor) -> Explanation:
    return gw.explain(model, x)


def shares_by_hand(model: Recall, x: Tensor, before: int) -> dict[str, float]:
    """Put the next row's c, h or both in, by torch's own LSTM: how far the last answer follows."""
    plain = nn.LSTM(1, model.rnn.hidden_size, batch_first=True)
    plain.load_state_dict(model.rnn.state_dict())
    with torch.no_grad():
        h, c = plain(x[:, :-before])[1]

        def answer(h: Tensor, c: Tensor) -> Tensor:
            return model.head(plain(x[:, -before:], (h, c))[0][:, -1])[:, 0]

        away = h.roll(-1, dims=1), c.roll(-1, dims=1)
        left = plain(x[:, :-before].roll(-1, dims=0))[1]
        assert torch.allclose(left[0], away[0], atol=1e-6)
        begun = answer(h, c)
        there = model.head(plain(x.roll(-1, dims=0))[0][:, -1])[:, 0] - begun
        put = {"cell": (h, away[1]), "hidden": (away[0], c), "both": away}
        moves = {name: answer(*states) - begun for name, states in put.items()}
        return {
            name: float((move * there).sum() / there.square().sum()) for name, move in moves.items()
        }


def test_it_has_learnt_the_task(model: Recall, x: Tensor) -> None:
    with torch.no_grad():
        assert error(model, x, LAG) < 0.01


def test_the_horizon_is_the_lag(own: Explanation) -> None:
    assert own.figures["horizon"] == LAG
    assert own.figures["horizon_low"] == own.figures["horizon_high"] == LAG
    assert own.findings[0].sentence.startswith(f"Remembers about {LAG} steps")
    lags = own.results["horizon"]
    assert isinstance(lags, memory.Horizon)
    assert lags.lags[lags.curve.argmax()] == LAG
    # A window has to hold the input that is recalled, and a few steps for the network to set in.
    assert LAG + 1 <= own.figures["window"] <= LAG + 4


def test_a_state_carries_all_up_to_the_lag_and_nothing_beyond(model: Recall, x: Tensor) -> None:
    for before, low, high in ((LAG - 1, 0.95, 1.05), (LAG, 0.95, 1.05), (LAG + 1, -0.05, 0.05)):
        found = memory.transplant(model, x, at=STEPS - before, time=1)
        assert low < found.share["both"] < high
        for name, share in shares_by_hand(model, x, before).items():
            assert min(max(share, 0.0), 1.0) == pytest.approx(found.share[name], abs=1e-4)


def test_who_carries_is_what_a_transplant_by_hand_says(
    model: Recall, x: Tensor, own: Explanation
) -> None:
    assert own.settings["before_the_end"] == LAG
    share = shares_by_hand(model, x, LAG)
    # The newest input is in h as well as in c, and W_hh is what hands it on: h takes more of it along.
    assert share["cell"] < 0.5 < share["hidden"]
    carrier = "hidden" if share["hidden"] > 2 / 3 * share["both"] else "together"
    assert own.figures["carrier"] == carrier


def test_the_forget_gates_alone_would_say_something_else(own: Explanation) -> None:
    kept, jacobian = own.results["retention_curve"], own.results["highway"]
    assert isinstance(kept, memory.RetentionCurve)
    assert isinstance(jacobian, memory.Highway)
    at_lag = kept.curve[..., list(kept.lags).index(LAG)].ravel()
    assert sorted(at_lag)[len(at_lag) // 2] < 0.01  # the middle unit: forgotten long since
    assert own.figures["gate_reach"] > LAG  # the slowest: held beyond the lag
    assert jacobian.gain[LAG] > 0.25  # while the state as a whole has it still,
    assert jacobian.ratio[LAG] < 0.25  # of which the gates' own path has a small part
    assert {jacobian.path, own.figures["gradient_path"]} <= {"both", "recurrent"}
    assert LAG <= own.figures["gradient_reach"] <= 2 * LAG


def test_views_disagree_only_where_the_gates_hold_twice_as_long(own: Explanation) -> None:
    too_long = own.figures["gate_reach"] > 2 * LAG
    assert own.figures["views_agree"] is not too_long
    views = own.finding("views")
    assert views is not None
    assert ("hold longer than the answer makes use of" in views.sentence) is too_long
    assert f"horizon {LAG} steps" in views.sentence
