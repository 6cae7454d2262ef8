"""Columns of every type that the two libraries have: read as numbers, or refused by row and value."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from gatewise.errors import DataError

NUMBERS = [1.0, 0.0, 2.0]
NAN = float("nan")


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 0, 2]),
        pd.Series([1, 0, 2], dtype="uint8"),
        pd.Series([1, 0, 2], dtype="float16"),
        pd.Series([1, 0, 2], dtype="Int64"),
        pd.Series([1, 0, 2], dtype="Float32"),
        pd.Series([1, 0, 2], dtype="int64[pyarrow]"),
        pd.Series([1, 0, 2], dtype="double[pyarrow]"),
        pd.Series([Decimal(1), Decimal(0), Decimal(2)]),
        pd.Series([1, 0.0, np.float32(2)], dtype=object),
        pl.Series([1, 0, 2]),
        pl.Series([1, 0, 2], dtype=pl.UInt8),
        pl.Series([1, 0, 2], dtype=pl.Float32),
        pl.Series([Decimal(1), Decimal(0), Decimal(2)]),
    ],
    ids=lambda column: f"{type(column).__module__.split('.')[0]}-{column.dtype}",
)
def test_numbers_of_every_type(column, read):
    library = pd if isinstance(column, pd.Series) else pl
    table = read(library.DataFrame({"y": column}))
    assert table.values.dtype == np.float64
    assert table.column("y").tolist() == NUMBERS


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([True, None, False], dtype="boolean"),
        pd.Series([True, None, False], dtype=object),
        pd.Series([1, None, 0], dtype="Int64"),
        pd.Series([1, pd.NA, 0], dtype=object),
        pd.Series([1, None, 0], dtype="int64[pyarrow]"),
        pd.Series([1.0, NAN, 0.0]),
        pl.Series([True, None, False]),
        pl.Series([1, None, 0]),
        pl.Series([1.0, NAN, 0.0]),
    ],
    ids=lambda column: f"{type(column).__module__.split('.')[0]}-{column.dtype}",
)
def test_missing_values_of_every_type(column, read):
    library = pd if isinstance(column, pd.Series) else pl
    frame = library.DataFrame({"y": column})
    np.testing.assert_array_equal(read(frame, missing="mask").column("y"), [1.0, NAN, 0.0])
    with pytest.raises(DataError, match=r"column 'y' has 1 missing value, the first in row 2 "):
        read(frame)


def test_a_column_of_nulls_only_is_missing_throughout(build, read):
    frame = build({"y": [1.0, 2.0], "a": [None, None]})
    assert np.isnan(read(frame, inputs="a", missing="mask").column("a")).all()
    with pytest.raises(DataError, match=r"column 'a' has 2 missing values, the first in row 1 "):
        read(frame, inputs="a")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["1", "2", "1,234"], r"text, not numbers: row 3 is '1,234'.*plain numbers"),
        (["1.5", "n/a", "x"], r"text, not numbers: row 2 is 'n/a'"),
        (["1", "2", "3"], r"text, not numbers: row 1 is '1'"),
        ([None, "1.234,5", None], r"row 2 is '1\.234,5'.*such as 1234\.5"),
        (["line\none", "2", "3"], r"row 1 is 'line\\none'"),
    ],
)
def test_text_is_refused_by_row_and_value(build, read, values, told):
    with pytest.raises(DataError, match=r"column 'y' .*" + told):
        read(build({"y": values}))


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (pd.DataFrame({"y": pd.Categorical(["low", "high"])}), "text.*row 1 is 'low'"),
        (pl.DataFrame({"y": pl.Series(["b", "a"], dtype=pl.Categorical)}), "text.*row 1 is 'b'"),
        (pl.DataFrame({"y": [datetime.timedelta(1)]}), "duration.*row 1 is 1 day"),
        (pd.DataFrame({"y": [1j, 2]}), "complex128.*row 1 is 1j"),
        (pd.DataFrame({"y": pd.Series([1, 2.5, "a"], dtype=object)}), "text.*row 3 is 'a'"),
        (pl.DataFrame({"y": [[1], [2]]}), r"list\(int64\).*row 1 is \[1\]"),
        (pl.DataFrame({"y": [b"a"]}), "binary"),
    ],
)
def test_other_types_are_refused_by_row_and_value(read, frame, told):
    with pytest.raises(DataError, match=r"column 'y' holds .*" + told):
        read(frame)


def test_dates_are_no_numbers(build, read, days):
    with pytest.raises(DataError, match=r"column 'when' holds .*row 1 is 2020-01-01"):
        read(build({"ds": [1, 2], "y": [1.0, 2.0], "when": days(2)}), inputs="when")


@pytest.mark.parametrize(
    "stamps",
    [
        ["2020-01-30", "2020-01-31", "2020-02-01"],
        ["2020-01-30 00:00", "2020-01-31 00:00", "2020-02-01 00:00"],
        ["2020-01-30T00:00:00", "2020-01-31T00:00:00", "2020-02-01T00:00:00"],
        ["2020-01-30", "2020-01-31 00:00", "2020-02-01T00:00:00.000"],
        ["2020-01-30T01:00:00+01:00", "2020-01-31T00:00:00Z", "2020-01-31T19:00:00-05:00"],
        [datetime.date(2020, 1, 30), datetime.date(2020, 1, 31), datetime.date(2020, 2, 1)],
        [datetime.datetime(2020, 1, 30 + n) for n in (0, 1)] + [datetime.datetime(2020, 2, 1)],
        np.array(["2020-01-30", "2020-01-31", "2020-02-01"], "datetime64[ms]"),
    ],
)
def test_times_of_every_type(build, read, days, stamps):
    table = read(build({"ds": stamps, "y": NUMBERS}))
    assert table.time.dtype == np.dtype("datetime64[us]")
    np.testing.assert_array_equal(table.time, days(3, "2020-01-30"))


def test_months_as_text(build, read):
    table = read(build({"ds": ["2020-01", "2020-02", "2020-03"], "y": NUMBERS}))
    assert table.step.text == "1 month"


def test_integer_times_stay_integers(build, read):
    table = read(build({"ds": [1979, 1981, 1983], "y": NUMBERS}))
    assert table.time.dtype == np.int64
    assert (table.step.size, table.step.clock) == (2, False)


def test_periods_of_a_pandas_index_are_taken_at_their_start(read):
    frame = pd.DataFrame({"y": NUMBERS}, index=pd.period_range("2020-01", periods=3, freq="M"))
    table = read(frame)
    assert table.time[1] == np.datetime64("2020-02-01")
    assert table.step.text == "1 month"


@pytest.mark.parametrize(
    ("stamps", "told"),
    [
        (["01.02.2020", "02.02.2020"], r"row 1 is '01\.02\.2020'.*ISO"),
        (["2020-02-28", "2020-02-30"], r"row 2 is '2020-02-30'"),
        (["2020-01-01T00:00+01:00", "2020-01-01T01:00"], r"mixes times.*first in row 2"),
        (["2020-01-01T00:00+99:00", "2020-01-01T01:00+99:00"], r"row 1 is '2020-01-01T00:00\+99"),
        (["2020-01-01T00:00+01:00", "2020-02-30T01:00+01:00"], r"row 2 is '2020-02-30T01:00\+01"),
        (["2020-01-01", None], r"1 empty values, the first in row 2"),
        ([1.5, 2.0], r"float64.*whole numbers to integers"),
        ([True, False], r"bool"),
    ],
)
def test_other_times_are_refused(build, read, stamps, told):
    with pytest.raises(DataError, match=r"column 'ds' .*" + told):
        read(build({"ds": stamps, "y": [1.0, 2.0]}))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a", None], r"'unique_id' is empty in row 2"),
        ([1.0, 2.0], r"'unique_id' holds .*float64"),
    ],
)
def test_series_names_must_be_names(build, read, names, told):
    with pytest.raises(DataError, match=told):
        read(build({"unique_id": names, "ds": [1, 1], "y": [1.0, 2.0]}))


def test_a_name_and_a_number_that_read_alike_are_refused(read):
    names = pd.Series(["1", 1], dtype=object)
    with pytest.raises(DataError, match=r"'unique_id' has '1' both as text and as a number"):
        read(pd.DataFrame({"unique_id": names, "ds": [1, 1], "y": [1.0, 2.0]}))
