"""Gradient boosting beside a score: scikit-learn's answers to the last bit, bands, file and limits."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

import gatewise as gw
from gatewise.data.tables.split import split_times
from gatewise.errors import DataError, FileError, OptionError
from gatewise.estimators.forecaster.baselines import Baselines, boosting, fit_baselines
from gatewise.estimators.forecaster.baselines.boosting import Trees
from tests.estimators.tables import make_table

RNG = np.random.default_rng(0)
TINY = {"target": "y", "inputs": ["x"], "lookback": 5, "hidden_size": 2, "epochs": 1}


def switch(rows: int = 400) -> pl.DataFrame:
    """Return days whose `y` is a step of yesterday's `x`: no line follows it."""
    x = np.random.default_rng(1).normal(size=rows)
    y = np.where(np.roll(np.abs(x), 1) > 0.7, 5.0, -1.0)
    days = np.datetime64("2001-01-01") + np.arange(rows)
    return pl.DataFrame({"ds": days, "x": x, "y": y})


@pytest.fixture(scope="module")
def fitted() -> Baselines:
    frame = switch()
    table = make_table(a=frame["y", "x"].to_numpy(), inputs=("x",))
    split = split_times(table, 0.2, 0.2)
    return fit_baselines(
        table, split, lookback=5, horizon=3, levels=(0.1, 0.5, 0.9), names=["boosting", "ridge"]
    )


def test_the_trees_answer_as_scikit_learn_does() -> None:
    features, new = RNG.normal(size=(300, 4)), RNG.normal(size=(5000, 4))
    features[:, 2] = np.round(features[:, 2])  # thresholds between equal values
    truth = np.stack([np.sin(3 * features[:, 0]) * features[:, 2], features[:, 1] > 0], axis=1)
    models = [
        HistGradientBoostingRegressor(
            max_iter=boosting.TREES, max_depth=boosting.DEPTH, random_state=0, early_stopping=False
        ).fit(features, truth[:, k])
        for k in range(2)
    ]
    told = Trees.of(models).answers(np.concatenate([features, new]))
    for k, model in enumerate(models):
        np.testing.assert_array_equal(told[:, k], model.predict(np.concatenate([features, new])))


def test_it_follows_what_no_line_does_in_every_step(fitted: Baselines) -> None:
    frame = switch()
    table = make_table(a=frame["y", "x"].to_numpy(), inputs=("x",))
    origins = np.arange(330, 390)
    told = fitted.predict(table, origins)
    truth = frame["y"].to_numpy()[origins[:, None] + np.arange(1, 4)]
    errors = {name: np.abs(found[:, 0, 0] - truth[:, 0]).mean() for name, found in told.items()}
    assert errors["boosting"] < 0.4 * errors["ridge"]
    # two steps ahead nothing is to be known, and that is another answer of the same trees
    assert np.std(told["boosting"][:, 1, 0]) < 0.5 * np.std(told["boosting"][:, 0, 0])
    table.values[333:] = 1e6
    first = np.array([331, 332])
    np.testing.assert_array_equal(
        fitted.predict(table, first)["boosting"], told["boosting"][1:3]
    )  # nothing after an origin is seen


def test_its_band_is_that_of_errors_on_blocks_that_it_did_not_see(fitted: Baselines) -> None:
    frame = switch()
    table = make_table(a=frame["y", "x"].to_numpy(), inputs=("x",))
    origins = np.arange(330, 390)
    bands = fitted.quantiles(table, origins)["boosting"][:, 1:, 0]
    truth = frame["y"].to_numpy()[origins[:, None] + np.arange(2, 4)]
    inside = (truth >= bands[..., 0]) & (truth <= bands[..., -1])
    assert inside.mean() > 0.7  # of the errors in training the band would hold half


def test_a_saved_model_has_it_and_no_pickle(tmp_path) -> None:
    model = gw.Forecaster(**TINY, baselines=["boosting"]).fit(switch(), progress=False)
    assert model.evaluation_.scores["boosting"]["y"]["nse"] > 0.9
    assert {"boosting"} == set(model.fitted_.baselines.names)
    model.save(tmp_path / "model")
    new = switch(430)[400:].drop("y")
    told = model.predict(new, model="boosting")["y_predicted"]
    again = gw.Forecaster.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(new, model="boosting")["y_predicted"], told)
    trees = again.fitted_.baselines.boosting.trees
    trees.left[0, 0, 0] = 10_000  # a way that leads out of the tree
    again.save(tmp_path / "damaged")
    with pytest.raises(FileError, match="its trees have no such nodes"):
        gw.Forecaster.load(tmp_path / "damaged")


def test_it_is_refused_or_left_out_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table(a=RNG.normal(size=(60, 1)))
    split = split_times(table, 0.2, 0.2)
    assert "boosting" not in fit_baselines(table, split, lookback=4, horizon=2).names
    with pytest.raises(DataError, match="has 0 windows with known targets, and boosting needs 2"):
        fit_baselines(table, split, lookback=34, horizon=4, names=["boosting"])
    few = fit_baselines(table, split, lookback=30, horizon=2, names=["boosting"], levels=(0.1, 0.5))
    assert np.isfinite(few.predict(table, np.array([50]))["boosting"]).all()
    monkeypatch.setattr("gatewise.estimators.forecaster.baselines.design.MOST_FEATURES", 0)
    none = fit_baselines(table, split, lookback=4, horizon=2, names=["boosting"])
    assert none.names == ("climatology",)
    assert "Gradient boosting is left out: 1 columns are too many" in none.notes[0]
    monkeypatch.setattr(boosting, "find_spec", lambda _: None)
    with pytest.raises(OptionError, match=r"boosting needs scikit-learn: pip install .*baselines"):
        fit_baselines(table, split, lookback=4, horizon=2, names=["boosting"])
