from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from gatewise.data import Columns, resolve_columns
from gatewise.data.tables.frames import table_from_frame
from gatewise.errors import DataError

DAY = datetime.date(2020, 1, 1)


def test_roles_become_tuples_in_order(build):
    frame = build({"ds": [DAY], "y": [1.0], "a": [1.0], "b": [1.0], "c": [1.0], "d": [1.0]})
    columns = resolve_columns(frame, inputs=["b", "a"], future="c", static=("d",))
    assert columns == Columns(("y",), ("b", "a"), ("c",), ("d",), "ds", None)
    assert columns.values == ("y", "b", "a", "c", "d")


def test_defaults_follow_the_long_format(build):
    frame = build({"unique_id": ["a"], "ds": [DAY], "y": [1.0]})
    columns = resolve_columns(frame)
    assert (columns.target, columns.time, columns.series) == (("y",), "ds", "unique_id")


def test_the_only_date_column_is_the_time(build):
    frame = build({"when": np.array(["2020-01-01"], "datetime64[us]"), "y": [1.0]})
    assert resolve_columns(frame).time == "when"


def test_text_dates_are_found_as_time(build):
    frame = build({"name": ["x"], "date": ["2020-01-01"], "y": [1.0]})
    assert resolve_columns(frame).time == "date"


def test_python_dates_in_pandas_are_found_as_time():
    frame = pd.DataFrame({"day": [DAY], "y": [1.0]})
    assert frame["day"].dtype == object
    assert resolve_columns(frame).time == "day"


def test_without_a_date_the_rows_count(build):
    assert resolve_columns(build({"y": [1.0], "a": [1]})).time is None


def test_a_time_index_of_pandas_becomes_the_time():
    index = pd.date_range("2020-01-01", periods=2)
    assert resolve_columns(pd.DataFrame({"y": [1.0, 2.0]}, index=index)).time == "ds"
    named = pd.DataFrame({"y": [1.0, 2.0]}, index=index.rename("when"))
    assert resolve_columns(named).time == "when"
    assert resolve_columns(named, time="when").time == "when"


def test_a_column_wins_over_an_index_of_its_name():
    index = pd.date_range("2020-01-01", periods=2)
    frame = pd.DataFrame({"y": [1.0, 2.0], "ds": [7, 8]}, index=index)
    assert resolve_columns(frame).time == "ds"


def test_several_dates_need_a_choice(build):
    stamps = np.array(["2020-01-01"], "datetime64[us]")
    frame = build({"start": stamps, "stop": stamps, "y": [1.0]})
    with pytest.raises(DataError, match=r"'start', 'stop'.*time="):
        resolve_columns(frame)
    assert resolve_columns(frame, time="stop").time == "stop"


def test_unknown_column_names_the_nearest(build):
    frame = build({"ds": [DAY], "y": [1.0], "rain": [1.0], "tmax": [1.0]})
    with pytest.raises(DataError, match=r"no column 'Rian' \(inputs\)\. Did you mean 'rain'\?"):
        resolve_columns(frame, inputs=["Rian"])
    with pytest.raises(DataError, match=r"'day' \(time\)\. The table has: ds, y, rain, tmax$"):
        resolve_columns(frame, time="day")
    with pytest.raises(DataError, match=r"'y' \(target\); target=\.\.\. names another\. .*: ds$"):
        resolve_columns(build({"ds": [DAY]}))
    with pytest.raises(DataError, match=r"'station' \(series\)"):
        resolve_columns(frame, series="station")


def test_missing_default_target_says_how_to_name_one(build):
    frame = build({"ds": [DAY], "flow": [1.0]})
    with pytest.raises(DataError, match=r"no column 'y' \(target\).*target=\.\.\."):
        resolve_columns(frame)


def test_target_may_be_absent_where_it_is_not_needed(build):
    frame = build({"ds": [DAY], "a": [1.0]})
    columns = resolve_columns(frame, target="flow", inputs="a", need_target=False)
    assert columns.target == ("flow",)


@pytest.mark.parametrize(
    ("roles", "told"),
    [
        ({"inputs": ["y"]}, "'y' is both target and inputs"),
        ({"inputs": ["a"], "future": ["a"]}, "'a' is both inputs and future"),
        ({"inputs": ["a", "a"]}, "'a' is listed twice under inputs"),
        ({"inputs": ["ds"], "time": "ds"}, "'ds' is both inputs and time"),
        ({"inputs": ["a"], "series": "a"}, "'a' is both inputs and series"),
        ({"target": []}, "target is empty"),
        ({"target": 0}, "target must be names of columns, as text: 0 is none"),
        ({"inputs": ["a", 3]}, "inputs must be names of columns, as text: 3 is none"),
    ],
)
def test_impossible_roles_are_refused(build, roles, told):
    frame = build({"ds": [DAY], "y": [1.0], "a": [1.0]})
    with pytest.raises(DataError, match=told):
        resolve_columns(frame, **roles)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"y": [1.0]}, "a dict, not a table"),
        (np.zeros((2, 2)), "a ndarray, not a table"),
        (None, "a NoneType, not a table"),
        (pl.LazyFrame({"y": [1.0]}), r"LazyFrame.*\.collect\(\)"),
        (pd.DataFrame([[1, 2]], columns=["y", "y"]), "two columns of one name.*'y'"),
    ],
)
def test_only_tables_in_memory_are_taken(data, told):
    with pytest.raises(DataError, match=told):
        resolve_columns(data)


def test_columns_that_are_called_by_numbers_are_called_by_their_text(days):
    frame = pd.DataFrame({0: days(3), 1: [1.0, 2.0, 3.0], ("a", 2): [1.0, 2.0, 3.0]})
    columns = resolve_columns(frame, target="1", inputs="('a', 2)")
    assert columns.time == "0"
    assert table_from_frame(frame, columns).column("1").tolist() == [1.0, 2.0, 3.0]


def test_json_round_trip():
    columns = Columns(("y",), ("a", "b"), (), ("s",), None, "unique_id")
    assert Columns.from_json(columns.to_json()) == columns


@pytest.mark.parametrize(
    "stamps",
    [
        ["1.2.12", "2.2.12"],  # two days of February, or two months
        ["Fri Jan  1 00:00:00 2010", "Sat Jan  2 00:00:00 2010"],
        ["10-Jan", "11-Jan"],
        ["2010D001", "2010D002"],
        ["14:30", "14:45"],
        ["mai 2010", "jan 2010"],
        ["2010-13", "2010-14"],
        ["1-Jan-45", "2-Jan-45"],
        ["Thu 01 Jan 2010", "Fri 02 Jan 2010"],
    ],
)
def test_dates_in_another_form_are_not_silently_counted_as_rows(stamps):
    frame = pl.DataFrame({"when": stamps, "y": [1.0, 2.0]})
    columns = resolve_columns(frame)
    assert columns.time == "when"
    with pytest.raises(DataError, match=r"'when'"):
        table_from_frame(frame, columns)


def test_other_text_and_numbers_are_no_time():
    frame = pl.DataFrame({"code": ["1-A", "x"], "ratio": ["1/2", "3/4"], "y": [1.0, 2.0]})
    assert resolve_columns(frame).time is None
