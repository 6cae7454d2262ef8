"""Runs of a made-up study: seed by seed, gone on with, the same twice, and in the wrong folder."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gatewise.errors import FileError, GatewiseError, OptionError
from gatewise.report import Curve
from studies import catalog
from studies.common import running
from studies.common.checks import CORRECTED, FAILS, HOLDS, OPEN, Check, unmet, verdict_of
from studies.common.folder import StudyFolder
from studies.common.running import run
from studies.common.study import Figures, Settings, Study


def measure(seed: int, settings: Settings) -> Figures:
    return {"drawn": float(np.random.default_rng(seed).normal(settings["mean"], 0.1))}


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    drawn = [seed["drawn"] for seed in seeds]
    return [Check("mean", float(np.mean(drawn)), min(drawn), max(drawn), at_least=0.5)]


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    drawn = np.array([seed["drawn"] for seed in seeds])
    return [Curve.of("drawn", "seed", np.arange(len(drawn)), drawn)]


MADE_UP = Study(
    name="made-up",
    title="A made-up claim",
    claim="Numbers drawn around one are above a half.",
    prediction="All of them.",
    source="nowhere",
    measure=measure,
    judge=judge,
    curves=curves,
    quick={"mean": 1.0},
    full={"mean": 2.0},
    minutes=0.1,
)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Study:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "study.py").write_text("first version\n")
    monkeypatch.setattr(running, "find", lambda name: MADE_UP)
    monkeypatch.setattr(running, "folder_of", lambda name: tmp_path / "source")
    return MADE_UP


def test_a_second_run_gives_the_same_data(made_up: Study, tmp_path: Path) -> None:
    runs = [run(made_up, StudyFolder(tmp_path / name), full=False, processes=1) for name in "ab"]
    times = {"seconds": 0, "cpu_seconds": 0}
    one, other = ([figures | times for figures in found.figures] for found in runs)
    assert one == other
    assert all(figures.keys() >= times.keys() for figures in runs[0].figures)
    assert runs[0].verdict == HOLDS


def test_a_run_that_was_stopped_goes_on_where_it_was(
    made_up: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, measured = StudyFolder(tmp_path / "run"), []

    def stop_at_two(seed: int, settings: Settings) -> Figures:
        if seed == 2 and len(measured) == 2:
            measured.append("stopped")
            raise KeyboardInterrupt
        measured.append(seed)
        return measure(seed, settings)

    study = replace(made_up, measure=stop_at_two)
    monkeypatch.setattr(running, "find", lambda name: study)
    with pytest.raises(KeyboardInterrupt):
        run(study, folder, full=True, processes=1)
    run(study, folder, full=True, processes=1)
    assert measured == [0, 1, "stopped", *range(2, 10)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"full": True}, "holds a quick run with 3 seeds"),
        ({"seeds": 5}, "holds a quick run with 3 seeds"),
    ],
)
def test_a_folder_of_another_run_is_left_alone(
    made_up: Study, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    folder = StudyFolder(tmp_path / "run")
    run(made_up, folder, full=False, processes=1)
    before = (folder.path / "study.json").read_bytes()
    arguments = {"full": False, "processes": 1, **change}
    with pytest.raises(FileError, match=words):
        run(made_up, folder, **arguments)
    assert (folder.path / "study.json").read_bytes() == before
    run(made_up, folder, overwrite=True, **arguments)
    assert len(list(folder.seeds.iterdir())) == (10 if change.get("full") else 5)


def test_another_version_of_the_study_is_told(made_up: Study, tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "run")
    run(made_up, folder, full=False, processes=1)
    for part in ("training.py", "study.py"):  # what stands beside the study makes its figures too
        (tmp_path / "source" / part).write_text("second version\n")
        with pytest.raises(FileError, match="another version"):
            run(made_up, folder, full=False, processes=1)
        (tmp_path / "source" / "training.py").unlink(missing_ok=True)


def test_a_process_that_is_stopped_from_outside_is_told_in_a_line(
    made_up: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(jobs: Any) -> Any:
        raise BrokenProcessPool("terminated abruptly")

    monkeypatch.setattr(running, "ProcessPoolExecutor", lambda *_, **__: ThreadPoolExecutor(2))
    monkeypatch.setattr(running, "as_completed", killed)
    with pytest.raises(GatewiseError, match=r"was stopped.*the same command goes on"):
        run(made_up, StudyFolder(tmp_path / "run"), full=False, seeds=2, processes=2)


def test_a_folder_of_something_else_is_refused(made_up: Study, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me")
    with pytest.raises(FileError, match="holds no study, and is not empty"):
        run(made_up, StudyFolder(tmp_path / "mine"), full=False, overwrite=True)
    with pytest.raises(FileError, match="is a file"):
        run(made_up, StudyFolder(tmp_path / "mine" / "letter.txt"), full=False)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "keep me"


def test_a_damaged_seed_is_named(made_up: Study, tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "run")
    run(made_up, folder, full=False, processes=1)
    (folder.seeds / "1.json").write_text('{"drawn": ')
    with pytest.raises(FileError, match=r"1\.json is damaged"):
        run(made_up, folder, full=False, processes=1)


@pytest.mark.parametrize(
    ("value", "low", "high", "outcome"),
    [
        (1.0, 0.9, 1.1, "met"),
        (1.0, 0.4, 1.6, "open"),
        (0.4, 0.3, 0.49, "missed"),
        (2.1, 2.01, 2.2, "missed"),
        (float("nan"), float("nan"), float("nan"), "missed"),
    ],
)
def test_the_outcome_goes_by_the_interval(
    value: float, low: float, high: float, outcome: str
) -> None:
    assert Check("", value, low, high, at_least=0.5, at_most=2.0).outcome == outcome


def test_the_verdict_is_that_of_the_worst_check() -> None:
    met = Check.exact("", 1.0, at_least=0.5)
    unsettled = Check("", 1.0, 0.0, 2.0, at_least=0.5)
    missed = Check.exact("", 0.0, at_least=0.5)
    assert verdict_of([met], corrected=False) == HOLDS
    assert verdict_of([met], corrected=True) == CORRECTED
    assert verdict_of([met, unsettled], corrected=False) == OPEN
    assert verdict_of([met, unsettled, missed], corrected=True) == FAILS
    json.dumps([check.to_json() for check in (met, unsettled, missed)], allow_nan=False)


def test_a_check_writes_its_numbers_as_the_rest_of_gatewise() -> None:
    one = Check("bits less Brotli's", -0.27712, -0.2832, -0.00003248, -math.inf, 20000.0)
    assert one.measured == "−0.2771 (−0.2832 to −3.248e−05)"
    assert one.bounds == "at most 20,000"


def test_what_keeps_a_claim_from_holding_is_counted_among_what_was_predicted() -> None:
    met, shown = Check.exact("", 1.0, at_least=0.5), Check.exact("", 1.0)
    unsettled = Check("", 1.0, 0.0, 2.0, at_least=0.5)
    missed = Check.exact("", 0.0, at_least=0.5)
    assert (met.word, shown.word, missed.word) == ("met", "shown", "missed")
    assert unmet([met, shown]) == ""
    assert unmet([met, shown, unsettled]) == "1 of 2 checks open"
    assert unmet([met, missed, unsettled, missed]) == "2 of 4 checks missed, 1 open"


def test_an_unknown_study_is_told_the_nearest() -> None:
    with pytest.raises(OptionError, match="Did you mean 'telephone'"):
        catalog.find("telefone")
