"""A metric that is entered in the registry is everywhere: scores, files, tables and pages."""

from __future__ import annotations

import html
import json
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

import gatewise as gw
from gatewise.cli.output import console, print_scores
from gatewise.estimators.forecaster.metrics import METRICS, Metric
from gatewise.report import write_page
from tests.estimators.data import reservoir

DOCS = Path(__file__).parents[2] / "docs"
BIAS = Metric(
    "bias",
    lambda truth, point, _: float(np.nanmean(np.asarray(point) - np.asarray(truth))),
    "Mean of prediction less truth, in the target's units.",
    better=None,
    note="Bias: above 0 the model predicts too much.",
)


def test_one_entry_makes_a_metric(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(METRICS, "bias", BIAS)
    frame = reservoir()
    model = gw.Forecaster(
        target="level", inputs="rain", horizon=2, lookback=8, hidden_size=3, epochs=1, members=2
    )
    model.fit(frame, out=tmp_path / "run", progress=False)
    evaluation = model.evaluation_
    assert evaluation is not None
    by_model = {name: scores["level"] for name, scores in evaluation.scores.items()}
    found = evaluation.predictions.point - evaluation.predictions.truth
    assert by_model["gatewise"]["bias"] == pytest.approx(found.mean())
    assert all(list(scores)[-1] == "bias" for scores in by_model.values())
    assert len(evaluation.by_horizon["gatewise"]["level"]["bias"]) == 2

    written = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert written["scores"]["gatewise"]["level"]["bias"] == by_model["gatewise"]["bias"]
    assert written["spread"]["gatewise"]["level"]["bias"] > 0

    print_scores(console(), evaluation)
    head = next(line for line in capsys.readouterr().out.splitlines() if "NSE" in line)
    assert head.split()[0] == "model"
    assert head.split()[-1] == "bias"

    write_page(model.summary(frame, title="A reservoir"), tmp_path / "page.html")
    page = html.unescape((tmp_path / "page.html").read_text())
    assert BIAS.note in page
    assert "bias is in the units of the target column." in page
    assert re.search(r"RMSE[^.]* in the units of the target column; lower is better\.", page)
    table = runpy.run_path(str(DOCS / "tables.py"))["metrics_table"]()
    assert f"| `bias` | {BIAS.meaning} | every model |" in table
