"""Columns of categories: which are, how labels are read and numbered, what training did not have."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from gatewise.data import (
    Columns,
    Table,
    make_windows,
    read_frame,
    resolve_columns,
    table_from_frame,
)
from gatewise.data.tables.categories import MOST_LABELS, Category, Vocabulary
from gatewise.data.tables.repairs import Repairs
from gatewise.errors import DataError


def data(days, count: int = 6, **columns):
    return {"ds": days(count), "y": np.arange(float(count)), **columns}


def shown(table: Table, place: int = 0) -> list[str | None]:
    """Return the labels of one column, row by row."""
    names = (*table.labels.names[place], None)
    return [names[code] for code in table.labels.codes[:, place]]


def test_text_is_a_category_by_itself(build, read, days) -> None:
    sky = ["dry", "wet", "dry", "snow", "wet", "dry"]
    table = read(build(data(days, sky=sky, x=np.arange(6.0))), inputs=["sky", "x"])
    assert table.columns.categories == (Category("sky", "inputs"),)
    assert table.columns.inputs == ("x",)
    assert table.columns.named("inputs") == ("x", "sky")
    assert shown(table) == sky
    assert table.labels.names == (("dry", "snow", "wet"),)
    assert Columns.from_json(table.columns.to_json()) == table.columns


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "2", "x"],  # a number with a slip
        ["1,234", "2,345", "n/a"],
        ["2020-01-01", "2020-01-02", "2020-01-03"],
    ],
)
def test_text_that_may_be_numbers_or_times_is_refused_as_before(build, read, days, cells) -> None:
    with pytest.raises(DataError, match=r"column 'x' holds text, not numbers"):
        read(build(data(days, 3, x=cells)), inputs="x", time="ds")


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        ([3, 1, 3], ["3", "1", "3"]),
        ([3.0, 1.5, 3.0], ["3", "1.5", "3"]),
        ([True, False, True], ["true", "false", "true"]),
        (["01", "1", "x"], ["01", "1", "x"]),
    ],
)
def test_whatever_is_declared_is_a_category(build, read, days, cells, labels) -> None:
    frame = build(data(days, 3, x=cells))
    columns = resolve_columns(frame, future="x", categories="x")
    assert columns.categories == (Category("x", "future"),)

    assert shown(table_from_frame(frame, columns)) == labels


def test_declared_columns_play_a_part_and_hold_labels(build, days) -> None:
    frame = build(data(days, 3, x=[1, 2, 3], when=days(3)))
    with pytest.raises(DataError, match="category 'x' is none of the inputs, future or static"):
        resolve_columns(frame, categories="x", time="ds")
    columns = resolve_columns(frame, inputs="when", categories="when", time="ds")

    with pytest.raises(DataError, match=r"'when' is a category, and row 1 is .*: give text"):
        table_from_frame(frame, columns)


def test_too_many_labels_are_refused_with_the_bound(read, days) -> None:
    count = MOST_LABELS + 1
    cells = [f"id-{number}" for number in range(count)]
    with pytest.raises(DataError, match=r"'x' has 1,001 different labels.* at most 1,000"):
        read(data(days, count, x=cells), inputs="x")


def test_missing_labels_are_refused_or_unknown(read, days) -> None:
    cells = ["a", None, "b", "a", "b", None]
    with pytest.raises(DataError, match=r"'x' has 2 missing values, the first in row 2"):
        read(data(days, x=cells), inputs="x")
    table = read(data(days, x=cells), inputs="x", missing="mask")
    assert shown(table) == cells
    filled = read(data(days, x=cells), inputs="x", repairs=Repairs(fill="linear"))
    assert shown(filled) == ["a", "a", "b", "a", "b", "b"]
    assert filled.notes == ("values filled in (linear, gaps of up to 10 steps): 2 of x",)


def test_a_static_category_is_one_per_series(build, read, days) -> None:
    frame = {"unique_id": ["n", "n", "s", "s"], "ds": np.tile(days(2), 2), "y": [1.0, 2, 3, 4]}
    table = read(build({**frame, "soil": ["clay", "clay", "sand", "sand"]}), static="soil")
    assert shown(table.extended(1)) == ["clay"] * 3 + ["sand"] * 3
    with pytest.raises(
        DataError, match=r"static column 'soil' changes .*: 'clay', then 'sand' in row 2"
    ):
        read(build({**frame, "soil": ["clay", "sand", "sand", "sand"]}), static="soil")


def test_labels_follow_their_rows(read, days) -> None:
    table = read(data(days, sky=list("abcabc")), inputs="sky")
    assert shown(table.tail(2)) == ["b", "c"]
    assert shown(table.until(table.time[2])) == ["a", "b", "c"]
    assert shown(table.extended(2)) == [*"abcabc", None, None]
    back = Table.from_arrays(table.arrays())
    assert shown(back) == list("abcabc")
    assert back.columns == table.columns
    sparse = {"ds": days(6)[[0, 1, 4, 5]], "y": np.arange(4.0), "sky": list("abca")}
    filled = read(sparse, inputs="sky", repairs=Repairs(fill="forward"))
    assert shown(filled) == list("abbbca")


def test_new_rows_are_numbered_as_the_fit_was(read, days) -> None:
    old = read(data(days, sky=list("bcabca")), inputs="sky")
    later = {"ds": days(3, "2020-01-07"), "y": np.arange(3.0), "sky": ["a", "aa", "c"]}
    new = read(later, inputs="sky", like=old)
    assert new.labels.names[0] == ("a", "b", "c", "aa")
    joined = old.before(new)
    assert shown(joined) == [*"bcabca", "a", "aa", "c"]
    other = read(later, inputs="sky")  # read without the fit: its numbers mean something else
    assert shown(old.before(other)) == ["a", "aa", "c"]


def test_a_vocabulary_is_that_of_training(read, days) -> None:
    table = read(data(days, sky=["a", "c", "a", "b", "b", None]), inputs="sky", missing="mask")
    rows = np.arange(6) < 3
    known = Vocabulary.fit(table.columns.categories, table.labels, rows)
    assert known.labels == (("a", "c"),)
    assert known.codes(table.labels)[:, 0].tolist() == [1, 2, 1, 0, 0, 0]
    assert known.unseen(table.labels, rows, "refuse") is None
    told = known.unseen(table.labels, ~rows, "unknown")
    assert told is not None
    assert told.startswith(
        "categories that training did not have: 'b' of 'sky' in 2 rows; they are"
    )
    with pytest.raises(DataError, match=r"'b' of 'sky' in 2 rows: .*unseen='unknown'"):
        known.unseen(table.labels, ~rows, "refuse")
    assert Vocabulary.from_json(known.categories, known.to_json()) == known
    with pytest.raises(DataError, match=r"'sky' is constant in the training part \(always 'a'\)"):
        Vocabulary.fit(table.columns.categories, table.labels, np.arange(6) < 1)


@pytest.mark.parametrize("role", ["inputs", "future"])
def test_windows_end_in_codes_that_hide_what_is_not_known(read, days, role) -> None:
    table = read(data(days, sky=list("abcabc")), **{role: "sky"})
    rows = np.ones(6, dtype=bool)
    known = Vocabulary.fit(table.columns.categories, table.labels, rows)
    windows = make_windows(table, table.values, rows, lookback=2, horizon=1, vocabulary=known)
    assert windows.names == ("y", "ahead", "sky")
    assert windows.sizes == (3,)
    x, _ = windows.gather(np.array([0]))
    assert x[:, 0, 2].tolist() == [1, 2, 3 if role == "future" else 0]
    assert not windows.measured[:, 1:].any()


def test_a_file_brings_categories_too(tmp_path) -> None:
    frame = pl.DataFrame({"ds": ["2020-01-01", "2020-01-02"], "y": [1, 2], "kind": ["ä", "b c"]})
    frame.write_csv(tmp_path / "t.csv")

    read = read_frame(tmp_path / "t.csv")
    table = table_from_frame(read, resolve_columns(read, inputs="kind"))
    assert shown(table) == ["ä", "b c"]
