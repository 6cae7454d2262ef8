"""`evaluate --against` and `continue`: the scores of both models on the same rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.tables import Outcome, quick

Call = Callable[..., Outcome]


def test_another_model_stands_in_the_table_and_in_words(
    here: Path, call: Call, table: Path, fitted: Path
) -> None:
    again = [
        "fit",
        table,
        *quick(lookback="20", baselines="climatology"),
        "--out",
        "other",
        "--quiet",
    ]
    assert call(*again).code == 0
    done = call("evaluate", fitted, "--against", "other")
    assert done.code == 0, done.err
    assert "\nother  " in done.out
    assert "river has an RMSE of" in done.out
    assert "on the same 30 windows (95 % interval of the change:" in done.out
    told = json.loads(
        call("evaluate", fitted, "--against", "other/model.safetensors", "--json").out
    )
    assert told["against"]["name"] == "model.safetensors"
    theirs = json.loads((here / "other/metrics.json").read_text())["scores"]["gatewise"]["flow"]
    assert told["against"]["scores"]["gatewise"]["flow"] == pytest.approx(theirs)
    assert told["against"]["differences"][0]["windows"] == 30


def test_training_on_shows_the_model_before(
    here: Path, call: Call, table: Path, fitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatewise.cli.sentences.explained", lambda *_, **__: None)
    done = call("continue", fitted, table, "--out", "on", "--epochs", "1", "--validation", "0.3")
    assert done.code == 0, done.err
    assert "the model before" in done.out.split("Against")[0]
    assert "the model now has an RMSE of" in done.out
    assert "the model before was trained or chosen on some" not in done.out


def test_another_model_that_is_none_is_refused(here: Path, call: Call, fitted: Path) -> None:
    done = call("evaluate", fitted, "--against", "nothing")
    assert done.code == 2
    assert "nothing" in done.err
    assert done.err.count("\n") == 1


def test_a_table_of_predictions_is_scored_without_a_model(
    here: Path, call: Call, table: Path, fitted: Path
) -> None:
    own = call("evaluate", "--predictions", fitted / "predictions.csv")
    assert own.code == 0, own.err
    assert "Scores of flow on 30 rows" in own.out
    words = ("--predictions", fitted / "predictions.csv", "--quantile", "0.1=flow_predicted")
    told = json.loads(call("evaluate", table, *words, "--target", "flow", "--json").out)
    known = json.loads((fitted / "metrics.json").read_text())["scores"]["gatewise"]["flow"]
    assert told["scores"]["predictions"]["rmse"] == pytest.approx(known["rmse"], rel=1e-4)
    for bad, said in (
        (("evaluate", "--predictions", "nothing.csv"), "nothing.csv"),
        (("evaluate", "--target", "flow"), "name it with --predictions"),
        (("evaluate",), "name a run, or a table"),
        (("evaluate", table, *words, "--quantile", "low"), "quantile: 'low' is not LEVEL=COLUMN"),
        (("evaluate", table, *words[:2], "--part", "test"), "scored against one table"),
        (("evaluate", table, *words[:2], "--point", "flows"), "no column 'flows'"),
    ):
        refused = call(*bad)
        assert refused.code == 2, bad
        assert said in refused.err
        assert refused.err.count("\n") == 1
