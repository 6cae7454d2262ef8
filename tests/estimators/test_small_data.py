"""Forecasts from short series: what is left open fits the data, and only what cannot be is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.errors import DataError, OptionError
from gatewise.estimators.forecaster.saving import ENVELOPE
from gatewise.estimators.saving import read_model, write_model
from tests.estimators.test_refit import TINY, months

QUICK = {"hidden_size": 4, "steps": 2}


def fitted(frame: pl.DataFrame, **changes: Any) -> gw.Forecaster:
    return gw.Forecaster(**{**QUICK, **changes}).fit(frame, progress=False)


def quarters(rows: int) -> pl.DataFrame:
    t = np.arange(rows)
    stamps = (np.datetime64("1990-01") + 3 * t).astype("datetime64[us]")
    y = 10 + 0.1 * t + 3 * np.sin(np.pi * t / 2) + np.random.default_rng(rows).normal(0, 0.5, rows)
    return pl.DataFrame({"ds": stamps, "y": y})


def short_panel(series: int = 60, rows: int = 40) -> pl.DataFrame:
    parts = [
        months(rows, seed).with_columns(unique_id=pl.lit(f"s{seed:02}"), y=pl.col("y") * 10.0**seed)
        for seed in range(series)
    ]
    return pl.concat(parts)


@pytest.mark.parametrize(
    ("frame", "horizon", "lookback", "normalise"),
    [
        (months(132), 12, 36, "season"),
        (quarters(210), 8, 16, "season"),
        (quarters(40), 8, 9, "season"),
        (quarters(16), 2, 7, "season"),
        (months(18), 3, 14, "season"),
        (months(14), 3, 8, "last"),
        (months(8), 2, 5, "window"),
        (short_panel(), 12, 16, "season"),
    ],
)
def test_what_is_left_open_follows_season_horizon_and_data(frame, horizon, lookback, normalise):
    model = fitted(frame, horizon=horizon)
    settings = model.fitted_.settings
    assert (settings.lookback, settings.normalise) == (lookback, normalise)
    assert settings.transform == "log"
    assert settings.batch_size <= model.fitted_.data["parts"]["training"]["windows"]
    assert model.evaluation_.part == model.fitted_.split.scored
    assert np.isfinite(model.predict()["y_predicted"].to_numpy()).all()


def test_parts_give_way_on_short_series_the_validation_first():
    parts = {rows: fitted(quarters(rows), horizon=4).fitted_.split.parts for rows in (60, 22, 17)}
    assert parts == {
        60: ("training", "validation", "test"),
        22: ("training", "test"),
        17: ("training",),
    }
    alone = fitted(quarters(17), horizon=4)
    assert alone.evaluation_.part == "training"
    assert alone.fitted_.refitted is None  # it has seen all data already
    assert len(alone.predict()) == 4


def test_only_what_nothing_can_be_learnt_from_is_refused():
    with pytest.raises(DataError, match=r"too few rows for the training part: .* need \d+ rows"):
        fitted(quarters(5), horizon=4)


def test_a_season_too_long_for_the_data_is_not_answered_with_a_lookback_that_it_refuses():
    short = {"horizon": 12, "normalise": "season", "validation": None, "test": None}
    with pytest.raises(DataError, match=r"give at least 26 rows, or use normalise='last'$"):
        fitted(months(20), **short)
    with pytest.raises(OptionError, match=r"at least 14, not 8: .* or use normalise='last'$"):
        fitted(months(20), lookback=8, **short)
    fitted(months(20), **short | {"normalise": "last"})


@pytest.mark.parametrize(("rows", "many"), [(1, "1 row"), (30, "30 rows")])
def test_a_constant_target_is_told_in_its_own_units(rows, many):
    flat = months(rows).with_columns(y=pl.lit(112.0))
    with pytest.raises(DataError, match=rf"constant .*\(always 112, {many}, "):
        fitted(flat, horizon=3, transform="log", validation=None, test=None)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"season": 90}, OptionError, r"season=90 is longer than the data: .* has 90 rows"),
        (
            {"normalise": "season", "lookback": 12},
            OptionError,
            r"season=12 needs a lookback of at least 14, not 12",
        ),
        ({"transform": "log"}, DataError, r"'y' is −1 at 2001-03-01: use transform='none'"),
        ({"transform": "box-cox"}, DataError, r"needs values above 0"),
        ({"epochs": 3}, OptionError, r"epochs=3 and steps=2: a training is counted in one"),
        ({"normalise": "seasonal"}, OptionError, r"normalise must be one of .* mean 'season'"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(tmp_path, changes, error, message):
    frame = months().with_columns(
        y=pl.when(pl.arange(0, pl.len()) == 2).then(-1.0).otherwise(pl.col("y"))
    )
    model = gw.Forecaster(**{**QUICK, "horizon": 4, **changes})
    with pytest.raises(error, match=message):
        model.fit(frame, progress=False, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("normalise", "naive"), [("season", "seasonal_naive"), ("last", "persistence")]
)
def test_untrained_it_is_the_naive_forecast(normalise, naive):
    still = {"steps": 1, "learning_rate": 1e-30, "horizon": 14, "normalise": normalise}
    model = fitted(months(120), **still)
    scores = model.evaluation_.scores
    for metric, value in scores[naive]["y"].items():
        assert scores["gatewise"]["y"][metric] == pytest.approx(value, rel=1e-9)
    quantiles = fitted(months(120), **still, quantiles=[0.1, 0.9])
    assert quantiles.evaluation_.scores["gatewise"]["y"]["mae"] == pytest.approx(
        scores[naive]["y"]["mae"], rel=1e-6
    )


def test_gaps_are_masked_in_windows_with_levels():
    frame = months(120).with_columns(
        y=pl.when(pl.arange(0, pl.len()).is_in([20, 21, 60, 117])).then(None).otherwise(pl.col("y"))
    )
    model = fitted(frame, horizon=6, missing="mask")
    assert np.isfinite(model.predict()["y_predicted"].to_numpy()).all()
    assert np.isfinite(model.evaluation_.scores["gatewise"]["y"]["rmse"])


def test_several_targets_and_columns_known_ahead_have_levels_too():
    frame = months(100).with_columns(z=1e6 * pl.col("y").reverse(), f=pl.col("y").round(0))
    model = fitted(frame, target=["y", "z"], future=["f"], horizon=3, normalise="robust")
    point = model.evaluation_.predictions.point
    truth = model.evaluation_.predictions.truth
    assert np.median(np.abs(point / truth - 1), axis=(0, 1)).max() < 1  # each in its own units


def test_a_model_of_before_there_were_levels_predicts_as_it_did(tmp_path):
    plain = {"normalise": "none", "transform": "none", "refit": False, "loss": "squared"}
    model = gw.Forecaster(**{**TINY, **plain}, lookback=10).fit(months(), progress=False)
    model.save(tmp_path / "model")
    about, arrays = read_model(tmp_path / "model", ENVELOPE)
    for name in (*plain, "steps"):
        del about["settings"][name]
    about["settings"] |= {"epochs": 3, "patience": 15}
    del about["asked"], about["normaliser"]
    for history in about["histories"]:
        del history["round_steps"], history["steps"], history["in_steps"]
    arrays = {name: array for name, array in arrays.items() if "normaliser" not in name}
    write_model(tmp_path / "old", ENVELOPE, about, arrays)
    old = gw.Forecaster.load(tmp_path / "old")
    assert old.predict().equals(model.predict())
    scores = old.evaluate(months(), part="test").scores["gatewise"]
    assert scores == model.evaluation_.scores["gatewise"]
    assert old.normalise == "none"  # retrained, it is what it was
