"""Sequences with what is to be predicted of them: a class or numbers, of each sequence or each step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gatewise.data.sequences.sequences import Picks, Sequences, as_numbers, digest
from gatewise.errors import DataError
from gatewise.typing import AnyArray, Array32, Indices, Mask

PARTS = ("training", "validation", "test")
"""The parts of data that a model is trained on, chosen by and scored on."""


@dataclass(frozen=True, eq=False, repr=False)
class Labelled:
    """Sequences and their labels. Sizes: n sequences, N steps in all, K numbers.

    Attributes:
        sequences: The sequences.
        labels: Codes of `classes`, int64, -1 where not known: [n], or [N] if `per_step`. Or numbers,
            float32, NaN where not known: [n] or [n, K], or [N] or [N, K]. None: there are none.
        classes: The names of the classes by their codes; () for numbers.
        per_step: Whether each step has a label, and not each sequence.
        weights: How much each sequence counts, [n] float32, above 0; None: all alike.
        split: The part of each sequence where the data says so: "training", "validation" or "test".
        targets: The columns that the numbers are from, K; () where they are from none.
        times: The column of the steps' times with its values [N], of a table with a row for each step.

    Raises DataError where these contradict each other.
    """

    sequences: Sequences
    labels: AnyArray | None = None
    classes: tuple[str, ...] = ()
    per_step: bool = False
    weights: Array32 | None = None
    split: tuple[str, ...] | None = None
    targets: tuple[str, ...] = ()
    times: tuple[str, AnyArray] | None = None

    def __post_init__(self) -> None:
        _check_labels(self)
        count = len(self.sequences)
        if self.weights is not None and (
            self.weights.shape != (count,)
            or self.weights.dtype != np.float32
            or not (np.isfinite(self.weights) & (self.weights > 0)).all()
        ):
            raise DataError(f"weights are float32 [{count}], finite and above 0")
        if self.split is not None:
            if len(self.split) != count:
                raise DataError(f"{count} sequences, and the parts of {len(self.split)}")
            wrong = next((part for part in self.split if part not in PARTS), None)
            if wrong is not None:
                raise DataError(f"{wrong!r} is no part: use {', '.join(PARTS)}")

    def __len__(self) -> int:
        return len(self.sequences)

    def __repr__(self) -> str:
        told = f"{len(self.classes)} classes" if self.classes else "numbers"
        each = "step" if self.per_step else "sequence"
        told = "no labels" if self.labels is None else f"{told}, one label for each {each}"
        return f"Labelled({self.sequences!r}, {told})"

    @property
    def known(self) -> Mask:
        """Which labels are known, [n] or [N]: of several numbers, all of them. DataError if none are."""
        if self.labels is None:
            raise DataError("these sequences have no labels")
        if self.labels.dtype == np.int64:
            return np.asarray(self.labels >= 0)
        known = ~np.isnan(self.labels)
        return np.asarray(known if known.ndim == 1 else known.all(axis=1))

    @property
    def counts(self) -> Indices:
        """How many known labels each class has, [classes]; () for numbers."""
        if not self.classes or self.labels is None:
            return np.zeros(0, dtype=np.int64)
        return np.bincount(self.labels[self.known], minlength=len(self.classes)).astype(np.int64)

    def take(self, picks: Picks) -> Labelled:
        """Return the sequences of `picks` with their labels, in that order."""
        picks = as_numbers(picks, len(self))
        labels = self.labels
        if labels is not None:
            labels = labels[self.sequences.steps_of(picks) if self.per_step else picks]
        return Labelled(
            sequences=self.sequences.take(picks),
            labels=labels,
            classes=self.classes,
            per_step=self.per_step,
            weights=None if self.weights is None else self.weights[picks],
            split=None if self.split is None else tuple(self.split[pick] for pick in picks),
            targets=self.targets,
            times=self.times and (self.times[0], self.times[1][self.sequences.steps_of(picks)]),
        )

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The SHA-256 of sequences, labels, weights and parts, with the sizes."""
        about = {
            "sequences": self.sequences.identity["sha256"],
            "classes": self.classes,
            "per_step": self.per_step,
            "split": self.split,
        }
        return {**self.sequences.identity, "sha256": digest(about, (self.labels, self.weights))}


def _check_labels(labelled: Labelled) -> None:
    labels, sequences = labelled.labels, labelled.sequences
    if labels is None:
        if labelled.per_step or labelled.classes:
            raise DataError("there are classes or labels of steps, and no labels")
        return
    wanted, what = (
        (sequences.steps, "steps") if labelled.per_step else (len(sequences), "sequences")
    )
    if len(labels) != wanted:
        raise DataError(f"{wanted:,} {what}, and {len(labels):,} labels")
    if not labelled.classes:
        if labels.dtype != np.float32 or labels.ndim not in (1, 2):
            raise DataError("labels without classes are numbers, float32")
        return
    if labels.dtype != np.int64 or labels.ndim != 1:
        raise DataError("labels of classes are codes, int64, one for each sequence or step")
    if len(set(labelled.classes)) < len(labelled.classes):
        raise DataError("the names of classes are distinct")
    if len(labels) and not (labels.min() >= -1 and labels.max() < len(labelled.classes)):
        raise DataError(f"there are codes outside those of {len(labelled.classes)} classes")
