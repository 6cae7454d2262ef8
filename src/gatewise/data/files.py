"""Tables and texts from and to files: read whole or refused, written aside and then renamed."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from numpy.typing import NDArray

from gatewise.data.catalog import dataset_name, table_path
from gatewise.data.delimited import WORDS, Dialect, read_delimited, reason
from gatewise.data.tables.formulas import warn_of_formulas
from gatewise.data.tables.raw import most_bytes, read_bytes
from gatewise.errors import FileError
from gatewise.files import atomic_write_bytes

if TYPE_CHECKING:
    import polars

FileFrame: TypeAlias = "polars.DataFrame"
"""What a file is read into; polars itself is imported when one is."""

READABLE = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
WRITABLE = (".csv", ".parquet")


def read_frame(
    path: str | os.PathLike[str],
    *,
    sep: str | None = None,
    decimal: str = ".",
    comment: str | None = None,
    parse_dates: bool = True,
) -> FileFrame:
    """Read a table from .csv, .tsv (also with .gz) or .parquet, or a bundled set ("dataset:fulda").

    CSV must be UTF-8 or UTF-16 with one header line and rows of equal length; ISO dates and datetimes
    are parsed (those with several offsets become UTC, those with one stay text, so that it is not lost),
    numbers with zeros in front, such as the id 01013500, and other text stay text.

    sep: what stands between cells: one character, "tab" or "space". By default "," in a .csv (";" with
        a decimal comma) and a tab in a .tsv.
    decimal: "." or ",", the mark before the fraction.
    comment: what the lines begin with that are to be skipped, such as "#".
    parse_dates: with False text stays text, ISO dates too.

    All four are about text files: Parquet and bundled sets know how they are written. Raises FileError,
    in one line, for a file that is missing, a folder, empty, unreadable, ragged or of another kind.
    """
    name = dataset_name(str(path))
    if name is not None:
        path = table_path(name)
        sep, decimal, comment = None, ".", None
    path = Path(path)
    ending = _ending(path, READABLE, "read")
    content = read_bytes(path)
    if not content or content.isspace():
        raise FileError(f"{str(path)!r} is empty")
    if ending == ".parquet":
        frame = _read_parquet(content, path)
    else:
        if sep is None:
            sep = "tab" if ending.startswith(".tsv") else ";" if decimal == "," else ","
        separator = WORDS.get(sep, sep)
        frame = read_delimited(content, path, Dialect(separator, decimal, comment, parse_dates))
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
            f"{str(path)!r} is not a whole Parquet file: {reason(error)[:200]}"
        ) from None
