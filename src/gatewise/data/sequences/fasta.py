"""FASTA files: records of letters, found with a few passes over the bytes of the whole file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.data.sequences.alphabets import Letters
from gatewise.data.tables.raw import plain_lines, read_bytes
from gatewise.errors import DataError, FileError
from gatewise.typing import AnyArray, Indices

ENDINGS = (".fasta", ".fa", ".fna", ".ffn", ".faa", ".frn", ".fas")
"""What names of FASTA files end with; also with .gz."""

_NEWLINE, _HEADER, _COMMENT, _BLANK = (ord(sign) for sign in "\n>; ")


def read_fasta(path: Path) -> Letters:
    """Return the records of a FASTA file; their names are the first words of their headers.

    Sequences may go over many lines of any lengths, with blanks between the letters; lines that begin
    with ";" are comments. Raises FileError where it cannot be read or is no FASTA, and DataError for
    records without a name, without letters, and for two of one name, each with file and line.
    """
    content = plain_lines(read_bytes(path), path)
    if not content.strip():
        raise FileError(f"{str(path)!r} is empty")
    return _records(np.frombuffer(content, dtype=np.uint8), repr(str(path)))


def _records(data: AnyArray, file: str) -> Letters:
    # per byte and per line in NumPy, per record in Python: a genome has few records and many lines
    ends = np.flatnonzero(data == _NEWLINE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    first = data[starts]
    headers = np.flatnonzero(first == _HEADER)
    is_letters = (first != _HEADER) & (first != _COMMENT)
    kept = np.repeat(is_letters, ends - starts + 1) & (data > _BLANK)
    begin = starts[headers]
    _refuse_letters_before(kept, begin, ends, file)
    names = _names(data, starts[headers], ends[headers], headers, file)
    lengths = np.add.reduceat(kept, begin, dtype=np.int64)
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        more = "" if len(empty) == 1 else f" (and {len(empty) - 1:,} more)"
        raise DataError(
            f"{file} line {headers[empty[0]] + 1}: sequence {names[empty[0]]!r}{more} has no letters: "
            "leave it out"
        )

    def where(record: int, letter: int) -> str:
        stop = begin[record + 1] if record + 1 < len(begin) else len(data)
        place = begin[record] + np.flatnonzero(kept[begin[record] : stop])[letter]
        return f"{file} line {np.searchsorted(ends, place) + 1}"

    return Letters(data[kept], lengths, tuple(names), where)


def _refuse_letters_before(kept: AnyArray, begin: Indices, ends: Indices, file: str) -> None:
    before = np.flatnonzero(kept[: begin[0]] if len(begin) else kept)
    if len(before) or not len(begin):
        line = np.searchsorted(ends, before[0]) + 1 if len(before) else 1
        raise FileError(
            f"{file} is no FASTA: line {line} comes before any header, a line such as '>name'"
        )


def _names(data: AnyArray, starts: Indices, ends: Indices, lines: Indices, file: str) -> list[str]:
    names: list[str] = []
    line_of: dict[str, int] = {}
    for start, end, line in zip(starts.tolist(), ends.tolist(), lines.tolist(), strict=True):
        words = data[start + 1 : end].tobytes().decode().split(None, 1)
        if not words:
            raise DataError(f"{file} line {line + 1}: a header without a name: write '>name'")
        name = words[0]
        if name in line_of:
            raise DataError(
                f"{file} lines {line_of[name] + 1} and {line + 1}: two sequences are called {name!r}"
            )
        line_of[name] = line
        names.append(name)
    return names
