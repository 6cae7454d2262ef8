"""Time zones: every name of the system, from every library, there and back."""

from __future__ import annotations

import datetime
import zoneinfo

import dateutil.tz
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from gatewise.data import (
    frame_like,
    read_frame,
    resolve_columns,
    split_times,
    table_from_frame,
    write_frame,
)
from gatewise.data.tables.zones import from_local, local, offset_text, zone_name
from gatewise.errors import DataError

COUNT = 6
Y = np.arange(COUNT) * 1.5
HOURS = pd.date_range("2022-03-31 20:30", periods=COUNT, freq="h", tz="UTC")
EVERY = sorted(zoneinfo.available_timezones())
SOME = [
    *("America/New_York", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "Etc/GMT-14", "EST5EDT"),
    *("Asia/Tokyo", "Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Berlin", "UTC", "GMT", "Zulu"),
    *(
        "America/North_Dakota/New_Salem",
        "Antarctica/DumontDUrville",
        "GB-Eire",
        "NZ-CHAT",
        "PST8PDT",
    ),
]
OBJECTS = {
    "offset": datetime.timezone(datetime.timedelta(hours=9)),
    "half hours": datetime.timezone(-datetime.timedelta(hours=3, minutes=30)),
    "UTC object": datetime.UTC,
    "dateutil": dateutil.tz.gettz("Europe/Berlin"),
}


def _read(frame, **changes):
    return table_from_frame(frame, resolve_columns(frame), **changes)


def _frames(zone):
    """Return the same hours in a zone, in every library and kind of column that has zones."""
    column = HOURS.tz_convert(zone)
    arrow = pd.ArrowDtype(pa.timestamp("us", tz=str(zone)))
    made = {
        "pandas": pd.DataFrame({"when": column, "y": Y}),
        "pandas, index": pd.DataFrame({"y": Y}, index=column.rename("when")),
        "pandas, seconds": pd.DataFrame({"when": column.as_unit("s"), "y": Y}),
        "pandas, objects": pd.DataFrame({"when": column.astype(object), "y": Y}),
    }
    if isinstance(zone, str) and zone not in {"Factory", "localtime"}:
        made["pandas, arrow"] = pd.DataFrame({"when": pd.Series(column).astype(arrow), "y": Y})
        naive = pl.Series(HOURS.tz_localize(None).to_numpy())
        zoned = naive.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        made["polars"] = pl.DataFrame({"when": zoned, "y": Y})
        made["pyarrow"] = made["polars"].to_arrow()
    return made


def _check(zone):
    for kind, frame in _frames(zone).items():
        table = _read(frame)
        assert table.columns.time == "when", kind
        assert table.time[0] == np.datetime64("2022-03-31T20:30"), kind
        assert table.zone is not None, kind
        if isinstance(zone, str) and zone not in {"Factory", "localtime"}:
            shown = HOURS.tz_convert(zone)
            np.testing.assert_array_equal(
                local(table.time, table.zone), shown.tz_localize(None).to_numpy(), err_msg=kind
            )
            assert offset_text(table.time[0], table.zone) == shown[0].isoformat()[-6:]
        data = {"when": table.time, "y_predicted": Y}
        back = frame_like(frame, data, time="when", zone=table.zone)
        times = (
            back["when"].to_list() if hasattr(back["when"], "to_list") else back["when"].to_pylist()
        )
        assert [time.isoformat() for time in times] == [
            time.isoformat() for time in HOURS.tz_convert(zone)
        ], kind


@pytest.mark.parametrize("zone", SOME)
def test_a_zone_is_kept_by_every_library(zone):
    _check(zone)


@pytest.mark.full
@pytest.mark.parametrize("zone", EVERY)
def test_every_zone_of_the_system_is_kept(zone):
    _check(zone)


def test_every_zone_of_the_system_is_read_from_pandas():
    """The one library whose zones narwhals does not know by all names."""
    for zone in EVERY:
        table = _read(pd.DataFrame({"when": HOURS.tz_convert(zone), "y": Y}))
        assert (table.columns.time, table.zone) == ("when", zone)
        assert table.time[0] == np.datetime64("2022-03-31T20:30")
    with pytest.raises(DataError, match="goes back"):
        _read(pd.DataFrame({"when": HOURS.tz_convert("America/New_York")[::-1], "y": Y}))


@pytest.mark.parametrize("name", OBJECTS)
def test_zone_objects_are_kept(name):
    _check(OBJECTS[name])


def test_a_zone_of_pytz_has_its_name():
    class Stub(datetime.tzinfo):  # pytz itself need not be installed
        zone = "America/New_York"

    assert zone_name(Stub()) == "America/New_York"


def test_a_dateutil_zone_has_the_name_of_its_file():
    frame = pd.DataFrame({"when": HOURS.tz_convert("dateutil/Europe/Berlin"), "y": Y})
    assert _read(frame).zone.endswith("Europe/Berlin")


def test_hours_of_local_time_are_regular_over_a_change_of_clocks():
    for start in ("2022-03-12 22:00", "2022-11-05 22:00"):
        stamps = pd.date_range(start, periods=COUNT, freq="h", tz="America/New_York")
        table = _read(pd.DataFrame({"when": stamps, "y": Y}))
        assert table.step.text == "1 hour"


@pytest.mark.parametrize(
    "bound", ["2022-04-01", datetime.date(2022, 4, 1), np.datetime64("2022-04-01")]
)
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Asia/Kathmandu"])
def test_a_part_begins_at_local_midnight(zone, bound):
    stamps = pd.date_range("2022-03-20", "2022-04-10", freq="15min", tz=zone)
    table = _read(pd.DataFrame({"when": stamps, "y": np.arange(len(stamps)) * 1.0}))
    split = split_times(table, 0.2, bound)
    first = table.time[split.part_rows(table, "test")][0]
    assert local(np.array([first]), zone)[0] == np.datetime64("2022-04-01")
    exact = split_times(table, 0.2, "2022-04-01T00:00:00+00:00")
    assert exact.validation_end == np.datetime64("2022-04-01")


@pytest.mark.parametrize(
    ("clock", "zone", "instant"),
    [
        ("2022-04-01", None, "2022-04-01"),
        ("2022-04-01", "Asia/Tokyo", "2022-03-31T15:00"),
        ("2022-04-01", "+09:00", "2022-03-31T15:00"),
        ("2022-04-01 00:00:30", "-03:30", "2022-04-01T03:30:30"),
        ("2022-10-30 02:30", "Europe/Berlin", "2022-10-30T00:30"),  # twice: the first
        ("2022-03-27 02:30", "Europe/Berlin", "2022-03-27T01:00"),  # never: the end of the gap
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00"),  # a day that begins at 01:00
    ],
)
def test_a_local_clock_is_one_instant(clock, zone, instant):
    assert from_local(np.datetime64(clock, "us"), zone) == np.datetime64(instant)


def test_messages_show_the_local_clock():
    stamps = HOURS.tz_convert("Asia/Tokyo")[[0, 1, 3]]
    with pytest.raises(DataError, match=r"row 3 \(2022-04-01 08:30\+09:00\).*remove the zone"):
        _read(pd.DataFrame({"when": stamps, "y": Y[:3]}))


def test_a_zone_and_no_zone_are_not_mixed():
    zoned = pd.DataFrame({"when": HOURS.tz_convert("Asia/Tokyo"), "y": Y})
    naive = pd.DataFrame({"when": HOURS.tz_localize(None), "y": Y})
    for fitted, new, told in (
        (zoned, naive, "has no time zone, and that of the fitted data has Asia/Tokyo"),
        (naive, zoned, "has Asia/Tokyo, and that of the fitted data has no time zone"),
    ):
        table = _read(fitted)
        with pytest.raises(DataError, match=told):
            table_from_frame(new, table.columns, like=table)
    other = pd.DataFrame({"when": HOURS, "y": Y})
    table = _read(zoned)
    assert table_from_frame(other, table.columns, like=table).zone == "UTC"


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Etc/GMT+5"])
def test_files_keep_the_zone(zone, tmp_path):
    frame = _frames(zone)["polars"]
    write_frame(frame, tmp_path / "t.parquet")
    assert read_frame(tmp_path / "t.parquet").equals(frame)
    write_frame(frame, tmp_path / "t.csv")
    first = (tmp_path / "t.csv").read_text().splitlines()[1].split(",")[0]
    assert datetime.datetime.fromisoformat(first) == HOURS[0]
    assert first[:19] == str(HOURS[0].tz_convert(zone))[:19]


def test_one_offset_in_a_csv_file_is_a_zone(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("when,y\n2022-04-01T00:00:00+09:00,1\n2022-04-01T01:00:00+09:00,2\n")
    table = _read(read_frame(path))
    assert table.zone == "+09:00"
    assert table.time[0] == np.datetime64("2022-03-31T15:00")
    back = frame_like("polars", {"when": table.time}, zone=table.zone)
    assert str(back["when"][0]) == "2022-04-01 00:00:00+09:00"


@pytest.mark.parametrize(
    ("zone", "day", "shown"),
    [
        ("+05:30", "2022-04-01", "2022-04-01 05:30:00+05:30"),
        ("-09:30", "2022-04-01", "2022-03-31 14:30:00-09:30"),
        ("-11:00", "2022-04-01", "2022-03-31 13:00:00-11:00"),
        ("+05:30", "1942-10-01", "1942-10-01 00:00:00+00:00"),  # India was 6:30 ahead
        ("-03:30", "2022-04-01", "2022-04-01 00:00:00+00:00"),  # Newfoundland changes its clocks
    ],
)
def test_a_bare_offset_becomes_a_zone_of_polars_that_has_it(zone, day, shown):
    back = frame_like("polars", {"when": np.array([day, "NaT"], "datetime64[us]")}, zone=zone)
    assert str(back["when"][0]) == shown
    assert back["when"][1] is None
