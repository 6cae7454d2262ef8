"""Features of BED and GFF3 files as labels of the steps of their sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from gatewise.data.sequences.annotations import Feature
from gatewise.data.sequences.reading import Reading, as_names
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.tables.raw import plain_lines, read_bytes
from gatewise.errors import DataError, FileError, nearest, warn
from gatewise.typing import Indices
from gatewise.wording import counted

BED_ENDINGS = (".bed",)
GFF_ENDINGS = (".gff3", ".gff")
"""Endings of annotations; also with .gz."""

CODING = ("CDS",)
"""The features that GenBank and GFF3 files are read for, unless others are named."""


def read_annotations(
    path: Path, sequences: Sequences, reading: Reading
) -> tuple[Indices, tuple[str, ...]]:
    """Return the class of each letter [N] by a BED or GFF3 file, and the classes.

    Class 0 is `reading.background`. Raises FileError and DataError, with the line, for what cannot be
    read, lies outside its sequence, or is of no sequence here (unless reading.unmatched="drop").
    """
    is_bed = path.name.lower().removesuffix(".gz").endswith(BED_ENDINGS)
    content = plain_lines(read_bytes(path), path).decode()
    lines = enumerate(content.split("\n"), start=1)
    features = list((_bed if is_bed else _gff)(lines, repr(str(path))))
    wanted = as_names(reading.features) or (() if is_bed else CODING)
    return labels_of(features, sequences, reading, wanted, repr(str(path)))


def labels_of(
    features: Iterable[Feature],
    sequences: Sequences,
    reading: Reading,
    wanted: tuple[str, ...],
    file: str,
) -> tuple[Indices, tuple[str, ...]]:
    """Return the class of each letter [N] and the classes, of features of the kinds `wanted`; (): all.

    Of features that overlap, the kind named first in `wanted` counts; where none is named, two kinds on
    one letter are refused. Of one kind on both strands, the later feature counts.
    """
    features = list(features)
    kept = [one for one in features if not wanted or one.kind in wanted]
    if not kept:
        kinds = sorted({one.kind for one in features})
        hint = f": it has {', '.join(map(repr, kinds[:8]))}" if kinds else ""
        raise DataError(
            f"{file} has no feature {' or '.join(map(repr, wanted))}{hint}"
            f".{nearest(wanted[0], kinds) if wanted else ''}"
        )
    kept = _of_sequences(kept, sequences, reading)
    kinds_in_order = wanted or tuple(sorted({one.kind for one in kept}))
    classes = _classes(kinds_in_order, reading)
    codes = np.zeros(sequences.steps, dtype=np.int64)
    number = {name: place for place, name in enumerate(sequences.names)}
    rank = {kind: place for place, kind in enumerate(kinds_in_order)}
    if wanted:  # the first named is written last
        kept.sort(key=lambda one: -rank[one.kind])
    for one in kept:
        row = number[one.sequence]
        if not 0 <= one.start < one.end <= sequences.lengths[row]:
            raise DataError(
                f"{one.where}: {one.start + 1} to {one.end} does not lie in sequence {one.sequence!r}, "
                f"which has {counted(int(sequences.lengths[row]), 'letter')}"
            )
        code = classes.index(_class_of(one, reading))
        place = slice(
            int(sequences.offsets[row]) + one.start, int(sequences.offsets[row]) + one.end
        )
        if (
            not wanted
            and (others := codes[place][(codes[place] != 0) & (codes[place] != code)]).size
        ):
            raise DataError(
                f"{one.where}: {classes[code]!r} overlaps {classes[int(others[0])]!r}: say with "
                "features= which counts before the other"
            )
        codes[place] = code
    return codes, classes


def _of_sequences(kept: list[Feature], sequences: Sequences, reading: Reading) -> list[Feature]:
    """Return the features of sequences that there are; refuse the others, or leave them out."""
    known = set(sequences.names)
    lost = [one for one in kept if one.sequence not in known]
    if not lost:
        return kept
    names = list(dict.fromkeys(one.sequence for one in lost))
    told = (
        f"{lost[0].where}: {counted(len(lost), 'feature')} of sequences that are not there "
        f"({', '.join(map(repr, names[:3]))}{', …' if len(names) > 3 else ''})"
    )
    if len(lost) == len(kept):
        raise DataError(f"{told}, and none of those that are.{nearest(names[0], known)}")
    if reading.unmatched == "refuse":
        more = nearest(names[0], known)
        raise DataError(f"{told}. Leave them out with unmatched='drop'.{more}")
    warn(f"{told}; they are left out")
    return [one for one in kept if one.sequence in known]


def _classes(kinds: tuple[str, ...], reading: Reading) -> tuple[str, ...]:
    found = (
        [f"{kind}{strand}" for kind in kinds for strand in "+-"] if reading.strands else list(kinds)
    )
    if reading.background in found:
        raise DataError(
            f"{reading.background!r} is both a feature and the background: name another"
        )
    return (reading.background, *found)


def _class_of(one: Feature, reading: Reading) -> str:
    if not reading.strands:
        return one.kind
    if one.strand not in ("+", "-"):
        raise DataError(f"{one.where}: a feature without a strand, where strands=True needs one")
    return f"{one.kind}{one.strand}"


def _bed(lines: Iterable[tuple[int, str]], file: str) -> Iterator[Feature]:
    """Yield the features of BED lines: sequence, start (from 0), end; perhaps name, score, strand."""
    for number, line in lines:
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        cells = line.split("\t") if "\t" in line else line.split()
        where = f"{file} line {number}"
        if len(cells) < 3:
            raise FileError(f"{where} is no BED: it needs a sequence, a start and an end")
        start, end = _place(cells[1], where), _place(cells[2], where)
        kind = cells[3].strip() if len(cells) > 3 else "feature"
        strand = cells[5].strip() if len(cells) > 5 else "."
        yield Feature(cells[0], start, end, kind or "feature", strand, where=where)


def _gff(lines: Iterable[tuple[int, str]], file: str) -> Iterator[Feature]:
    """Yield the features of GFF3 lines; places there count from 1 and include the end."""
    for number, line in lines:
        if line.startswith("##FASTA"):
            return
        if not line.strip() or line.startswith("#"):
            continue
        cells = line.split("\t")
        where = f"{file} line {number}"
        if len(cells) not in (8, 9):  # the attributes may be left out
            raise FileError(f"{where} is no GFF3: {counted(len(cells), 'column')} in place of 9")
        start, end = _place(cells[3], where), _place(cells[4], where)
        yield Feature(unquote(cells[0]), start - 1, end, unquote(cells[2]), cells[6], where=where)


def _place(text: str, where: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > 15:
        raise FileError(f"{where}: {text[:20]!r} is no place in a sequence")
    return int(text)
