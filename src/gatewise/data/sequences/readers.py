"""One reader for every form of sequences and labels: arrays, letters, tables, files, bundled sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gatewise.data.sequences.alphabets import Letters, coded
from gatewise.data.sequences.arrays import read_arrays, refuse_empty
from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.labels import read_labels
from gatewise.data.sequences.reading import Reading, as_names
from gatewise.data.sequences.sequences import Sequences
from gatewise.errors import DataError
from gatewise.typing import Array32


def read_labelled(
    data: Any,
    labels: Any = None,
    *,
    lengths: Any = None,
    names: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    weights: Any = None,
    split: Sequence[str] | None = None,
    reading: Reading | None = None,
    **options: Any,
) -> Labelled:
    """Return sequences with their labels, whatever form they come in.

    data: a list of arrays [T, F] or [T]; an array [n, T, F] or [n, T], padded where there are
        `lengths`; a list of texts of letters; sequences or labelled sequences that were read before.
    labels: one for each sequence, [n] (or [n, K] numbers), one for each step (lists, padded, or one
        after the other), or a mapping by the names of the sequences. None: there are none.
    lengths: steps of each row of a padded array, [n].
    names, groups, weights, split: of each sequence: see `Sequences` and `Labelled`.
    reading, options: how to read; `options` are fields of `Reading` by name.

    Raises DataError, FileError or OptionError, in one line, for whatever cannot be read as it is.
    """
    reading = (reading or Reading()).with_options(options)
    if isinstance(data, Labelled):
        if labels is None:
            return data
        data = data.sequences
    sequences = _sequences(data, lengths, names, reading)
    if groups is not None:
        sequences = replace(sequences, groups=tuple(map(str, groups)))
    found = Labelled(sequences)
    if labels is not None:
        read = read_labels(labels, sequences.lengths, sequences.names, reading)
        found = Labelled(sequences, read.values, read.classes, read.per_step)
    return with_parts(found, weights, split)


def with_parts(labelled: Labelled, weights: Any, split: Sequence[str] | None) -> Labelled:
    """Return labelled sequences with weights and parts, where there are any."""
    if split is not None:
        labelled = replace(labelled, split=tuple(map(str, split)))
    if weights is not None:
        labelled = replace(labelled, weights=_weights(weights))
    return labelled


def _weights(weights: Any) -> Array32:
    try:
        return np.asarray(weights, dtype=np.float32)
    except (TypeError, ValueError):
        raise DataError("weights are numbers, one for each sequence") from None


def _sequences(data: Any, lengths: Any, names: Sequence[str] | None, reading: Reading) -> Sequences:
    if isinstance(data, Sequences):
        return data
    if not isinstance(data, np.ndarray):
        data = list(data) if isinstance(data, list | tuple) else np.asarray(data)
    if len(data) and all(isinstance(one, str) for one in data):
        return read_letters(data, names, reading)
    return read_arrays(
        data, lengths, names=names, columns=as_names(reading.inputs), mask=reading.missing == "mask"
    )


def read_letters(texts: Sequence[str], names: Sequence[str] | None, reading: Reading) -> Sequences:
    """Return the codes of texts of letters; DataError for empty ones and for unknown letters."""
    given = tuple(map(str, range(len(texts)) if names is None else names))
    if len(given) != len(texts):
        raise DataError(f"{len(texts):,} sequences, and {len(given):,} names")
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    refuse_empty(lengths, given)
    text = "".join(texts)
    content = (
        np.frombuffer(text.encode(), dtype=np.uint8)
        if text.isascii()
        else np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    )
    return of_letters(Letters(content, lengths, given), reading)


def of_letters(letters: Letters, reading: Reading) -> Sequences:
    """Return letters as sequences of codes, by the alphabet or vocabulary of `reading`."""
    codes, vocabulary = coded(
        letters,
        reading.alphabet,
        vocabulary=reading.vocabulary,
        mask=reading.unknown == "mask",
        soft_masked=reading.soft_masked == "mask",
    )
    return Sequences(codes, letters.lengths, letters.names, vocabulary)
