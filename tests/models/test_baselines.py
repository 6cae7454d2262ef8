"""Baselines: known answers, no leakage, holes tolerated, and the figures measured on the Fulda."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gatewise.data.columns import Columns
from gatewise.data.files import read_frame
from gatewise.data.frames import table_from_frame
from gatewise.data.split import Split, split_times
from gatewise.data.steps import DAY, HOUR, Step
from gatewise.data.table import Table
from gatewise.errors import DataError, OptionError
from gatewise.models import metrics
from gatewise.models.baselines import Baselines, applicable, default_season, fit_baselines
from gatewise.models.baselines.bands import error_quantiles
from gatewise.models.baselines.climatology import slots
from gatewise.models.baselines.rows import origins_within

STEPS = {
    "hour": Step("fixed", HOUR),
    "day": Step("fixed", DAY),
    "month": Step("months", 1, anchor=1),
}


def make_table(
    step: Step = STEPS["day"],
    *,
    start: str = "2001-01-01",
    inputs: tuple[str, ...] = (),
    future: tuple[str, ...] = (),
    static: tuple[str, ...] = (),
    **series: np.ndarray,
) -> Table:
    """Build a table from one block `[N, C]` per series; columns y, then inputs, future, static."""
    columns = Columns(("y",), inputs, future, static, "ds", "unique_id")
    blocks = [
        np.asarray(block, dtype=np.float64).reshape(len(block), -1) for block in series.values()
    ]
    first = np.datetime64(start, "us")
    times = [step.after(np.full(len(block), first), np.arange(len(block))) for block in blocks]
    bounds = np.cumsum([0, *map(len, blocks)])
    return Table(
        columns, np.concatenate(blocks), np.concatenate(times), tuple(series), bounds, step
    )


def wave(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n).cumsum()


def fit(
    table: Table, *, lookback: int = 10, horizon: int = 3, season: int | None = None
) -> Baselines:
    split = split_times(table, 0.2, 0.2)
    return fit_baselines(table, split, lookback=lookback, horizon=horizon, season=season)


def targets(table: Table, origins: np.ndarray, horizon: int) -> np.ndarray:
    return table.column("y")[origins[:, None] + np.arange(1, horizon + 1)]


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


@pytest.mark.parametrize(
    ("step", "rows", "season"),
    [
        (STEPS["hour"], 500, 24),
        (Step("fixed", HOUR // 2), 500, 48),
        (Step("fixed", 7 * HOUR), 500, None),
        (STEPS["day"], 729, 7),
        (STEPS["day"], 730, 365),
        (Step("fixed", 7 * DAY), 200, 52),
        (STEPS["month"], 60, 12),
        (Step("months", 3, anchor=31), 60, 4),
        (Step("months", 12, anchor=31), 60, None),
        (Step("rows"), 60, None),
    ],
)
def test_season_suggested_by_the_step(step: Step, rows: int, season: int | None) -> None:
    table = replace(make_table(a=wave(rows)), step=step)
    assert default_season(table) == season


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
    train = split.part_rows(counted, "train")
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
    train = origins_within(table, split.part_rows(table, "train"), lookback=2, horizon=2)
    y = table.column("y")
    for step in (0, 1):
        x = np.stack([y[train], y[train - 1], f[train + step + 1]], axis=1)
        mean, scale = x.mean(axis=0), x.std(axis=0)
        z, goal = (x - mean) / scale, y[train + step + 1]
        penalty = baselines.ridge.penalties[step, 0] * train.size
        weights = np.linalg.solve(z.T @ z + penalty * np.eye(3), z.T @ (goal - goal.mean()))
        origins = np.arange(330, 390)
        new = np.stack([y[origins], y[origins - 1], f[origins + step + 1]], axis=1)
        expected = goal.mean() + (new - mean) / scale @ weights
        found = baselines.predict(table, origins)["ridge"][:, step, 0]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


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
    holed[split.part_rows(table, "train"), 0] = np.nan
    with pytest.raises(DataError, match="0 windows with known targets"):
        fit_baselines(replace(table, values=holed), split, lookback=5, horizon=0)


# --- bands ----------------------------------------------------------------------------------------

LEVELS = (0.05, 0.5, 0.95)


def banded(
    table: Table, *, horizon: int, season: int | None = None, lookback: int = 5
) -> Baselines:
    split = split_times(table, 0.2, 0.2)
    return fit_baselines(
        table, split, lookback=lookback, horizon=horizon, season=season, levels=LEVELS
    )


def test_error_quantiles_by_hand() -> None:
    errors = np.array([3.0, np.nan, 1.0, 2.0, np.nan, 4.0])[:, None, None]
    # Of four errors level a lies at place 5 a; beyond the largest is not known, so it stays there.
    found = error_quantiles(errors, (0.05, 0.2, 0.5, 0.7, 0.99))
    np.testing.assert_allclose(found[0, 0], [1.0, 1.0, 2.5, 3.5, 4.0])
    assert np.isnan(error_quantiles(np.full((3, 1, 1), np.nan), (0.5,))).all()
    assert np.isnan(error_quantiles(np.empty((0, 1, 1)), (0.5,))).all()


def test_few_errors_still_promise_the_right_share() -> None:
    """Nine errors, levels .1 and .9: the tenth lies between them 8 times in 10."""
    errors = np.random.default_rng(1).normal(size=(10, 20_000, 1))
    low, high = np.moveaxis(error_quantiles(errors[:9], (0.1, 0.9)), -1, 0)
    assert np.mean((low <= errors[9]) & (errors[9] <= high)) == pytest.approx(0.8, abs=0.01)


def test_persistence_of_a_random_walk_has_bands_that_grow_with_the_root_of_the_step() -> None:
    table = make_table(a=wave(12_000))
    fitted = banded(table, horizon=4)
    origins = np.arange(10_000, 11_990)
    found = fitted.quantiles(table, origins)["persistence"]
    truth = targets(table, origins, 4)
    for step in range(4):
        assert metrics.coverage(truth[:, step], found[:, step, 0]) == pytest.approx(0.9, abs=0.04)
        width = found[0, step, 0, 2] - found[0, step, 0, 0]
        assert width == pytest.approx(2 * 1.645 * np.sqrt(step + 1), rel=0.08)


def test_climatology_of_noise_holds_what_it_promises_on_data_not_fitted() -> None:
    """Four Januaries make a mean that is near to each: bands from the fit's errors hold .82, not .9."""
    rng = np.random.default_rng(2)
    noise = {f"s{number}": rng.normal(size=120) for number in range(300)}
    table = make_table(STEPS["month"], **noise)
    split = split_times(table, "2005-01-01", "2006-01-01")
    fitted = fit_baselines(table, split, lookback=2, horizon=1, levels=LEVELS)
    origins = np.flatnonzero(table.time[:-1] >= np.datetime64("2006-01-01"))
    origins = origins[np.diff(table.series_index())[origins] == 0]
    truth = table.column("y")[origins + 1]
    found = fitted.quantiles(table, origins)["climatology"][:, 0, 0]
    # Other years are three where the fit has four, so the bands are 3 % wider than they need be.
    assert metrics.coverage(truth, found) == pytest.approx(0.9, abs=0.02)


def test_ridge_with_many_features_holds_what_it_promises_on_data_not_fitted() -> None:
    """450 features for 1800 windows: the errors of the fit itself would be far too small."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3000, 15))
    rule = sum(np.roll(x @ rng.normal(size=15), lag) for lag in range(30))
    y = rule + 0.1 * rule.std() * rng.normal(size=3000)
    table = make_table(
        inputs=tuple(f"x{n}" for n in range(15)), a=np.concatenate([y[:, None], x], axis=1)
    )
    fitted = banded(table, horizon=0, lookback=30)
    origins = np.arange(1800, 3000)
    found = fitted.quantiles(table, origins)["ridge"][:, 0, 0]
    assert metrics.coverage(y[origins], found) == pytest.approx(0.9, abs=0.05)


def test_errors_of_the_first_season_say_nothing_of_the_seasonal_naive() -> None:
    """A perfect season: where it has begun, its errors are 0, however badly the first year went."""
    table = make_table(a=np.tile(wave(40), 8))
    fitted = banded(table, horizon=3, season=40)
    assert fitted.bands is not None
    np.testing.assert_array_equal(fitted.bands.offsets["seasonal_naive"], 0.0)


def test_a_season_longer_than_the_training_part_has_the_bands_of_its_stand_in() -> None:
    table = make_table(a=wave(200))
    fitted = banded(table, horizon=3, season=500)
    assert fitted.bands is not None
    offsets = fitted.bands.offsets
    np.testing.assert_array_equal(offsets["seasonal_naive"], offsets["persistence"])


def test_climatology_of_less_than_two_years_has_bands() -> None:
    table = make_table(a=wave(200))
    fitted = banded(table, horizon=2)
    assert fitted.bands is not None
    assert np.isfinite(fitted.bands.offsets["climatology"]).all()


def test_bands_are_per_series_and_a_new_or_short_series_gets_those_of_all() -> None:
    table = make_table(a=wave(600), b=100.0 * wave(600, 1), c=wave(20, 2))
    fitted = banded(table, horizon=1)
    assert fitted.bands is not None
    for name, offsets in fitted.bands.offsets.items():
        width = (offsets[..., 2] - offsets[..., 0])[:, 0, 0]
        assert width[1] > 50 * width[0], name
        assert width[0] < width[2] == width[3] < width[1], name
    other = replace(table, series=("b", "new", "a"))
    origins = np.array([300, 900, 1210])
    points = fitted.predict(other, origins)
    found = fitted.quantiles(other, origins, points)
    for name, offsets in fitted.bands.offsets.items():
        np.testing.assert_array_equal(
            found[name], points[name][..., None] + offsets[[1, 3, 0]], err_msg=name
        )


def test_bands_tolerate_holes() -> None:
    values = np.stack([wave(900), wave(900, 1)], axis=1)
    values[np.random.default_rng(4).random(values.shape) < 0.05] = np.nan
    table = make_table(inputs=("x",), a=values)
    fitted = banded(table, horizon=2)
    origins = np.arange(720, 890)
    truth = targets(table, origins, 2)
    for name, found in fitted.quantiles(table, origins).items():
        assert found.shape == (origins.size, 2, 1, len(LEVELS))
        assert np.isfinite(found).all(), name
        assert (np.diff(found, axis=-1) >= 0).all(), name
    near = fitted.quantiles(table, origins)["persistence"][:, 0, 0]
    assert metrics.coverage(truth[:, 0], near) == pytest.approx(0.9, abs=0.07)


def test_without_levels_there_are_no_bands() -> None:
    table = make_table(a=wave(100))
    fitted = fit(table)
    assert fitted.quantiles(table, np.array([50])) == {}
    assert not any(name.startswith("bands") for name in fitted.arrays())


def test_levels_leave_the_points_as_they_are() -> None:
    table = make_table(a=wave(200))
    origins = np.array([50, 150])
    plain, with_bands = fit(table, lookback=5), banded(table, horizon=3)
    for name, values in plain.predict(table, origins).items():
        np.testing.assert_array_equal(values, with_bands.predict(table, origins)[name])


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
    changed[~split.part_rows(table, "train")] = 1e6
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
