"""A command that is stopped at any file operation loses nothing: the old run stands, or the new one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.killing import SCENARIOS, watched

CODES = {"kill": {-9}, "full disk": {2}, "interrupt": {130}}


def check(told: dict[str, Any], how: str, scenario: str) -> None:
    """Hold every point to it: whole and usable, nothing left, and the way on leads to the new run."""
    old, new = told["old"] and told["old"][1], told["new"][1]
    assert old != new or scenario in ("inspect", "predict")
    finished = set(told["files"])
    for seen in told["points"]:
        at = (scenario, how, seen)
        # What goes wrong after the run is whole, or is only tidied up, is no failure.
        assert seen["code"] in CODES[how] | ({0} if how != "kill" else set()), at
        assert "Traceback" not in seen["err"], at
        code, numbers, err = seen["predict"]
        if scenario == "fresh":
            assert (code, numbers) in ((0, new), (2, None)), at
            assert err.count("\n") == (1 if code else 0), at
        else:
            assert (code, numbers) in ((0, old), (0, new)), at
            if scenario != "predict":  # what it left is swept by the next that writes that file
                assert not [path for path in seen["then"] if "/." in path or path[0] == "."], at
            if not any("replacement/config.json" in path for path in seen["then"]):
                assert not [path for path in seen["then"] if "checkpoints" in path], at
        if how != "kill" and scenario not in ("fresh", "predict"):
            # The last of all is to delete the lock's file; the lock itself ends in any case.
            spared = "run/.lock" if seen["number"] == told["count"] else ""
            assert not [path for path in seen["left"] if "/." in path and path != spared], at
        for way in ("resume", SCENARIOS[scenario]["again"]):
            if f"code {way}" in seen:
                assert seen[f"code {way}"] == 0, at
                assert seen[f"after {way}"][1] == new, at
                assert set(seen[f"files {way}"]) == finished, at


FEW = [
    ("fit", "kill", 4),
    ("continue", "kill", 1),
    ("resume", "kill", 1),
    ("fit", "full disk", 1),
    ("fit", "interrupt", 1),
]


def test_a_stopped_command_leaves_the_old_run_or_the_new_one(tmp_path: Path) -> None:
    for told, (scenario, how, _) in zip(watched(tmp_path, list(FEW)), FEW, strict=True):
        assert told["count"] > 20
        check(told, how, scenario)


@pytest.mark.full
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_points_of_every_command(tmp_path: Path, scenario: str) -> None:
    # Every point of every command takes hours: GATEWISE_EVERY_POINT=1 asks for them.
    most = None if os.environ.get("GATEWISE_EVERY_POINT") else 6
    jobs = [(scenario, how, most) for how in CODES]
    for told, how in zip(watched(tmp_path, jobs), CODES, strict=True):
        assert len(told["points"]) == (most or told["count"])
        check(told, how, scenario)
