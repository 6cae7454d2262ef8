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
from gatewise.explaining.skill import nothing, skill_of

SAID = "has learnt nothing to read: it does no better than one answer for all"


def test_a_network_that_remembers_the_wrong_thing_has_nothing_to_read(tmp_path: Path) -> None:
    task = known.delay_line(12, batch_first=True)
    right = task.inputs[:, -13] / known.SMALL
    assert gw.explain(task.model, task.inputs, right).finding("memory") is not None
    told = gw.explain(task.model, task.inputs, right.flip(0))
    assert [one.topic for one in told.findings] == ["skill"]
    assert f"The network {SAID} (NSE -" in str(told)
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
    assert skill_of(best.numpy(), truth, given) == pytest.approx(0, abs=1e-9)
    assert skill_of(perfect.numpy(), truth, given) == pytest.approx(1, abs=1e-9)
    worse = skill_of(noise.numpy(), truth, given)
    assert worse is not None
    assert worse < 0
    one = torch.zeros_like(truth)
    if loss != "cross_entropy":
        assert skill_of(noise.numpy(), one, given) is None  # the truth is one value
    assert nothing({"": 0.0})
    assert nothing({"a": -1.0, "b": -0.1})
    assert not nothing({"a": -1.0, "b": 0.1})
    assert not nothing({})
    assert not nothing({"": np.nan})


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
    assert f"The network, for far, {SAID} (NSE -" in said.sentence
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
