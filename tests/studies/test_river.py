"""What `river` reads of its data: settings, parts, levels, and scores by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.cli.demo import SETTINGS
from studies.river import soil, study


def test_the_river_is_that_of_the_demo() -> None:
    assert {name: study.FULDA[name] for name in SETTINGS} == SETTINGS


def test_efficiency_with_and_without_a_constant_error() -> None:
    made = pl.DataFrame({"y": [1.0, 2.0, 3.0, 9.0], "lstm": [2.0, 3.0, 4.0, 0.0]})
    made = made.with_columns(ridge=pl.lit(2.0), climatology=pl.lit(9.0))
    found = soil.soil_scores(made.head(3), "y")
    # Squared errors of 1 beside a variance of 2/3.
    assert found["nse"]["lstm"] == pytest.approx(1 - 3 / 2)
    assert found["nse, level apart"]["lstm"] == pytest.approx(1)
    assert found["nse"]["ridge"] == pytest.approx(0)
    assert found["better"] == "ridge"
    assert found["over better"]["ratio"] == pytest.approx(3 / 2)


def test_soil_is_means_with_the_suspicious_rain_capped() -> None:
    frame = soil.soil_means(24)
    assert len(frame) == 26_304 // 24
    assert frame["rain"].max() < soil.MOST_RAIN
    hourly = pl.DataFrame(gw.datasets.load("soil"))
    assert frame["moisture_40cm"][5] == pytest.approx(hourly["moisture_40cm"][120:144].mean())


def test_predictions_stand_at_their_days() -> None:
    frame = gw.datasets.load("fulda").head(1200)
    few = {
        "lookback": 10,
        "hidden_size": 2,
        "epochs": 1,
        "validation": "1981-01-01",
        "test": "1982-01-01",
    }
    model = gw.Forecaster(**{**study.FULDA, **few}, seed=0).fit(frame, progress=False)
    made = soil.predicted(model, frame, "discharge")
    tested = made.filter(pl.col("ds") >= pl.lit("1982-01-01").str.to_date())
    truth = tested["discharge"].to_numpy()
    for name, called in (("lstm", "gatewise"), ("ridge", "ridge"), ("climatology", "climatology")):
        squared = np.square(tested[name].to_numpy() - truth)
        told = model.evaluation_.scores[called]["discharge"]["nse"]
        assert soil.nse(truth, squared) == pytest.approx(told, abs=1e-5)
