"""Separated text to a frame: header, widths and types checked, every cell of a column read alike."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.raw import plain_lines
from gatewise.errors import FileError

if TYPE_CHECKING:
    import polars

MISSING_TEXTS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL"]
"""Cells of a CSV file that mean "no value"."""

HEAD = 1000
"""Rows that the types of columns are first read from."""

COMMENTS = ("#", "%", "!")
"""What lines begin with that are often no rows."""

WORDS = {"tab": "\t", "space": " "}
"""Words for separators that are hard to type."""


@dataclass(frozen=True)
class Dialect:
    """How a text file writes its cells."""

    separator: str
    decimal: str = "."
    comment: str | None = None
    """What lines begin with that are no rows; None: there are none."""
    dates: bool = True
    """Whether text in ISO order becomes dates here; else it stays text."""


def read_delimited(content: bytes, path: Path, dialect: Dialect) -> polars.DataFrame:
    """Return the table that a text file holds; `path` names it in messages. Raises FileError."""
    import polars as pl  # noqa: PLC0415

    content = plain_lines(content, path)
    line_of = None
    if dialect.comment is not None:
        content, line_of = _without_comments(content, dialect.comment.encode())
    if not content or content.isspace():
        raise FileError(f"{str(path)!r} is empty")
    separator = dialect.separator
    names = _checked_header(content, path, separator)
    _check_widths(content, path, dialect, line_of)
    try:
        zeros, signs = _beginnings(content, separator)
        texts = _with_leading_zeros(content, separator) if zeros else {}
        frame = _typed(content, dialect, texts, signs=signs)
    except pl.exceptions.PolarsError as error:
        why = reason(error).partition(" The current offset")[0]
        raise FileError(f"cannot read {str(path)!r} as CSV: {why[:300]}") from None
    # polars leaves the quotes of "depth ""m""" doubled; any other difference is a quote out of place
    alike = [a in (b, b.replace('""', '"')) for a, b in zip(names, frame.columns, strict=False)]
    if len(names) != frame.width or not all(alike):
        raise FileError(
            f"cannot read the header of {str(path)!r}: a quote is left open, or is not "
            "at the end of a name"
        )
    frame.columns = names
    if not dialect.dates:
        return frame
    return frame.with_columns(
        _parsed_dates(frame[name]) for name, kind in frame.schema.items() if kind == pl.String
    )


def _without_comments(content: bytes, mark: bytes) -> tuple[bytes, NDArray[np.int64] | None]:
    """Return the lines that do not begin with `mark`, and the number that each has in the file.

    A line within a quoted cell is no comment, whatever it begins with.
    """
    if mark not in content:
        return content, None
    kept: list[bytes] = []
    numbers: list[int] = []
    quoted = 0
    for number, line in enumerate(content.split(b"\n"), 1):
        if not quoted and (line.startswith(mark) or (not kept and not line.strip())):
            continue  # a comment, or a blank line before the header
        quoted ^= line.count(b'"') & 1
        kept.append(line)
        numbers.append(number)
    while (
        len(kept) > 1 and not kept[-1] and not kept[-2]
    ):  # blank lines before a comment at the end
        del kept[-1]
    return b"\n".join(kept), np.array(numbers, dtype=np.int64)


def _typed(
    content: bytes, dialect: Dialect, texts: dict[str, polars.DataType], *, signs: bool
) -> polars.DataFrame:
    """Return the cells as what all of a column's cells can be; the columns `texts` as text.

    polars finds types from all cells in four times the time that it takes to read them, and from the
    first ones at next to no cost. These are right unless a later cell cannot be read as such, or a
    column begins without a value. Where a cell is written as only the reader takes it, not the finder
    of types (+2, Infinity), the place of the cell would decide: all cells are looked at then. So they
    are with a decimal comma, under which the reader alone would take 1.234 for a fraction.
    """
    import polars as pl  # noqa: PLC0415

    def read(rows: int | None) -> polars.DataFrame:
        return pl.read_csv(
            io.BytesIO(content),
            separator=dialect.separator,
            infer_schema_length=rows,
            null_values=MISSING_TEXTS,
            schema_overrides=texts,
            decimal_comma=dialect.decimal == ",",
        )

    if signs or dialect.decimal == "," or _may_hold_infinity(content):
        return read(None)
    try:
        frame = read(HEAD)
    except pl.exceptions.PolarsError:
        return read(None)
    begin = frame.head(HEAD)
    unsure = any(begin[name].null_count() == len(begin) for name in set(frame.columns) - set(texts))
    return read(None) if unsure else frame


def _may_hold_infinity(content: bytes) -> bool:
    """Say whether a cell may be infinity as only the reader of numbers writes it."""
    if b"F" not in content and b"f" not in content:  # found at once, where no name has one
        return False
    return any(word in content for word in (b"INF", b"Inf", b"nfinity"))


def _with_leading_zeros(content: bytes, separator: str) -> dict[str, polars.DataType]:
    """Return the columns that stay text: as numbers they would lose zeros in front, which ids have."""
    import polars as pl  # noqa: PLC0415

    texts = pl.read_csv(
        io.BytesIO(content), separator=separator, infer_schema=False, null_values=MISSING_TEXTS
    )
    found = texts.select(pl.all().str.contains(r"^[+-]?0\d").any(ignore_nulls=True))
    return {name: pl.String() for name in texts.columns if found[name][0]}


def _beginnings(content: bytes, separator: str) -> tuple[bool, bool]:
    """Say whether a cell may begin with a zero and a digit, and whether one begins with + or a blank.

    The letters are put into six classes by one pass, and the answers are found in what that leaves:
    a tenth of the time that it takes to look up the places of all zeros.
    """
    classes = bytearray(b"x" * 256)
    for letters, one in ((b"123456789", b"1"), (b"0", b"0"), (b"+ ", b"s"), (b"-", b"m")):
        for letter in letters:
            classes[letter] = one[0]
    for letter in b'\n"' + separator.encode():
        classes[letter] = ord("B")
    text = content.translate(bytes(classes))
    first = b"B" + text[:3]  # the file begins a cell too
    zeros = any(each in text or each in first for each in (b"B00", b"B01", b"Bm00", b"Bm01"))
    signs = b"Bs" in text
    return zeros or signs, signs  # after a blank, or a plus, there may be such a zero


def _checked_header(content: bytes, path: Path, separator: str) -> list[str]:
    """Return the names; refuse a header with another separator, or with one name twice."""
    lines = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    reader = csv.reader(lines, delimiter=separator)
    try:
        names = next(reader)
        # A name may hold line breaks; an open quote, which csv accepts, takes in the whole file.
        if reader.line_num > 1 and next(reader, None) is None:
            raise csv.Error(f"it goes on to line {reader.line_num}, the last")
    except csv.Error as error:
        raise FileError(
            f"cannot read the header of {str(path)!r}: {error}; is a quote left open, or is it no table?"
        ) from None
    line = content[: content.index(b"\n")].decode()
    if not line.strip():
        raise FileError(
            f"line 1 of {str(path)!r} is empty: begin the file with the names of the columns"
        )
    if len(names) == 1:
        for mark, shown, word in ((";", "';'", ";"), ("\t", "a tab", "tab"), (",", "','", ",")):
            if mark != separator and mark in line:
                comma = " (and decimal=',' if it writes 1,5)" if mark == ";" else ""
                raise FileError(
                    f"{str(path)!r} is separated by {shown}: read it with sep={word!r}{comma}"
                )
    for name, count in Counter(names).items():
        if count > 1 and not name:
            raise FileError(f"{str(path)!r} has {count} columns without a name: name them")
        if count > 1:
            raise FileError(f"{str(path)!r} has {count} columns called {name!r}: rename them")
    return names


def _check_widths(
    content: bytes, path: Path, dialect: Dialect, numbers: NDArray[np.int64] | None
) -> None:
    """Refuse rows with more or fewer cells than the header; `numbers` are those of lines in the file."""
    separator = dialect.separator
    if _is_even(content, separator.encode()):
        return
    if b'"' in content:
        reader = csv.reader(io.StringIO(content.decode(), newline=""), delimiter=separator)
        try:
            rows = [(max(len(cells), 1), reader.line_num) for cells in reader]
        except csv.Error as error:
            raise FileError(
                f"cannot read {str(path)!r} as CSV: {error}, from line {reader.line_num}; is a quote "
                "left open?"
            ) from None
        counts, line_of = np.array(rows).T
    else:
        text = np.frombuffer(content, dtype=np.uint8)
        ends = np.flatnonzero(text == ord("\n"))
        marks = np.flatnonzero(text == ord(separator))
        counts = np.diff(np.searchsorted(marks, ends), prepend=0) + 1
        line_of = np.arange(1, len(ends) + 1)
    wrong = counts != counts[0]
    if wrong.any():
        at = int(wrong.argmax())
        line = content.split(b"\n", line_of[at])[line_of[at] - 1].decode()
        told = line_of[at] if numbers is None else numbers[line_of[at] - 1]
        raise FileError(
            f"{str(path)!r} is ragged: line {told} has {counts[at]} cells, the header "
            f"{counts[0]}{_why_ragged(line, content[:1], separator)}"
        )


def _is_even(content: bytes, separator: bytes) -> bool:
    """Say whether all lines have the same number of cells, where no cell is quoted.

    What is left without all other letters is then one pattern over and over.
    """
    if b'"' in content:
        return False
    others = bytes(set(range(256)) - {*b"\n", *separator})
    marks = content.translate(None, others)
    line = marks[: marks.index(b"\n") + 1]
    return marks == line * (len(marks) // len(line))


def _why_ragged(line: str, first: bytes, separator: str) -> str:
    """Say what is often the reason, and the fix."""
    if not line.strip():
        return ": remove lines that are empty"
    for mark in COMMENTS:
        if line.startswith(mark) or first == mark.encode():
            return f": skip lines that are comments with comment={mark!r}"
    if line.endswith(separator):
        return f": remove the {separator!r} at the ends of lines"
    return f": write every cell, and put quotes around those that hold a {separator!r}"


def _parsed_dates(column: polars.Series) -> polars.Series:
    """Parse a text column of ISO dates or datetimes; leave any other text alone.

    Only ISO order is read: 01/02/2020 is the second of January to some and of February to others.
    """
    import polars as pl  # noqa: PLC0415

    filled = column.drop_nulls()
    # most text is no time, which its first cell says without a look at the others
    if filled.is_empty() or not filled.head(1).str.contains(r"^\d{4}-\d{2}-\d{2}([T ]|$)")[0]:
        return column
    if len(filled[0]) == len("1979-01-01") and filled.str.contains(r"^\d{4}-\d{2}-\d{2}$").all():
        parsed = column.str.to_date("%Y-%m-%d", strict=False)
    elif filled.str.contains(r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?$").all():
        whole = r"^\d{4}-\d{2}-\d{2}" + filled[0][10] + r"\d{2}:\d{2}:\d{2}$"
        if filled.str.contains(
            whole
        ).all():  # as programs write them: there is nothing to make alike
            form = "%Y-%m-%d" + filled[0][10] + "%H:%M:%S"
            parsed = column.str.to_datetime(form, time_unit="us", strict=False)
            return parsed if parsed.null_count() == column.null_count() else column
        text = column.str.replace(" ", "T", literal=True)
        short = text.str.len_chars() == len("1979-01-01T00:00")
        text = pl.select(pl.when(short).then(text + ":00").otherwise(text)).to_series()
        parsed = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    elif filled.str.contains(
        r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})$"
    ).all():
        offsets = filled.str.extract(r"(Z|[+-]\d{2}:?\d{2})$")
        if offsets.n_unique() == 1 and offsets[0].strip("+-:0") not in {"", "Z"}:
            return column
        text = column.str.replace(" ", "T", literal=True).str.replace("Z$", "+00:00")
        parsed = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False)
    else:
        return column
    # A day such as 1979-02-30 stays text, to be refused later by its row and value.
    return parsed.rename(column.name) if parsed.null_count() == column.null_count() else column


def reason(error: Exception) -> str:
    """Return the error's own words in one line."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(words.split())
