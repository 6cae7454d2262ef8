"""Sequences in tables: a row for each step (long), a row for each sequence (wide), or labels by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gatewise.data.sequences.arrays import as_measured
from gatewise.data.sequences.labels import Labels, as_labels
from gatewise.data.sequences.reading import Reading, as_names
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.data.tables.ids import read_ids
from gatewise.data.tables.native import COUNTED, Frame
from gatewise.data.tables.reading import float_column, time_column
from gatewise.errors import DataError, nearest
from gatewise.typing import AnyArray, Indices

SERIES, TIME, LETTERS = "unique_id", "ds", "sequence"
TARGETS = ("y", "label", "class")
IDS = ("unique_id", "id", "name")
"""Names of columns that are looked for where none is given."""

_TEXT = (nw.String, nw.Categorical, nw.Enum)


@dataclass(frozen=True)
class Long:
    """What a long table holds."""

    sequences: Sequences
    labels: Labels | None
    first: Indices
    """The row of the table that each sequence begins with, [n]: of columns that are constant in it."""
    times: tuple[str, AnyArray] | None = None
    """The column of the time and its values as they stand there, [N]; None where there is none."""


def is_wide(frame: Frame, reading: Reading) -> bool:
    """Tell whether a table has a row for each sequence: a column of letters."""
    return reading.sequence is not None or (LETTERS in frame.columns and reading.series is None)


def target_columns(frame: Frame, reading: Reading) -> tuple[str, ...]:
    """Return the columns of the labels, () where there are none and none are named."""
    named = as_names(reading.target)
    if not named:
        return next(((name,) for name in TARGETS if name in frame.columns), ())
    if not reading.with_labels:
        return tuple(name for name in named if name in frame.columns)
    for name in named:
        check_column(frame, name, "target")
    return named


def target_values(frame: Frame, columns: tuple[str, ...]) -> AnyArray | list[Any]:
    """Return the labels of the rows: of one column as they are, of several as numbers [N, K]."""
    if len(columns) > 1:
        return np.stack([float_column(frame, name) for name in columns], axis=1)
    column = frame[columns[0]]
    if column.dtype in _TEXT:
        return column.cast(nw.String).to_list()
    if column.dtype == nw.Boolean and not column.null_count():
        return np.asarray(column.to_numpy(), dtype=bool)
    if column.dtype.is_integer() and not column.null_count():
        return np.asarray(column.to_numpy())
    if column.dtype.is_numeric():
        return float_column(frame, columns[0])
    return column.to_list()


def check_column(frame: Frame, name: str, role: str) -> None:
    """Raise DataError, with the nearest names, unless the table has the column."""
    if name not in frame.columns:
        listed = ", ".join(map(str, frame.columns[:12]))
        raise DataError(
            f"no column {name!r} ({role}).{nearest(name, map(str, frame.columns))} "
            f"The table has: {listed}"
        )


def texts_of(frame: Frame, name: str, rows: Indices | None = None) -> list[str]:
    """Return a column as texts; DataError where a value is missing."""
    column = frame[name]
    if column.null_count():
        row = int(np.asarray(column.is_null().to_numpy()).argmax())
        raise DataError(f"column {name!r} is empty in row {row + 1} ({COUNTED})")
    values = column.cast(nw.String).to_list() if column.dtype in _TEXT else column.to_list()
    texts = [str(value) for value in values]
    return texts if rows is None else [texts[row] for row in rows.tolist()]


def id_column(frame: Frame, reading: Reading) -> str | None:
    """Return the column with the names of the sequences, None where there is none."""
    if reading.series is not None:
        check_column(frame, reading.series, "series")
        return reading.series
    return next((name for name in IDS if name in frame.columns), None)


def read_long(frame: Frame, reading: Reading, others: Sequence[str] = ()) -> Long:
    """Return the sequences of a table with a row for each step.

    others: columns that are neither measured nor labels, such as those of groups and weights.
    A label that is the same in all rows of each sequence is that of the sequence; else labels are of
    steps.
    Raises DataError, with column and row, for what cannot be read.
    """
    series = reading.series or SERIES
    check_column(frame, series, "series")
    ids = read_ids(frame[series], series)
    lengths = np.bincount(ids.index, minlength=len(ids.names)).astype(np.int64)
    time = reading.time or (TIME if TIME in frame.columns else None)
    order = _order(frame, ids.index, ids.names, time)
    targets = target_columns(frame, reading)
    taken = {series, time, *targets, *others}
    inputs = as_names(reading.inputs) or reading.columns or _measured(frame, taken)
    for name in inputs:
        check_column(frame, name, "inputs")
        if name in taken:
            raise DataError(f"column {name!r} is among the inputs and plays another part too")
    sequences = _values(frame, inputs, order, (lengths, ids.names), reading)
    wanted = targets and reading.with_labels
    labels = _labels(frame, targets, order, sequences, reading) if wanted else None
    times = None if time is None else (time, np.asarray(frame[time].to_numpy())[order])
    return Long(sequences, labels, order[sequences.offsets[:-1]], times)


def _order(frame: Frame, index: Indices, names: tuple[str, ...], time: str | None) -> Indices:
    """Return the rows sequence after sequence, in each by its time, or as they stand."""
    if time is None:
        return np.argsort(index, kind="stable")
    check_column(frame, time, "time")
    times = time_column(frame, time).values
    order = np.lexsort((times, index))
    same = (index[order][1:] == index[order][:-1]) & (times[order][1:] == times[order][:-1])
    if same.any():
        first, second = sorted(order[int(same.argmax()) : int(same.argmax()) + 2].tolist())
        raise DataError(
            f"rows {first + 1} and {second + 1} of sequence {names[index[first]]!r} have the same time "
            f"({COUNTED})"
        )
    return np.asarray(order, dtype=np.int64)


def _measured(frame: Frame, taken: set[str | None]) -> tuple[str, ...]:
    """Return the columns that are measured unless said otherwise: all numbers that play no part yet."""
    free = [str(name) for name in frame.columns if name not in taken]
    numbers = tuple(
        name for name in free if frame[name].dtype.is_numeric() or frame[name].dtype == nw.Boolean
    )
    if not numbers:
        raise DataError(
            "the table has no column of numbers to read: name the measured columns with inputs=..."
        )
    return numbers


def _values(
    frame: Frame,
    inputs: tuple[str, ...],
    order: Indices,
    ids: tuple[Indices, tuple[str, ...]],
    reading: Reading,
) -> Sequences:
    lengths, names = ids
    if len(inputs) == 1 and frame[inputs[0]].dtype in _TEXT:
        return _tokens(texts_of(frame, inputs[0], order), lengths, names, reading)
    values = np.stack([float_column(frame, name) for name in inputs], axis=1)[order]
    mask = reading.missing == "mask"
    return Sequences(
        as_measured(values, lengths, names, inputs, mask=mask), lengths, names, columns=inputs
    )


def _tokens(
    texts: list[str], lengths: Indices, names: tuple[str, ...], reading: Reading
) -> Sequences:
    """Return a column of texts, one token in each row, as codes."""
    vocabulary = reading.vocabulary or Vocabulary(tuple(sorted(set(texts))))
    codes = vocabulary.encode(texts)
    unknown = np.flatnonzero(codes == 0)
    if len(unknown) and reading.unknown == "refuse":
        row = int(np.searchsorted(np.cumsum(lengths), unknown[0], side="right"))
        raise DataError(
            f"{len(unknown):,} of {len(codes):,} tokens are not in the vocabulary, the first "
            f"{texts[unknown[0]]!r} in sequence {names[row]!r}. Read them as unknown with unknown='mask'"
        )
    return Sequences(codes, lengths, names, vocabulary)


def _labels(
    frame: Frame, targets: tuple[str, ...], order: Indices, sequences: Sequences, reading: Reading
) -> Labels:
    """Return the labels of steps, or of sequences where each has one in all its rows."""
    values, classes = as_labels(target_values(frame, targets), reading)
    values = values[order]
    starts = sequences.offsets[:-1]
    same = _alike(values, starts, sequences.lengths)
    per_step = reading.per_step if reading.per_step is not None else not same.all()
    if per_step:
        return Labels(values, classes, True, targets)
    if not same.all():
        name = sequences.names[int((~same).argmax())]
        raise DataError(
            f"column {targets[0]!r} is not the same in all rows of sequence {name!r}, so it is no label "
            "of the sequence: labels of single steps are for a tagger"
        )
    return Labels(values[starts], classes, False, targets)


def _alike(values: AnyArray, starts: Indices, lengths: Indices) -> AnyArray:
    """Return of which sequences all steps have the label of the first, missing ones among them, [n]."""
    first = np.repeat(values[starts], lengths, axis=0)
    equal = (values == first) | ((values != values) & (first != first))  # noqa: PLR0124  NaN
    equal = equal if equal.ndim == 1 else equal.all(axis=1)
    return np.logical_and.reduceat(equal, starts)


def read_wide(frame: Frame, reading: Reading) -> tuple[list[str], list[str]]:
    """Return the letters and names of a table with a row for each sequence; names may be row numbers."""
    letters = reading.sequence or LETTERS
    check_column(frame, letters, "sequence")
    if frame[letters].dtype not in (*_TEXT, nw.Object):
        raise DataError(f"column {letters!r} holds no texts, and so no letters of sequences")
    names = id_column(frame, reading)
    numbered = [str(number) for number in range(1, len(frame) + 1)]
    return texts_of(frame, letters), numbered if names is None else texts_of(frame, names)


def rows_by_id(frame: Frame, reading: Reading) -> dict[str, int]:
    """Return the row of each id in a table of labels; DataError where one is there twice."""
    name = id_column(frame, reading) or str(frame.columns[0])
    rows: dict[str, int] = {}
    for row, text in enumerate(texts_of(frame, name)):
        if rows.setdefault(text, row) != row:
            raise DataError(
                f"{text!r} has two labels, in rows {rows[text] + 1} and {row + 1} of column {name!r} "
                f"({COUNTED})"
            )
    return rows


def label_columns(frame: Frame, reading: Reading) -> tuple[str, ...]:
    """Return the columns of the labels in a table by id: those found, or the only other one."""
    found = target_columns(frame, reading)
    if found:
        return found
    ids = id_column(frame, reading) or str(frame.columns[0])
    others = [str(name) for name in frame.columns if name != ids]
    if len(others) != 1:
        listed = ", ".join(map(repr, others[:12]))
        raise DataError(
            f"which column holds the labels? Say so with target=...: {listed or 'none'}"
        )
    return (others[0],)
