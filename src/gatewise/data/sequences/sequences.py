"""Sequences of any lengths, one after the other in one array: codes or measured values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np

from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.errors import DataError
from gatewise.typing import AnyArray, Indices, Mask
from gatewise.wording import counted

Picks = Indices | Mask
"""Numbers of sequences in the order wanted, or a mask of them."""


@dataclass(frozen=True, eq=False, repr=False)
class Sequences:
    """Sequences without what is to be predicted of them. Sizes: n sequences, N steps in all, F columns.

    Attributes:
        values: Codes [N] int64 of `vocabulary`, or measured values [N, F] float32 (NaN: missing), the
            sequences one after the other.
        lengths: Steps of each sequence, [n] int64; 0 is allowed.
        names: One distinct name per sequence.
        vocabulary: What codes stand for; None for measured values.
        columns: The names of measured values, F; () for codes.
        groups: Which of them must stay on one side of a split, [n] names; None: each by itself.

    Raises DataError where these contradict each other.
    """

    values: AnyArray
    lengths: Indices
    names: tuple[str, ...]
    vocabulary: Vocabulary | None = None
    columns: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_sizes(self)
        _check_values(self)

    def __len__(self) -> int:
        return len(self.lengths)

    def __repr__(self) -> str:
        width = counted(len(self.columns), "column")
        if self.vocabulary is not None:
            width = counted(len(self.vocabulary.symbols), "symbol")
        return (
            f"Sequences({counted(len(self), 'sequence')}, {counted(self.steps, 'step')}, {width})"
        )

    @property
    def steps(self) -> int:
        """The number of steps of all sequences together."""
        return len(self.values)

    @cached_property
    def offsets(self) -> Indices:
        """Where each sequence begins in `values`, and where the last ends, [n + 1]."""
        return np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)

    def row(self, index: int) -> AnyArray:
        """Return the values of one sequence, [T] or [T, F], as a view."""
        index = range(len(self))[index]
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def steps_of(self, picks: Picks) -> Indices:
        """Return the numbers of the steps of `picks`, in their order: places in `values`."""
        picks = as_numbers(picks, len(self))
        lengths = self.lengths[picks]
        ends = np.cumsum(lengths)
        shift = self.offsets[picks] - (ends - lengths)
        steps: Indices = np.arange(lengths.sum(), dtype=np.int64) + np.repeat(shift, lengths)
        return steps

    def take(self, picks: Picks) -> Sequences:
        """Return the sequences of `picks` in that order; DataError where one is picked twice."""
        picks = as_numbers(picks, len(self))
        return Sequences(
            values=self.values[self.steps_of(picks)],
            lengths=self.lengths[picks],
            names=tuple(self.names[pick] for pick in picks),
            vocabulary=self.vocabulary,
            columns=self.columns,
            groups=None if self.groups is None else tuple(self.groups[pick] for pick in picks),
        )

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The SHA-256 of all that it holds, with its sizes: "sha256", "sequences", "steps"."""
        about = {
            "names": self.names,
            "symbols": None if self.vocabulary is None else self.vocabulary.symbols,
            "columns": self.columns,
            "groups": self.groups,
        }
        found = digest(about, (self.lengths, self.values))
        return {"sha256": found, "sequences": len(self), "steps": self.steps}


def digest(about: dict[str, Any], arrays: tuple[AnyArray | None, ...]) -> str:
    """Return the SHA-256 of JSON values and arrays, each with its type and shape."""
    found = sha256(json.dumps(about, sort_keys=True).encode())
    for array in arrays:
        shape = None if array is None else [array.dtype.str, *array.shape]
        found.update(json.dumps(shape).encode())
        if array is not None and array.size:
            found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def as_numbers(picks: Picks, count: int) -> Indices:
    """Return picks as numbers of sequences; DataError for one that is not there."""
    found = np.asarray(picks)
    if found.dtype == bool:
        if found.shape != (count,):
            raise DataError(f"a mask of {found.shape} does not fit {count} sequences")
        return np.flatnonzero(found)
    numbers: Indices = found.astype(np.int64)
    missing = numbers[(numbers < 0) | (numbers >= count)]
    if len(missing):
        raise DataError(f"there is no sequence {missing[0]}")
    return numbers


def _check_sizes(sequences: Sequences) -> None:
    lengths, names, groups = sequences.lengths, sequences.names, sequences.groups
    if lengths.ndim != 1 or lengths.dtype != np.int64 or (lengths < 0).any():
        raise DataError("lengths of sequences are whole numbers [n], none of them negative")
    if int(lengths.sum()) != len(sequences.values):
        raise DataError(
            f"the lengths add up to {int(lengths.sum()):,} steps, and there are "
            f"{len(sequences.values):,}"
        )
    if len(names) != len(lengths) or (groups is not None and len(groups) != len(lengths)):
        raise DataError(f"{len(lengths)} sequences need as many names and groups")
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise DataError(f"the sequence {twice!r} is there twice")


def _check_values(sequences: Sequences) -> None:
    values, vocabulary = sequences.values, sequences.vocabulary
    if vocabulary is None:
        if values.ndim != 2 or values.dtype != np.float32:
            raise DataError(
                f"measured values are float32 [N, F], not {values.dtype} {values.shape}"
            )
        if len(sequences.columns) != values.shape[1]:
            raise DataError(f"{values.shape[1]} columns need as many names")
        return
    if values.ndim != 1 or values.dtype != np.int64 or sequences.columns:
        raise DataError(f"codes are int64 [N] without columns, not {values.dtype} {values.shape}")
    if len(values) and not (values.min() >= 0 and values.max() < vocabulary.size):
        raise DataError(f"there are codes outside the vocabulary's, 0 to {vocabulary.size - 1}")
