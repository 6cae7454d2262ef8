"""Tables and texts from and to files: read whole or refused, written aside and then renamed."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewise.data.catalog import bundled_path
from gatewise.data.tables.formulas import warn_of_formulas
from gatewise.data.tables.raw import most_bytes, plain_lines, read_bytes
from gatewise.errors import FileError
from gatewise.files import atomic_write_bytes

if TYPE_CHECKING:
    import polars

FileFrame: TypeAlias = "polars.DataFrame"
"""What a file is read into; polars itself is imported when one is."""

DATASET = "dataset:"
"""The prefix that names a bundled set instead of a file."""

READABLE = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
WRITABLE = (".csv", ".parquet")
MISSING_TEXTS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL"]
"""Cells of a CSV file that mean "no value"."""

HEAD = 1000
"""Rows that the types of columns are first read from."""


def read_frame(path: str | os.PathLike[str]) -> FileFrame:
    """Read a table from .csv, .tsv (also with .gz) or .parquet, or a bundled set ("dataset:fulda").

    CSV must be UTF-8 or UTF-16 with one header line and rows of equal length; ISO dates and datetimes
    are parsed (those with several offsets become UTC, those with one stay text, so that it is not lost),
    numbers with zeros in front, such as the id 01013500, and other text stay text. Raises FileError,
    in one line, for a file that is missing, a folder, empty, unreadable, ragged or of another kind.
    """
    if str(path).startswith(DATASET):
        path = bundled_path(str(path)[len(DATASET) :])
    path = Path(path)
    ending = _ending(path, READABLE, "read")
    content = read_bytes(path)
    if not content or content.isspace():
        raise FileError(f"{str(path)!r} is empty")
    if ending == ".parquet":
        frame = _read_parquet(content, path)
    else:
        frame = _read_csv(content, path, "\t" if ending.startswith(".tsv") else ",")
    if frame.height == 0:
        raise FileError(f"{str(path)!r} has a header and no rows")
    return frame


def write_frame(data: dict[str, NDArray[Any]] | FileFrame, path: str | os.PathLike[str]) -> None:
    """Write columns to .csv or .parquet; the file appears whole or not at all.

    Times that all fall on midnight are written as dates, others as "1985-01-31 18:00:00", in a CSV
    file those with a zone as its clock shows them, with the offset: "1985-01-31 18:00:00+01:00".
    Text that a spreadsheet would run as a formula is written as it is, with a GatewiseWarning.
    Raises FileError if the ending is another one or the file cannot be written.
    """
    import polars as pl  # noqa: PLC0415  polars is needed for files only

    path = Path(path)
    ending = _ending(path, WRITABLE, "write")
    frame = pl.DataFrame(data)
    clocks = {c.name: c.dtype.time_zone for c in frame if isinstance(c.dtype, pl.Datetime)}
    days = [name for name, zone in clocks.items() if zone is None and _all_midnight(frame[name])]
    frame = frame.with_columns(pl.col(days).cast(pl.Date))
    buffer = io.BytesIO()
    if ending == ".parquet":
        frame.write_parquet(buffer)
    else:
        texts = {name: frame[name] for name, kind in frame.schema.items() if kind == pl.String}
        warn_of_formulas(frame.columns, texts, path)
        zoned = [name for name, zone in clocks.items() if zone is not None]
        frame = frame.with_columns(pl.col(zoned).dt.to_string("%Y-%m-%d %H:%M:%S%.f%:z"))
        frame.write_csv(buffer, datetime_format="%Y-%m-%d %H:%M:%S%.f")
    atomic_write_bytes(path, buffer.getvalue())


def _all_midnight(times: polars.Series) -> bool:
    return bool((times == times.dt.truncate("1d")).all())


def _ending(path: Path, allowed: tuple[str, ...], verb: str) -> str:
    name = path.name.lower()
    for ending in allowed:
        if name.endswith(ending):
            return ending
    if os.path.isdir(path):
        raise FileError(f"{str(path)!r} is a folder, not a table file")
    listed = ", ".join(allowed)
    raise FileError(f"cannot {verb} {str(path)!r}: the ending must be one of {listed}")


def _read_parquet(content: bytes, path: Path) -> polars.DataFrame:
    import polars as pl  # noqa: PLC0415

    try:
        rows = pl.scan_parquet(io.BytesIO(content)).select(pl.len()).collect().item()
        columns = len(pl.read_parquet_schema(io.BytesIO(content)))
        if rows * columns * 8 > most_bytes():  # a few bytes can stand for as many rows as one likes
            raise FileError(
                f"{str(path)!r} holds {rows:,} rows of {columns} columns, which do not fit into memory "
                "here: keep those that are used"
            )
        return pl.read_parquet(io.BytesIO(content))
    except FileError:
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise FileError(
            f"{str(path)!r} is not a whole Parquet file: {_reason(error)[:200]}"
        ) from None


def _read_csv(content: bytes, path: Path, separator: str) -> polars.DataFrame:
    import polars as pl  # noqa: PLC0415

    content = plain_lines(content, path)
    if content.isspace():
        raise FileError(f"{str(path)!r} is empty")
    names = _checked_header(content, path, separator)
    _check_widths(content, path, separator)
    try:
        frame = _typed(content, separator, _with_leading_zeros(content, separator))
    except pl.exceptions.PolarsError as error:
        reason = _reason(error).partition(" The current offset")[0]
        raise FileError(f"cannot read {str(path)!r} as CSV: {reason[:300]}") from None
    # polars leaves the quotes of "depth ""m""" doubled; any other difference is a quote out of place
    alike = [a in (b, b.replace('""', '"')) for a, b in zip(names, frame.columns, strict=False)]
    if len(names) != frame.width or not all(alike):
        raise FileError(
            f"cannot read the header of {str(path)!r}: a quote is left open, or is not "
            "at the end of a name"
        )
    frame.columns = names
    return frame.with_columns(
        _parsed_dates(frame[name]) for name, kind in frame.schema.items() if kind == pl.String
    )


def _typed(content: bytes, separator: str, texts: dict[str, polars.DataType]) -> polars.DataFrame:
    """Return the cells as what all of a column's cells can be; the columns `texts` as text.

    polars finds types from all cells in four times the time that it takes to read them, and from the
    first ones at next to no cost. These are right unless a later cell cannot be read as such, or a
    column begins without a value. Where a cell is written as only the reader takes it, not the finder
    of types (+2, Infinity), the place of the cell would decide: all cells are looked at then.
    """
    import polars as pl  # noqa: PLC0415

    def read(rows: int | None) -> polars.DataFrame:
        return pl.read_csv(
            io.BytesIO(content),
            separator=separator,
            infer_schema_length=rows,
            null_values=MISSING_TEXTS,
            schema_overrides=texts,
        )

    signs = _begins_cells(content, separator, b"+ ").size
    if signs or any(word in content for word in (b"INF", b"Inf", b"nfinity")):
        return read(None)
    try:
        frame = read(HEAD)
    except pl.exceptions.PolarsError:
        return read(None)
    begin = frame.head(HEAD)
    unsure = any(begin[name].null_count() == len(begin) for name in set(frame.columns) - set(texts))
    return read(None) if unsure else frame


def _with_leading_zeros(content: bytes, separator: str) -> dict[str, polars.DataType]:
    """Return the columns that stay text: as numbers they would lose zeros in front, which ids have."""
    import polars as pl  # noqa: PLC0415

    if not _may_have_leading_zeros(content, separator):
        return {}
    texts = pl.read_csv(
        io.BytesIO(content), separator=separator, infer_schema=False, null_values=MISSING_TEXTS
    )
    found = texts.select(pl.all().str.contains(r"^[+-]?0\d").any(ignore_nulls=True))
    return {name: pl.String() for name in texts.columns if found[name][0]}


def _may_have_leading_zeros(content: bytes, separator: str) -> bool:
    """Say whether a cell may begin with a zero and a digit, after blanks and a sign."""
    text = np.frombuffer(content, dtype=np.uint8)
    begins, skipped = _among(b'\n"' + separator.encode()), _among(b" +-")
    zero = np.flatnonzero(text[:-1] == ord("0"))
    zero = zero[_among(b"0123456789")[text[zero + 1]]]
    before = zero - 1
    while before.size:
        if before[0] < 0:
            return True  # the file begins with it
        letter = text[before]
        if begins[letter].any():
            return True
        before = before[skipped[letter]] - 1
    return False


def _begins_cells(content: bytes, separator: str, letters: bytes) -> NDArray[np.int64]:
    """Return where one of these letters begins a cell, or the inside of quotes."""
    text = np.frombuffer(content, dtype=np.uint8)
    place = np.flatnonzero(_among(letters)[text[1:]]) + 1
    return place[_among(b'\n"' + separator.encode())[text[place - 1]]]


def _among(letters: bytes) -> NDArray[np.bool_]:
    """Return for each byte whether it is one of `letters`, [256]."""
    table = np.zeros(256, dtype=np.bool_)
    table[list(letters)] = True
    return table


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
        other = {";": "';'", "\t": "a tab", ",": "','"}
        for mark, shown in other.items():
            if mark != separator and mark in line:
                raise FileError(
                    f"{str(path)!r} is separated by {shown}: separate a .csv by ',' (and write "
                    "decimals with a point), a .tsv by tabs"
                )
    for name, count in Counter(names).items():
        if count > 1 and not name:
            raise FileError(f"{str(path)!r} has {count} columns without a name: name them")
        if count > 1:
            raise FileError(f"{str(path)!r} has {count} columns called {name!r}: rename them")
    return names


def _check_widths(content: bytes, path: Path, separator: str) -> None:
    """Refuse rows with more or fewer cells than the header."""
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
        raise FileError(
            f"{str(path)!r} is ragged: line {line_of[at]} has {counts[at]} cells, the header "
            f"{counts[0]}{_why_ragged(line, content[:1] == b'#', separator)}"
        )


def _why_ragged(line: str, comment_first: bool, separator: str) -> str:
    """Say what is often the reason, and the fix."""
    if not line.strip():
        return ": remove lines that are empty"
    if line.startswith("#") or comment_first:
        return ": remove comment lines"
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


def _reason(error: Exception) -> str:
    """Return the error's own words in one line."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(words.split())
