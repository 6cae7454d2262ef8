"""Calendar columns and predictions that stay positive: in a fit, saved, and past the end of the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.errors import DataError, OptionError

TINY = {"lookback": 8, "hidden_size": 4, "epochs": 1, "baselines": ["persistence"], "target": "y"}


def visits(rows: int = 120, frequency: str = "1d") -> pl.DataFrame:
    """Return daily visits, twice as many at weekends and none in every fifth week."""
    start = pl.datetime(2024, 1, 1)
    time = pl.datetime_range(start, start.dt.offset_by("9y"), frequency, eager=True)[:rows]
    weekend = time.dt.weekday() > 5
    open_ = np.arange(rows) // 7 % 5 > 0
    noise = np.random.default_rng(0).uniform(0, 0.2, rows)
    return pl.DataFrame({"ds": time, "y": open_ * (1.0 + weekend.to_numpy()) + noise * open_})


def test_a_forecast_has_its_calendar_ahead_without_any_column(tmp_path: Path) -> None:
    frame = visits()
    model = gw.Forecaster(**TINY, horizon=3, calendar=["weekday", "weekend"])
    model.fit(frame, out=tmp_path / "run", progress=False)
    beyond = pl.read_csv(tmp_path / "run" / "forecast.csv")
    assert beyond["ds"].to_list() == ["2024-04-30", "2024-05-01", "2024-05-02"]
    assert model.fitted_.columns.future == ("weekday:sin", "weekday:cos", "weekend")
    assert set(model.fitted_.columns.future) <= set(model.fitted_.features)
    ahead = model.predict()
    assert ahead["ds"].to_list() == visits(123)["ds"].dt.date().to_list()[-3:]
    model.save(tmp_path / "model.safetensors")
    loaded = gw.Forecaster.load(tmp_path / "model.safetensors")
    assert loaded.predict()["y_predicted"].to_list() == ahead["y_predicted"].to_list()
    later = loaded.predict(frame)  # rows of the fit, read again
    assert later["y_predicted"].to_list() == ahead["y_predicted"].to_list()


def test_a_sensor_sees_its_calendar_up_to_now() -> None:
    frame = visits().with_columns(x=pl.col("y") + 1)
    model = gw.Forecaster(**TINY | {"baselines": ["climatology"]}, inputs="x", calendar=["month"])
    fitted = model.fit(frame, progress=False).fitted_
    assert fitted.columns.inputs == ("x", "month:sin", "month:cos")


def test_rows_as_steps_need_the_times_ahead() -> None:
    frame = visits(60).filter(pl.col("ds").dt.weekday() < 6)
    model = gw.Forecaster(**TINY, horizon=2, calendar=["weekday"], frequency="rows")
    model.fit(frame, progress=False)
    with pytest.raises(DataError, match="the calendar ahead is not known"):
        model.predict()
    more = visits(70).filter(pl.col("ds").dt.weekday() < 6)[len(frame) : len(frame) + 2]
    given = pl.concat([frame, more.with_columns(y=pl.lit(None, dtype=pl.Float64))])
    assert model.predict(given)["ds"].to_list() == more["ds"].to_list()


def test_holidays_are_known_ahead_too() -> None:
    model = gw.Forecaster(**TINY, horizon=3, calendar=["holidays:DE"]).fit(visits(), progress=False)
    assert "holidays:DE" in model.fitted_.features
    assert len(model.predict()) == 3


def test_words_of_the_calendar_are_an_option() -> None:
    with pytest.raises(OptionError, match="calendar must be a list of 'hour'"):
        gw.Forecaster(**TINY, horizon=1, calendar=["noon"]).fit(visits(), progress=False)


@pytest.mark.parametrize("quantiles", [None, [0.01, 0.9]])
def test_positive_predictions_and_those_of_the_baselines(quantiles) -> None:
    options = {**TINY, "baselines": ["ridge"], "horizon": 2, "quantiles": quantiles}
    options |= {"transform": "none", "normalise": "none"}
    free = gw.Forecaster(**options).fit(visits(), progress=False)
    held = gw.Forecaster(**options, positive=True).fit(visits(), progress=False)
    before, after = (each.evaluate(visits()).predictions for each in (free, held))
    np.testing.assert_array_equal(after.point >= 0, True)
    if quantiles:
        assert before.quantiles.min() < 0  # else there would be nothing to see
        assert after.quantiles.min() == 0


def test_the_baselines_may_know_it_too() -> None:
    level = np.maximum(
        10 - 0.1 * np.arange(140), 0
    )  # a line in training, which would go on below 0
    frame = visits(140).with_columns(y=level + 1e-3 * np.sin(np.arange(140)) * (level > 0))
    options = {**TINY, "baselines": ["ridge"], "horizon": 2, "transform": "none"}
    free, held = (
        gw.Forecaster(**options, positive=positive).fit(frame, progress=False).evaluation_
        for positive in (False, True)
    )
    one, other = (each.scores["ridge"]["y"]["rmse"] for each in (free, held))
    assert 0 <= other < 0.1 * one


def test_a_negative_target_is_refused_where_none_may_be() -> None:
    frame = visits().with_columns(y=pl.col("y") - 0.5)
    with pytest.raises(
        DataError, match=r"'y' has 28 values below 0, the first at 2024-01-01 \(−0.5\)"
    ):
        gw.Forecaster(**TINY, horizon=2, positive=True).fit(frame, progress=False)
