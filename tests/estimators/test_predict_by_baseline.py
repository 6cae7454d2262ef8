"""A baseline predicts in place of the network, in Python and on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.cli.main import run as gatewise
from gatewise.errors import OptionError
from tests.estimators.data import reservoir

NAMES = ("persistence", "seasonal_naive", "climatology", "ridge")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[gw.Forecaster, Path]:
    run = tmp_path_factory.mktemp("baseline") / "run"
    model = gw.Forecaster(
        target="level",
        inputs="rain",
        horizon=3,
        lookback=5,
        season=9,  # longer than the window of the network
        normalise="none",
        hidden_size=2,
        steps=2,
        members=1,
        quantiles=[0.1, 0.9],
    )
    return model.fit(reservoir(), out=run, progress=False), run


def test_each_baseline_predicts_what_it_is_scored_by(fitted: tuple[gw.Forecaster, Path]) -> None:
    model = fitted[0]
    frame = reservoir()
    table = model.fitted_.context
    origin = np.array([len(table) - 1])
    found = model.fitted_.answering_baselines.predict(table.extended(3), origin)
    assert tuple(found) == NAMES
    for name in NAMES:
        ahead = model.predict(model=name)
        np.testing.assert_allclose(ahead["level_predicted"], found[name][0, :, 0])
        assert (ahead["level_q0.1"] <= ahead["level_q0.9"]).all()
        assert ahead.columns == model.predict().columns
    level = frame["level"].to_numpy()
    np.testing.assert_array_equal(
        model.predict(model="seasonal_naive")["level_predicted"], level[-9:-6]
    )


def test_new_rows_and_a_loaded_run_give_the_same(fitted: tuple[gw.Forecaster, Path]) -> None:
    model, run = fitted
    again = gw.Forecaster.load(run)
    for name in NAMES:
        alone = again.predict(model=name)
        np.testing.assert_array_equal(
            alone["level_predicted"], model.predict(model=name)["level_predicted"]
        )
        np.testing.assert_allclose(
            again.predict(reservoir(), model=name)["level_predicted"], alone["level_predicted"]
        )


def test_a_model_that_was_not_fitted_is_named(fitted: tuple[gw.Forecaster, Path]) -> None:
    with pytest.raises(OptionError, match=r"model='rigde' was not fitted here.*'ridge'"):
        fitted[0].predict(model="rigde")


def test_a_virtual_sensor_has_its_baselines_too() -> None:
    frame = reservoir()
    model = gw.Forecaster(target="level", inputs="rain", lookback=5, hidden_size=2, epochs=1)
    model.fit(frame[:-20], progress=False)
    told = model.predict(frame[-20:].drop("level"), model="ridge")
    assert len(told) == 20
    assert np.isfinite(told["level_predicted"].to_numpy()).all()
    with pytest.raises(OptionError, match="'persistence' was not fitted"):
        model.predict(frame[-20:], model="persistence")


def test_the_command_line(
    fitted: tuple[gw.Forecaster, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, run = fitted
    out = tmp_path / "ridge.csv"
    assert gatewise(["predict", str(run), "--model", "ridge", "--out", str(out)]) == 0
    np.testing.assert_allclose(
        pl.read_csv(out)["level_predicted"], model.predict(model="ridge")["level_predicted"]
    )
    assert gatewise(["predict", str(run), "--model", "best"]) == 2
    assert "choose of" in capsys.readouterr().err


def test_what_predicts_was_refitted_on_all_data(fitted: tuple[gw.Forecaster, Path]) -> None:
    model = fitted[0].fitted_
    of_all = model.answering_baselines
    assert model.refitted is not None
    assert of_all is model.refitted.baselines
    level = reservoir()["level"].to_numpy()
    assert of_all.mean[0] == pytest.approx(level.mean())
    assert model.baselines.mean[0] != pytest.approx(level.mean())
    # A file keeps both: the scores stay those of baselines that saw the training part alone.
    loaded = gw.Forecaster.load(fitted[1]).fitted_
    np.testing.assert_array_equal(loaded.answering_baselines.ridge.mean, of_all.ridge.mean)
    np.testing.assert_array_equal(loaded.baselines.ridge.mean, model.baselines.ridge.mean)
