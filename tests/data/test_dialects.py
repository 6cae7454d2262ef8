"""Text files that are written otherwise: with another separator, a decimal comma, comments, dates."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gatewise.data import read_frame, resolve_columns, table_from_frame
from gatewise.data.tables.repairs import Repairs
from gatewise.errors import DataError, FileError


@pytest.fixture
def file(tmp_path: Path):
    """Return a function that writes a file and returns its path."""

    def write(content: str, name: str = "table.csv") -> Path:
        path = tmp_path / name
        raw = content.encode()
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return write


def test_a_decimal_comma_goes_with_semicolons(file) -> None:
    path = file("ds;y;n\n2020-01-01;1,5;3\n2020-01-02;-0,25;4\n2020-01-03;1e-3;5\n")
    frame = read_frame(path, decimal=",")
    assert frame["y"].to_list() == [1.5, -0.25, 1e-3]
    assert frame["n"].to_list() == [3, 4, 5]
    assert frame["ds"].dtype == pl.Date


@pytest.mark.parametrize("early", [True, False])
def test_a_point_beside_decimal_commas_is_no_fraction(file, early: bool) -> None:
    cells = ["1,5"] * 3000
    cells[0 if early else -1] = "1.234"  # a thousand and more, to whoever writes 1,5
    frame = read_frame(file("y;x\n" + "\n".join(f"{cell};1" for cell in cells) + "\n"), decimal=",")
    assert frame["y"].dtype == pl.String


@pytest.mark.parametrize(
    ("sep", "mark"), [("|", "|"), ("tab", "\t"), ("space", " "), (";", ";"), (",", ",")]
)
def test_any_mark_may_stand_between_cells(file, sep: str, mark: str) -> None:
    content = f"a{mark}b\n1{mark}2.5\n3{mark}4\n"
    for name in ("t.csv", "t.tsv", "t.csv.gz"):
        assert read_frame(file(content, name), sep=sep).rows() == [(1, 2.5), (3, 4.0)]


def test_another_mark_than_the_file_has_is_told_with_the_fix(file) -> None:
    with pytest.raises(
        FileError, match=r"separated by ';': read it with sep=';' \(and decimal=','"
    ):
        read_frame(file("a;b\n1;2\n"))
    with pytest.raises(FileError, match=r"separated by ',': read it with sep=','$"):
        read_frame(file("a,b\n1,2\n"), sep=";")


def test_comments_are_skipped_wherever_they_stand(file) -> None:
    content = '# gauge 7\n\n#unit "m\nds,x\n2001-01-01,1\n# gap, here\n2001-01-03,2\n\n# end\n'
    assert read_frame(file(content), comment="#")["x"].to_list() == [1, 2]
    assert read_frame(file("// a\nx\n1\n2\n"), comment="//")["x"].to_list() == [1, 2]


def test_a_comment_mark_within_quotes_is_text(file) -> None:
    frame = read_frame(file('name,x\n"two\n# lines",1\nb,2\n# c\n'), comment="#")
    assert frame["name"].to_list() == ["two\n# lines", "b"]


def test_lines_are_counted_with_the_comments(file) -> None:
    with pytest.raises(FileError, match="line 5 has 3 cells"):
        read_frame(file("# one\na,b\n# two\n1,2\n1,2,3\n"), comment="#")


def test_a_file_of_comments_is_empty(file) -> None:
    with pytest.raises(FileError, match="is empty"):
        read_frame(file("# one\n# two\n"), comment="#")


@pytest.mark.parametrize(
    ("form", "first", "second", "read"),
    [
        ("%d.%m.%Y", "01.02.2020", "02.02.2020", "2020-02-01"),
        ("%Y-%d-%m", "2020-01-02", "2020-02-02", "2020-02-01"),
        ("%m/%d/%y %I:%M %p", "02/01/20 01:30 PM", "02/02/20 01:30 PM", "2020-02-01T13:30"),
        ("%Y%m%d%H", "2020020105", "2020020205", "2020-02-01T05"),
        ("%b %Y", "Feb 2020", "Mar 2020", "2020-02-01"),
        ("%d.%m.%Y %H:%M%z", "01.02.2020 00:30+0100", "02.02.2020 00:30+0100", "2020-01-31T23:30"),
    ],
)
def test_a_date_format_is_followed(build, form: str, first: str, second: str, read: str) -> None:
    frame = build({"ds": [first, second], "y": [1.0, 2.0]})
    table = table_from_frame(
        frame, resolve_columns(frame, time="ds"), repairs=Repairs(date_format=form)
    )
    assert table.time[0] == np.datetime64(read, "us")
    assert (table.zone == "UTC") is ("%z" in form)


def test_a_date_format_is_followed_in_a_file_too(file) -> None:
    path = file("ds,y\n2020-01-02,1\n2020-02-02,2\n")
    assert read_frame(path)["ds"].dtype == pl.Date
    assert read_frame(path, parse_dates=False)["ds"].dtype == pl.String
    frame = read_frame(file("ds,y\n20200201,1\n20200301,2\n"), parse_dates=False)
    repairs = Repairs(date_format="%Y%d%m")  # whole numbers are read by their digits
    table = table_from_frame(frame, resolve_columns(frame), repairs=repairs)
    assert table.time.tolist() == [
        np.datetime64(t, "us").item() for t in ("2020-01-02", "2020-01-03")
    ]


def test_what_is_not_so_written_is_told_by_row(build) -> None:
    frame = build({"ds": ["01.02.2020", "31.02.2020"], "y": [1.0, 2.0]})
    with pytest.raises(DataError, match=r"row 2 is '31.02.2020'.*date_format='%d.%m.%Y'"):
        table_from_frame(frame, resolve_columns(frame), repairs=Repairs(date_format="%d.%m.%Y"))


def test_a_doubtful_date_names_the_option(build) -> None:
    frame = build({"ds": ["01/02/2020", "05/04/2020", "02/02/2021"], "y": [1.0, 2.0, 3.0]})
    with pytest.raises(DataError, match=r"date_format='%d/%m/%Y'"):
        table_from_frame(frame, resolve_columns(frame))
