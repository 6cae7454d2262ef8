"""HAR, EWMA, losses and the days of `finance` against plain computations."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from statsmodels.api import OLS

from studies.finance import study

ONE_STEP = {"lookback": 5, "hidden_size": 2, "steps": 1, "learning_rate": 1e-9}


@pytest.fixture(scope="module")
def series() -> NDArray[np.float64]:
    return np.cumsum(np.random.default_rng(0).normal(size=120)) / 10 - 4


def test_har_is_a_regression_on_the_means_of_the_days_before(series: NDArray[np.float64]) -> None:
    known = np.arange(120) < 90
    found = study.har(series, known)
    rows = [
        [1, series[t - 1], series[t - 5 : t].mean(), series[t - 22 : t].mean()]
        for t in range(22, 120)
    ]
    fitted = OLS(series[22:90], np.array(rows[:68])).fit()
    np.testing.assert_allclose(found[22:], fitted.predict(np.array(rows)), rtol=1e-9)
    assert np.isnan(found[:22]).all()
    # A later day changes no forecast of an earlier one.
    later = series.copy()
    later[100] += 5
    np.testing.assert_array_equal(study.har(later, known)[:101], found[:101])


def test_ewma_weighs_each_day_by_its_age(series: NDArray[np.float64]) -> None:
    found, variance = study.ewma(series), np.exp(2 * series)
    ages = np.arange(60 - 22)
    seen = variance[22:60][::-1]
    level = 0.06 * (0.94**ages * seen).sum() + 0.94**38 * variance[:22].mean()
    assert np.exp(2 * found[60]) == pytest.approx(level, rel=1e-12)
    assert np.isnan(found[:22]).all()


def test_losses_by_hand_and_their_level_set_by_the_days_before() -> None:
    y, forecast = np.log([1.0, 2.0, 4.0, 1.0]), np.log([1.0, 1.0, 2.0, 2.0])
    tested = np.array([False, False, True, True])
    found = study.scored(y, forecast, tested)
    # Variances over forecasts before: 1 and 4, so that the scale is 2.5; then 4 and 1/4.
    expected = np.array([4, 0.25]) / 2.5
    np.testing.assert_allclose(found["qlike"], expected - np.log(expected) - 1)
    # Logarithms off by 0 and ln 2 before, so that the shift is half of that.
    np.testing.assert_allclose(found["mse"], np.log([2, 0.5]) ** 2 * [0.25, 2.25])
    for name, values in study.scored(y, forecast + 3, tested).items():
        np.testing.assert_allclose(values, found[name])
    # A perfect forecast loses nothing.
    assert study.scored(y, y, tested)["qlike"] == pytest.approx(0)


def test_a_forecast_stands_at_the_day_that_it_is_of() -> None:
    frame = study.until(study.prices(), 2005)
    made = study.forecasts(frame, 2005, 0, {**ONE_STEP, "normalise": "last"})
    for stock in study.UNSPLIT:
        y = frame.filter(pl.col("unique_id") == stock)["y"].to_numpy()
        # Untrained, a network that adds to the last price is that price.
        np.testing.assert_allclose(made[stock][5:], y[4:-1], rtol=1e-4)
        assert np.isnan(made[stock][:5]).all()


def test_no_price_is_from_before_a_split_and_volatility_knows_none() -> None:
    for _, rows in study.prices().group_by("unique_id"):
        assert abs(np.diff(np.log(rows.sort("ds")["y"].to_numpy()))).max() < 0.25
    for _, rows in study.log_volatility().group_by("unique_id"):
        y = rows.sort("ds")["y"].to_numpy()
        assert np.isfinite(y).all()
        assert np.corrcoef(y[1:], y[:-1])[0, 1] > 0.5
