"""Seasons: those of the calendar, and those that are found where rows are only counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.estimators.tables import STEPS, make_table, wave

from gatewise.data.tables import season as room
from gatewise.data.tables.season import find_seasons, seasonal_strength
from gatewise.data.tables.steps import DAY, HOUR, ROWS, Step
from gatewise.data.tables.table import Table


def counted(**series: np.ndarray) -> Table:
    """Return a table whose rows are only counted."""
    return replace(make_table(**series), step=ROWS)


def lengths(table: Table, rows: np.ndarray | None = None) -> list[int]:
    return [season.rows for season in find_seasons(table, rows)]


@pytest.mark.parametrize(
    ("step", "rows", "seasons"),
    [
        (STEPS["hour"], 500, [24, 168]),
        (STEPS["hour"], 300, [24]),
        (Step("fixed", HOUR // 2), 500, [48]),
        (Step("fixed", 4 * HOUR), 500, [6, 42]),
        (Step("fixed", 7 * HOUR), 500, []),
        (STEPS["day"], 729, [7]),
        (STEPS["day"], 730, [7, 365]),
        (STEPS["day"], 10, [7]),
        (Step("fixed", 7 * DAY), 200, [52]),
        (STEPS["month"], 60, [12]),
        (Step("months", 3, anchor=31), 60, [4]),
        (Step("months", 12, anchor=31), 60, []),
        (Step("rows"), 60, []),
    ],
)
def test_dated_rows_have_the_seasons_of_the_calendar(step, rows, seasons):
    assert lengths(replace(make_table(a=wave(rows)), step=step)) == seasons


def test_of_the_calendars_seasons_the_one_that_the_values_show_comes_first():
    day = np.arange(1500)
    noise = np.random.default_rng(0).normal(size=1500)
    weekly = find_seasons(make_table(a=3.0 * (day % 7 > 4) + noise))
    yearly = find_seasons(make_table(a=3.0 * np.sin(2 * np.pi * day / 365) + noise))
    assert [(s.rows, s.significant) for s in weekly] == [(7, True), (365, False)]
    assert [(s.rows, s.significant) for s in yearly] == [(365, True), (7, False)]


@pytest.mark.parametrize("period", [4, 7, 12, 52])
def test_a_season_is_found_through_a_trend_and_noise(period):
    t = np.arange(8 * period)
    noise = np.random.default_rng(period).normal(size=t.size)
    values = 0.02 * t**2 + 3.0 * np.sin(2 * np.pi * t / period) + 0.5 * noise
    (season,) = find_seasons(counted(a=values))
    assert season.rows == period
    assert season.source == "autocorrelation"
    assert 0.5 < season.strength <= 1.0


def test_a_week_is_told_from_a_day():
    hour = np.arange(1400)
    noise = np.random.default_rng(0).normal(size=hour.size)
    values = np.sin(2 * np.pi * hour / 24) + 1.5 * (hour % 168 >= 120) + 0.3 * noise
    assert lengths(counted(a=values)) == [168, 24]


def test_what_does_not_repeat_has_no_season():
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert lengths(counted(a=rng.normal(size=150))) == []
        assert lengths(counted(a=rng.normal(size=150).cumsum())) == []
        assert lengths(counted(a=rng.poisson(0.3, size=150).astype(float))) == []


@pytest.mark.parametrize("values", [np.full(60, 5.0), np.arange(60.0) * 1e9, np.full(60, np.nan)])
def test_what_never_varies_around_its_trend_has_no_season(values):
    assert find_seasons(counted(a=values)) == ()
    assert np.isnan(seasonal_strength(np.full(60, 5.0), 12))


def test_a_few_outliers_hide_no_season_and_make_none():
    t = np.arange(96)
    noise = np.random.default_rng(1).normal(size=96)
    outliers = np.zeros(96)
    outliers[[10, 43, 71]] = 300.0
    assert lengths(counted(a=3.0 * np.sin(2 * np.pi * t / 12) + 0.5 * noise + outliers)) == [12]
    assert lengths(counted(a=noise + np.where(t % 31 == 3, 300.0, 0.0) * (t < 64))) == []


def test_gaps_are_bridged():
    t = np.arange(96)
    values = np.sin(2 * np.pi * t / 12) + 0.1 * np.random.default_rng(1).normal(size=96)
    values[[5, 40, 41, 42, 95]] = np.nan
    assert lengths(counted(a=values)) == [12]


def test_the_test_part_says_nothing():
    t = np.arange(200)
    values = np.where(t < 100, np.random.default_rng(0).normal(size=200), 9.0 * (t % 7 == 0))
    table = counted(a=values)
    assert lengths(table, t < 100) == []
    assert lengths(table, t >= 100) == [7]


def test_many_short_series_are_taken_together():
    t = np.arange(60)
    rng = np.random.default_rng(0)
    series = {
        f"s{k}": 10.0 * k + np.sin(2 * np.pi * (t + k) / 12) + 0.3 * rng.normal(size=60)
        for k in range(40)
    }
    assert lengths(counted(**series)) == [12]


def test_strength_by_hand():
    # Season 2 about a level: the trend is the level, and the rest alternates without end.
    assert seasonal_strength(np.tile([1.0, 3.0], 10), 2) == pytest.approx(1.0)
    assert seasonal_strength(np.tile([1.0, 3.0], 10) + np.arange(20.0), 2) == pytest.approx(1.0)
    # Season 3 of a series of period 2: x less the mean of three rows is 2/3 of the deviation, and at
    # an odd lag its sign has turned.
    assert seasonal_strength(np.tile([1.0, 3.0], 30), 3) == pytest.approx(-1.0, abs=0.02)


def test_long_seasons_are_not_looked_for():
    t = np.arange(room.MOST_ROWS + 500)
    assert lengths(counted(a=np.sin(2 * np.pi * t / (room.LONGEST + 50)))) == []
