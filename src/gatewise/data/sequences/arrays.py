"""Measured sequences in memory: ragged lists, padded arrays with lengths, 3-D arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gatewise.data.sequences.sequences import Sequences
from gatewise.errors import DataError
from gatewise.typing import AnyArray, Array32, Indices
from gatewise.wording import counted


def read_arrays(
    data: Any,
    lengths: Any = None,
    *,
    names: Sequence[str] | None = None,
    columns: Sequence[str] = (),
    mask: bool = False,
) -> Sequences:
    """Return measured sequences of arrays.

    data: arrays [T, F] or [T] of any lengths; or one array [n, T, F], or [n, T] of one column.
    lengths: of an array, how many steps of each row count, [n]; None: all of them.
    names: of the sequences; None: their numbers, from 0.
    columns: names of the F columns; None: "x1", "x2", …
    mask: keep missing values as NaN; else they are refused, as infinite ones always are.

    Raises DataError, with the sequence, step and column, for what cannot be read.
    """
    if isinstance(data, np.ndarray) and data.dtype != object:
        rows = _of_padded(data, lengths)
    else:
        if lengths is not None:
            raise DataError("lengths= are for padded arrays: a list of arrays has its own")
        rows = [_row(row, number) for number, row in enumerate(data)]
    if not rows:
        raise DataError("there are no sequences")
    found = np.array([len(row) for row in rows], dtype=np.int64)
    labels = _names(names, len(rows))
    refuse_empty(found, labels)
    widths = np.array([row.shape[1] for row in rows])
    if len(set(widths.tolist())) > 1:
        row = int((widths != widths[0]).argmax())
        raise DataError(
            f"sequence {labels[row]!r} has {counted(int(widths[row]), 'column')}, and sequence "
            f"{labels[0]!r} has {widths[0]}"
        )
    if not widths[0]:
        raise DataError("the sequences have no columns")
    made = tuple(columns) or tuple(f"x{number}" for number in range(1, widths[0] + 1))
    if len(made) != widths[0]:
        raise DataError(
            f"the sequences have {counted(int(widths[0]), 'column')}, and inputs= names {len(made)}"
        )
    values = np.concatenate(rows)
    return Sequences(
        as_measured(values, found, labels, made, mask=mask), found, labels, columns=made
    )


def as_measured(
    values: AnyArray,
    lengths: Indices,
    names: tuple[str, ...],
    columns: tuple[str, ...],
    *,
    mask: bool,
) -> Array32:
    """Return values [N, F] as float32; DataError for infinite ones, and missing ones unless `mask`."""
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(values, dtype=np.float32)
    if np.isfinite(found).all():
        return found
    for what, bad in (("infinite", np.isinf(found)), ("missing", np.isnan(found))):
        if not bad.any() or (mask and what == "missing"):
            continue
        step, column = (int(place[0]) for place in np.nonzero(bad))
        row = int(np.searchsorted(np.cumsum(lengths), step, side="right"))
        start = int(lengths[:row].sum())
        fix = "; keep them with missing='mask'" if what == "missing" else ""
        raise DataError(
            f"{counted(int(bad.sum()), 'value is', 'values are')} {what}, the first in sequence "
            f"{names[row]!r}, step {step - start + 1} (counted from 1), column {columns[column]!r}{fix}"
        )
    return found


def refuse_empty(lengths: Indices, names: tuple[str, ...], where: str = "") -> None:
    """Raise DataError for sequences without a step, with how many there are and the first by name."""
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        first = names[int(empty[0])]
        told = (
            f"sequence {first!r} is empty"
            if len(empty) == 1
            else (f"{len(empty):,} sequences are empty, the first {first!r}")
        )
        raise DataError(
            f"{told}{where}: leave it out" if len(empty) == 1 else f"{told}{where}: leave them out"
        )


def as_lengths(lengths: Any, count: int, longest: int) -> Indices:
    """Return lengths as int64 [n]; DataError unless there are `count`, whole and from 1 to `longest`."""
    found = np.asarray(lengths)
    if found.shape != (count,):
        raise DataError(f"{counted(count, 'sequence')}, and lengths of the shape {found.shape}")
    if found.dtype.kind not in "iuf" or not (found == np.floor(found)).all():
        raise DataError("lengths are whole numbers")
    wrong = np.flatnonzero((found < 0) | (found > longest))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"sequence {row} is to have {int(found[row]):,} steps, and the array has {longest:,}"
        )
    return found.astype(np.int64)


def _of_padded(data: AnyArray, lengths: Any) -> list[AnyArray]:
    if data.ndim not in (2, 3):
        raise DataError(
            f"an array of sequences is [n, T, F], or [n, T] of one column, not {data.shape}"
        )
    if data.dtype.kind not in "biuf":
        raise DataError(f"measured values are numbers, not {data.dtype}")
    if data.ndim == 2:
        data = data[:, :, None]
    if lengths is None:
        return list(data)
    found = as_lengths(lengths, len(data), data.shape[1])
    return [row[:length] for row, length in zip(data, found.tolist(), strict=True)]


def _row(row: Any, number: int) -> AnyArray:
    """Return one sequence as an array [T, F] of numbers."""
    try:
        found = np.asarray(row.to_numpy() if hasattr(row, "to_numpy") else row)
    except (ValueError, TypeError):  # rows of unequal lengths
        raise DataError(
            f"sequence {number} is no array [T, F]: its steps differ in width"
        ) from None
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2 or (found.size and found.dtype.kind not in "biuf"):
        raise DataError(
            f"sequence {number} is to be numbers [T, F] or [T], not {found.dtype} {found.shape}"
        )
    return found


def _names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if names is None:
        return tuple(map(str, range(count)))
    found = tuple(map(str, names))
    if len(found) != count:
        raise DataError(f"{counted(count, 'sequence')}, and {len(found):,} names")
    return found
