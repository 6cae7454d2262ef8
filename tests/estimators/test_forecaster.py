"""The forecaster as its users meet it: fit, predict, score, save, load."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone

import gatewise as gw
from gatewise.errors import DataError, NotFittedError, OptionError
from tests.estimators.data import panel, reservoir

SMALL = {"lookback": 20, "hidden_size": 8, "epochs": 3, "batch_size": 64, "learning_rate": 0.01}


def sensor(**options: object) -> gw.Forecaster:
    return gw.Forecaster(**{"target": "level", "inputs": "rain", "test": 0.2, **SMALL, **options})


def test_a_virtual_sensor_learns_the_reservoir_and_beats_the_climatology() -> None:
    model = sensor(epochs=60, hidden_size=16, lookback=40, test=0.25)
    model.fit(reservoir(600), progress=False)
    assert model.evaluation_ is not None
    scores = {name: table["level"]["nse"] for name, table in model.evaluation_.scores.items()}
    assert set(scores) == {
        "gatewise",
        "climatology",
        "ridge",
    }  # nothing that sees the target's past
    assert scores["gatewise"] > 0.8
    assert scores["gatewise"] > scores["climatology"] + 0.5


def test_prediction_never_reads_the_target() -> None:
    frame = reservoir()
    model = sensor().fit(frame, progress=False)
    expected = model.predict(frame)
    assert expected.equals(model.predict(frame.drop("level")))
    spoilt = frame.with_columns(level=pl.Series(np.random.default_rng(1).normal(size=len(frame))))
    assert expected.equals(model.predict(spoilt))
    assert len(expected) == len(frame) - 19  # every row with a full window


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_one_seed_gives_equal_files_and_another_seed_other_weights(
    cell: str, tmp_path: Path
) -> None:
    frame = reservoir()
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        model = sensor(cell=cell, seed=seed, num_layers=2, dropout=0.3, members=2)
        model.fit(frame, progress=False).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_the_global_random_state_is_left_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    sensor(dropout=0.5).fit(reservoir(), progress=False)
    assert torch.equal(before, torch.get_rng_state())


def test_a_fresh_process_predicts_the_same_bits(tmp_path: Path) -> None:
    frame = reservoir()
    frame.write_csv(tmp_path / "data.csv")
    model = sensor(quantiles=[0.1, 0.9], members=2).fit(tmp_path / "data.csv", progress=False)
    model.save(tmp_path / "model.safetensors")
    code = (
        "import sys, gatewise as gw\n"
        "model = gw.Forecaster.load(sys.argv[1])\n"
        "model.predict(sys.argv[2]).write_parquet(sys.argv[3])\n"
    )
    paths = [tmp_path / name for name in ("model.safetensors", "data.csv", "out.parquet")]
    subprocess.run([sys.executable, "-c", code, *map(str, paths)], check=True, timeout=120)
    assert model.predict(tmp_path / "data.csv").equals(pl.read_parquet(paths[2]))


def test_a_forecast_needs_only_the_past_and_starts_where_the_data_ends() -> None:
    frame = reservoir()
    model = sensor(horizon=3).fit(frame, progress=False)
    assert model.evaluation_ is not None
    assert set(model.evaluation_.scores) == {
        *("gatewise", "persistence", "seasonal_naive", "climatology", "ridge")
    }
    assert len(model.evaluation_.by_horizon["gatewise"]["level"]["rmse"]) == 3
    after = model.predict()
    assert after["step"].to_list() == [1, 2, 3]
    assert after["ds"].to_list() == [frame["ds"][-1] + timedelta(days=n) for n in (1, 2, 3)]
    assert np.array_equal(after["level_predicted"], model.predict(frame)["level_predicted"])


def test_columns_known_ahead_are_needed_as_far_as_the_horizon_and_used() -> None:
    frame = reservoir(300).with_columns(forecast=pl.col("rain"))
    model = sensor(inputs=(), future="forecast", horizon=2, epochs=15).fit(frame, progress=False)
    past = frame.head(290)
    with pytest.raises(DataError, match=r"'forecast'.*2001-10-18.*2 rows"):
        model.predict(past)
    ahead = pl.concat([past, frame[290:292].with_columns(level=None)], how="vertical_relaxed")
    calm = model.predict(ahead)
    assert calm["ds"].to_list() == frame["ds"][290:292].to_list()
    flood = ahead.with_columns(
        forecast=pl.when(pl.int_range(len(ahead)) >= 290).then(20.0).otherwise("forecast")
    )
    assert (model.predict(flood)["level_predicted"] > calm["level_predicted"]).all()


def test_rows_that_follow_the_fitted_data_need_no_repeated_history() -> None:
    frame = reservoir(300)
    model = sensor().fit(frame[:250], progress=False)
    whole = model.predict(frame).filter(pl.col("ds") > frame["ds"][249])
    follow = model.predict(frame[250:])
    assert whole["ds"].equals(follow["ds"])
    # torch's linear layer sums in an order that depends on the number of rows.
    np.testing.assert_allclose(whole["level_predicted"], follow["level_predicted"], rtol=1e-6)
    with pytest.raises(DataError, match="20 rows"):
        model.predict(frame[255:270])  # a gap: nothing to stand on


def test_a_panel_is_forecast_series_by_series_and_pandas_comes_back_as_pandas() -> None:
    frame = panel().to_pandas()
    model = sensor(horizon=2, static="area", scale="per_series", members=1).fit(
        frame, progress=False
    )
    result = model.predict(frame)
    assert isinstance(result, pd.DataFrame)
    assert list(result["unique_id"]) == ["north", "north", "south", "south"]
    assert len(result.columns) == 5


def test_quantiles_never_cross_and_the_point_is_the_median() -> None:
    frame = reservoir()
    model = sensor(quantiles=[0.9, 0.1]).fit(frame, progress=False)
    result = model.predict(frame)
    bands = result.select("level_q0.1", "level_q0.5", "level_q0.9").to_numpy()
    assert (np.diff(bands, axis=1) >= 0).all()
    assert np.array_equal(bands[:, 1], result["level_predicted"])
    assert model.evaluation_ is not None
    assert {"pinball", "coverage"} <= set(model.evaluation_.scores["gatewise"]["level"])


def test_members_are_the_single_fits_and_their_mean_is_the_prediction() -> None:
    frame = reservoir()
    both = sensor(members=2, seed=3).fit(frame, progress=False).predict(frame)
    single = [
        sensor(seed=seed).fit(frame, progress=False).predict(frame)["level_predicted"].to_numpy()
        for seed in (3, 4)
    ]
    np.testing.assert_allclose(both["level_predicted"], np.mean(single, axis=0), rtol=1e-12)
    np.testing.assert_allclose(both["level_spread"], np.std(single, axis=0), rtol=1e-9)


def test_missing_values_are_masked_on_request() -> None:
    frame = reservoir().with_columns(
        rain=pl.when(pl.int_range(240) % 17 == 5).then(None).otherwise("rain"),
        level=pl.when(pl.int_range(240) % 23 == 7).then(None).otherwise("level"),
    )
    with pytest.raises(DataError, match=r"'level' has 11 missing.*row 8.*mask"):
        sensor().fit(frame, progress=False)
    model = sensor(missing="mask").fit(frame, progress=False)
    assert "rain:missing" in model.fitted_.features
    assert model.predict(frame)["level_predicted"].is_finite().all()
    assert np.isfinite(model.score(frame))


def test_several_targets_share_one_network() -> None:
    frame = reservoir().with_columns(double=pl.col("level") * 2 + 1)
    model = sensor(target=["level", "double"], scale="none").fit(frame, progress=False)
    assert set(model.predict(frame).columns) == {"ds", "level_predicted", "double_predicted"}
    assert model.evaluation_ is not None
    assert set(model.evaluation_.scores["ridge"]) == {"level", "double"}


def test_scikit_learn_can_clone_it_and_options_are_its_parameters() -> None:
    model = sensor(members=2)
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert not hasattr(twin, "fitted_")
    with pytest.raises(OptionError, match=r"'hiden_size'.*'hidden_size'"):
        model.set_params(hiden_size=3)
    with pytest.raises(NotFittedError, match="fit"):
        model.predict(reservoir())


def test_options_set_after_the_fit_change_nothing_that_was_fitted() -> None:
    frame = reservoir()
    model = sensor().fit(frame, progress=False)
    before = model.predict(frame)
    model.set_params(lookback=7, hidden_size=4, horizon=2)
    assert before.equals(model.predict(frame))


def test_training_on_keeps_weights_and_scaling_and_retraining_does_not() -> None:
    frame = reservoir(400)
    model = sensor(test=None).fit(frame[:250], progress=False)
    old = model.fitted_
    model.set_params(epochs=1, learning_rate=1e-6, schedule="constant")
    model.continue_on(frame[250:], progress=False)
    assert np.array_equal(old.scaler.mean, model.fitted_.scaler.mean)
    for name, weight in model.fitted_.networks[0].state_dict().items():
        assert (weight - old.networks[0].state_dict()[name]).abs().max() < 1e-4
    model.retrain(frame[250:], progress=False)
    assert not np.array_equal(old.scaler.mean, model.fitted_.scaler.mean)
    with pytest.raises(OptionError, match="hidden_size=8"):
        model.set_params(hidden_size=9).continue_on(frame, progress=False)


def test_a_backtest_fits_before_each_block_and_leaves_the_model_alone() -> None:
    frame = reservoir(300)
    model = sensor(test=None)
    result = model.backtest(frame, folds=3, size=30)
    assert not hasattr(model, "fitted_")
    assert [len(fold.evaluation.predictions.truth) for fold in result.folds] == [30, 30, 30]
    first = result.folds[0].evaluation.predictions.time.min()
    assert str(first)[:10] == str(frame["ds"][210])
    scores = [fold.evaluation.scores["ridge"]["level"]["rmse"] for fold in result.folds]
    assert result.scores["ridge"]["level"]["rmse"] == pytest.approx(np.mean(scores))
    with pytest.raises(OptionError, match="share"):
        sensor(validation="2001-06-01").backtest(frame)
    with pytest.raises(DataError, match="fewer folds"):
        model.backtest(frame, folds=10, size=30)


def test_gates_over_a_window_are_what_the_network_computed() -> None:
    frame = reservoir()
    model = sensor(num_layers=2).fit(frame, progress=False)
    window = model.gates(frame, at="2001-05-01")
    assert window.keep_gate == "forget"
    assert window.gates["forget"].shape == (2, 20, 8)
    assert str(window.time[-1])[:10] == "2001-05-01"
    network = model.fitted_.networks[0]
    hidden = window.gates["hidden"][-1, -1] @ network.head.linear.weight.detach().numpy().T
    scaled = hidden + network.head.linear.bias.detach().numpy()
    value = scaled * model.fitted_.scaler.std[0, 0] + model.fitted_.scaler.mean[0, 0]
    predicted = model.predict(frame).filter(pl.col("ds").cast(pl.Date) == pl.date(2001, 5, 1))
    assert value[0] == pytest.approx(predicted["level_predicted"][0], rel=1e-5)
    timescales = model.timescales(frame)
    assert timescales is not None
    assert timescales.steps.shape == (2, 8)
    with pytest.raises(DataError, match="no window ends"):
        model.gates(frame, at="2001-01-05")
    assert sensor(cell="rnn").fit(frame, progress=False).timescales(frame) is None


def test_the_summary_scores_the_part_that_the_fit_scored() -> None:
    frame = reservoir()
    model = sensor().fit(frame, progress=False)
    summary = model.summary(frame, title="Reservoir")
    assert model.evaluation_ is not None
    assert summary.evaluation.scores == model.evaluation_.scores
    assert summary.evaluation.part == "test"
    assert model.summary(frame[100:], title="x").evaluation.part == "all"


def test_a_window_has_its_columns_in_their_own_units() -> None:
    frame = gw.datasets.load("fulda")[:900]
    options = {"inputs": ["rain"], "lookback": 20, "hidden_size": 4, "epochs": 1}
    for horizon, future in ((0, []), (3, ["tmax"])):
        model = gw.Forecaster(target="discharge", horizon=horizon, future=future, **options)
        summary = model.fit(frame, progress=False).summary(frame, source="dataset:fulda")
        window = summary.window
        assert window is not None
        first = frame["ds"].to_list().index(window.time[0].astype("datetime64[D]").astype(object))
        days = frame[first : first + len(window.time)]
        np.testing.assert_allclose(window.measured["discharge"], days["discharge"])
        np.testing.assert_allclose(window.measured["rain"][:20], days["rain"][:20])
        assert np.isnan(window.measured["rain"][20:]).all()  # not known ahead
        if future:
            np.testing.assert_allclose(window.measured["tmax"], days["tmax"])
        assert summary.units["rain"] == "mm/day"
        assert summary.units["discharge"] == "m³/s"
    assert model.summary(frame).units == {}
