"""The theta method beside a forecast: against statsforecast, at later origins, saved, and left out."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from gatewise.data.tables.split import split_times
from gatewise.errors import OptionError
from gatewise.estimators.forecaster.baselines import Baselines, fit_baselines, theta
from tests.estimators.tables import STEPS, make_table

RNG = np.random.default_rng(0)
MONTH = np.arange(84)
WAVE = np.sin(MONTH * np.pi / 6)
SERIES = {
    "grows": (60 + MONTH / 2) * (1 + 0.5 * WAVE) + RNG.normal(size=84),  # a season that multiplies
    "signed": 3 * WAVE + RNG.normal(size=84).cumsum() / 5,  # one that adds
    "plain": 50 + RNG.normal(size=84).cumsum(),
}


@pytest.fixture(scope="module")
def fitted() -> Baselines:
    table = make_table(STEPS["month"], **SERIES)
    split = split_times(table, 0.2, 0.2)
    return fit_baselines(
        table, split, lookback=24, horizon=14, levels=(0.1, 0.5, 0.9), names=["theta"]
    )


def loop(values: np.ndarray, model: dict, steps: int) -> list[float]:
    """Return forecasts after `values` with the parameters of a fitted model, step by step."""
    alpha, level = model["par"]["alpha"], model["par"]["initial_smoothed"]
    a, b = model["states"][-1][2:4]
    index = np.ones(12)
    if model.get("decompose", False):
        index = np.roll(model["seas_forecast"]["mean"], model["n"] % 12)
    adds = model.get("decomposition_type") == "additive"
    for t, value in enumerate(values):
        now = value - index[t % 12] if adds else value / index[t % 12]
        level = alpha * now + (1 - alpha) * level
    told = []
    for t in range(len(values), len(values) + steps):
        line = a * (1 - alpha) ** t + b * (1 - (1 - alpha) ** (t + 1)) / alpha
        mean = level + line / 2
        level = alpha * mean + (1 - alpha) * level
        told.append(mean + index[t % 12] if adds else mean * index[t % 12])
    return told


def test_the_forecasts_of_every_origin_are_those_of_statsforecast(fitted: Baselines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from statsforecast.models import Theta  # noqa: PLC0415
    table = make_table(STEPS["month"], **SERIES)
    training = int(split_times(table, 0.2, 0.2).part_rows(table, "training")[:84].sum())
    kinds = set()
    for number, values in enumerate(SERIES.values()):
        model = Theta(season_length=12).fit(values[:training])
        kinds.add(model.model_.get("decomposition_type", "none"))
        for origin in (training - 1, training + 8, 69):
            found = fitted.predict(table, np.array([84 * number + origin]))["theta"][0, :, 0]
            expected = loop(values[: origin + 1], model.model_, 14)
            np.testing.assert_allclose(found, expected, rtol=1e-9)
            if origin == training - 1:
                np.testing.assert_allclose(found, model.predict(14)["mean"], rtol=1e-9)
    assert kinds == {"multiplicative", "additive", "none"}


def test_it_survives_a_file_and_sees_nothing_after_an_origin(fitted: Baselines) -> None:
    table, origins = make_table(STEPS["month"], **SERIES), np.array([60, 69, 150])
    told = fitted.predict(table, origins)["theta"]
    again = Baselines.from_arrays(fitted.arrays(), fitted.settings())
    np.testing.assert_array_equal(again.predict(table, origins)["theta"], told)
    bands = again.quantiles(table, origins)["theta"]
    assert (np.diff(bands, axis=-1) >= 0).all()
    table.values[70:84] = 1e6
    np.testing.assert_array_equal(again.predict(table, origins)["theta"], told)


def test_rows_that_begin_later_keep_the_season_and_soon_the_level(fitted: Baselines) -> None:
    table = make_table(STEPS["month"], **SERIES)
    later = make_table(STEPS["month"], start="2002-06-01", grows=SERIES["grows"][17:], new=WAVE)
    whole = fitted.predict(table, np.array([69]))["theta"][0]
    found = fitted.predict(later, np.array([69 - 17, 67 + 69]))["theta"]
    np.testing.assert_allclose(found[0], whole, rtol=1e-6)
    assert np.isfinite(found).all()
    holed = {name: values.copy() for name, values in SERIES.items()}
    holed["grows"][[20, 68, 69]] = np.nan
    gaps = fitted.predict(make_table(STEPS["month"], **holed), np.array([69]))["theta"][0]
    assert np.abs(gaps / whole - 1).max() < 0.1


def test_it_is_left_out_or_refused_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table(STEPS["month"], **SERIES)
    split = split_times(table, 0.2, 0.2)
    monkeypatch.setattr(theta, "MOST_SERIES", 2)
    many = fit_baselines(table, split, lookback=24, horizon=5, names=["theta"])
    assert many.names == ("persistence",)
    assert many.notes[0].startswith("Theta is left out: 3 series of up to")
    monkeypatch.setattr(theta, "find_spec", lambda _: None)
    with pytest.raises(
        OptionError, match=r"theta needs statsforecast: pip install .*\[baselines\]"
    ):
        fit_baselines(table, split, lookback=24, horizon=5, names=["ridge", "theta"])
