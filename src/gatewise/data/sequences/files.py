"""Files of sequences and of their labels, each read by what its name ends with."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.data.catalog import dataset_name
from gatewise.data.files import READABLE, read_frame
from gatewise.data.sequences import fasta
from gatewise.data.sequences.features import (
    BED_ENDINGS,
    CODING,
    GFF_ENDINGS,
    labels_of,
    read_annotations,
)
from gatewise.data.sequences.genbank import ENDINGS as GENBANK_ENDINGS
from gatewise.data.sequences.genbank import read_genbank
from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.labels import Labels, as_labels, unmatched_sentence
from gatewise.data.sequences.letters import of_letters, read_letters
from gatewise.data.sequences.reading import Reading, as_names
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.tables import (
    check_column,
    is_wide,
    label_columns,
    read_long,
    read_wide,
    rows_by_id,
    target_columns,
    target_values,
    texts_of,
)
from gatewise.data.sequences.texts import ENDINGS as TEXT_ENDINGS
from gatewise.data.sequences.texts import read_text
from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.data.tables.native import Frame, as_frame
from gatewise.errors import DataError, FileError, warn
from gatewise.typing import AnyArray, Indices


@dataclass(frozen=True)
class Found:
    """Sequences as they were found, and the table that says more of them, where there is one."""

    sequences: Sequences
    labels: Labels | None = None
    table: Frame | None = None
    rows: Indices | None = None
    """The row of the table that is of each sequence, [n]."""
    times: tuple[str, AnyArray] | None = None
    """The column of the steps' times and its values, [N]."""

    def has(self, name: str) -> bool:
        """Tell whether the table has a column; where there is no table, it has none."""
        return self.table is not None and name in self.table.columns

    def column(self, name: str, role: str) -> list[str]:
        """Return a column of the table for each sequence; DataError where there is no table."""
        if self.table is None:
            raise DataError(f"{role}={name!r} names a column, and the sequences come in no table")
        check_column(self.table, name, role)
        return texts_of(self.table, name, self.rows)

    def labelled(self) -> Labelled:
        """Return the sequences with their labels."""
        labels = self.labels
        if labels is None:
            return Labelled(self.sequences, times=self.times)
        return Labelled(
            self.sequences,
            labels.values,
            labels.classes,
            labels.per_step,
            targets=() if labels.classes else labels.columns,
            times=self.times,
        )


def is_path(data: Any) -> bool:
    """Tell whether data is named and not given: a text or a path."""
    return isinstance(data, str | os.PathLike)


def is_table(data: Any) -> bool:
    """Tell whether data is a frame of any library, and not an array."""
    return hasattr(data, "columns") and not isinstance(data, np.ndarray)


def read_file(path: Path, reading: Reading, others: Sequence[str]) -> Found:
    """Return the sequences of a file; `others` are columns of a table that are not measured.

    Raises FileError for an ending that is not read, and whatever its reader raises.
    """
    kind = kind_of(path)
    if kind in READABLE:
        return read_table(read_frame(path), reading, others)
    if kind in fasta.ENDINGS:
        return Found(of_letters(fasta.read_fasta(path), reading))
    if kind in GENBANK_ENDINGS:
        return _of_genbank(path, reading)
    if kind in TEXT_ENDINGS:
        return Found(
            of_text(read_text(path, reading.encoding), path.name.partition(".")[0], reading)
        )
    if os.path.isdir(path):
        raise FileError(f"{str(path)!r} is a folder, not a file of sequences")
    listed = ", ".join((*READABLE, *fasta.ENDINGS, *GENBANK_ENDINGS, *TEXT_ENDINGS))
    raise FileError(f"cannot read {str(path)!r}: the ending must be one of {listed}")


def of_text(text: str, name: str, reading: Reading) -> Sequences:
    """Return a text as one sequence of characters."""
    if reading.alphabet is not None or reading.vocabulary is not None:
        return read_letters([text], [name], reading)
    vocabulary = Vocabulary(tuple(sorted(set(text))))
    codes = vocabulary.encode(text)
    return Sequences(codes, np.array([len(codes)], dtype=np.int64), (name,), vocabulary)


def _of_genbank(path: Path, reading: Reading) -> Found:
    """Return the records of a GenBank file, with labels where it has features of the kinds wanted."""
    letters, features = read_genbank(path)
    sequences = of_letters(letters, reading)
    wanted = as_names(reading.features) or CODING
    if not reading.with_labels:
        return Found(sequences)
    if not reading.features and not any(one.kind in wanted for one in features):
        return Found(sequences)
    codes, classes = labels_of(features, sequences, reading, wanted, repr(str(path)))
    return Found(sequences, Labels(codes, classes, per_step=True))


def kind_of(path: Path) -> str:
    """Return the known ending of a file's name, without .gz where that may be there; else ""."""
    name = path.name.lower()
    for ending in READABLE:
        if name.endswith(ending):
            return ending
    plain = name.removesuffix(".gz")
    known = (*fasta.ENDINGS, *GENBANK_ENDINGS, *BED_ENDINGS, *GFF_ENDINGS, *TEXT_ENDINGS)
    return next((ending for ending in known if plain.endswith(ending)), "")


def read_table(data: Any, reading: Reading, others: Sequence[str]) -> Found:
    """Return the sequences of a frame: a row for each step, or for each sequence with its letters."""
    frame = as_frame(data)
    if not len(frame):
        raise DataError("the table has no rows")
    if not is_wide(frame, reading):
        long = read_long(frame, reading, others)
        return Found(long.sequences, long.labels, frame, long.first, long.times)
    letters, names = read_wide(frame, reading)
    sequences = read_letters(letters, names, reading)
    targets = target_columns(frame, reading)
    labels = None
    if targets and reading.with_labels:
        told = as_labels(target_values(frame, targets), reading)
        labels = Labels(*told, per_step=False, columns=targets)
    return Found(sequences, labels, frame, np.arange(len(frame)))


def with_labels_of(found: Found, labels: Any, reading: Reading) -> Found:
    """Return sequences with labels from a file or a frame: a table by id, or features in BED or GFF3."""
    if is_path(labels) and dataset_name(labels) is None:
        kind = kind_of(Path(labels))
        if kind in (*BED_ENDINGS, *GFF_ENDINGS):
            read = read_annotations(Path(labels), found.sequences, reading)
            codes, classes = read
            return replace(found, labels=Labels(codes, classes, per_step=True))
    frame = as_frame(read_frame(labels) if is_path(labels) else labels)
    rows = rows_by_id(frame, reading)
    sequences = matched(found, rows, reading).sequences
    picked = np.array([rows[name] for name in sequences.names], dtype=np.int64)
    columns = label_columns(frame, reading)
    values = target_values(frame, columns)
    taken = values[picked] if isinstance(values, np.ndarray) else [values[row] for row in picked]
    made = Labels(*as_labels(taken, reading), per_step=False, columns=columns)
    return Found(sequences, made, frame, picked)


def matched(found: Found, labelled: Collection[str], reading: Reading) -> Found:
    """Return the sequences whose names are among those `labelled`, all of them unless some may go.

    Raises DataError for sequences without a label and labels without a sequence, unless
    `reading.unmatched` says to leave them out, and where no sequence has a label.
    """
    names = found.sequences.names
    missing = [name for name in names if name not in labelled]
    known = set(names)
    surplus = [str(name) for name in labelled if name not in known]
    if not missing and not surplus:
        return found
    told = unmatched_sentence(missing, surplus)
    if len(missing) == len(names):
        raise DataError(f"{told}: no name of a sequence is among those of the labels")
    if reading.unmatched == "refuse":
        raise DataError(f"{told}. Leave them out with unmatched='drop'")
    warn(f"{told}: left out")
    kept = np.flatnonzero([name in labelled for name in names])
    rows = None if found.rows is None else found.rows[kept]
    times = found.times and (found.times[0], found.times[1][found.sequences.steps_of(kept)])
    return replace(found, sequences=found.sequences.take(kept), rows=rows, times=times)
