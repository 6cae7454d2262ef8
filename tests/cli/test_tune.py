"""`gatewise tune`: what it prints and leaves, how it goes on, and what it refuses."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatewise.cli.tuning import read_space
from gatewise.errors import OptionError
from tests.cli.tables import Outcome, files_under, quick

Call = Callable[..., Outcome]
SPACE = ("--space", "hidden_size=2..6", "dropout=0,0.2", "cell=gru", "num-layers=1", "noise=0")
WORDS = [*quick(epochs="1"), *SPACE, "weight_decay=0", "forget_bias=1", "learning_rate=0.01..0.1"]


@pytest.fixture(autouse=True)
def _unexplained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the sentences on what a network remembers, which take longer than all the rest."""
    monkeypatch.setattr("gatewise.cli.sentences.explained", lambda *_, **__: None)


def test_a_search_leaves_runs_and_says_what_it_found(here: Path, call: Call, table: Path) -> None:
    done = call("tune", table, *WORDS, "--trials", 3, "--out", "found")
    assert done.code == 0, done.err
    assert [line.split("  ")[0] for line in done.err.splitlines()[:3]] == [
        *("trial 1/3", "trial 2/3", "trial 3/3")
    ]
    left = files_under(here / "found")
    for name in (
        "tuning.json",
        "study.journal",
        "trials.csv",
        "best/report.html",
        "start/metrics.json",
    ):
        assert name in left
    settings = json.loads((here / "found/best/config.json").read_text())["settings"]
    assert settings["cell"] == "gru"
    assert 2 <= settings["hidden_size"] <= 6
    assert "before tuning" in done.out
    assert "no trial saw the test part" in done.out
    # What is printed to fit with the settings again does that.
    command = next(
        line for line in done.out.splitlines() if line.strip().startswith("gatewise fit")
    )
    words = shlex.split(command.partition("   fit with")[0])[1:]
    again = call(*(word if word != "RUN" else "again" for word in words))
    assert again.code == 0, again.err
    repeated = json.loads((here / "again/config.json").read_text())
    assert repeated["settings"] == settings
    assert repeated["model_sha256"] == json.loads(left["best/config.json"] or b"")["model_sha256"]


def test_ctrl_c_keeps_the_trials_and_the_same_command_goes_on(
    here: Path, call: Call, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("tune", table, *WORDS, "--out", "found", "--trials")

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("gatewise.estimators.forecaster.fitting.prepare", interrupted)
        assert call(*words, 2)[::2] == (130, "gatewise: interrupted\n")
        assert files_under(here) == {}
    with monkeypatch.context() as patched:
        patched.setattr("gatewise.estimators.tuning.entry._fitted", interrupted)
        stopped = call(*words, 2)
    assert stopped.code == 130
    assert "the trials that have ended are kept, and `gatewise resume found` goes on" in stopped.err
    resumed = call("resume", "found")
    assert resumed.code == 0, resumed.err
    assert resumed.err.startswith("going on after 2 of 2 trials\nfitting best")
    assert "Run   found/best" in resumed.out
    done = call(*words, 3)
    assert done.code == 0
    assert done.err.startswith("going on after 2 of 3 trials\ntrial 3/3")
    about = json.loads((here / "found/tuning.json").read_text())
    del about["again"]  # as in a search of before
    (here / "found/tuning.json").write_text(json.dumps(about))
    refused = call("resume", "found")
    assert refused.code == 2
    assert "found/tuning.json does not say how to go on" in refused.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--trials", "0"), "--trials must be a whole number of at least 1, not 0"),
        (("--space", "hidden_size"), "space: 'hidden_size' is not NAME=VALUES"),
        (("--space", "hiden_size=8"), "space: there is no option 'hiden_size'. Did you mean"),
        (("--space", "cell=lstm..gru"), "are no range: give two numbers"),
        (("--metric", "mood"), "--metric must be one of"),
        (("--target", "flw"), "no column 'flw' (target). Did you mean 'flow'?"),
    ],
)
def test_bad_input_is_refused_before_any_trial(
    here: Path, call: Call, table: Path, words: tuple[str, ...], said: str
) -> None:
    done = call("tune", table, *quick(), "--out", "found", *words)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert files_under(here) == {}


def test_a_space_reads_as_it_is_typed() -> None:
    typed = ("hidden-size=8,16", "learning_rate=1e-3..0.1", "clip=none,1", "cell=gru")
    assert read_space(typed) == {
        "hidden_size": [8, 16],
        "learning_rate": (0.001, 0.1),
        "clip": [None, 1],
        "cell": ["gru"],
    }
    with pytest.raises(OptionError, match="cell is there twice"):
        read_space(("cell=gru", "cell=lstm"))
