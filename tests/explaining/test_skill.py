"""No skill, no memory: what is said of networks that do no better than one answer for all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.explaining.test_forecaster import fitted, frame
from tests.memory import known

import gatewise as gw
from gatewise.explaining.limits import Limits
from gatewise.explaining.skill import Skill, nothing, skill_of

SAID = "has learnt nothing to read: it does no better than one answer for all"


def test_a_network_that_remembers_the_wrong_thing_has_nothing_to_read(tmp_path: Path) -> None:
    task = known.delay_line(12, batch_first=True)
    right = task.inputs[:, -13] / known.SMALL
    assert gw.explain(task.model, task.inputs, right).finding("memory") is not None
    told = gw.explain(task.model, task.inputs, right.flip(0))
    assert [one.topic for one in told.findings] == ["skill"]
    assert f"The network {SAID} (NSE −" in str(told)
    assert told.results == {}
    assert told.figures["learnt"] is False
    assert told.figures["horizon"] is None
    assert told.curves() == ()
    told.write_page(tmp_path / "page.html")
    assert SAID in (tmp_path / "page.html").read_text()
    assert "emembers about" not in (tmp_path / "page.html").read_text()
    broken = Limits(min_horizon=1, max_window=9, max_idle=1.0).broken(told)
    assert [text.split(", so ")[1] for text in broken] == [
        "--min-horizon 1 does not hold.",
        "--max-window 9 does not hold.",
    ]
    assert Limits(min_horizon=0).broken(told) == []


def test_without_targets_nothing_is_said_of_skill() -> None:
    task = known.delay_line(12, batch_first=True)
    told = gw.explain(task.model, task.inputs)
    assert "learnt" not in told.figures
    assert "skill" not in told.figures
    assert told.finding("memory") is not None
    assert "learnt" not in str(told)


@pytest.mark.parametrize("loss", ["mse", "mae", "cross_entropy", "function"])
@pytest.mark.parametrize("per_step", [False, True])
def test_skill_is_against_the_best_single_answer(loss: str, per_step: bool) -> None:
    """The sweep: for every loss, that answer has the skill 0, the truth 1, and noise less than 0."""
    generator = torch.Generator().manual_seed(0)
    shape = (40, 5) if per_step else (40,)
    given: Any = loss
    if loss == "cross_entropy":
        truth: Any = torch.randint(3, shape, generator=generator)
        best = torch.bincount(truth.flatten()).double().log().expand(*shape, 3)
        perfect = 50.0 * torch.nn.functional.one_hot(truth, 3).double()
    else:
        truth = perfect = torch.randn(*shape, 3, generator=generator, dtype=torch.float64)
        flat = truth.reshape(-1, 3)
        best = (flat.quantile(0.5, dim=0) if loss == "mae" else flat.mean(dim=0)).expand(*shape, 3)
        if loss == "function":
            given = lambda y, t: (y - t).square()  # noqa: E731
    noise = 3 * torch.randn(*shape, 3, generator=generator, dtype=torch.float64)
    even, whole, worse = (
        skill_of(one.numpy(), truth, given) for one in (best, perfect, noise)
    )  # fmt: skip
    assert even is not None
    assert whole is not None
    assert worse is not None
    assert (even.value, even.shown) == (pytest.approx(0, abs=1e-9), False)
    assert (whole.value, whole.shown) == (pytest.approx(1, abs=1e-9), True)
    assert worse.high < 0
    one = torch.zeros_like(truth)
    if loss != "cross_entropy":
        assert skill_of(noise.numpy(), one, given) is None  # the truth is one value


@pytest.mark.parametrize(
    ("skills", "said"),
    [
        ({"": Skill(0.0)}, True),
        ({"": Skill(0.4)}, False),  # too few rows for an interval: the figure alone decides
        ({"": Skill(0.4, -0.1, 0.9)}, True),
        ({"": Skill(0.4, 0.1, 0.9)}, False),
        ({"a": Skill(-1.0), "b": Skill(0.1, -0.1, 0.2)}, True),
        ({"a": Skill(-1.0), "b": Skill(0.1, 0.05, 0.2)}, False),
        ({}, False),
        ({"": Skill(np.nan)}, False),
    ],
)
def test_what_chance_could_give_is_no_skill(skills: dict[str, Skill], said: bool) -> None:
    assert nothing(skills) is said


def coins(rows: int, tilt: float, seed: int) -> tuple[np.ndarray, torch.Tensor]:
    """Return logits [rows, 2] and fair classes, which the logits know `tilt` of."""
    draws = np.random.default_rng(seed)
    truth = draws.integers(0, 2, rows)
    logits = draws.normal(0, 0.3, (rows, 2))
    logits[np.arange(rows), truth] += tilt
    return logits, torch.from_numpy(truth)


def test_luck_is_rarely_taken_for_skill_and_little_skill_is_found_in_many_rows() -> None:
    """Over draws of data: of networks that know nothing at most one in twenty, and some, is shown."""
    lucky = [skill_of(*coins(60, 0.0, seed), None) for seed in range(200)]
    assert sum(one is not None and one.shown for one in lucky) <= 15
    knowing = [skill_of(*coins(2000, 0.3, seed), None) for seed in range(20)]
    assert sum(one is not None and one.shown for one in knowing) >= 19


def test_a_target_without_skill_is_named_and_left_out() -> None:
    model = fitted()
    rnn, head = model.fitted_.networks[0].layers[0], model.fitted_.networks[0].head.linear
    with torch.no_grad():
        for own in (*rnn.parameters(), *head.parameters()):
            own.zero_()
        rnn.weight_ih_l0[0, 0] = 0.01
        rnn.weight_hh_l0.copy_(torch.diag(torch.ones(15), -1))
        head.weight[0, 2] = head.weight[1, 5] = 100.0  # far is that of 12 days ago, not of 5
    told = gw.explain(model, frame())
    said = told.finding("skill")
    assert said is not None
    assert f"The network, for far, {SAID} (NSE −" in said.sentence
    assert told.finding("targets") is None
    assert "horizon[far]" not in told.results
    assert told.figures["learnt"] is True
    assert set(told.figures["skill"]) == {"near", "far"}
    with torch.no_grad():
        head.weight.zero_()
    flat = gw.explain(model, frame())
    assert [one.topic for one in flat.findings] == ["skill"]
    assert "for near and" in flat.findings[0].sentence


def test_the_page_of_a_run_reads_no_memory_off_a_network_without_skill(tmp_path: Path) -> None:
    model = fitted(cell="lstm", target="near")
    with torch.no_grad():
        model.fitted_.networks[0].head.linear.bias.fill_(9.0)
    told = gw.explain(model, frame())
    told.write_page(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert SAID in text
    assert 'id="timescales"' not in text
    assert "Gate timescales:" not in text
    assert "Remembers" not in text.split("<script")[0]


class Follower(torch.nn.Module):
    """Answers each step with the input of three steps before it, [B, T, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.RNN(1, 4, batch_first=True)
        with torch.no_grad():
            for one in self.rnn.parameters():
                one.zero_()
            self.rnn.weight_ih_l0[0, 0] = 0.01
            self.rnn.weight_hh_l0.copy_(torch.diag(torch.ones(3), -1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 100 * self.rnn(x)[0][..., 3:]


def test_a_score_that_the_end_of_rows_lacks_is_told_once_and_in_one_way() -> None:
    """Steps before the end are right, those at the end are another row's."""
    x = torch.randn(60, 20, 1, generator=torch.Generator().manual_seed(0))
    model = Follower()
    targets = model(x).detach()
    assert "Not told" not in str(gw.explain(model, x, targets))
    targets[:, -1] = targets[:, -1].roll(1, 0)
    told = gw.explain(model, x, targets)
    assert told.figures["learnt"] is True
    assert [text for text in str(told).splitlines() if "score of these" in text] == [
        "Not told: the window needed and which input matters, since the score of these 60 rows is not "
        "shown to be above that of one answer for all."
    ]
    assert "to lose" not in str(told)
    assert told.finding("units") is not None  # of all steps, which do have a score
    assert told.figures["window"] is None
    assert "inputs" not in told.figures


def test_no_share_is_told_of_a_score_whose_interval_holds_zero() -> None:
    """Answers that are right by chance alone: a small score above 0 in the mean."""
    x = torch.randn(40, 12, 1, generator=torch.Generator().manual_seed(1))
    model = Follower()
    draws = np.random.default_rng(0)
    for _ in range(50):
        targets = torch.from_numpy(draws.normal(size=(40, 12, 1))) + 0.52 * model(x).detach()
        skill = skill_of(model(x).detach().double().numpy(), targets, None)
        if skill is not None and skill.value > 0 and not skill.shown:
            break
    else:
        pytest.fail("no such draw")
    told = gw.explain(model, x, targets)
    assert [one.topic for one in told.findings] == ["skill"]
    assert "The network is not shown to have learnt anything: chance may" in str(told)
    idle = gw.memory.idle_units(model, x, targets)
    assert np.isnan(idle.relative).all()
    assert "nothing to lose that chance could not give" in idle.reading
    assert not idle.idle.any()
