"""Streams that are closed, full or without a reader end no work, and half of torchrun is no torchrun."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gatewise.errors import OptionError
from gatewise.launch import world_of_launch
from tests.cli.broken_streams import Case, outcomes
from tests.cli.tables import QUICK, Outcome, table_text

Call = Callable[..., Outcome]
RESULTS = {
    *("config.json", "model.safetensors", "metrics.json", "predictions.csv", "report.html"),
    "report.png",
}
TROUBLES = ("closed", "full", "broken pipe")
STDOUT_CODES = {"closed": 0, "full": 2, "broken pipe": 141}


def test_a_training_outlives_its_streams_and_other_commands_say_what_was_lost(
    tmp_path: Path,
) -> None:
    (tmp_path / "river.csv").write_text(table_text())
    fits: list[Case] = [
        (stream, trouble, ["fit", "river.csv", *QUICK, "--out", f"{stream} {trouble}"])
        for stream in ("stdout", "stderr")
        for trouble in TROUBLES
    ]
    run = "stdout closed"
    printing = [["evaluate", run, "--json"], ["predict", run, "river.csv"], ["datasets"]]
    wrong = ["predict", "nowhere", "river.csv"]
    others: list[Case] = [
        *(("stdout", trouble, words) for trouble in TROUBLES for words in [*printing, ["--help"]]),
        *(("stderr", trouble, wrong) for trouble in TROUBLES),
    ]
    told = outcomes(tmp_path, [*fits, *others])
    for (stream, trouble, words), seen in zip([*fits, *others], told, strict=True):
        at = (stream, trouble, words, seen)
        assert "Traceback" not in seen["other"], at
        if stream == "stdout":
            assert seen["code"] == STDOUT_CODES[trouble], at
            lost = "cannot write to stdout: No space left on device" in seen["other"]
            assert lost == (trouble == "full"), at
        else:
            assert seen["code"] == (2 if words == wrong else 0), at
    for stream, trouble, _ in fits:
        assert {path.name for path in (tmp_path / f"{stream} {trouble}").iterdir()} == RESULTS


def test_head_takes_a_line_and_no_traceback_comes(tmp_path: Path) -> None:
    command = (
        f'"{sys.executable}" -m gatewise fit --help 2>err | head -1; echo "${{PIPESTATUS[0]}}"'
    )
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},  # so that the reader is missed
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] in ("0", "141")
    assert (tmp_path / "err").read_text() == ""


HALVES = [
    ({"RANK": "1"}, "WORLD_SIZE=unset"),
    ({"RANK": "0"}, "WORLD_SIZE=unset"),
    ({"WORLD_SIZE": "2"}, "RANK=unset"),
    ({"RANK": "2", "WORLD_SIZE": "2"}, "ranks go from 0 to 1"),
    ({"RANK": "one", "WORLD_SIZE": "2"}, "RANK=one"),
    ({"RANK": "-1", "WORLD_SIZE": "2"}, "RANK=-1"),
    ({"RANK": "0", "WORLD_SIZE": "0"}, "WORLD_SIZE=0"),
    ({"RANK": "1", "WORLD_SIZE": "2"}, "MASTER_ADDR and no MASTER_PORT"),
    ({"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "here"}, "no MASTER_PORT"),
]


@pytest.mark.parametrize(("given", "said"), HALVES)
def test_half_of_torchrun_is_refused_by_its_variables(
    here: Path,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, str],
    said: str,
) -> None:
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    for words in (["fit", "river.csv", *QUICK, "--out", "run"], ["demo"], ["datasets"]):
        done = call(*words)
        assert done.code == 2
        assert done.err.count("\n") == 1
        assert said in done.err
        assert "torchrun" in done.err
    assert os.listdir(here) == []
    with pytest.raises(OptionError, match=r"RANK=.*WORLD_SIZE="):
        world_of_launch()


def test_whole_launches_are_told_by_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert world_of_launch() == (0, 1)
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert world_of_launch() == (0, 1)
    monkeypatch.setenv("RANK", "0")
    assert world_of_launch() == (0, 1)
    for name, value in {
        "WORLD_SIZE": "3",
        "RANK": "2",
        "MASTER_ADDR": "a",
        "MASTER_PORT": "1",
    }.items():
        monkeypatch.setenv(name, value)
    assert world_of_launch() == (2, 3)
