"""Rows out of order, repeated or missing, and gaps: refused with the fix, or repaired and counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatewise.data import make_windows, resolve_columns, table_from_frame
from gatewise.data.tables.repairs import Repairs
from gatewise.errors import DataError

NAN = float("nan")


def test_rows_are_sorted_within_their_series_and_counted(build, read, days) -> None:
    frame = build(
        {
            "unique_id": ["b", "a", "b", "a"] * 2,
            "ds": days(4)[[2, 0, 1, 3, 0, 1, 3, 2]],
            "y": [12.0, 0.0, 11.0, 3.0, 10.0, 1.0, 13.0, 2.0],
        }
    )
    with pytest.raises(DataError, match=r"goes back .*sort=True"):
        read(frame)
    table = read(frame, repairs=Repairs(sort=True))
    assert table.series == ("b", "a")  # in the order of appearance
    assert table.column("y").tolist() == [10, 11, 12, 13, 0, 1, 2, 3]
    assert table.notes == ("sorted: 3 rows came after a later time",)


@pytest.mark.parametrize(("keep", "kept"), [("first", [1, 2, 4]), ("last", [1, 3, 4])])
def test_of_rows_with_one_time_one_is_kept(build, read, days, keep, kept) -> None:
    frame = build({"ds": days(3)[[0, 1, 1, 2]], "y": [1.0, 2.0, 3.0, 4.0]})
    with pytest.raises(DataError, match=r"repeats 2020-01-02 .*drop_duplicates='first' or 'last'"):
        read(frame)
    table = read(frame, repairs=Repairs(drop_duplicates=keep))
    assert table.column("y").tolist() == kept
    assert table.notes == (f"repeated times: 1 row left out, the {keep} of each kept",)


def test_duplicates_far_apart_are_found_by_sorting(read, days) -> None:
    data = {"ds": days(3)[[0, 1, 2, 1]], "y": [1.0, 2.0, 4.0, 3.0]}
    with pytest.raises(DataError, match="goes back"):
        read(data, repairs=Repairs(drop_duplicates="last"))
    table = read(data, repairs=Repairs(sort=True, drop_duplicates="last"))
    assert table.column("y").tolist() == [1, 3, 4]


@pytest.mark.parametrize("option", ["sort", "drop_duplicates"])
def test_counted_rows_have_no_order(read, option) -> None:
    repairs = Repairs(**{option: True if option == "sort" else "first"})
    with pytest.raises(DataError, match=f"{option}=.* needs a time column"):
        read({"y": [1.0, 2.0]}, repairs=repairs)


@pytest.mark.parametrize(
    ("fill", "wanted"),
    [
        ("forward", [1, 1, 1, 4, 5, 6, 6, 6, 6, 6]),
        ("linear", [1, 2, 3, 4, 5, 6, NAN, NAN, NAN, NAN]),
        ("zero", [1, 0, 0, 4, 5, 6, 0, 0, 0, 0]),
        ("season", [1, NAN, NAN, 4, 5, 6, 4, 5, 6, 4]),
    ],
)
def test_each_way_to_fill(read, days, fill, wanted) -> None:
    x = np.array([1, NAN, NAN, 4, 5, 6, NAN, NAN, NAN, NAN])
    data = {"ds": days(10), "y": np.arange(10.0), "x": x}
    repairs = Repairs(fill=fill, fill_limit=4, season=3)
    table = read(data, inputs="x", missing="mask", repairs=repairs)
    np.testing.assert_array_equal(table.column("x"), wanted)
    assert table.column("y").tolist() == list(range(10))
    count = int(np.isfinite(wanted).sum()) - 4
    assert table.notes == (f"values filled in ({fill}, gaps of up to 4 steps): {count} of x",)


def test_gaps_beyond_the_limit_stay_and_are_refused_by_name(read, days) -> None:
    data = {"ds": days(6), "y": np.arange(6.0), "x": np.array([1, NAN, 3, NAN, NAN, 6])}
    repairs = Repairs(fill="forward", fill_limit=1)
    with pytest.raises(DataError, match=r"'x' has 2 missing values, .*row 4 .*fill_limit=1"):
        read(data, inputs="x", repairs=repairs)
    table = read(data, inputs="x", missing="mask", repairs=repairs)
    np.testing.assert_array_equal(table.column("x"), [1, 1, 3, NAN, NAN, 6])


def test_a_gap_is_not_filled_from_another_series(read, days) -> None:
    data = {
        "unique_id": ["a"] * 3 + ["b"] * 3,
        "ds": np.tile(days(3), 2),
        "y": np.arange(6.0),
        "x": np.array([1, 2, NAN, NAN, 5, 6]),
    }
    for fill in ("forward", "linear"):
        table = read(data, inputs="x", missing="mask", repairs=Repairs(fill=fill))
        assert np.isnan(table.column("x")[3])
        assert np.isnan(table.column("x")[2]) == (fill == "linear")


@pytest.mark.parametrize("step", ["D", "M"])
def test_missing_rows_are_added_on_the_grid(build, step) -> None:
    time = (np.datetime64("2020-01", step) + np.array([0, 1, 4, 5])).astype("datetime64[us]")
    ids, area = ["a"] * 4, [7.0] * 4
    frame = build(
        {"unique_id": ids, "ds": time, "y": [1.0, 2, 5, 6], "x": [1.0, 2, 5, 6], "area": area}
    )
    columns = resolve_columns(frame, inputs="x", static="area")
    with pytest.raises(DataError, match=r'irregular.*fill="forward"'):
        table_from_frame(frame, columns)
    table = table_from_frame(frame, columns, repairs=Repairs(fill="linear"))
    assert table.time.tolist() == table.step.after(table.time[:1], np.arange(6)).tolist()
    assert table.column("x").tolist() == [1, 2, 3, 4, 5, 6]
    assert table.column("area").tolist() == [7] * 6
    assert table.notes[0] == "2 missing rows added"


def test_rows_off_the_grid_are_still_refused(read, days) -> None:
    time = days(5)
    time[3] += np.timedelta64(1, "h")
    with pytest.raises(DataError, match="irregular"):
        read({"ds": time, "y": np.arange(5.0)}, repairs=Repairs(fill="forward"))


def test_a_slip_in_one_date_adds_no_millions_of_rows(read, days) -> None:
    time = np.append(days(5), np.datetime64("2920-01-01", "us"))
    with pytest.raises(DataError, match=r"leaves out 328,\d+ rows.*longest gap follows 2020-01-05"):
        read({"ds": time, "y": np.arange(6.0)}, repairs=Repairs(fill="forward"))


def test_a_row_that_was_added_has_no_number(read, days) -> None:
    data = {"ds": days(9)[[0, 1, 7, 8]], "y": np.arange(4.0), "x": np.arange(4.0)}
    with pytest.raises(DataError, match=r"'x' has 5 .* at 2020-01-03 \(a row that was added\)"):
        read(data, inputs="x", need_target=False, repairs=Repairs(fill="forward", fill_limit=2))


def windows_of(table, horizon=1):
    return make_windows(
        table, table.values, np.ones(len(table), dtype=bool), lookback=2, horizon=horizon
    )


def test_a_filled_target_is_history_and_never_the_truth(read, days) -> None:
    y = np.array([0, 1, 2, NAN, NAN, 5, 6, 7])
    table = read({"ds": days(8), "y": y}, repairs=Repairs(fill="forward"))
    assert table.column("y").tolist() == [0, 1, 2, 2, 2, 5, 6, 7]
    assert "no filled target is trained on or scored" in table.notes[0]
    windows = windows_of(table)
    assert (windows.origins + 1).tolist() == [2, 5, 6, 7]  # what is predicted was measured
    x, y = windows.gather(np.arange(4))
    assert x[0, 1, 0] == 2  # and yet the gap is there to look back on
    assert np.isfinite(y).all()
    longer = windows_of(table, horizon=2)
    assert (longer.origins + 1).tolist() == [5, 6]


def test_the_end_of_a_target_is_never_filled(read, days) -> None:
    y = [0.0, 1, 2, 3, NAN, NAN]
    for fill in ("forward", "zero", "season"):
        repairs = Repairs(fill=fill, season=1)
        table = read({"ds": days(6), "y": y}, need_target=False, repairs=repairs)
        assert np.isnan(table.column("y")[4:]).all(), fill


@pytest.mark.parametrize("column", ["y", "x"])
def test_no_scored_window_ends_where_a_line_knows_what_comes(read, days, column) -> None:
    data = {"ds": days(8), "y": np.arange(8.0), "x": np.arange(8.0)}
    data[column] = data[column].copy()
    data[column][3:5] = NAN
    linear = read(data, inputs="x", repairs=Repairs(fill="linear"))
    assert not {3, 4} & set(windows_of(linear).origins.tolist())
    forward = read(data, inputs="x", repairs=Repairs(fill="forward"))
    assert 4 in windows_of(forward).origins


def test_a_later_value_changes_nothing_that_is_seen_before_it(read, days) -> None:
    data = {"ds": days(40), "y": np.arange(40.0), "x": np.sin(np.arange(40.0))}
    gaps = np.random.default_rng(0).random(40) < 0.3
    gaps[[0, -1]] = False
    for name in ("y", "x"):
        data[name][gaps] = NAN
    for fill in ("forward", "linear", "zero", "season"):
        repairs = Repairs(fill=fill, season=4)
        for cut in range(20, 39):
            later = {name: values.copy() for name, values in data.items()}
            later["y"][cut + 1 :] *= 9
            later["x"][cut + 1 :] *= 9
            one, other = (
                read(d, inputs="x", missing="mask", repairs=repairs) for d in (data, later)
            )
            picked = [make(table, cut) for make, table in ((seen, one), (seen, other))]
            np.testing.assert_array_equal(*picked, err_msg=f"{fill}, {cut}")


def seen(table, now):
    """Return what a window that ends at row `now` is given; nothing where none ends there."""
    windows = make_windows(
        *(table, table.values, np.ones(len(table), dtype=bool)),
        lookback=3,
        horizon=1,
        missing="mask",
    )
    at = np.flatnonzero(windows.origins == now)
    return windows.gather(at)[0][:3]


def test_what_was_filled_follows_the_rows(read, days) -> None:
    y = np.array([0, 1, NAN, 3, 4, NAN, 6])
    table = read({"ds": days(7), "y": y}, repairs=Repairs(fill="forward"))
    assert table.filled is not None
    assert table.filled.targets[:, 0].tolist() == np.isnan(y).tolist()
    assert table.extended(2).filled.targets[:, 0].tolist() == [*np.isnan(y), False, False]
    assert table.tail(3).filled.targets[:, 0].tolist() == [False, True, False]
    assert table.until(table.time[3]).filled.targets[:, 0].tolist() == [False, False, True, False]
    stored = replace(table.until(table.time[3]), filled=None)
    rest = table.tail(3)
    assert stored.before(rest).filled.targets[:, 0].tolist() == [False] * 5 + [True, False]


def test_without_a_season_none_fills(read) -> None:
    y = np.random.default_rng(0).normal(size=60)
    with pytest.raises(DataError, match=r"none is found here: say season="):
        read({"y": np.where(np.arange(60) == 30, NAN, y)}, repairs=Repairs(fill="season"))
