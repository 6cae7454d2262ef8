"""Labels of steps as features of a sequence: runs of equal labels, in BED and GFF3 files.

BED counts from 0 and its ends are past the last step; GFF3 counts from 1 and its ends are the last step.
A class whose name ends in + or -, such as "CDS+", is a feature of that strand. Labels do not tell where
reading frames begin, so that GFF3's phase is left open.

Sizes: N steps of all sequences, C classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import numpy as np

from gatewise.data.sequences.sequences import Sequences
from gatewise.errors import DataError, OptionError, nearest
from gatewise.files import atomic_write_text
from gatewise.typing import Array, Indices

BACKGROUND = "other"
"""The class of steps that are of no feature."""
FORMATS = {".bed": "bed", ".gff": "gff3", ".gff3": "gff3"}
_SEQID = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:^*$@!+_?-|"
_TEXT = "".join(chr(code) for code in range(32, 127) if chr(code) not in "%;=&,\t")


@dataclass(frozen=True)
class Feature:
    """Steps `start` … `end` - 1 of a sequence, counted from 0, all of one class.

    `score` is the mean probability of the class over them; None where there is none. `strand` is +, -
    or ".". `where` is the file and line that it was read from.
    """

    sequence: str
    start: int
    end: int
    kind: str
    strand: str
    score: float | None = None
    where: str = ""


def features_of(
    sequences: Sequences,
    labels: Indices,
    classes: Sequence[str],
    probabilities: Array | None = None,
    *,
    background: str | None = BACKGROUND,
) -> Iterator[Feature]:
    """Yield each run of equal labels as a feature, in the order of the steps.

    `labels` [N] are codes of `classes`, -1 for no label; `probabilities` [N, C]. The class `background`
    is no feature; None: every class is one. Raises DataError for labels of other steps.
    """
    if len(labels) != sequences.steps:
        raise DataError(f"{sequences.steps:,} steps, and {len(labels):,} labels")
    named = [_with_strand(name) for name in classes]
    for number, name in enumerate(sequences.names):
        first = int(sequences.offsets[number])
        row = labels[first : sequences.offsets[number + 1]]
        bounds = np.flatnonzero(np.diff(row, prepend=-2, append=-2)).tolist()
        for start, end in pairwise(bounds):
            code = int(row[start])
            if code < 0 or classes[code] == background:
                continue
            score = None
            if probabilities is not None:
                score = float(probabilities[first + start : first + end, code].mean())
            yield Feature(name, start, end, *named[code], score)


def check_annotations(path: str | Path) -> str:
    """Return the format that the name of an annotation file stands for, "bed" or "gff3".

    Raises OptionError for another name.
    """
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise OptionError(
            f"{path} is neither .bed nor .gff3: name the file by its format."
            f"{nearest(ending, FORMATS)}"
        )
    return FORMATS[ending]


def write_annotations(
    path: str | Path,
    features: Sequence[Feature],
    sequences: Sequences,
    *,
    made_by: str = "gatewise",
) -> None:
    """Write features to a .bed or .gff3 file, whole or not at all; `made_by` is GFF3's source.

    Raises OptionError for another kind of file, DataError for a name that BED cannot hold, FileError
    where the file cannot be written.
    """
    if check_annotations(path) == "bed":
        text = "".join(map(_bed, features))
    else:
        lengths = zip(sequences.names, sequences.lengths.tolist(), strict=True)
        regions = [
            f"##sequence-region {_escaped(name)} 1 {length}\n" for name, length in lengths if length
        ]
        rows = [_gff3(number, feature, made_by) for number, feature in enumerate(features, start=1)]
        text = "".join(["##gff-version 3\n", *regions, *rows])
    atomic_write_text(path, text)


def _with_strand(name: str) -> tuple[str, str]:
    """Return the kind of feature and the strand that the name of a class stands for."""
    if len(name) > 1 and name[-1] in "+-":
        return name[:-1], name[-1]
    return name, "."


def _bed(feature: Feature) -> str:
    """Return a line of BED with six columns; the score there is 0 … 1000."""
    for text in (feature.sequence, feature.kind):
        if re.search(r"\s", text):
            raise DataError(
                f"BED has no way to write the space in {text!r}: write .gff3, or rename it"
            )
    score = 0 if feature.score is None else round(1000 * feature.score)
    fields = (feature.sequence, feature.start, feature.end, feature.kind, score, feature.strand)
    return "\t".join(map(str, fields)) + "\n"


def _gff3(number: int, feature: Feature, made_by: str) -> str:
    """Return a line of GFF3, whose special characters are written as in URLs."""
    score = "." if feature.score is None else f"{feature.score:.4g}"
    fields = (
        *(_escaped(feature.sequence), made_by, quote(feature.kind, safe=_TEXT)),
        *(feature.start + 1, feature.end, score, feature.strand, "."),
        f"ID=feature{number}",
    )
    return "\t".join(map(str, fields)) + "\n"


def _escaped(name: str) -> str:
    return quote(name, safe=_SEQID)
