"""A table of predictions scored without a model: ours, anybody's, and what does not match."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from gatewise.errors import DataError, OptionError
from gatewise.estimators.forecaster.scoring import score_table
from tests.estimators.data import panel, reservoir
from tests.estimators.test_forecaster import sensor

FRAME = reservoir(60)


def foreign(**columns: Any) -> pl.DataFrame:
    """Return forecasts of days 40 to 49, one and two steps ahead, in columns of somebody's own."""
    days = FRAME["ds"][40:50]
    parts = [
        pl.DataFrame({"ds": days, "step": step, "yhat": FRAME["level"][40:50] + 0.5 * step})
        for step in (1, 2)
    ]
    return pl.concat(parts).with_columns(**columns)


def test_a_run_s_own_predictions_score_as_it_did(tmp_path: Path) -> None:
    frame = panel()
    model = sensor(epochs=1, hidden_size=2, horizon=2, quantiles=[0.1, 0.9], lookback=10)
    model.fit(frame, out=tmp_path / "run", progress=False)
    table = pl.read_csv(tmp_path / "run/predictions.csv", try_parse_dates=True)
    assert model.evaluation_ is not None
    pooled = model.evaluation_.scores["gatewise"]["level"]
    own, apart = score_table(table), score_table(table.drop("level"), frame)
    for found in (own, apart):
        scores = found.scores["predictions"]
        assert found.rows == len(table)
        assert {name: pooled[name] for name in scores} == pytest.approx(scores, rel=1e-4)
        steps = model.evaluation_.by_horizon["gatewise"]["level"]["rmse"]
        assert [found.by_step[step]["rmse"] for step in (1, 2)] == pytest.approx(steps, rel=1e-4)
    shown = model.evaluation_.shown["gatewise"]["level"]["mae"]
    assert own.series["mae"] == pytest.approx(shown, rel=1e-4)
    persistence = model.evaluation_.scores["persistence"]["level"]["rmse"]
    assert apart.scores["persistence"]["rmse"] == pytest.approx(persistence, rel=1e-4)


def test_columns_of_somebody_s_own_are_named() -> None:
    table = foreign(low=pl.col("yhat") - 2.0, high=pl.col("yhat") + 0.1)
    found = score_table(
        table, FRAME, target="level", point="yhat", quantiles={0.9: "high", 0.1: "low"}
    )
    assert found.scores["predictions"]["rmse"] == pytest.approx(np.sqrt((0.25 + 1.0) / 2))
    assert [found.by_step[step]["mae"] for step in (1, 2)] == pytest.approx([0.5, 1.0])
    assert found.scores["predictions"]["coverage"] == 1.0
    assert found.by_step[2]["coverage"] == 1.0
    level = FRAME["level"].to_numpy()
    seen = [level[40:50] - level[40 - step : 50 - step] for step in (1, 2)]
    rmse = float(np.sqrt(np.mean(np.square(seen))))
    assert found.scores["persistence"]["rmse"] == pytest.approx(rmse)


def test_what_is_left_out_is_told() -> None:
    late = foreign(ds=pl.col("ds") + pl.duration(days=15)).filter(pl.col("step") == 1).drop("step")
    found = score_table(late, FRAME, target="level", point="yhat")
    assert found.rows == 5
    assert found.by_step == {}
    assert found.notes[0] == "5 rows of 10 without a known truth: left out."
    assert "No baseline stands beside" in found.notes[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"point": "yhats"}, r"no column 'yhats' in the predictions.* Did you mean 'yhat'\?"),
        ({}, "no column 'level_predicted' in the predictions"),
        ({"target": "levl"}, "no column 'levl' in the truth. Did you mean 'level'"),
        (
            {"point": "yhat", "quantiles": {0.1: "lo"}},
            "no column 'lo' in the predictions, for the q",
        ),
        ({"point": "yhat", "time": "when"}, "no column 'when'"),
    ],
)
def test_columns_that_do_not_match_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        score_table(foreign(), FRAME, **{"target": "level"} | options)


def test_tables_that_do_not_match_are_refused() -> None:
    with pytest.raises(DataError, match="rows 1 and 11 of the predictions are of the same time"):
        score_table(foreign().drop("step"), FRAME, target="level", point="yhat")
    years = foreign(ds=pl.col("ds") + pl.duration(days=4000))
    with pytest.raises(DataError, match="the tables share no time"):
        score_table(years, FRAME, target="level", point="yhat")
    with pytest.raises(DataError, match="no column 'unique_id' in the predictions, for the series"):
        score_table(foreign(), panel(), target="level", point="yhat")
    with pytest.raises(DataError, match="column 'yhat' holds text"):
        score_table(foreign(yhat=pl.lit("high")), FRAME, target="level", point="yhat")
    with pytest.raises(OptionError, match="must lie between 0 and 1"):
        score_table(foreign(), FRAME, target="level", point="yhat", quantiles={90: "yhat"})
