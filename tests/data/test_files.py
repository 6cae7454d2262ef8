"""Files are read whole or refused in one line; they are written whole or not at all."""

from __future__ import annotations

import datetime
import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gatewise.data import read_frame, write_frame
from gatewise.errors import FileError, GatewiseWarning


def refusal(path: Path | str) -> str:
    """Return the message with which a file is refused, and check that it is one line."""
    with pytest.raises(FileError) as caught:
        read_frame(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def csv(tmp_path):
    """Return a function that writes a CSV file and returns its path."""

    def write(content: str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_types_of_columns(csv):
    content = (
        "ds,day,n,x,ok,text\n"
        "2020-01-31 18:00,2020-01-31,1,1,true,a\n"
        "2020-01-31T19:30:15.5,,2,2.5,false,b\n"
    )
    frame = read_frame(csv(content))
    assert frame["ds"].to_list() == [
        datetime.datetime(2020, 1, 31, 18),
        datetime.datetime(2020, 1, 31, 19, 30, 15, 500_000),
    ]
    assert frame["day"].to_list() == [datetime.date(2020, 1, 31), None]
    assert frame["n"].to_list() == [1, 2]
    assert frame["x"].to_list() == [1.0, 2.5]
    assert frame["ok"].to_list() == [True, False]
    assert frame["text"].to_list() == ["a", "b"]


def test_times_with_an_offset_become_utc(csv):
    frame = read_frame(csv("ds\n2020-01-31T18:00:00+02:00\n2020-01-31 17:00:00Z\n"))
    assert frame["ds"].dtype == pl.Datetime("us", "UTC")
    assert [time.hour for time in frame["ds"]] == [16, 17]


@pytest.mark.parametrize(
    "cell", ["01/02/2020", "01.02.2020", "2020-02-30", "2020-13-01", "20200101", "2020-1-1"]
)
def test_doubtful_dates_stay_text(csv, cell):
    frame = read_frame(csv(f"ds,y\n{cell},1\n{cell},2\n"))
    assert frame["ds"].cast(pl.String).to_list() == [cell, cell]


def test_numbers_written_for_people_stay_text(csv):
    frame = read_frame(csv('y,x\n"1,234",1\n"2,345",2\n'))
    assert frame["y"].to_list() == ["1,234", "2,345"]


@pytest.mark.parametrize("cell", ["", "NA", "N/A", "NaN", "nan", "null", "NULL"])
def test_cells_that_mean_no_value(csv, cell):
    frame = read_frame(csv(f"ds,y\n1,1.5\n2,{cell}\n"))
    assert frame["y"].dtype == pl.Float64
    assert frame["y"].to_list() == [1.5, None]


def test_a_late_fraction_makes_the_whole_column_float(csv):
    body = "\n".join(["1"] * 20_000) + "\n2.5\n"
    assert read_frame(csv("y\n" + body))["y"][-1] == 2.5


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2\n3,4\n",
        "a,b\n1,2\n3,4",
        "a,b\r\n1,2\r\n3,4\r\n",
        "a,b\n1,2\n3,4\n\n\n",
        b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
        '"a","b"\n"1",2\n3,"4"\n',
    ],
)
def test_forms_of_csv(csv, content):
    frame = read_frame(csv(content))
    assert frame.columns == ["a", "b"]
    assert frame.cast(pl.Int64).rows() == [(1, 2), (3, 4)]


def test_a_gap_in_the_only_column_is_a_gap(csv):
    assert read_frame(csv("y\n1\n\n3\n"))["y"].to_list() == [1, None, 3]


def test_quoted_cells_may_hold_separators_and_line_ends(csv):
    frame = read_frame(csv('name,y\n"a, b",1\n"two\nlines",2\n'))
    assert frame["name"].to_list() == ["a, b", "two\nlines"]


def test_compressed_and_tab_separated(csv):
    assert read_frame(csv("a\tb\n1\t2\n", "t.tsv")).rows() == [(1, 2)]
    assert read_frame(csv(gzip.compress(b"a,b\n1,2\n"), "t.csv.gz")).rows() == [(1, 2)]
    assert read_frame(csv(gzip.compress(b"a\tb\n1\t2\n"), "T.TSV.GZ")).rows() == [(1, 2)]


def test_missing_files_name_the_nearest(csv, tmp_path):
    csv("a\n1\n", "river.csv")
    (tmp_path / "rivers").mkdir()  # the folder of a run, which is no table
    message = refusal(tmp_path / "rivers.csv")
    assert "no file" in message
    assert message.endswith("Did you mean 'river.csv'?")
    assert "no file" in refusal(tmp_path / "nowhere" / "river.csv")


def test_folders_are_no_tables(tmp_path):
    (tmp_path / "data.csv").mkdir()
    assert "is a folder" in refusal(tmp_path / "data.csv")
    assert "is a folder" in refusal(tmp_path)


def test_other_endings_are_refused(csv):
    message = refusal(csv("a\n1\n", "table.xlsx"))
    assert "table.xlsx" in message
    assert ".csv, .csv.gz, .tsv, .tsv.gz, .parquet" in message


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
@pytest.mark.parametrize("content", ["", "\n\n \n"])
def test_empty_files(csv, name, content):
    assert refusal(csv(content, name)).endswith(f"{name}' is empty")


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "a,b\n\n\n"])
def test_a_header_alone(csv, content):
    assert "a header and no rows" in refusal(csv(content))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a,b\n1,2\n3\n5,6\n", 3),
        ("a,b\n1,2,3\n", 2),
        ('a,b\n"x\ny",2\n3\n', 4),
        ("a,b\n\n1,2\n", 2),
    ],
)
def test_ragged_rows_name_the_line(csv, content, line):
    message = refusal(csv(content))
    assert f"is ragged: line {line} has" in message
    assert "the header 2: " in message


def test_a_quote_left_open_is_told(csv):
    message = refusal(csv('a,b\n"1,2\n' + "3,4\n" * 50_000))
    assert "is a quote left open?" in message
    assert "is ragged: line 3 has 1 cells" in refusal(csv('a,b\n"1,2\n3,4\n'))


def test_other_encodings_name_the_line(csv):
    message = refusal(csv("ort,y\nKöln,1\nGießen,2\n".encode("latin-1")))
    assert "not UTF-8 text (line 2)" in message
    assert "UTF-8" in refusal(csv("a,b\n1,2\n".encode("utf-32")))


@pytest.mark.parametrize(
    ("name", "content", "mark"), [("t.csv", "a;b\n1;2\n", "';'"), ("t.tsv", "a,b\n1,2\n", "','")]
)
def test_other_separators_are_named(csv, name, content, mark):
    assert f"separated by {mark}" in refusal(csv(content, name))


def test_a_name_twice_in_the_header(csv):
    assert "has 2 columns called 'b'" in refusal(csv("a,b,b\n1,2,3\n"))


def test_broken_compressed_and_parquet_files(csv, tmp_path):
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    assert "not a whole gzip file" in refusal(csv(whole[:-10], "t.csv.gz"))
    assert "not a whole gzip file" in refusal(csv(b"a,b\n1,2\n", "u.csv.gz"))
    assert "not a whole gzip file" in refusal(csv(whole[:20] + b"\0" * 30, "v.csv.gz"))
    write_frame({"a": np.arange(1000.0)}, tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    assert "not a whole Parquet file" in refusal(csv(content[:-50], "u.parquet"))
    assert "not a whole Parquet file" in refusal(csv(b"hello, world", "v.parquet"))


def test_a_file_that_may_not_be_read(csv, monkeypatch):
    path = csv("a\n1\n")

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert refusal(path) == f"cannot read {str(path)!r}: Permission denied"


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_written_tables_read_back(tmp_path, days, name):
    data = {
        "series": np.array(["a", "bb"]),
        "day": days(2),
        "time": days(2) + np.timedelta64(90, "m"),
        "y": np.array([0.1, 1e-12]),
        "step": np.array([1, 2]),
    }
    write_frame(data, tmp_path / name)
    frame = read_frame(tmp_path / name)
    assert frame.columns == list(data)
    assert frame["day"].dtype == pl.Date
    assert frame["time"].dtype == pl.Datetime("us")
    for column in ("series", "time", "y", "step"):
        np.testing.assert_array_equal(frame[column].to_numpy(), data[column])


def test_csv_is_written_as_people_write_it(tmp_path, days):
    stamps = np.concatenate([days(1) + np.timedelta64(18, "h"), [np.datetime64("NaT", "us")]])
    write_frame({"ds": stamps, "day": days(2), "y": np.array([0.5, 1])}, tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_text()
    assert text == "ds,day,y\n2020-01-01 18:00:00,2020-01-01,0.5\n,2020-01-02,1.0\n"


def test_other_endings_are_not_written(tmp_path):
    with pytest.raises(FileError, match=r"cannot write .*t\.txt.*\.csv, \.parquet"):
        write_frame({"y": np.ones(1)}, tmp_path / "t.txt")


@pytest.mark.parametrize(
    "text",
    ["=1+1", "=cmd|' /C calc'!A0", "+A1", "-A1", "@SUM(A1)", "  =A1", "\t=A1", "\r=A1", "=", "-x"],
)
def test_a_csv_with_a_formula_is_written_as_it_is_with_a_warning(tmp_path: Path, text: str) -> None:
    with pytest.warns(GatewiseWarning, match=r"t\.csv: .* \(column 'id'\) begins as a formula"):
        write_frame({"id": np.array(["a", text], dtype=object)}, tmp_path / "t.csv")
    assert read_frame(tmp_path / "t.csv")["id"].to_list() == ["a", text]
    with pytest.warns(GatewiseWarning, match=r"column '=y'"):
        write_frame({"=y": np.ones(1)}, tmp_path / "t.csv")


@pytest.mark.parametrize("text", ["-1", "+2.5e3", "-inf", "a=1", "x-y", "north", ""])
def test_numbers_and_ordinary_names_are_no_formulas(tmp_path: Path, text: str) -> None:
    write_frame({"id": np.array([text], dtype=object), "y": np.array([-1.0])}, tmp_path / "t.csv")
    write_frame({"id": np.array(["=1"], dtype=object)}, tmp_path / "t.parquet")
