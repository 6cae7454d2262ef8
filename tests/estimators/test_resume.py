"""Runs in processes of their own, killed by SIGKILL: the resumed result is the uninterrupted one's."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch

from tests.estimators.killing import watched
from tests.estimators.toy import equal

# long enough that kills at random moments hit all parts of an epoch
JOB = {"windows": 129, "quantiles": True, "options": {"epochs": 12, "patience": 12}}
MOMENTS = ("half", "whole", "renamed")
KILLS = 3


def job(folder: Path, **changes: object) -> dict[str, Any]:
    return {**JOB, "checkpoint": str(folder / "state"), "out": str(folder / "out"), **changes}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What every process left: the uninterrupted run, and those that were killed and resumed."""
    home = tmp_path_factory.mktemp("killed")
    chance = random.Random(7)
    steps = {"uninterrupted": job(home / "uninterrupted")}
    for when in MOMENTS:
        steps[when] = job(home / when, kill=[3, when])
        steps[f"{when} resumed"] = job(home / when, resume=True)
    for kill in range(KILLS):
        share = chance.uniform(0, 1 / 3)
        steps[f"random {kill}"] = job(home / "random", resume=True, share=share)
    steps["random resumed"] = job(home / "random", resume=True)
    told = watched(home, list(steps.values()))
    return {"home": home, **dict(zip(steps, told, strict=True))}


def check(seen: dict[str, Any], name: str) -> None:
    assert seen[f"{name} resumed"]["code"] == 0, seen[f"{name} resumed"]["errors"]
    ours, whole = (
        safetensors.torch.load_file(seen["home"] / folder / "out")
        for folder in (name, "uninterrupted")
    )
    assert equal(ours, whole)


def test_a_run_that_nothing_interrupts_says_where_it_is(seen: dict[str, Any]) -> None:
    whole = seen["uninterrupted"]
    assert whole["code"] == 0, whole["errors"]
    lines = whole["errors"].splitlines()
    assert lines[0].startswith("member 1  epoch 1/12")
    assert "done, the weights of epoch" in lines[-1]


@pytest.mark.parametrize("when", MOMENTS)
def test_killed_while_a_checkpoint_is_written(seen: dict[str, Any], when: str) -> None:
    assert seen[when]["code"] == -signal.SIGKILL
    assert seen[when]["parts"] == (when != "renamed")
    check(seen, when)


def test_killed_at_several_random_moments(seen: dict[str, Any]) -> None:
    codes = [seen[f"random {kill}"]["code"] for kill in range(KILLS)]
    assert codes.count(-signal.SIGKILL) >= 2
    check(seen, "random")
