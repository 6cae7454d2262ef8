"""Baselines: known answers, no leakage, holes tolerated, and the figures measured on the Fulda."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gatewise.data.files import read_frame
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.frames import table_from_frame
from gatewise.data.tables.split import Split, split_times
from gatewise.data.tables.steps import Step
from gatewise.data.tables.table import Table
from gatewise.errors import DataError, OptionError
from gatewise.estimators.forecaster import metrics
from gatewise.estimators.forecaster.baselines import (
    Baselines,
    applicable,
    fit_baselines,
)
from gatewise.estimators.forecaster.baselines.climatology import slots
from gatewise.estimators.forecaster.baselines.rows import origins_within
from tests.estimators.tables import STEPS, fit, make_table, targets, wave

# --- which apply ----------------------------------------------------------------------------------


def test_a_sensor_gets_no_baseline_that_repeats_its_target() -> None:
    assert applicable(0, 7) == ("climatology", "ridge")
    assert applicable(4, None) == ("persistence", "climatology", "ridge")
    assert applicable(4, 7) == ("persistence", "seasonal_naive", "climatology", "ridge")


@pytest.mark.parametrize("horizon", [0, 1, 4])
def test_predict_holds_exactly_the_names_that_apply(horizon: int) -> None:
    table = make_table(inputs=("x",), a=np.stack([wave(120), wave(120, 1)], axis=1))
    baselines = fit(table, horizon=horizon)
    predicted = baselines.predict(table, np.array([40, 41, 90]))
    assert tuple(predicted) == baselines.names == applicable(horizon, 7)
    for values in predicted.values():
        assert values.shape == (3, max(horizon, 1), 1)
        assert np.isfinite(values).all()


@pytest.mark.parametrize("season", [0, -3, 2.5, True])
def test_a_season_that_is_no_count_is_refused(season: object) -> None:
    with pytest.raises(OptionError, match="season"):
        fit(make_table(a=wave(100)), season=season)  # type: ignore[arg-type]


# --- persistence and seasonal naive ---------------------------------------------------------------


def test_persistence_repeats_the_value_at_the_origin() -> None:
    table = make_table(a=wave(100), b=wave(100, 1))
    origins = np.array([20, 99 - 3, 100 + 20])
    found = fit(table).predict(table, origins)["persistence"]
    np.testing.assert_array_equal(found[:, :, 0], np.repeat(table.column("y")[origins, None], 3, 1))


def test_persistence_steps_back_over_holes_but_not_into_another_series() -> None:
    a, b = wave(100), wave(100, 1)
    table = make_table(a=a, b=b)
    baselines = fit(table)
    holed = table.values.copy()
    holed[[48, 49, 50]] = np.nan
    holed[100:106] = np.nan
    found = baselines.predict(replace(table, values=holed), np.array([50, 105]))["persistence"]
    np.testing.assert_allclose(found[0, :, 0], a[47])
    np.testing.assert_allclose(found[1, :, 0], baselines.mean[0])


def test_seasonal_naive_is_perfect_on_a_periodic_series() -> None:
    season = 5
    table = make_table(a=np.tile(wave(season), 24))
    for horizon in (1, 4, 5, 6, 12):
        origins = np.arange(20, 120 - horizon)
        found = fit(table, horizon=horizon, season=season).predict(table, origins)["seasonal_naive"]
        np.testing.assert_array_equal(found[:, :, 0], targets(table, origins, horizon))


def test_seasonal_naive_by_hand() -> None:
    table = make_table(a=np.arange(100.0))
    found = fit(table, horizon=5, season=3).predict(table, np.array([50]))["seasonal_naive"]
    # Steps 51..55; whole seasons of 3 back, and never past the origin 50.
    np.testing.assert_array_equal(found[0, :, 0], [48, 49, 50, 48, 49])


def test_seasonal_naive_steps_back_by_whole_seasons_over_holes() -> None:
    table = make_table(a=np.arange(100.0), b=np.arange(100.0))
    baselines = fit(table, horizon=1, season=7)
    holed = table.values.copy()
    holed[44] = np.nan
    # Row 103 has no season before it in series b: the last value observed stands in.
    found = baselines.predict(replace(table, values=holed), np.array([50, 103]))["seasonal_naive"]
    np.testing.assert_array_equal(found[:, 0, 0], [37.0, 3.0])


# --- climatology ----------------------------------------------------------------------------------


def test_day_slots_keep_their_date_in_leap_years() -> None:
    dates = ["2001-01-01", "2000-02-28", "2000-02-29", "2001-03-01", "2000-03-01", "2000-12-31"]
    dates += ["1900-12-31", "NaT"]
    time = np.array(dates, dtype="datetime64[us]")
    assert slots(time, "day").tolist() == [0, 58, 59, 60, 60, 365, 365, -1]


def test_hour_slots() -> None:
    time = np.array(["1969-12-31T23:30", "2020-02-10T05:59:59"], dtype="datetime64[us]")
    assert slots(time, "hour").tolist() == [11 * 24 + 23, 24 + 5]


def test_monthly_climatology_is_the_mean_of_each_month_in_training_only() -> None:
    values = wave(120)
    table = make_table(STEPS["month"], a=values)
    split = split_times(table, "2007-01-01", "2009-01-01")
    found = fit_baselines(table, split, lookback=3, horizon=2).predict(table, np.array([99]))
    expected = [values[month:72:12].mean() for month in (4, 5)]
    np.testing.assert_allclose(found["climatology"][0, :, 0], expected)


def test_daily_climatology_recovers_a_yearly_wave_and_its_turn_of_the_year() -> None:
    days = np.arange(8 * 365)
    values = 10.0 + np.cos(2 * np.pi * days / 365.25)  # highest at the turn of the year
    table = make_table(a=values)
    origins = np.arange(6 * 365, 8 * 365 - 1)
    found = fit(table, horizon=1).predict(table, origins)["climatology"][:, 0, 0]
    # A window of 31 days flattens the wave by 1 - sin(x) / x with x = 31 pi / 365: 1.2 %.
    np.testing.assert_allclose(found, values[origins + 1], atol=0.03)


def test_hourly_climatology_separates_hour_and_month() -> None:
    time = np.datetime64("2001-01-01", "us") + np.arange(24 * 400) * np.timedelta64(1, "h")
    month = time.astype("datetime64[M]").astype(int) % 12
    values = (np.arange(time.size) % 24) * 100.0 + month
    table = make_table(STEPS["hour"], a=values)
    split = split_times(table, "2002-01-10", "2002-01-20")
    baselines = fit_baselines(table, split, lookback=3, horizon=2)
    origins = np.arange(24 * 380, 24 * 390)
    found = baselines.predict(table, origins)["climatology"]
    np.testing.assert_allclose(found[..., 0], targets(table, origins, 2))


def test_an_hour_of_a_month_never_seen_gets_the_mean_of_that_hour() -> None:
    values = np.tile(np.arange(24.0), 60)
    table = make_table(STEPS["hour"], start="2001-01-01", a=values)
    split = split_times(table, "2001-01-20", "2001-01-25")
    origins = np.arange(24 * 35, 24 * 40)  # February
    found = fit_baselines(table, split, lookback=3, horizon=1).predict(table, origins)
    np.testing.assert_allclose(found["climatology"][..., 0], targets(table, origins, 1))


def test_climatology_is_per_series_and_a_new_series_gets_the_mean_of_all() -> None:
    table = make_table(STEPS["month"], a=np.full(60, 1.0), b=np.full(60, 3.0))
    baselines = fit(table, lookback=3, horizon=1)
    other = replace(table, series=("b", "c"))
    found = baselines.predict(other, np.array([10, 70]))["climatology"]
    np.testing.assert_allclose(found.ravel(), [3.0, 2.0])


def test_without_a_calendar_climatology_is_the_training_mean() -> None:
    values = wave(100)
    table = make_table(a=values)
    counted = replace(table, time=np.arange(100), step=Step("fixed", 1, clock=False))
    split = split_times(counted, 0.2, 0.2)
    train = split.part_rows(counted, "training")
    found = fit_baselines(counted, split, lookback=5, horizon=1).predict(counted, np.array([90]))
    np.testing.assert_allclose(found["climatology"].ravel(), values[train].mean())


# --- ridge ----------------------------------------------------------------------------------------


def linear_sensor(n: int = 800) -> Table:
    """Target = 2 x(t-3) - x(t) + mean of the last 7 of z + 5."""
    rng = np.random.default_rng(3)
    x, z = rng.normal(2.0, 3.0, n), rng.normal(size=n)
    means = np.convolve(z, np.ones(7) / 7)[:n]
    y = 2.0 * np.roll(x, 3) - x + means + 5.0
    return make_table(inputs=("x", "z"), a=np.stack([y, x, z], axis=1))


def test_ridge_recovers_a_linear_sensor() -> None:
    table = linear_sensor()
    origins = np.arange(650, 800)
    found = fit(table, lookback=20, horizon=0).predict(table, origins)["ridge"]
    assert metrics.nse(table.column("y")[origins], found[:, 0, 0]) > 0.9999


def test_a_sensor_never_reads_its_target() -> None:
    table = linear_sensor()
    baselines = fit(table, lookback=20, horizon=0)
    blind = table.values.copy()
    blind[:, 0] = np.nan
    origins = np.arange(30, 800)
    seen = baselines.predict(table, origins)
    unseen = baselines.predict(replace(table, values=blind), origins)
    for name in seen:
        np.testing.assert_array_equal(seen[name], unseen[name])


def test_ridge_forecast_of_an_autoregression_approaches_the_best_predictor() -> None:
    rng = np.random.default_rng(5)
    y = np.zeros(4000)
    for t in range(1, y.size):
        y[t] = 0.8 * y[t - 1] + rng.normal()
    table = make_table(a=y)
    origins = np.arange(3300, 3990)
    found = fit(table, lookback=5, horizon=2).predict(table, origins)["ridge"][..., 0]
    best = y[origins, None] * [0.8, 0.64]
    assert metrics.rmse(best, found) < 0.12  # the noise itself is 1


def test_ridge_uses_future_columns_at_the_predicted_step() -> None:
    rng = np.random.default_rng(6)
    f = rng.normal(size=600)
    table = make_table(future=("f",), a=np.stack([3.0 * f + 1.0, f], axis=1))
    origins = np.arange(500, 590)
    found = fit(table, horizon=4).predict(table, origins)["ridge"][..., 0]
    np.testing.assert_allclose(found, targets(table, origins, 4), atol=0.01)


def test_ridge_uses_static_columns() -> None:
    rng = np.random.default_rng(7)
    blocks = {
        name: np.stack([level + rng.normal(scale=0.1, size=300), np.full(300, level)], axis=1)
        for name, level in (("a", 0.0), ("b", 10.0), ("c", 20.0))
    }
    table = make_table(static=("level",), **blocks)
    split = split_times(table, 0.2, 0.2)
    found = fit_baselines(table, split, lookback=2, horizon=1).predict(table, np.array([250, 850]))
    np.testing.assert_allclose(found["ridge"].ravel(), [0.0, 20.0], atol=0.3)


def test_ridge_with_future_columns_solves_each_step_as_alone() -> None:
    """The moments that all steps share give the textbook solution of each step."""
    rng = np.random.default_rng(8)
    f, noise = rng.normal(size=400), rng.normal(size=400)
    table = make_table(future=("f",), a=np.stack([f + 0.3 * noise, f], axis=1))
    baselines = fit(table, lookback=2, horizon=2)
    split = split_times(table, 0.2, 0.2)
    train = origins_within(table, split.part_rows(table, "training"), lookback=2, horizon=2)
    train, y = train[train >= 6], table.column("y")  # the first week has none before it

    def features(origins: np.ndarray, step: int) -> np.ndarray:
        last, before = y[origins], y[origins + step + 1 - 7]  # a week ago, the season of days
        return np.stack([last, y[origins - 1] - last, f[origins + step + 1], before - last], axis=1)

    for step in (0, 1):
        x = features(train, step)
        mean, scale = x.mean(axis=0), x.std(axis=0)
        z, goal = (x - mean) / scale, y[train + step + 1] - y[train]
        penalty = baselines.ridge.penalties[step, 0] * train.size
        weights = np.linalg.solve(z.T @ z + penalty * np.eye(4), z.T @ (goal - goal.mean()))
        origins = np.arange(330, 390)
        new = features(origins, step)
        expected = y[origins] + goal.mean() + (new - mean) / scale @ weights
        found = baselines.predict(table, origins)["ridge"][:, step, 0]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_a_trend_goes_on() -> None:
    """Beyond what training saw, a ridge that is told from the last value goes on with the trend."""
    t = np.arange(240.0)
    season = 5.0 * np.sin(2 * np.pi * t / 12)
    y = 2.0 * t + season + np.random.default_rng(3).normal(scale=0.5, size=240)
    table = make_table(STEPS["month"], a=y, b=1000.0 * y)
    found = fit(table, lookback=24, horizon=12).predict(table, np.array([200, 440]))["ridge"]
    truth = targets(table, np.array([200, 440]), 12)
    assert np.abs(found[0, :, 0] - truth[0]).mean() < 1.0
    # A series a thousand times as large is no more to it than the other.
    np.testing.assert_allclose(found[1, :, 0], 1000.0 * found[0, :, 0], rtol=1e-6)


def test_ridge_reads_the_value_a_season_ago_however_long_the_season() -> None:
    rng = np.random.default_rng(4)
    y = np.tile(rng.normal(size=100), 6) + 0.01 * rng.normal(size=600)
    table = make_table(a=y)
    found = fit(table, lookback=5, horizon=4, season=100).predict(table, np.arange(500, 590))
    errors = found["ridge"][:, :, 0] - targets(table, np.arange(500, 590), 4)
    assert np.sqrt(np.mean(errors**2)) < 0.05


def test_the_penalty_is_the_best_on_blocks_left_out() -> None:
    """Pure noise is best predicted by its mean, a noiseless rule by no penalty at all."""
    noise = np.random.default_rng(9).normal(size=(400, 2))
    strong = fit(make_table(inputs=("x",), a=noise), lookback=30, horizon=0)
    weak = fit(linear_sensor(), lookback=20, horizon=0)
    assert strong.ridge.penalties.min() >= 1.0
    assert weak.ridge.penalties.max() < 1e-3


def test_ridge_tolerates_holes() -> None:
    table = linear_sensor()
    rng = np.random.default_rng(10)
    holed = np.where(rng.random(table.values.shape) < 0.03, np.nan, table.values)
    origins = np.arange(650, 800)
    found = fit(replace(table, values=holed), lookback=20, horizon=0).predict(
        replace(table, values=holed), origins
    )["ridge"]
    assert np.isfinite(found).all()
    assert metrics.nse(table.column("y")[origins], found[:, 0, 0]) > 0.7


@pytest.mark.parametrize("horizon", [0, 2])
def test_a_series_never_reaches_into_the_one_before_it(horizon: int) -> None:
    """Origins whose lookback is cut short by the start of their series, and some that are whole."""
    blocks = {
        name: np.stack([wave(200, s), wave(200, s + 5)], axis=1) for s, name in enumerate("ab")
    }
    table = make_table(inputs=("x",), **blocks)
    baselines = fit(table, lookback=40, horizon=horizon)
    alone = make_table(inputs=("x",), b=blocks["b"])
    origins = np.array([0, 1, 5, 28, 50])
    together, apart = baselines.predict(table, origins + 200), baselines.predict(alone, origins)
    for name, values in apart.items():
        np.testing.assert_array_equal(together[name], values, err_msg=name)


def test_origins_of_a_part_are_those_whose_window_fits() -> None:
    table = make_table(a=wave(10), b=wave(8))
    part = np.ones(18, dtype=bool)
    part[[8, 9, 16, 17]] = False
    found = origins_within(table, part, lookback=3, horizon=2)
    assert found.tolist() == [2, 3, 4, 5, 12, 13]
    assert origins_within(table, part, lookback=3, horizon=0).tolist() == [
        *range(2, 8),
        *range(12, 16),
    ]


def test_a_training_part_without_targets_is_refused() -> None:
    table = make_table(inputs=("x",), a=np.stack([wave(100), wave(100, 1)], axis=1))
    split = split_times(table, 0.2, 0.2)
    holed = table.values.copy()
    holed[split.part_rows(table, "training"), 0] = np.nan
    with pytest.raises(DataError, match="0 windows with known targets"):
        fit_baselines(replace(table, values=holed), split, lookback=5, horizon=0)


# --- leakage and saving ---------------------------------------------------------------------------


@pytest.fixture(params=[0, 3], ids=["sensor", "forecast"])
def panel(request: pytest.FixtureRequest) -> tuple[Table, Split, Baselines]:
    blocks = {
        name: np.stack([wave(200, s), wave(200, s + 9)], axis=1) for s, name in enumerate("ab")
    }
    roles = {"inputs": ("x",)} if request.param == 0 else {"future": ("x",)}
    table = make_table(**roles, **blocks)
    split = split_times(table, 0.2, 0.2)
    return (
        table,
        split,
        fit_baselines(table, split, lookback=10, horizon=request.param, levels=(0.1, 0.5, 0.9)),
    )


def test_only_the_training_part_changes_the_fit(panel: tuple[Table, Split, Baselines]) -> None:
    table, split, fitted = panel
    changed = table.values.copy()
    changed[~split.part_rows(table, "training")] = 1e6
    again = fit_baselines(
        replace(table, values=changed),
        split,
        lookback=10,
        horizon=fitted.horizon,
        levels=(0.1, 0.5, 0.9),
    ).arrays()
    assert {f"bands.{name}" for name in fitted.names} <= set(again)
    for name, array in fitted.arrays().items():
        np.testing.assert_array_equal(array, again[name], err_msg=name)


def test_the_targets_future_does_not_change_the_prediction(
    panel: tuple[Table, Split, Baselines],
) -> None:
    table, _, fitted = panel
    origins = np.array([50, 150, 196, 300])
    expected = fitted.predict(table, origins)
    for number, origin in enumerate(origins):
        hidden = table.values.copy()
        hidden[origin + (fitted.horizon > 0) :, 0] = np.nan
        found = fitted.predict(replace(table, values=hidden), origins[[number]])
        for name, values in found.items():
            # Not bit for bit: the matrix product of ridge rounds differently for one origin.
            np.testing.assert_allclose(values[0], expected[name][number], rtol=1e-12, err_msg=name)


def test_saved_and_loaded_baselines_predict_the_same(panel: tuple[Table, Split, Baselines]) -> None:
    table, _, fitted = panel
    settings = json.loads(json.dumps(fitted.settings()))
    loaded = Baselines.from_arrays(fitted.arrays(), settings)
    origins = np.array([50, 150, 300])
    expected, found = fitted.predict(table, origins), loaded.predict(table, origins)
    assert list(expected) == list(found)
    for name, values in expected.items():
        np.testing.assert_array_equal(values, found[name])
    bands, again = fitted.quantiles(table, origins), loaded.quantiles(table, origins)
    assert list(bands) == list(again) == list(expected)
    for name, values in bands.items():
        np.testing.assert_array_equal(values, again[name])


def test_forecasts_past_the_end_of_the_table() -> None:
    table = make_table(a=wave(200), b=wave(200, 1))
    baselines = fit(table, horizon=3)
    longer = table.extended(3)
    inside, past = np.array([399]), np.array([longer.starts[-1] - 4])
    found = baselines.predict(longer, past)
    assert all(np.isfinite(values).all() for values in found.values())
    np.testing.assert_array_equal(
        found["persistence"][0, :, 0], table.column("y")[inside].repeat(3)
    )


# --- the demo's data ------------------------------------------------------------------------------


def test_fulda_baselines_reach_what_was_measured() -> None:
    columns = Columns(("discharge",), ("rain", "tmax", "tmin"), (), (), "ds", None)
    table = table_from_frame(read_frame("dataset:fulda"), columns)
    split = split_times(table, "1985-01-01", "1986-01-01")
    baselines = fit_baselines(table, split, lookback=365, horizon=0)
    origins = np.flatnonzero(split.part_rows(table, "test"))
    truth = table.column("discharge")[origins]
    found = baselines.predict(table, origins)
    score = {name: metrics.nse(truth, values[:, 0, 0]) for name, values in found.items()}
    assert score["ridge"] == pytest.approx(0.623, abs=0.01)
    # Day by day, without the window of 31 days, it would be .105: six years are few for a mean.
    assert score["climatology"] == pytest.approx(0.230, abs=0.01)


def test_the_season_of_counted_rows_is_said() -> None:
    t = np.arange(120)
    y = np.sin(2 * np.pi * t / 12) + 0.1 * np.random.default_rng(0).normal(size=120)
    counted = replace(make_table(a=y), step=Step("rows"))
    assert fit(counted).season == 12
    assert fit(counted).notes == ("Seasonal naive repeats the value of 12 rows before.",)
    assert fit(make_table(STEPS["month"], a=y)).notes == ()
