"""`gatewise backtest`: its tables, its folder, which is whole or absent, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.cli.tables import Outcome, files_under, quick

Call = Callable[..., Outcome]
OPTIONS = quick(epochs="1", horizon="2", test="none")
WORDS = [*OPTIONS, "--folds", "2", "--size", "10"]


def test_a_backtest_prints_its_tables_and_leaves_its_folder(
    here: Path, call: Call, table: Path
) -> None:
    done = call("backtest", table, *WORDS, "--out", "runs/rolling")
    assert done.code == 0, done.err
    for said in ("Mean over 2 folds", "fold by fold", "2001-05-11", "Over 2 folds gatewise has"):
        assert said in done.out
    assert "persistence" in done.out
    assert done.err.startswith("fold 1 of 2: tested from 2001-05-11\n")
    assert "MASE" in done.out
    assert "KGE" not in done.out  # of a virtual sensor
    folder = here / "runs/rolling"
    names = ("backtest.json", "backtest.png", "predictions.csv", "scores.csv")
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert (folder / "backtest.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in here.glob("runs/*")) == ["rolling"]  # nothing beside it
    about = json.loads((folder / "backtest.json").read_text())
    assert about["settings"]["horizon"] == 2
    scores = pl.read_csv(folder / "scores.csv").filter(pl.col("model") == "gatewise")
    assert scores["mae"].mean() == pytest.approx(about["scores"]["gatewise"]["flow"]["mae"])
    predicted = pl.read_csv(folder / "predictions.csv")
    assert predicted.columns[:5] == ["fold", "origin", "step", "ds", "flow"]
    told = call("backtest", table, *WORDS, "--json", "--quiet", "--out", "other")
    assert json.loads(told.out)["scores"] == about["scores"]


def test_what_is_there_stands_until_another_is_whole(
    here: Path, call: Call, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["backtest", table, *WORDS, "--quiet", "--out", "rolling"]
    assert call(*words).code == 0
    before = files_under(here)
    refused = call(*words)
    assert refused.code == 2
    assert "use --overwrite" in refused.err

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("gatewise.estimators.forecaster.backtesting.folder._score_frame", full)
        done = call(*words, "--overwrite")
    assert done.code == 2
    assert "cannot be written: No space left on device" in done.err
    assert files_under(here) == before
    assert call(*words, "--overwrite", "--seed", "5").code == 0
    after = files_under(here)
    assert after.keys() == before.keys()
    assert after["rolling/backtest.json"] != before["rolling/backtest.json"]
    (here / "rolling/mine.txt").write_text("mine")
    assert "holds other files" in call(*words, "--overwrite").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--folds", "0"), "--folds must be a whole number of at least 1, not 0"),
        (("--size", "1"), "a test block of 1 steps holds no whole forecast: with --horizon 2 it"),
        (("--folds", "90"), "take fewer folds or smaller blocks"),
        (("--validation", "2001-04-01"), "validation must be a share such as 0.15"),
        (("--quiet",), "leaves nothing: name a folder"),
        (("--target", "flw"), "no column 'flw' (target)"),
    ],
)
def test_bad_input_is_refused_in_a_line(
    here: Path, call: Call, table: Path, words: tuple[str, ...], said: str
) -> None:
    done = call("backtest", table, *OPTIONS, *words)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert files_under(here) == {}
