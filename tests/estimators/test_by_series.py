"""Scores of each series of a panel: what is measured, what is said, and what the files hold."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.cli.output import console, print_scores
from gatewise.estimators.forecaster.baselines.scale import NaiveErrors
from gatewise.estimators.forecaster.by_series import SeriesScores, scores_by_series
from gatewise.estimators.forecaster.page.tables import score_table
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.verdict import Evaluation, verdict
from tests.estimators.tables import make_table

SIZES = {"small": 1.0, "large": 1000.0, "middle": 30.0}


def panel() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    month = np.arange(72)
    months = pl.datetime_range(
        pl.datetime(2001, 1, 1), pl.datetime(2006, 12, 1), interval="1mo", eager=True
    )
    return pl.concat(
        pl.DataFrame(
            {
                "unique_id": name,
                "ds": months,
                "y": size * (5 + np.sin(month * np.pi / 6) + 0.2 * rng.normal(size=72)),
            }
        )
        for name, size in SIZES.items()
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[gw.Forecaster, Path]:
    run = tmp_path_factory.mktemp("panel") / "run"
    model = gw.Forecaster(
        target="y",
        series="unique_id",
        horizon=3,
        hidden_size=3,
        steps=5,
        members=2,
        quantiles=[0.1, 0.9],
    )
    return model.fit(panel(), out=run, progress=False), run


def predictions(truth: np.ndarray, series: list[str], point: np.ndarray) -> Predictions:
    when = np.arange(len(truth))
    return Predictions(
        targets=("y",),
        series=np.array(series),
        origin=when,
        time=when[:, None] + 1,
        truth=truth[:, None, None],
        point=point[:, None, None],
        spread=None,
        levels=(),
        quantiles=None,
    )


def of(model: list[float], other: list[float]) -> SeriesScores:
    """Return scores of the model and of ridge whose MASE on each series is given."""
    values = {"gatewise": model, "ridge": other}
    scores = {
        name: {"y": {"mase": np.array(each), "rmse": np.array(each)}}
        for name, each in values.items()
    }
    return SeriesScores(tuple(f"s{k}" for k in range(len(model))), scores)


def judged(by_series: SeriesScores) -> Evaluation:
    truth = np.zeros(len(by_series.series))
    return Evaluation(
        "test",
        predictions(truth, list(by_series.series), truth),
        {"gatewise": {"y": {"nse": 0.99, "rmse": 1.0}}, "ridge": {"y": {"nse": 0.9, "rmse": 3.0}}},
        ({"y": {"nse": 0.99, "rmse": 1.0}},),
        {},
        by_series=by_series,
    )


def test_the_naive_error_of_each_series_by_hand() -> None:
    a, b = np.array([1.0, 2.0, 4.0, 8.0, 99.0]), np.array([5.0, 5.0, 5.0, 5.0, 7.0])
    table = make_table(a=a, b=b)
    rows = np.tile([True, True, True, True, False], 2)
    errors = NaiveErrors.fit(table, table.values, rows, season=2)
    # a: |4 - 1| and |8 - 2|; b repeats itself, so nothing can be measured in it.
    np.testing.assert_allclose(errors.absolute[:, 0], [4.5, np.nan])
    np.testing.assert_allclose(errors.squared[:, 0], [(9 + 36) / 2, np.nan])
    assert errors.note().startswith("Series 'b' has no MASE and RMSSE")
    absolute, root = errors.of(make_table(c=a, a=a), np.array([1, 6]))
    np.testing.assert_allclose(absolute[:, 0], [np.nan, 4.5])
    np.testing.assert_allclose(root[:, 0], [np.nan, math.sqrt(22.5)])


def test_each_series_is_scored_alone() -> None:
    truth = np.array([1.0, 2.0, 100.0, 300.0])
    point = np.array([1.0, 3.0, 200.0, 300.0])
    made = predictions(truth, ["a", "a", "b", "b"], point)
    naive = (np.array([[1.0], [1.0], [50.0], [50.0]]), np.array([[1.0], [1.0], [50.0], [50.0]]))
    points = {"gatewise": made.point, "persistence": np.zeros((4, 1, 1))}
    found = scores_by_series(made, points, {}, [], naive)
    assert found is not None
    np.testing.assert_allclose(found.scores["gatewise"]["y"]["mae"], [0.5, 50.0])
    np.testing.assert_allclose(found.scores["gatewise"]["y"]["mase"], [0.5, 1.0])
    assert found.medians()["gatewise"]["y"]["mase"] == pytest.approx(0.75)
    assert found.beaten("y", "persistence") == (2, 2)
    assert found.extremes("y") == (("a", 0.5), ("b", 1.0))
    alone = predictions(truth, ["a"] * 4, point)
    assert scores_by_series(alone, {"gatewise": alone.point}, {}, [], None) is None


def test_the_verdict_goes_by_series_and_not_by_the_largest() -> None:
    # Thrown together the model looks far better than ridge; on four series of five it is worse.
    said = verdict(judged(of([1.2, 1.1, 1.3, 1.2, 0.1], [1.0, 1.0, 1.0, 1.0, 1.0])))
    assert said.tone == "worse"
    assert said.headline == "No better than ridge: better on 1 of 5 series only"
    assert "the median MASE over 5 series is 1.200 for y" in said.sentences[0]
    assert "gatewise is better on 20\u00a0% of the series" in said.sentences[0]
    assert "Best is s4 (0.100), worst s2 (1.300)." in said.sentences[0]
    assert said.sentences[1].startswith("Ridge is better here: predict with --model ridge")
    said = verdict(judged(of([1.2, 1.1, 1.3, 1.2, 1.4], [1.0, 1.0, 1.0, 1.0, 1.0])))
    assert said.headline == "No better than ridge on any of 5 series"


@pytest.mark.parametrize(
    ("model", "tone"),
    [
        ([0.5, 0.6, 0.7], "better"),
        ([0.9, 0.9, 5.0], "better"),
        ([1.5, 1.6, 0.5], "worse"),
        ([1.0, 1.0, 1.0], "worse"),
        ([math.nan, 0.5, 0.6], "better"),
        ([math.nan] * 3, "unknown"),
    ],
)
def test_the_tone_of_a_panel(model: list[float], tone: str) -> None:
    assert verdict(judged(of(model, [1.0, 1.0, 1.0]))).tone == tone


def test_a_panel_is_shown_by_its_medians(
    fitted: tuple[gw.Forecaster, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation = fitted[0].evaluation_
    assert evaluation is not None
    by_series = evaluation.by_series
    assert by_series is not None
    assert by_series.series == ("large", "middle", "small")
    assert set(by_series.scores["gatewise"]["y"]) == set(evaluation.scores["gatewise"]["y"])
    print_scores(console(), evaluation)
    printed = capsys.readouterr().out
    assert "medians over 3 series" in printed
    assert " of 3" in printed
    median = evaluation.shown["ridge"]["y"]["nse"]
    assert median != evaluation.scores["ridge"]["y"]["nse"]
    assert f"{median:.3f}".replace("-", "\u2212") in printed
    pooled = f"{evaluation.scores['ridge']['y']['nse']:.3f}"
    assert pooled not in printed
    table = score_table(evaluation, "Scores", "")
    assert table.columns[0].text == "series beaten"
    assert pooled not in str(table)


def test_the_run_folder_has_the_scores_of_each_series(fitted: tuple[gw.Forecaster, Path]) -> None:
    model, run = fitted
    frame = pl.read_csv(run / "scores_by_series.csv")
    assert frame.columns[:3] == ["series", "model", "target"]
    evaluation = model.evaluation_
    assert evaluation is not None
    assert len(frame) == 3 * len(evaluation.scores)
    written = json.loads((run / "metrics.json").read_text())["series"]
    assert written["count"] == 3
    assert written["decides"] == {"y": "mase"}
    mine = frame.filter(pl.col("model") == "gatewise")["mase"]
    assert written["medians"]["gatewise"]["y"]["mase"] == pytest.approx(mine.median())
    other = frame.filter(pl.col("model") == "ridge")["mase"]
    assert written["beaten"]["ridge"]["y"] == [(mine < other).sum(), 3]
    assert gw.Forecaster.load(run).evaluate(panel(), part="test").shown["gatewise"] == {
        "y": pytest.approx(evaluation.shown["gatewise"]["y"], nan_ok=True)
    }
