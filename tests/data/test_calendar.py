"""Columns made of the time: right by hand, known ahead, on the zone's clock, refused without dates."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

from gatewise.data import Columns, Table, resolve_columns, table_from_frame
from gatewise.data.tables.calendar import calendar_columns, calendar_values
from gatewise.errors import DataError, OptionError

ALL = ("hour", "weekday", "weekend", "day_of_year", "month")


def values(*times: str, names: tuple[str, ...], zone: str | None = None) -> np.ndarray:
    return calendar_values(np.array(times, dtype="datetime64[us]"), zone, names)


def turns(word: str, *times: str, zone: str | None = None) -> np.ndarray:
    """Return where in its round each time lies, from the two waves, in turns from 0 to 1."""
    waves = values(*times, names=calendar_columns([word]), zone=zone)
    np.testing.assert_allclose(np.hypot(*waves.T), 1)
    return np.arctan2(*waves.T) / (2 * np.pi) % 1


def test_rounds_by_hand() -> None:
    hours = turns("hour", "2024-02-29T00:00", "2024-02-29T12:30", "2024-02-29T23:29:59.999999")
    np.testing.assert_allclose(hours, [0.5 / 24, 13 / 24, 1], atol=1e-9)
    days = turns(
        "weekday", "2024-01-01", "2024-01-07T23:00", "1969-12-29"
    )  # Monday, Sunday, Monday
    np.testing.assert_allclose(days, [0.5 / 7, 6.5 / 7, 0.5 / 7])
    np.testing.assert_allclose(turns("month", "2024-01-31", "2023-12-01"), [0.5 / 12, 11.5 / 12])
    year = turns("day_of_year", "2023-01-01", "2024-12-31", "1960-02-29")
    np.testing.assert_allclose(year, np.array([0.5, 365.5, 59.5]) / 365.2425 % 1)


def test_weekends() -> None:
    found = values("2024-01-05", "2024-01-06", "2024-01-07", "2024-01-08", names=("weekend",))
    assert found[:, 0].tolist() == [0, 1, 1, 0]


def test_the_clock_is_that_of_the_zone() -> None:
    there = turns("hour", "2024-01-01T00:00", "2024-07-01T00:00", zone="Europe/Berlin")
    np.testing.assert_allclose(there * 24, [1.5, 2.5])
    sunday = values("2024-01-06T22:59", "2024-01-07T23:01", names=("weekend",), zone="+01:00")
    assert sunday[:, 0].tolist() == [1, 0]


def test_no_time_has_no_calendar() -> None:
    assert np.isnan(values("NaT", names=calendar_columns(ALL))).all()


def table(step: str = "1h", count: int = 100, ahead: bool = True, zone: str | None = None) -> Table:
    start = pl.datetime(2024, 1, 1, time_zone=zone)
    time = pl.datetime_range(start, start.dt.offset_by(f"{count}d"), step, eager=True)[:count]
    frame = pl.DataFrame({"ds": time, "y": np.arange(float(len(time)))})
    columns = resolve_columns(frame, calendar=["weekday", "weekend"], ahead=ahead)
    return table_from_frame(frame, columns)


def test_columns_are_known_ahead_or_inputs() -> None:
    names = ("weekday:sin", "weekday:cos", "weekend")
    assert table("1d").columns.future == names
    sensor = table("1d", ahead=False).columns
    assert (sensor.inputs, sensor.future, sensor.calendar) == (names, (), names)
    assert Columns.from_json(sensor.to_json()) == sensor


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_they_go_on_past_the_end_as_more_rows_would(zone: str | None) -> None:
    whole = table(count=200, zone=zone)
    longer = whole.until(whole.time[180]).extended(19)
    for name in whole.columns.calendar:
        np.testing.assert_array_equal(longer.column(name), whole.column(name))
    assert np.isnan(longer.column("y")[-19:]).all()


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([1, 2, 3], "calendar=.* needs dates .* whole numbers"),
        (None, "calendar=.* needs dates .* rows are counted"),
        (
            ["2024-01-01", "2024-01-08", "2024-01-15"],
            "the weekday is the same in all 3 rows .*1 week",
        ),
    ],
)
def test_what_has_no_calendar_is_told(build, times, told: str) -> None:
    frame = build({"y": [1.0, 2.0, 3.0], **({} if times is None else {"ds": times})})
    with pytest.raises(DataError, match=told):
        table_from_frame(frame, resolve_columns(frame, calendar=["weekday"]))


def test_words_are_checked(build) -> None:
    frame = build({"ds": ["2024-01-01", "2024-01-02"], "y": [1.0, 2.0]})
    with pytest.raises(DataError, match=r"'weekdays' is none of .*Did you mean 'weekday'"):
        resolve_columns(frame, calendar="weekdays")
    with pytest.raises(DataError, match="'month' is listed twice"):
        resolve_columns(frame, calendar=["month", "month"])


def test_holidays_of_a_country_and_of_a_part_of_it() -> None:
    days = ("2020-01-01", "2020-01-06T23:30", "2020-01-07", "2021-12-26T12:00", "NaT")
    names = calendar_columns(["holidays:DE", "holidays:DE-BY", "weekend"])
    assert names == ("holidays:DE", "holidays:DE-BY", "weekend")
    found = values(*days, names=names)
    np.testing.assert_array_equal(found[:, 0], [1, 0, 0, 1, np.nan])
    np.testing.assert_array_equal(found[:, 1], [1, 1, 0, 1, np.nan])  # Epiphany
    # On the clock of the zone it is New Year's Day already.
    assert values("2019-12-31T23:30", names=names[:1], zone="Europe/Berlin").tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("word", "error", "told"),
    [
        ("holidays:DEE", DataError, "no country 'DEE'.* or 'DE' or"),
        ("holidays:DE-BAY", DataError, "no part 'BAY' of DE. Did you mean 'BY'"),
        ("holidays:", DataError, "'holidays:' is none of 'hour'"),
    ],
)
def test_places_without_holidays_are_told(word: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        calendar_columns([word])


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(
        OptionError, match=r"needs the package holidays: pip install -e '.\[holidays\]'"
    ):
        calendar_columns(["holidays:DE"])
