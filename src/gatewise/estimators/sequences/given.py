"""What a caller gives for sequences and labels, until it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.errors import DataError


@dataclass(frozen=True, eq=False)
class Given:
    """Data, labels and lengths as they were passed to a method."""

    data: Any
    labels: Any = None
    lengths: Any = None


def labelled_of(given: Given) -> Labelled:
    """Return arrays or texts, one per sequence, with their labels."""
    if isinstance(given.data, Labelled):
        return given.data
    sequences = _sequences_of(given)
    if given.labels is None:
        return Labelled(sequences)
    labels = np.asarray(given.labels)
    if len(labels) != len(sequences):
        raise DataError(f"{len(sequences)} sequences, and {len(labels)} labels")
    if labels.dtype.kind == "f":
        return Labelled(sequences, labels.astype(np.float32))
    classes, codes = np.unique(labels, return_inverse=True)
    return Labelled(sequences, codes.astype(np.int64), tuple(map(str, classes)))


def _sequences_of(given: Given) -> Sequences:
    rows: list[Any] = list(given.data)
    if given.lengths is not None:
        rows = [row[:length] for row, length in zip(rows, given.lengths, strict=True)]
    names = tuple(map(str, range(len(rows))))
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    if rows and isinstance(rows[0], str):
        vocabulary = Vocabulary(tuple(sorted(set("".join(rows)))))
        return Sequences(vocabulary.encode("".join(rows)), lengths, names, vocabulary)
    values = [np.asarray(row, dtype=np.float32) for row in rows]
    values = [row[:, None] if row.ndim == 1 else row for row in values]
    joined = np.concatenate(values) if values else np.zeros((0, 1), dtype=np.float32)
    columns = tuple(f"x{k + 1}" for k in range(joined.shape[1]))
    return Sequences(joined, lengths, names, columns=columns)
