"""Times in every spelling that pandas, R and people use: read as meant, or refused by name."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from gatewise.data import read_frame, resolve_columns, table_from_frame
from gatewise.errors import DataError

COUNT = 14
MONTHS = [f"{month:02d}" for month in range(1, 13)]
NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DAYS = pd.date_range("2010-01-01", periods=COUNT)


def _quarters(form: str, start: int = 1956) -> list[str]:
    return [form.format(y=start + k // 4, q=k % 4 + 1) for k in range(COUNT)]


def _months(form: str) -> list[str]:
    return [
        form.format(y=2010 + k // 12, m=MONTHS[k % 12], n=NAMES[k % 12], s=10 + k // 12)
        for k in range(COUNT)
    ]


def _days(form: str, step: str = "D") -> list[str]:
    return [day.strftime(form) for day in pd.date_range("2010-01-01", periods=COUNT, freq=step)]


SPELLINGS = {
    "1998 Q1": (_quarters("{y} Q{q}", 1998), "1998-01-01", "1 quarter"),
    "1956Q1": (_quarters("{y}Q{q}"), "1956-01-01", "1 quarter"),
    "1956-Q1": (_quarters("{y}-Q{q}"), "1956-01-01", "1 quarter"),
    "1956q1": (_quarters("{y}q{q}"), "1956-01-01", "1 quarter"),
    "Q1 1956": (_quarters("Q{q} {y}"), "1956-01-01", "1 quarter"),
    "1956 Qtr1": (_quarters("{y} Qtr{q}"), "1956-01-01", "1 quarter"),
    "2010H1": ([f"{2010 + k // 2}H{k % 2 + 1}" for k in range(COUNT)], "2010-01-01", "2 quarters"),
    "2010 Jan": (_months("{y} {n}"), "2010-01-01", "1 month"),
    "Jan 2010": (_months("{n} {y}"), "2010-01-01", "1 month"),
    "Jan-10": (_months("{n}-{s}"), "2010-01-01", "1 month"),
    "2010M01": (_months("{y}M{m}"), "2010-01-01", "1 month"),
    "2010-01": (_months("{y}-{m}"), "2010-01-01", "1 month"),
    "01/2010": (_months("{m}/{y}"), "2010-01-01", "1 month"),
    "2010-W05": ([f"2010-W{k + 5:02d}" for k in range(COUNT)], "2010-02-01", "1 week"),
    "2010 W05": ([f"2010 W{k + 5:02d}" for k in range(COUNT)], "2010-02-01", "1 week"),
    "2010-W05-1": (_days("%G-W%V-%u"), "2010-01-01", "1 day"),
    "2010-001": (_days("%Y-%j"), "2010-01-01", "1 day"),
    "1-Jan-21": (
        [f"{k + 1}-Jan-21" for k in range(COUNT)],
        "2021-01-01",
        "1 day",
    ),
    "01JAN2010": ([day.upper() for day in _days("%d%b%Y")], "2010-01-01", "1 day"),
    "Jan 1, 2021": ([f"Jan {k + 1}, 2021" for k in range(COUNT)], "2021-01-01", "1 day"),
    "January 1st, 2021": (
        [f"January {k + 1}{['st', 'nd', 'rd'][k] if k < 3 else 'th'}, 2021" for k in range(COUNT)],
        "2021-01-01",
        "1 day",
    ),
    "Fri 01 Jan 2010": (_days("%a %d %b %Y"), "2010-01-01", "1 day"),
    "Friday, 01 January 2010": (_days("%A, %d %B %Y"), "2010-01-01", "1 day"),
    "31.12.2009": (_days("%d.%m.%Y"), "2010-01-01", "1 day"),
    "01/13/2010": (_days("%m/%d/%Y"), "2010-01-01", "1 day"),
    "13/01/2010": (_days("%d/%m/%Y"), "2010-01-01", "1 day"),
    "01/02/2010, quarters": (
        [f"01/{1 + 3 * (k % 4):02d}/{2010 + k // 4}" for k in range(COUNT)],
        "2010-01-01",
        "1 quarter",
    ),
    "13/01/10": (
        [day.strftime("%d/%m/%y") for day in pd.date_range("2010-01-20", periods=COUNT)],
        "2010-01-20",
        "1 day",
    ),
    "2010/01/01": (_days("%Y/%m/%d"), "2010-01-01", "1 day"),
    "leading blank": (_days("  %Y-%m-%d"), "2010-01-01", "1 day"),
    "quoted": (_days('"%Y-%m-%d"'), "2010-01-01", "1 day"),
    "20100101": (_days("%Y%m%d"), "2010-01-01", "1 day"),
    "20100101T0100": (_days("%Y%m%dT%H%M", "h"), "2010-01-01", "1 hour"),
    "fractional seconds": (
        _days("%Y-%m-%d %H:%M:%S.%f", "250ms"),
        "2010-01-01",
        "250 milliseconds",
    ),
    "T": (_days("%Y-%m-%dT%H:%M", "15min"), "2010-01-01", "15 minutes"),
    "Z": (_days("%Y-%m-%dT%H:%M:%SZ", "h"), "2010-01-01", "1 hour"),
    "+02:00": (_days("%Y-%m-%d %H:%M:%S+02:00", "h"), "2009-12-31T22", "1 hour"),
    "-0530": (_days("%Y-%m-%d %H:%M-0530", "h"), "2010-01-01T05:30", "1 hour"),
    "AM and PM": (_days("%m/%d/%Y %I:%M %p", "6h"), "2010-01-01", "6 hours"),
    "pandas' weeks": (
        [str(week) for week in pd.period_range("2010-01-04", periods=COUNT, freq="W")],
        "2010-01-04",
        "1 week",
    ),
    "1956, text": ([str(1956 + k) for k in range(COUNT)], "1956-01-01", "1 year"),
}
NUMBERS = {
    "20100101": (np.array([int(day) for day in _days("%Y%m%d")]), "2010-01-01", "1 day"),
    "201001": (
        np.array([100 * (2010 + k // 12) + k % 12 + 1 for k in range(COUNT)]),
        "2010-01-01",
        "1 month",
    ),
    "seconds": (DAYS.astype("datetime64[s]").astype(np.int64), "2010-01-01", "1 day"),
    "milliseconds": (DAYS.astype("datetime64[ms]").astype(np.int64), "2010-01-01", "1 day"),
    "microseconds": (DAYS.astype("datetime64[us]").astype(np.int64), "2010-01-01", "1 day"),
    "nanoseconds": (DAYS.astype("datetime64[ns]").astype(np.int64), "2010-01-01", "1 day"),
    "1956.25": (1956 + np.arange(COUNT) / 4, "1956-01-01", "1 quarter"),
    "1956.083": (np.round(1956 + np.arange(COUNT) / 12, 3), "1956-01-01", "1 month"),
    "1956.08": (np.round(1956 + np.arange(COUNT) / 12, 2), "1956-01-01", "1 month"),
}
ALL = {**SPELLINGS, **{f"number {name}": case for name, case in NUMBERS.items()}}
Y = np.arange(COUNT) * 1.5


def _table(frame):
    return table_from_frame(frame, resolve_columns(frame))


def _of_library(kind, values, folder):
    """Return the column, under a name that says nothing, in a frame or a file of one kind."""
    if kind == "pandas":
        return pd.DataFrame({"when": list(values), "y": Y})
    if kind == "pandas, index":
        return pd.DataFrame({"y": Y}, index=pd.Index(list(values)))
    frame = pl.DataFrame({"when": list(values), "y": Y})
    if kind in {"polars", "pyarrow"}:
        return frame if kind == "polars" else frame.to_arrow()
    path = folder / f"table.{kind}"
    frame.write_csv(path) if kind == "csv" else frame.write_parquet(path)
    return read_frame(path)


@pytest.mark.parametrize("kind", ["pandas", "pandas, index", "polars", "pyarrow", "csv", "parquet"])
@pytest.mark.parametrize("name", ALL)
def test_every_spelling_is_read_as_meant(name, kind, tmp_path):
    values, first, step = ALL[name]
    if name == "1956, text" and kind == "csv":
        pytest.skip("a CSV file of years holds integers")
    table = _table(_of_library(kind, values, tmp_path))
    assert table.columns.time is not None
    assert table.time[0] == np.datetime64(first)
    assert table.step.text == step


@pytest.mark.parametrize("order", ["reversed", "shuffled", "with a hole", "repeated"])
@pytest.mark.parametrize("name", ALL)
def test_no_spelling_is_replaced_by_a_row_count(name, order):
    """Rows that are out of order, missing or doubled show that the times are looked at."""
    values = ALL[name][0]
    rows = {
        "reversed": np.arange(COUNT)[::-1],
        "shuffled": np.random.default_rng(0).permutation(COUNT),
        "with a hole": np.delete(np.arange(COUNT), 5),
        "repeated": np.append(np.arange(COUNT), np.arange(COUNT)),
    }[order]
    frame = pl.DataFrame({"when": [values[row] for row in rows], "y": Y[rows]})
    with pytest.raises(DataError, match=r"'when' (goes back|is irregular|repeats|.*it may be)"):
        _table(frame)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("name", ALL)
def test_a_gap_in_the_times_is_refused_by_row(name, library):
    values = [*list(ALL[name][0])[:3], None, *list(ALL[name][0])[4:]]
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library]({"when": values, "y": Y})
    with pytest.raises(DataError, match=r"'when' (is the time and has|holds values of type float)"):
        _table(frame)


def test_years_stay_integers_and_are_the_time():
    table = _table(pl.DataFrame({"jahr": range(1956, 1970), "y": Y}))
    assert (table.columns.time, table.time[0], table.time.dtype) == ("jahr", 1956, np.int64)
    with pytest.raises(DataError, match=r"'jahr' goes back from 1969"):
        _table(pl.DataFrame({"jahr": range(1969, 1955, -1), "y": Y}))


def test_a_population_beside_years_is_no_time():
    grown = 150_000_000 + 1_234_567 * np.arange(COUNT) ** 2
    frame = pl.DataFrame({"year": range(1956, 1970), "people": grown, "y": Y})
    assert resolve_columns(frame).time == "year"


def test_day_and_month_are_decided_by_the_whole_column_or_refused():
    ambiguous = ["01/02/2010", "01/03/2010", "01/04/2010"]
    with pytest.raises(
        DataError, match=r"row 1 is '01/02/2010'.*it may be 2010-02-01 or 2010-01-02"
    ):
        _table(pl.DataFrame({"when": ambiguous, "y": [1.0, 2.0, 3.0]}))
    fitted = _table(pl.DataFrame({"when": _days("%d/%m/%Y"), "y": Y}))
    new = pl.DataFrame({"when": ambiguous, "y": [1.0, 2.0, 3.0]})
    later = table_from_frame(new, fitted.columns, like=fitted)
    assert later.step.text == "1 month"


@pytest.mark.parametrize("first", [0, 7, 19])
def test_a_column_is_read_whole_and_the_row_that_does_not_fit_is_named(first):
    values = [f"2010 Q{k % 4 + 1}" for k in range(20)]
    values[first] = "2010 Q5"
    frame = pl.DataFrame({"when": values, "y": np.ones(20)})
    with pytest.raises(DataError, match=rf"row {first + 1} is '2010 Q5'.*time=\"none\""):
        table_from_frame(frame, resolve_columns(frame, time="when"))


def test_none_says_that_rows_are_the_steps():
    frame = pl.DataFrame({"ds": DAYS.to_list()[::-1], "y": Y})
    columns = resolve_columns(frame, time="none")
    assert columns.time is None
    assert table_from_frame(frame, columns).time.tolist() == list(range(COUNT))
    named = pl.DataFrame({"none": range(COUNT), "y": Y})
    assert resolve_columns(named, time="none").time == "none"


def test_a_time_in_two_columns_is_refused():
    frame = pl.DataFrame({"Year": [2010] * COUNT, "Month": range(COUNT), "y": Y})
    with pytest.raises(DataError, match=r"spread over the columns 'Year', 'Month': join them"):
        resolve_columns(frame)
    assert resolve_columns(frame, time="none").time is None


@pytest.mark.parametrize("rows", [COUNT, 3 * COUNT])
def test_years_beside_months_are_not_taken_for_the_time(rows):
    frame = pl.DataFrame(
        {
            "year": np.arange(rows) // 12 + 2010,
            "month": np.arange(rows) % 12 + 1,
            "y": np.ones(rows),
        }
    )
    with pytest.raises(DataError, match=r"spread over the columns 'year', 'month': join them"):
        resolve_columns(frame)


@pytest.mark.parametrize("clock", [["00:00", "12:00"], [datetime.time(0), datetime.time(12)]])
def test_a_day_beside_its_time_of_day_is_refused_with_the_fix(clock):
    frame = pl.DataFrame({"date": DAYS.repeat(2)[:COUNT].to_numpy(), "at": clock * 7, "y": Y})
    with pytest.raises(DataError, match=r"'date' repeats.*if 'at' holds the time of day, join"):
        _table(frame)


def test_durations_and_times_of_day_are_refused_by_name():
    for values in (
        pl.Series([datetime.timedelta(hours=k) for k in range(COUNT)]),
        pl.Series([datetime.time(k) for k in range(COUNT)]),
        pl.Series([f"{k:02d}:30" for k in range(COUNT)]),
    ):
        with pytest.raises(DataError, match=r"column 'since' .*time=\"none\""):
            _table(pl.DataFrame({"since": values, "y": Y}))


def test_a_column_called_time_is_never_passed_over():
    frame = pl.DataFrame({"time": np.arange(COUNT) * 0.1, "y": Y})
    with pytest.raises(DataError, match=r"'time' holds values of type float64"):
        _table(frame)
    with pytest.raises(DataError, match=r"'timestamp' is the time, and row 1 is 'monday'"):
        _table(pl.DataFrame({"timestamp": ["monday"] * COUNT, "y": Y}))


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(1013, 8, COUNT),  # a pressure
        np.random.default_rng(0).integers(10**8, 2 * 10**9, COUNT),  # a volume of trade
        np.random.default_rng(0).integers(1700, 2100, COUNT),  # a height
        np.full(COUNT, 20100101),
        np.arange(COUNT),
        ["A1", "B2"] * 7,
        ["1/2", "3/4"] * 7,
    ],
)
def test_what_is_measured_is_no_time(values):
    assert resolve_columns(pl.DataFrame({"x": values, "y": Y})).time is None


def _panel_index(names, *levels):
    return pd.MultiIndex.from_product(levels, names=names)


INDEXES = {
    "rows": (pd.RangeIndex(4), None, "1 step"),
    "a slice of rows": (pd.RangeIndex(40, 44), None, "1 step"),
    "rows as a list": (pd.Index([5, 6, 7, 8]), None, "1 step"),
    "names": (pd.Index(["a", "b", "c", "d"]), None, "1 step"),
    "datetimes": (pd.date_range("2010", periods=4), "ds", "1 day"),
    "datetimes, zone": (pd.date_range("2010", periods=4, tz="America/New_York"), "ds", "1 day"),
    "datetimes, named": (pd.date_range("2010", periods=4, name="when"), "when", "1 day"),
    "months": (pd.period_range("2010-01", periods=4, freq="M"), "ds", "1 month"),
    "quarters": (pd.period_range("2010Q1", periods=4, freq="Q"), "ds", "1 quarter"),
    "date objects": (pd.Index(list(pd.date_range("2010", periods=4).date)), "ds", "1 day"),
    "ISO text": (pd.Index(["2010-01", "2010-02", "2010-03", "2010-04"]), "ds", "1 month"),
    "ISO categories": (
        pd.CategoricalIndex(["2010-01", "2010-02", "2010-03", "2010-04"]),
        "ds",
        "1 month",
    ),
    "text, named": (pd.Index(["1956Q1", "1956Q2", "1956Q3", "1956Q4"], name="q"), "q", "1 quarter"),
    "years": (pd.Index([1956, 1957, 1958, 1959]), "index", "1 step"),
    "integers, named": (pd.Index([1, 3, 5, 7], name="hour"), "hour", "2 units"),
    "decimal years": (pd.Index([1956.0, 1956.25, 1956.5, 1956.75]), "index", "1 quarter"),
    "seconds": (pd.Index(np.arange(4) * 3600 + 1_600_000_000), "index", "1 hour"),
}


@pytest.mark.parametrize("name", INDEXES)
def test_every_index_is_the_time_or_counts_rows(name):
    index, time, step = INDEXES[name]
    table = _table(pd.DataFrame({"y": [1.0, 2.0, 3.0, 4.0]}, index=index))
    assert (table.columns.time, table.step.text) == (time, step)


REFUSED = {
    "timedeltas": (pd.timedelta_range("0h", periods=4, freq="h"), r"'ds'.*timedelta.*moment"),
    "intervals": (pd.interval_range(0, 4), r"'index'.*interval"),
    "a hole": (pd.Index([0, 1, 5, 6]), r"'index' is irregular: row 3 \(5\).*row 2 \(1\)"),
    "a hole, named": (pd.Index([0, 1, 5, 6], name="day"), r"'day' is irregular: row 3"),
    "reversed": (pd.Index([3, 2, 1, 0]), r"'index' goes back from 3"),
    "reversed days": (pd.date_range("2010", periods=4)[::-1], r"'ds' goes back from 2010-01-04"),
    "repeated": (pd.Index([0, 1, 0, 1]), r"'index' goes back.*series"),
    "shuffled text": (pd.Index(["2010-02", "2010-01", "2010-04", "2010-03"]), r"'ds' goes back"),
    "numbers": (pd.Index([0.1, 0.2, 0.3, 0.4]), r"'index' holds values of type float64"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_index_that_may_be_time_is_refused_by_name(name):
    index, told = REFUSED[name]
    frame = pd.DataFrame({"y": [1.0, 2.0, 3.0, 4.0]}, index=index)
    with pytest.raises(DataError, match=told):
        _table(frame)
    columns = resolve_columns(frame, time="none")
    assert table_from_frame(frame, columns).time.tolist() == [0, 1, 2, 3]


STAMPS = pd.date_range("2010", periods=2)


@pytest.mark.parametrize(
    ("index", "series", "time"),
    [
        (_panel_index(["station", "day"], ["a", "b"], STAMPS), "station", "day"),
        (_panel_index([None, None], ["a", "b"], STAMPS), "unique_id", "ds"),
        (_panel_index(["land", "year"], ["a", "b"], [2001, 2002]), "land", "year"),
        (_panel_index(["nr", "year"], [13, 17], [2001, 2002]), "nr", "year"),
        (_panel_index(["land", "round"], ["a", "b"], [1, 2]), "land", "round"),
        (_panel_index(["unique_id", "ds"], ["a", "b"], ["1956Q1", "1956Q2"]), "unique_id", "ds"),
        (
            _panel_index(["id", "q"], [1, 2], pd.period_range("2010Q1", periods=2, freq="Q")),
            "id",
            "q",
        ),
    ],
)
def test_a_multiindex_is_a_panel(index, series, time):
    table = _table(pd.DataFrame({"y": [1.0, 2.0, 3.0, 4.0]}, index=index))
    assert (table.columns.series, table.columns.time) == (series, time)
    assert len(table.series) == 2
    assert table.starts.tolist() == [0, 2, 4]


@pytest.mark.parametrize(
    ("index", "told"),
    [
        (
            _panel_index(["a", "b", "t"], ["x"], ["u", "v"], STAMPS),
            "levels 'a', 'b', 't', and only",
        ),
        (_panel_index([None, None, None], ["x"], ["u", "v"], STAMPS), "3 levels, not all with a"),
        (_panel_index(["a", "b"], ["x", "z"], ["u", "v"]), "'a', 'b'.*time="),
    ],
)
def test_a_multiindex_that_leaves_the_series_open_is_refused(index, told):
    with pytest.raises(DataError, match=told):
        _table(pd.DataFrame({"y": [1.0, 2.0, 3.0, 4.0]}, index=index))


def test_a_series_in_the_index_stays_a_series(days):
    frame = pd.DataFrame(
        {"unique_id": ["a", "a", "b", "b"], "ds": np.tile(days(2), 2), "y": [1.0, 2.0, 3.0, 4.0]}
    )
    assert _table(frame.set_index("unique_id")).series == ("a", "b")
    unnamed = frame.rename(columns={"unique_id": "station"})
    for table in (unnamed, unnamed.set_index("station")):
        with pytest.raises(DataError, match=r"goes back.*apart: series='station'"):
            _table(table)


def test_nanoseconds_are_not_cut_off():
    stamps = np.datetime64("2010-01-01", "ns") + np.arange(3) * np.timedelta64(1500, "ns")
    with pytest.raises(DataError, match=r"'ds' is the time and has nanoseconds, first in row 2"):
        _table(pd.DataFrame({"ds": stamps, "y": [1.0, 2.0, 3.0]}))
