"""Files as they come from elsewhere: read rightly, or refused in one line that says what and where."""

from __future__ import annotations

import gzip
import io
import os
import socket
from pathlib import Path

import polars as pl
import pytest
from tests.damage import damaged_bytes, refusal

from gatewise.data import resolve_columns, table_from_frame
from gatewise.data.delimited import HEAD
from gatewise.data.files import read_frame
from gatewise.data.tables import raw
from gatewise.errors import FileError, GatewiseError

TEXT = "ds,x,y\n2001-01-01,1,2\n2001-01-02,3,4\n"
PLAIN = TEXT.encode()


def read(folder: Path, content: bytes, name: str = "t.csv") -> pl.DataFrame:
    path = folder / name
    path.write_bytes(content)
    return read_frame(path)


def refused(folder: Path, content: bytes, name: str = "t.csv") -> str:
    said = refusal(lambda: read(folder, content, name), repr(content[:40]))
    assert said is not None
    assert name in said
    return said


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "be with mark"]
)
def test_line_ends_and_encodings(tmp_path: Path, end: str, quoted: bool, encoding: str) -> None:
    text = (TEXT.replace("x", '"x"') if quoted else TEXT).replace("\n", end)
    mark, encoding = ("\ufeff", "utf-16-be") if "mark" in encoding else ("", encoding)
    assert read(tmp_path, (mark + text).encode(encoding)).equals(read(tmp_path, PLAIN))
    assert read(tmp_path, (mark + text[: -len(end)]).encode(encoding)).height == 2


def test_a_line_end_within_a_quoted_cell_stays(tmp_path: Path) -> None:
    frame = read(tmp_path, b'name,y\r\n"a\rb",1\r\n"c\nd",2\r\n')
    assert frame["name"].to_list() == ["a\rb", "c\nd"]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ('ds,"depth ""m"""', ["ds", 'depth "m"']),
        ('"""a""",b', ['"a"', "b"]),
        ('"a,b",c', ["a,b", "c"]),
        ('ds,"dep\nth"', ["ds", "dep\nth"]),
        ("ds, x ", ["ds", " x "]),
        ('ds,""', ["ds", ""]),
        ("0,1", ["0", "1"]),
        ("Tiefe µ,水位", ["Tiefe µ", "水位"]),
    ],
)
def test_names_are_what_the_quotes_hold(tmp_path: Path, header: str, names: list[str]) -> None:
    frame = read(tmp_path, f'{header}\n007,"say ""hi"""\n2,b\n'.encode())
    assert frame.columns == names
    assert frame.rows() == [("007", 'say "hi"'), ("2", "b")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"ds,x\n2001-01-01,1\n\n2001-01-02,3\n", "line 3 .*remove lines that are empty"),
        (b"\n\nds,x\n2001-01-01,1\n", "line 1 .* is empty"),
        (b"ds,x\n2001-01-01,1\n  \n2001-01-03,1\n", "line 3 .*remove lines that are empty"),
        (b"# gauge\nds,x\n2001-01-01,1\n", "line 2 .*skip .* with comment='#'"),
        (b"# gauge, in m\nds,x,y\n2001-01-01,1,2\n", "line 2 .*skip .* with comment='#'"),
        (b"ds,x\n2001-01-01,1\n# gap\n2001-01-03,1\n", "line 3 .*skip .* with comment='#'"),
        (b"ds,x\n2001-01-01,1,\n", "line 2 .*remove the ',' at the ends of lines"),
        (b"ds,x\n2001-01-01,1\n2001-01-02\n", "line 3 has 1 cells, the header 2: write every cell"),
        (b"ds,,\n2001-01-01,1,2\n", "2 columns without a name: name them"),
        (b'ds,x,"x"\n2001-01-01,1,2\n', "2 columns called 'x': rename them"),
        (b"ds,x\n2001-01-01,1\n2001-01-02,\x003\n", "line 3 holds a NUL byte"),
        (b"ds,x\x00\n2001-01-01,1\n2001-01-02,3\n", "line 1 holds a NUL byte"),
        (bytes(1000), "line 1 holds a NUL byte"),
        (TEXT.encode("utf-32"), "not UTF-8 text .line 1.: save it"),
        (PLAIN + b"2001-01-03,\xe4,6\n", "not UTF-8 text .line 4.: save it"),
        (b"ds," + b"x" * 140_000 + b"\n2001-01-01,1\n", "header .*limit .131072"),
        (b'ds,x\n2001-01-01,"' + b"x" * 140_000 + b'"\n', "limit .131072., from line 2"),
        (b'ds,"x\n2001-01-01,1\n', "header .*line 2, the last; is a quote left open"),
        (b'ds,",6\n2001-01-03,"5",6\n2001-01-03,"5",6\n', "header .*a quote is left open"),
        (b'ds,"x"y\n2001-01-01,1\n', "header .*is not at the end of a name"),
        (b'ds,x\n2001-01-01,1\n2001-01-02,"2"3\n', "as CSV: could not parse"),
        (b"\xff\xfe\n\0", "is empty"),
        (b"t,y\n" + b"9" * 60 + b",1\n", "as CSV: could not parse"),
    ],
)
def test_what_cannot_be_read_is_told_with_line_and_fix(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(FileError, match=words) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("value", [2**63, 2**64 - 1, 2**64, -(2**63) - 1])
def test_integer_times_beyond_64_bits(tmp_path: Path, value: int) -> None:
    frame = read(tmp_path, f"t,y\n{value},1\n{value + 1},2\n".encode())
    columns = resolve_columns(frame, target="y", time="t")
    with pytest.raises(GatewiseError, match="'t' is the time and holds integers beyond 64 bits"):
        table_from_frame(frame, columns)


# --- what is no table at all ----------------------------------------------------------------------


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    fifo, zero, nowhere = (tmp_path / f"{name}.csv" for name in ("fifo", "zero", "nowhere"))
    os.mkfifo(fifo)
    zero.symlink_to("/dev/zero")
    nowhere.symlink_to(tmp_path / "not there")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "folder.csv").mkdir()
    with socket.socket(socket.AF_UNIX) as listening, pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)  # the path of a socket may not be long
        listening.bind("socket.csv")
        for name, words in (
            ("fifo", "may never end: write the table to a file first"),
            ("zero", "may never end"),
            ("socket", "may never end"),
            ("nowhere", "a link to a file that is not there"),
            ("loop", "cannot read .*[Ss]ymbolic links"),
            ("folder", "is a folder"),
            ("n\0l", "cannot read .*null byte"),
            ("n" * 300, "cannot read .*name too long"),
        ):
            with pytest.raises(FileError, match=words) as caught:
                read_frame(f"{name}.csv")
            assert "\n" not in str(caught.value)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "MOST_BYTES", 100_000)


def test_a_table_beyond_the_bound_is_refused_before_it_is_held(small: None, tmp_path: Path) -> None:
    row = b"2001-01-01,1,2\n"
    assert read(tmp_path, PLAIN + row * 6000).height == 6002
    assert "holds more than 9.31e−05 GiB" in refused(tmp_path, PLAIN + row * 7000)
    packed = gzip.compress(PLAIN + row * 1_000_000)
    assert len(packed) < 100_000
    assert "holds more than" in refused(tmp_path, packed, "t.csv.gz")
    buffer = io.BytesIO()
    pl.select(x=pl.repeat(1.0, 50_000)).write_parquet(buffer)
    assert len(buffer.getvalue()) < 10_000
    assert "50,000 rows of 1 columns, which do not fit" in refused(
        tmp_path, buffer.getvalue(), "t.parquet"
    )


# --- Parquet --------------------------------------------------------------------------------------


def parquet() -> bytes:
    frame = pl.DataFrame(
        {"ds": [1, 2], "y": [1.0, 2.0], "list": [[1.0], [2.0]], "struct": [{"a": 1}, {"a": 2}]}
    )
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["list", "struct"])
@pytest.mark.parametrize("role", ["target", "inputs", "time", "series"])
def test_columns_of_lists_and_structs_play_no_part(tmp_path: Path, name: str, role: str) -> None:
    frame = read(tmp_path, parquet(), "t.parquet")
    roles = {"target": "y", "time": "ds", role: name}
    columns = resolve_columns(frame, **roles)
    with pytest.raises(GatewiseError, match=rf"column '{name}' (holds|is) .*{name}") as caught:
        table_from_frame(frame, columns)
    assert "\n" not in str(caught.value)


# --- the sweep ------------------------------------------------------------------------------------

SOURCES = {
    "t.csv": PLAIN + b'2001-01-03,"5",6\n' * 3,
    "t.tsv": PLAIN.replace(b",", b"\t"),
    "u.csv": TEXT.encode("utf-16"),
    "t.csv.gz": gzip.compress(PLAIN * 20, mtime=0),
}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("count", [150, pytest.param(5000, marks=pytest.mark.full)])
def test_any_damage_is_read_or_told(tmp_path: Path, name: str, count: int) -> None:
    path = tmp_path / name
    for what, content in damaged_bytes(SOURCES[name], count, seed=count):
        path.write_bytes(content)
        said = refusal(lambda: read_frame(path), f"{what}: {content[:80]!r}")
        assert said is None or name in said


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_parquet_file_cut_short(tmp_path: Path, share: float) -> None:
    whole = parquet()
    said = refused(tmp_path, whole[: int(share * len(whole))], "t.parquet")
    assert "not a whole Parquet file" in said


@pytest.mark.full
def test_any_damage_of_a_parquet_file_is_read_or_told(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    for what, content in damaged_bytes(parquet(), 2000, seed=1):
        path.write_bytes(content)
        said = refusal(lambda: read_frame(path), what)
        assert said is None or "t.parquet" in said


@pytest.mark.parametrize("end", ["\n\n", "\n  \n", "\n \n\t\n   ", "\n  \r\n\r\n"])
def test_blank_lines_at_the_end_are_no_rows(tmp_path: Path, end: str) -> None:
    (tmp_path / "t.csv").write_bytes(f"a,b\n1,2\n3,4{end}".encode())
    assert read_frame(tmp_path / "t.csv").rows() == [(1, 2), (3, 4)]


def test_tabs_at_the_end_of_a_tsv_are_empty_cells(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes(b"a\tb\n1\t2\n\t\n\n")
    assert read_frame(tmp_path / "t.tsv").rows() == [(1, 2), (None, None)]


@pytest.mark.parametrize("first", ["1", "1.5", "true", "a", "", "007"])
@pytest.mark.parametrize(
    "last",
    ["2", "2.5", "1e5", "+2", " 2", "inf", "INF", "Infinity", "x", "", "NaN", "False", "007"],
)
def test_a_late_cell_counts_as_an_early_one_does(tmp_path: Path, first: str, last: str) -> None:
    """The types of a column rest on all of its cells, in whatever row they are."""
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + f"{first},1\n" * (HEAD + 1) + f"{last},1\n")
    late = read_frame(path)["a"]
    path.write_text("a,b\n" + f"{last},1\n" + f"{first},1\n" * (HEAD + 1))
    early = read_frame(path)["a"]
    assert late.dtype == early.dtype
    assert late.sort().equals(early.sort())
