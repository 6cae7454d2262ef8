"""Parts are cut by time, alike for every series."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from gatewise.data import Split, split_times
from gatewise.errors import OptionError

PARTS = ("training", "validation", "test")


@pytest.fixture
def ten(read, days):
    return read({"ds": days(10), "y": np.arange(10.0)})


def rows(split, table) -> list[list[float]]:
    return [table.column("y")[split.part_rows(table, part)].tolist() for part in PARTS]


def test_shares_of_the_distinct_times(ten):
    assert rows(split_times(ten, 0.2, 0.3), ten) == [[0, 1, 2, 3, 4], [5, 6], [7, 8, 9]]


def test_first_times_of_the_parts(ten):
    expected = [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]
    first, second = "2020-01-05", "2020-01-08"
    for kind in (str, datetime.date.fromisoformat, np.datetime64, pd.Timestamp):
        assert rows(split_times(ten, kind(first), kind(second)), ten) == expected


def test_share_before_a_date_and_date_before_a_share(ten):
    assert rows(split_times(ten, 0.2, "2020-01-08"), ten)[1] == [5, 6]
    assert rows(split_times(ten, "2020-01-05", 0.3), ten)[1] == [4, 5, 6]


def test_a_date_between_rows_begins_with_the_next(read, days):
    table = read({"ds": days(20)[::2], "y": np.arange(10.0)})
    split = split_times(table, "2020-01-08", "2020-01-14")
    assert rows(split, table) == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_year_as_text(read, days):
    table = read({"ds": days(800), "y": np.arange(800.0)})
    split = split_times(table, "2021", "2022")
    assert split.train_end == np.datetime64("2021-01-01")
    assert split.validation_end == np.datetime64("2022-01-01")


def test_without_a_test_part(ten):
    split = split_times(ten, 0.2)
    assert split.part_rows(ten, "training").sum() == 8
    assert split.part_rows(ten, "validation").sum() == 2
    assert split.part_rows(ten, "all").all()
    with pytest.raises(OptionError, match="no test part"):
        split.part_rows(ten, "test")


def test_integer_times(read):
    table = read({"ds": np.arange(1979, 1989), "y": np.arange(10.0)})
    for first, second in ((1983, 1986), ("1983", "1986"), (np.int64(1983), 1986)):
        assert rows(split_times(table, first, second), table)[0] == [0, 1, 2, 3]


def test_every_series_is_cut_at_the_same_moment(read, days):
    stamps = np.concatenate([days(8), days(4, "2020-01-07")])
    data = {"unique_id": ["a"] * 8 + ["b"] * 4, "ds": stamps, "y": np.arange(12.0)}
    table = read(data)
    split = split_times(table, 0.2, 0.3)  # 10 distinct days
    assert rows(split, table) == [[0, 1, 2, 3, 4], [5, 6, 8], [7, 9, 10, 11]]


@pytest.mark.parametrize("shares", [(0.1, 0.1), (0.15, 0.15), (0.4, 0.5), (0.01, 0.01)])
def test_parts_are_in_order_and_cover_everything(ten, shares):
    split = split_times(ten, *shares)
    parts = np.array([split.part_rows(ten, part) for part in PARTS])
    assert (parts.sum(axis=0) == 1).all()
    assert parts.any(axis=1).all()
    train, validation, test = (ten.time[part] for part in parts)
    assert train.max() < validation.min()
    assert validation.max() < test.min()


def test_bounds_do_not_depend_on_the_rows_they_are_used_on(ten, read, days):
    split = split_times(ten, "2020-01-05", "2020-01-08")
    later = read({"ds": days(3, "2020-01-09"), "y": np.arange(3.0)})
    assert split.part_rows(later, "test").all()


@pytest.mark.parametrize(
    ("validation", "test", "told"),
    [
        ("2030-01-01", None, r"validation='2030-01-01' is not inside .*2020-01-01 to 2020-01-10"),
        ("2020-01-01", None, r"validation='2020-01-01' is not inside"),
        (0.2, "1999-01-01", r"test='1999-01-01' is not inside"),
        ("2020-01-08", "2020-01-05", r"begins at 2020-01-08, not before test='2020-01-05'"),
        ("2020-01-05", "2020-01-05", "not before test="),
        (0.5, 0.5, r"validation=0\.5 leaves no time to train on: 10 distinct times"),
        (1.5, None, r"validation=1\.5: a share is above 0 and below 1"),
        (0.0, None, r"validation=0\.0: a share"),
        (float("nan"), None, "validation=nan: a share"),
        (True, None, r"validation=True: use a share such as 0\.15, or a date such as"),
        (8, None, "validation=8: use a share"),
        ("soon", None, r"validation='soon': use a share .* 2020-01-01 to 2020-01-10"),
        ("05.01.2020", None, r"validation='05\.01\.2020': use a share"),
        ("20200105 ", None, None),
    ],
)
def test_impossible_bounds(ten, validation, test, told):
    if told is None:
        assert split_times(ten, validation, test).train_end == np.datetime64("2020-01-05")
        return
    with pytest.raises(OptionError, match=told):
        split_times(ten, validation, test)


def test_impossible_bounds_of_integer_times(read):
    table = read({"y": np.arange(10.0)})
    with pytest.raises(OptionError, match=r"validation='2020-01-01': .*integer time .*from 0 to 9"):
        split_times(table, "2020-01-01")
    with pytest.raises(OptionError, match=r"test=10 is not inside the data: .*from 0 to 9"):
        split_times(table, 0.2, 10)


def test_unknown_part(ten):
    with pytest.raises(OptionError, match="part='tests'"):
        split_times(ten, 0.2).part_rows(ten, "tests")


def test_json_round_trip(ten, read):
    ints = read({"y": np.arange(10.0)})
    for table in (ten, ints):
        for split in (split_times(table, 0.2, 0.3), split_times(table, 0.2)):
            again = Split.from_json(split.to_json())
            assert again == split
            np.testing.assert_array_equal(
                again.part_rows(table, "training"), split.part_rows(table, "training")
            )


def test_the_old_name_of_the_training_part_is_refused_by_the_new_one(ten) -> None:
    with pytest.raises(OptionError, match="part='train': use 'training', 'validation'"):
        split_times(ten, 0.2, 0.3).part_rows(ten, "train")
