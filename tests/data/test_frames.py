"""From a frame to a table: the order of rows, and every refusal with its facts."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from gatewise.data import Columns, frame_like, table_from_frame
from gatewise.data.tables.steps import DAY, Step
from gatewise.errors import DataError, OptionError

NAN = float("nan")
Y = [1.0, 2.0, 3.0, 4.0]


def test_interleaved_series_are_put_together(build, read):
    frame = build(
        {"unique_id": ["b", "a", "b", "a"], "ds": [1, 5, 2, 6], "y": Y, "a": [9, 8, 7, 6]}
    )
    table = read(frame, inputs="a")
    assert table.series == ("b", "a")
    assert table.starts.tolist() == [0, 2, 4]
    assert table.time.tolist() == [1, 2, 5, 6]
    assert table.values.tolist() == [[1, 9], [3, 7], [2, 8], [4, 6]]
    assert table.series_index().tolist() == [0, 0, 1, 1]


def test_integer_and_categorical_series_names(build, read):
    names = [7, 3, 7, 3]
    assert read(build({"unique_id": names, "ds": [1, 1, 2, 2], "y": Y})).series == ("7", "3")
    frame = pd.DataFrame({"unique_id": pd.Categorical(list("baba")), "ds": [1, 1, 2, 2], "y": Y})
    assert read(frame).series == ("b", "a")


def test_without_time_each_series_counts_from_0(build, read):
    table = read(build({"unique_id": ["b", "a", "b", "a"], "y": Y}))
    assert table.time.tolist() == [0, 1, 0, 1]
    assert table.step == Step("fixed", 1, clock=False)


def test_aware_times_are_instants_across_a_change_of_clocks(read):
    stamps = pd.date_range("2020-03-29", periods=4, freq="h", tz="Europe/Berlin")
    for frame in (
        pd.DataFrame({"ds": stamps, "y": Y}),
        pl.DataFrame({"ds": stamps.to_list(), "y": Y}),
    ):
        table = read(frame)
        assert table.step.text == "1 hour"
        assert table.time[0] == np.datetime64("2020-03-28T23:00")
    with pytest.raises(DataError, match=r"row 3 \(2020-03-29 03:00\).*row 2 \(2020-03-29 01:00\)"):
        read(pd.DataFrame({"ds": stamps.tz_localize(None), "y": Y}))


def test_local_days_of_unequal_length_name_the_fix(read):
    stamps = pd.date_range("2020-03-27", periods=4, tz="Europe/Berlin")
    with pytest.raises(DataError, match=r"'ds' is irregular: row 4.*row 3.*remove the zone"):
        read(pd.DataFrame({"ds": stamps, "y": Y}))
    assert read(pd.DataFrame({"ds": stamps.tz_localize(None), "y": Y})).step.text == "1 day"


@pytest.mark.parametrize(
    ("stamps", "told"),
    [
        (
            ["2020-01-01", "2020-01-02", "2020-01-02"],
            r"repeats 2020-01-02 in rows 2 and 3 .*series",
        ),
        (["2020-01-01", "2020-01-03", "2020-01-02"], r"from 2020-01-03 in row 2 to 2020-01-02 in "),
        (
            ["2020-01-01", "2020-01-02", "2020-01-04"],
            r"row 3 \(2020-01-04\) does not follow row 2 \(2020-01-02\) by 1 day.*\"rows\"",
        ),
        ([1, 2, 4], r"row 3 \(4\) does not follow row 2 \(2\) by 1 step"),
    ],
)
def test_unsorted_duplicate_and_irregular_times(build, read, stamps, told):
    with pytest.raises(DataError, match=r"time column 'ds' .*" + told):
        read(build({"ds": stamps, "y": Y[:3]}))


def test_order_is_checked_inside_each_series_and_named(build, read):
    frame = build({"unique_id": ["a", "b", "a", "b"], "ds": [1, 5, 2, 4], "y": Y})
    with pytest.raises(DataError, match=r"from 5 in row 2 to 4 in row 4 of series 'b'"):
        read(frame)
    frame = build({"unique_id": ["a", "b", "a", "b"], "ds": [1, 5, 2, 5], "y": Y})
    with pytest.raises(DataError, match=r"repeats 5 in rows 2 and 4 of series 'b'"):
        read(frame, frequency="rows")


def test_rows_as_steps_take_irregular_times(build, read):
    table = read(build({"ds": [1, 2, 4, 9], "y": Y}), frequency="rows")
    assert table.step.kind == "rows"


def test_a_known_step_is_held_to(build, read, days):
    daily = Step("fixed", DAY)
    frame = build({"ds": days(3)[::2], "y": Y[:2]})
    with pytest.raises(DataError, match=r"rows of time column 'ds' are 2 days apart.*1 day is"):
        read(frame, step=daily)
    with pytest.raises(DataError, match=r"row 3 \(2020-01-04\).*by 1 day"):
        read(build({"ds": days(4)[[0, 1, 3]], "y": Y[:3]}), step=daily)
    assert read(build({"ds": days(1), "y": Y[:1]}), step=daily).step == daily
    for ints_or_dates, step in (
        (np.array([1, 2]), daily),
        (days(2), Step("fixed", 1, clock=False)),
    ):
        with pytest.raises(DataError, match=r"'ds' holds (integers|dates), where (dates|integers)"):
            read(build({"ds": ints_or_dates, "y": Y[:2]}), step=step)


def test_missing_values_are_counted_from_the_first(build, read, days):
    frame = build({"ds": days(4), "y": Y, "rain": [0.5, NAN, 1.0, NAN], "wind": [1.0, 2, 3, 4]})
    with pytest.raises(
        DataError,
        match=r"column 'rain' has 2 missing values, the first in row 2 \(2020-01-02; .*\"mask\"",
    ):
        read(frame, inputs=["wind", "rain"])
    masked = read(frame, inputs=["wind", "rain"], missing="mask")
    assert np.isnan(masked.column("rain")).tolist() == [False, True, False, True]


def test_a_missing_value_names_row_of_the_frame_and_series(build, read):
    frame = build(
        {"unique_id": ["b", "a", "b", "a"], "ds": [1, 1, 2, 2], "y": [1.0, NAN, NAN, 2.0]}
    )
    with pytest.raises(DataError, match=r"2 missing values, the first in row 2 of series 'a'"):
        read(frame)


def test_rows_whose_target_is_still_to_come_are_told_as_such(build, read):
    ids, steps = ["a", "a", "a", "b", "b", "b"], [1, 2, 3, 1, 2, 3]
    ahead = {"unique_id": ids, "ds": steps, "y": [1.0, 2.0, NAN, 3.0, 4.0, NAN]}
    with pytest.raises(DataError, match="leave out the rows at the end, whose target is still to"):
        read(build(ahead))
    ahead["y"][3] = NAN  # a gap besides
    with pytest.raises(DataError, match=r"fill them \(fill="):
        read(build(ahead))


@pytest.mark.parametrize("missing", ["refuse", "mask"])
def test_infinity_is_always_refused(build, read, missing):
    frame = build({"y": [1.0, float("-inf"), float("inf")]})
    with pytest.raises(DataError, match=r"column 'y' has 2 infinite values, the first in row 2"):
        read(frame, missing=missing)


def test_unused_columns_are_not_looked_at(build, read):
    read(build({"y": Y, "note": ["a", "b", "c", "d"], "gaps": [NAN] * 4}))


def test_target_may_be_absent_or_have_gaps_where_it_is_not_needed(build, read):
    absent = read(build({"a": Y}), inputs="a", need_target=False)
    assert np.isnan(absent.column("y")).all()
    gaps = read(build({"a": Y, "y": [NAN, 1, NAN, 2]}), inputs="a", need_target=False)
    assert np.isnan(gaps.column("y")).tolist() == [True, False, True, False]
    with pytest.raises(DataError, match=r"column 'y' holds text"):
        read(build({"a": Y, "y": list("abcd")}), inputs="a", need_target=False)


def test_absent_columns_are_listed_together(build):
    columns = Columns(("y",), ("rain", "tmax"), (), (), "ds", None)
    frame = build({"ds": [1, 2], "y": [1.0, 2.0], "rains": [1.0, 2.0]})
    with pytest.raises(
        DataError,
        match=r"lacks columns 'rain', 'tmax'\. Did you mean 'rains'\? It has: ds, y, rains",
    ):
        table_from_frame(frame, columns)
    with pytest.raises(DataError, match=r"lacks columns 'ds', 'y'"):
        table_from_frame(frame.rename(columns={"ds": "t", "y": "x"}), columns) if isinstance(
            frame, pd.DataFrame
        ) else table_from_frame(frame.rename({"ds": "t", "y": "x"}), columns)


def test_trailing_rows_may_lack_what_is_not_known_ahead(build, read):
    data = {"y": [1.0, 2, NAN, NAN], "a": [1.0, 2, NAN, NAN], "plan": [0.0, 1, 0, 1]}
    table = read(build(data), inputs="a", future="plan", allow_trailing_gap=2)
    assert np.isnan(table.column("y")).tolist() == [False, False, True, True]
    with pytest.raises(DataError, match=r"'y' has 1 missing value, the first in row 3"):
        read(build(data), inputs="a", future="plan", allow_trailing_gap=1)
    data["plan"][3] = NAN
    with pytest.raises(DataError, match=r"'plan' has 1 missing value, the first in row 4"):
        read(build(data), inputs="a", future="plan", allow_trailing_gap=2)


def test_static_columns_hold_one_value_per_series(build, read):
    data = {"unique_id": list("abab"), "ds": [1, 1, 2, 2], "y": Y, "area": [1.5, 7, 1.5, 7]}
    assert read(build(data), static="area").column("area").tolist() == [1.5, 1.5, 7, 7]
    data["area"][3] = 8
    with pytest.raises(
        DataError, match=r"static column 'area' changes .*: 7, then 8 in row 4 of series 'b'"
    ):
        read(build(data), static="area")


def test_an_empty_table_is_refused(build, read):
    with pytest.raises(DataError, match="no rows"):
        read(build({"ds": [], "y": []}))


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"missing": "masks"}, "missing='masks': use 'refuse' or 'mask'. Did you mean 'mask'"),
        ({"frequency": "1D"}, "frequency='1D': use 'infer' or 'rows'"),
    ],
)
def test_option_values(read, option, told):
    with pytest.raises(OptionError, match=told):
        read({"y": Y}, **option)


def test_a_table_passes_through_the_checks(read):
    table = read({"y": [1.0, NAN]}, missing="mask")
    assert table_from_frame(table, table.columns, missing="mask") is table
    with pytest.raises(DataError, match=r"'y' has 1 missing value, the first in row 2"):
        table_from_frame(table, table.columns)
    other = Columns(("z",), (), (), (), None, None)
    with pytest.raises(DataError, match="'z'"):
        table_from_frame(table, other)
    with pytest.raises(DataError, match=r"1 step apart, where 1 day is expected"):
        table_from_frame(table, table.columns, missing="mask", step=Step("fixed", DAY))


def test_messages_are_one_line(build, read):
    with pytest.raises(DataError) as caught:
        read(build({"y": ["two\nlines", "x"]}))
    assert "\n" not in str(caught.value)


def test_results_come_in_the_callers_kind_of_frame(build, days):
    data = {"ds": days(2), "rain": np.array([1.0, NAN]), "name": np.array(["a", "bb"])}
    native = frame_like(build({"x": [1]}), data)
    assert type(native) is type(build({"x": [1]}))
    assert list(native.columns) == ["ds", "rain", "name"]
    assert native["name"].to_list() == ["a", "bb"]
    assert isinstance(frame_like("pandas", data), pd.DataFrame)


def test_tables_give_polars_frames(read):
    assert isinstance(frame_like(read({"y": Y}), {"y": np.ones(2)}), pl.DataFrame)


def test_unknown_later_dates_become_null(build):
    stamps = np.array(["2020-01-01", "NaT"], "datetime64[us]")
    native = frame_like(build({"x": [1]}), {"ds": stamps})
    assert native["ds"][0] == datetime.datetime(2020, 1, 1)
    null = (
        native["ds"].isna().sum() if isinstance(native, pd.DataFrame) else native["ds"].null_count()
    )
    assert null == 1


def test_dates_stay_dates_and_zones_stay_zones(days):
    result = {"ds": days(1, "2020-07-01"), "y": np.ones(1)}
    dates = pl.DataFrame({"ds": [datetime.date(2020, 1, 1)]})
    assert frame_like(dates, result, time="ds")["ds"].to_list() == [datetime.date(2020, 7, 1)]
    stamps = pd.date_range("2020-01-01", periods=1, tz="Europe/Berlin")
    for zoned in (pd.DataFrame({"ds": stamps}), pl.DataFrame({"ds": stamps.to_list()})):
        assert str(frame_like(zoned, result, time="ds")["ds"][0]).startswith("2020-07-01 02:00:00")
