"""Tables grow past their end, remember their tail and join what follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatewise.data import Table
from gatewise.errors import DataError

NAN = float("nan")


@pytest.fixture
def panel(read, days) -> Table:
    """Return 3 rows of "a" from 2020-01-01 and 2 rows of "b" from 2020-01-05, with a static."""
    stamps = np.concatenate([days(3), days(2, "2020-01-05")])
    data = {"unique_id": list("aaabb"), "ds": stamps, "y": [1.0, 2, 3, 4, 5], "s": [7, 7, 7, 8, 8]}
    return read(data, static="s")


def test_columns_are_views_by_name(panel):
    assert np.shares_memory(panel.column("s"), panel.values)
    assert panel.column("y").tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(DataError, match=r"no column 'Y' .*Did you mean 'y'"):
        panel.column("Y")


def test_extended_continues_each_series(panel, days):
    longer = panel.extended(2)
    assert len(longer) == 9
    assert longer.starts.tolist() == [0, 5, 9]
    np.testing.assert_array_equal(longer.column("y"), [1, 2, 3, NAN, NAN, 4, 5, NAN, NAN])
    assert longer.column("s").tolist() == [7, 7, 7, 7, 7, 8, 8, 8, 8]
    np.testing.assert_array_equal(longer.time[:5], days(5))
    np.testing.assert_array_equal(longer.time[5:], days(4, "2020-01-05"))
    assert panel.extended(0) is panel


def test_extended_by_calendar_months(read):
    table = read({"ds": ["2019-11-30", "2019-12-31", "2020-01-31"], "y": [1.0, 2, 3]})
    stamps = [str(time)[:10] for time in table.extended(3).time[3:]]
    assert stamps == ["2020-02-29", "2020-03-31", "2020-04-30"]


def test_extended_where_rows_count_has_no_later_dates(read, days):
    table = read({"ds": days(5)[[0, 1, 4]], "y": [1.0, 2, 3]}, frequency="rows")
    assert np.isnat(table.extended(2).time).tolist() == [False] * 3 + [True] * 2


def test_extended_leaves_the_original_alone(panel):
    values, time = panel.values.copy(), panel.time.copy()
    panel.extended(3).values[:] = 0
    np.testing.assert_array_equal(panel.values, values)
    np.testing.assert_array_equal(panel.time, time)


def test_tail_takes_the_last_rows_of_each_series(panel):
    tail = panel.tail(2)
    assert tail.column("y").tolist() == [2, 3, 4, 5]
    assert tail.starts.tolist() == [0, 2, 4]
    assert panel.tail(99).starts.tolist() == panel.starts.tolist()
    assert len(panel.tail(0)) == 0
    assert panel.tail(np.array([1, 2])).column("y").tolist() == [3, 4, 5]


def cut(table: Table, rows: int) -> tuple[Table, Table]:
    """Cut every series of `table` in its last `rows` rows and those before."""
    keep = np.arange(len(table)) < np.repeat(table.starts[1:] - rows, np.diff(table.starts))
    lengths = np.diff(table.starts) - rows
    head = Table(
        table.columns,
        table.values[keep],
        table.time[keep],
        table.series,
        np.concatenate([[0], np.cumsum(lengths)]),
        table.step,
    )
    return head, table.tail(rows)


def test_what_was_cut_joins_again(panel):
    head, tail = cut(panel, 1)
    joined = head.before(tail)
    np.testing.assert_array_equal(joined.values, panel.values)
    np.testing.assert_array_equal(joined.time, panel.time)
    assert joined.starts.tolist() == panel.starts.tolist()
    assert joined.step == panel.step  # single rows have no step of their own


def test_rows_of_some_series_join_in_their_own_order(panel, read):
    data = {"unique_id": ["b", "a"], "ds": ["2020-01-07", "2020-01-04"], "y": [6.0, 7.0]}
    both = panel.before(read({**data, "s": [8, 7]}, static="s"))
    assert both.series == ("b", "a")
    assert both.column("y").tolist() == [4, 5, 6, 1, 2, 3, 7]
    only = {name: values[:1] for name, values in data.items()}
    one = panel.before(read({**only, "s": [8]}, static="s"))
    assert one.series == ("b",)
    assert one.column("y").tolist() == [4, 5, 6]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a", "2020-01-05"),  # a day is missing between
        ("a", "2020-01-03"),  # overlaps
        ("c", "2020-01-04"),  # not known
    ],
)
def test_what_does_not_follow_does_not_join(panel, read, days, name, start):
    data = {"unique_id": [name] * 2, "ds": days(2, start), "y": [1.0, 2.0], "s": [7, 7]}
    new = read(data, static="s")
    assert panel.before(new) is new


def test_a_series_that_follows_joins_beside_one_that_does_not(panel, read):
    data = {"unique_id": ["a", "b"], "ds": ["2020-01-04", "2020-02-01"], "y": [6.0, 7.0]}
    joined = panel.before(read({**data, "s": [7, 8]}, static="s"))
    assert joined.column("y").tolist() == [1, 2, 3, 6, 7]
    assert joined.starts.tolist() == [0, 4, 5]


def test_the_last_known_row_is_that_of_the_targets(panel):
    values = panel.values.copy()
    values[[2, 3, 4], 0] = NAN
    table = replace(panel, values=values)
    assert table.last_known().tolist() == [1, -1]  # a series without any


def test_another_step_or_other_columns_do_not_join(panel, read, days):
    stamps = days(3, "2020-01-04")[::2]
    data = {"unique_id": ["a"] * 2, "ds": stamps, "y": [1.0] * 2}
    new = read({**data, "s": [7] * 2}, static="s")
    assert panel.before(new) is new
    new = read(data)
    assert panel.before(new) is new
    ints = {**data, "ds": [4, 5], "s": [7, 7]}
    new = read(ints, static="s")
    assert panel.before(new) is new


def test_where_rows_count_any_later_time_follows(read, days):
    options = {"frequency": "rows"}
    first = read({"ds": days(9)[[0, 1, 4]], "y": [1.0, 2, 3]}, **options)
    later = first.before(read({"ds": days(9)[[6, 8]], "y": [4.0, 5]}, **options))
    assert later.column("y").tolist() == [1, 2, 3, 4, 5]
    new = read({"ds": days(9)[[4, 8]], "y": [4.0, 5]}, **options)
    assert first.before(new) is new


def test_arrays_round_trip(panel, read):
    for table in (panel, read({"y": [1.0, NAN]}, missing="mask")):
        again = Table.from_arrays(table.arrays())
        assert (again.columns, again.series, again.step) == (
            table.columns,
            table.series,
            table.step,
        )
        assert again.time.dtype == table.time.dtype
        for name in ("values", "time", "starts"):
            np.testing.assert_array_equal(getattr(again, name), getattr(table, name))
        assert all(array.dtype != object for array in table.arrays().values())
