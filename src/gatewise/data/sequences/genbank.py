"""GenBank files, read by Biopython: records of letters, and their features as labels of steps."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.data.sequences.alphabets import Letters
from gatewise.data.sequences.annotations import Feature
from gatewise.data.tables.raw import plain_lines, read_bytes
from gatewise.errors import DataError, EngineError, FileError, cause, how_to_install

ENDINGS = (".gb", ".gbk", ".gbff", ".genbank")
"""What names of GenBank files end with; also with .gz."""


def read_genbank(path: Path) -> tuple[Letters, list[Feature]]:
    """Return the records of a GenBank file, by their accessions, and every stretch of their features.

    A feature that is joined from several stretches, on either strand, is several here; stretches that
    lie in another record are left out. Raises EngineError without Biopython, FileError and DataError for
    files and records that cannot be read.
    """
    content = plain_lines(read_bytes(path), path)
    if not content.strip():
        raise FileError(f"{str(path)!r} is empty")
    records = _parsed(content.decode(), path)
    if not records:
        raise FileError(f"{str(path)!r} holds no GenBank record: it has no line LOCUS")
    names: list[str] = []
    texts: list[bytes] = []
    features: list[Feature] = []
    for record in records:
        name = record.id if record.id not in ("", "<unknown id>") else record.name
        if name in names:
            raise DataError(f"{str(path)!r} has two records {name!r}")
        names.append(name)
        texts.append(_letters(record, name, path))
        features += _features(record, name, path)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    return Letters(np.frombuffer(b"".join(texts), np.uint8), lengths, tuple(names)), features


def _parsed(text: str, path: Path) -> list[Any]:
    try:
        from Bio import SeqIO  # noqa: PLC0415 - an extra, and needed for these files alone
    except ImportError:
        raise EngineError(
            f"{str(path)!r} is a GenBank file, which needs the package biopython: "
            f"{how_to_install('biology')}, or save it as FASTA with a GFF3 file"
        ) from None
    parse: Any = SeqIO.parse
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of lines that are shifted or cut short but still read
        try:
            return list(parse(io.StringIO(text), "genbank"))
        except Exception as error:  # a damaged file may end the parser in any way
            raise FileError(
                f"{str(path)!r} cannot be read as GenBank: {cause(error)[:200]}"
            ) from None


def _letters(record: Any, name: str, path: Path) -> bytes:
    try:
        found = bytes(record.seq)
    except Exception:  # Biopython's own error, which cannot be named without importing it
        found = b""
    if not found:
        raise DataError(f"{str(path)!r}: record {name!r} has no letters (ORIGIN): leave it out")
    return found


def _features(record: Any, name: str, path: Path) -> Iterator[Feature]:
    """Yield the stretches of a record's features, in the order of the file."""
    for feature in record.features:
        where = f"{str(path)!r} record {name!r}, {feature.type} at {feature.location}"
        if feature.location is None:
            raise DataError(
                f"{str(path)!r} record {name!r}: a {feature.type} without a readable place"
            )
        for part in feature.location.parts:
            if part.ref is not None:
                continue
            try:
                start, end = int(part.start), int(part.end)
            except (TypeError, ValueError):
                raise DataError(f"{where}: its place is not known") from None
            strand = {1: "+", -1: "-"}.get(part.strand, ".")
            yield Feature(name, start, end, feature.type, strand, where=where)
