"""Exponential smoothing beside a forecast: against statsforecast, saved, and left out."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from gatewise.data.tables.split import split_times
from gatewise.errors import OptionError
from gatewise.estimators.forecaster.baselines import Baselines, ets, fit_baselines
from tests.estimators.tables import STEPS, make_table

RNG = np.random.default_rng(0)
MONTH = np.arange(84)
SERIES = {
    "grows": (30 + MONTH) * (1 + 0.3 * np.sin(MONTH * np.pi / 6)) + RNG.normal(size=84),
    "level": 5 + RNG.normal(size=84).cumsum(),
}


@pytest.fixture(scope="module")
def fitted() -> Baselines:
    table = make_table(STEPS["month"], **SERIES)
    split = split_times(table, 0.2, 0.2)
    return fit_baselines(
        table, split, lookback=24, horizon=5, levels=(0.1, 0.5, 0.9), names=["ets", "persistence"]
    )


def test_the_forecasts_of_every_origin_are_those_of_statsforecast(fitted: Baselines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from statsforecast.models import AutoETS  # noqa: PLC0415
    table = make_table(STEPS["month"], **SERIES)
    split = split_times(table, 0.2, 0.2)
    training = int(split.part_rows(table, "training")[:84].sum())
    for number, values in enumerate(SERIES.values()):
        model = AutoETS(season_length=12).fit(values[:training])
        for origin in (training - 1, training + 9, 78):
            found = fitted.predict(table, np.array([84 * number + origin]))["ets"][0, :, 0]
            expected = (
                model.predict(5)["mean"]
                if origin == training - 1
                else model.forward(values[: origin + 1], 5)["mean"]
            )
            np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_nothing_after_an_origin_is_seen(fitted: Baselines) -> None:
    table = make_table(STEPS["month"], **SERIES)
    changed = make_table(STEPS["month"], **{name: v.copy() for name, v in SERIES.items()})
    changed.values[71:84] = 1e6
    origins = np.array([60, 70])
    for name, found in fitted.predict(table, origins).items():
        np.testing.assert_array_equal(found, fitted.predict(changed, origins)[name])


def test_it_survives_a_file_and_has_bands(fitted: Baselines) -> None:
    again = Baselines.from_arrays(fitted.arrays(), fitted.settings())
    table = make_table(STEPS["month"], **SERIES)
    origins = np.array([70, 150])
    np.testing.assert_array_equal(
        again.predict(table, origins)["ets"], fitted.predict(table, origins)["ets"]
    )
    bands = again.quantiles(table, origins)["ets"]
    assert (np.diff(bands, axis=-1) >= 0).all()


def test_gaps_and_rows_from_elsewhere_are_taken(fitted: Baselines) -> None:
    holed = {name: values.copy() for name, values in SERIES.items()}
    holed["grows"][[20, 69, 70]] = np.nan
    table = make_table(STEPS["month"], **holed)
    later = make_table(
        STEPS["month"], start="2003-01-01", grows=SERIES["grows"][24:], new=MONTH + 1.0
    )
    for each, origins in ((table, np.array([70])), (later, np.array([40, 60 + 40]))):
        found = fitted.predict(each, origins)["ets"]
        assert np.isfinite(found).all()
        assert np.abs(found).max() < 500.0


def test_it_is_fitted_on_request_alone_and_left_out_or_refused_with_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = make_table(STEPS["month"], **SERIES)
    split = split_times(table, 0.2, 0.2)
    assert "ets" not in fit_baselines(table, split, lookback=24, horizon=5).names
    monkeypatch.setattr(ets, "MOST_SERIES", 1)
    many = fit_baselines(table, split, lookback=24, horizon=5, names=["ets"])
    assert many.names == ("persistence",)
    assert "ETS is left out: 2 series of" in many.notes[0]
    monkeypatch.setattr(ets, "find_spec", lambda _: None)
    with pytest.raises(OptionError, match=r"ets needs statsforecast: pip install .*\[baselines\]"):
        fit_baselines(table, split, lookback=24, horizon=5, names=["ridge", "ets"])
    assert "ets" not in fit_baselines(table, split, lookback=24, horizon=5).names
