"""One reader for every form of sequences and labels: arrays, letters, tables, files, bundled sets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.data.catalog import DATASET, bundled_paths, dataset_name, find
from gatewise.data.sequences.arrays import read_arrays
from gatewise.data.sequences.files import (
    Found,
    is_path,
    is_table,
    matched,
    read_file,
    read_table,
    with_labels_of,
)
from gatewise.data.sequences.homology import related_groups
from gatewise.data.sequences.joining import joined
from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.labels import read_labels
from gatewise.data.sequences.letters import read_letters
from gatewise.data.sequences.reading import Reading, as_names
from gatewise.data.sequences.regions import in_regions
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.unread import form_of, refuse_unread
from gatewise.errors import DataError, OptionError
from gatewise.typing import Array32


def read_labelled(
    data: Any,
    labels: Any = None,
    *,
    lengths: Any = None,
    names: Sequence[str] | None = None,
    groups: str | Sequence[str] | None = None,
    weights: Any = None,
    split: str | Sequence[str] | None = None,
    reading: Reading | None = None,
    **options: Any,
) -> Labelled:
    """Return sequences with their labels, whatever form they come in.

    data: in memory, a list of arrays [T, F] or [T]; an array [n, T, F] or [n, T], padded where there are
        `lengths`; a list of texts of letters; a frame with a row for each step, or with a row for each
        sequence and a column of its letters; sequences or labelled sequences that were read before.
        Or the path of a FASTA or GenBank file, a table (CSV, TSV, Parquet) or a text, or "dataset:NAME"
        for a bundled set, which brings its labels and parts.
    labels: one for each sequence, [n] (or [n, K] numbers), one for each step (lists, padded, or one
        after the other), or a mapping by the names of the sequences; a frame, or the path of a table,
        with the names and a column of labels; the path of a BED or GFF3 file. None: those of the
        table, if it has any.
    lengths: steps of each row of a padded array, [n].
    names: of the sequences.
    groups, weights, split: of each sequence, see `Sequences` and `Labelled`; or the name of the column
        that has them.
    reading, options: how to read; `options` are fields of `Reading` by name.

    Raises DataError, FileError or OptionError, in one line, for whatever cannot be read as it is.
    """
    asked = reading = (reading or Reading()).with_options(options)
    if isinstance(data, Labelled):
        if labels is None:
            form = form_of(data, None, Found(data.sequences), reading)
            refuse_unread(asked, form, data.classes if data.labels is not None else None)
            return data
        data = data.sequences
    bundled = dataset_name(data)
    if bundled is not None:
        about, files = find(bundled), bundled_paths(bundled)
        if about.members:
            if labels is not None:
                raise OptionError(f"{data} has labels of its own: leave others out")
            each = [read_labelled(f"{DATASET}{name}", reading=asked) for name, _ in about.members]
            return joined(each, [part for _, part in about.members])
        reading = reading.with_defaults({**about.reading, "split": about.split})
        data = files[0]
        if labels is None and len(files) > 1 and reading.with_labels:
            labels = files[1]
    named = (groups, weights, split, reading.groups, reading.weights, reading.split)
    others = [name for name in named if isinstance(name, str)]
    found = _found(data, lengths, names, reading, others)
    form = form_of(data, labels, found, reading)
    found = found if labels is None else _with_labels(found, labels, reading)
    refuse_unread(asked, form, None if found.labels is None else found.labels.classes)
    read = _with_more(found, reading, groups, weights, split)
    read = in_regions(read, reading.regions) if reading.regions else read
    if reading.homology is None or not reading.with_labels:  # nothing is divided
        return read
    together = related_groups(read.sequences, reading.homology)
    return replace(read, sequences=replace(read.sequences, groups=together))


def _with_labels(found: Found, labels: Any, reading: Reading) -> Found:
    if is_table(labels) or is_path(labels):
        return with_labels_of(found, labels, reading)
    if isinstance(labels, Mapping):
        found = matched(found, labels, reading)
    sequences = found.sequences
    told = read_labels(labels, sequences.lengths, sequences.names, reading)
    return replace(found, labels=told)


def _found(
    data: Any, lengths: Any, names: Sequence[str] | None, reading: Reading, others: Sequence[str]
) -> Found:
    if isinstance(data, Sequences):
        return Found(data)
    if is_path(data):
        return read_file(Path(os.fspath(data)), reading, others)
    if is_table(data):
        return read_table(data, reading, others)
    if not isinstance(data, np.ndarray):
        data = list(data) if isinstance(data, list | tuple) else np.asarray(data)
    if len(data) and all(isinstance(one, str) for one in data):
        return Found(read_letters(data, names, reading))
    columns, mask = as_names(reading.inputs), reading.missing == "mask"
    return Found(read_arrays(data, lengths, names=names, columns=columns, mask=mask))


def _with_more(found: Found, reading: Reading, groups: Any, weights: Any, split: Any) -> Labelled:
    """Return labelled sequences with groups, weights and parts, where there are any."""
    together, weights, parts = (
        found.column(given, role)
        if isinstance(given, str)
        else _column_of(found, reading, role)
        if given is None
        else given
        for given, role in ((groups, "groups"), (weights, "weights"), (split, "split"))
    )
    if together is not None:
        sequences = replace(found.sequences, groups=tuple(map(str, together)))
        found = replace(found, sequences=sequences)
    labelled = found.labelled()
    if parts is not None:
        labelled = replace(labelled, split=tuple(map(str, parts)))
    return labelled if weights is None else replace(labelled, weights=_weights(weights))


def _column_of(found: Found, reading: Reading, role: str) -> list[str] | None:
    """Return the column that the reading names for a role; new data for a model may lack it."""
    name = getattr(reading, role)
    if name is None or (reading.is_for_model and not found.has(name)):
        return None
    return found.column(name, role)


def _weights(weights: Any) -> Array32:
    try:
        return np.asarray(weights, dtype=np.float32)
    except (TypeError, ValueError):
        raise DataError("weights are numbers, one for each sequence") from None
