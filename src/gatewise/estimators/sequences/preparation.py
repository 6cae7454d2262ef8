"""Sequences that are checked and ready: in the model's form, scaled, in parts.

Sizes: n sequences, N steps of all of them, F columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from gatewise.data.sequences.kmers import kmers_of
from gatewise.data.sequences.labelled import PARTS, Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.split import Parts, split_of
from gatewise.data.sequences.strands import complement_of
from gatewise.errors import DataError, OptionError
from gatewise.estimators.options import EstimatorOptions
from gatewise.estimators.sequences.form import Form, Scaling
from gatewise.estimators.sequences.options import ReadOptions, SequenceOptions
from gatewise.training.sequences import SequenceBatches
from gatewise.typing import AnyArray, Indices

L = TypeVar("L")
Part = Literal["training", "validation", "test"]

MOST_KMERS = 1 << 16
"""Words of letters that a network may tell apart, each with weights of its own."""


@dataclass(frozen=True, eq=False)
class PreparedSequences(Generic[L]):
    """Data in the model's form, its parts, and what was learnt of the labels before any training."""

    settings: SequenceOptions  # with nothing left to the data
    labelled: Labelled
    form: Form
    scaling: Scaling | None
    parts: Parts
    learnt: L
    truth: AnyArray
    """What the loss compares with, [n, ...] or [N, ...]: labels, or numbers scaled."""

    @property
    def identity(self) -> dict[str, Any]:
        """The "sha256" and sizes of the data as it was given."""
        return self.labelled.identity

    @property
    def scored(self) -> Part:
        """The part that is scored: the last one that there is."""
        for part in reversed(PARTS):
            if len(self.parts[part]):
                return part  # type: ignore[return-value]
        raise AssertionError("no part holds a sequence")

    @cached_property
    def values(self) -> AnyArray:
        """What the network reads of every step: see `inputs_of`."""
        return inputs_of(self.labelled.sequences, self.scaling, self.settings)

    def batches(self, *parts: str) -> SequenceBatches:
        """Return the sequences of some parts together, as the training loop takes them."""
        picks = np.sort(np.concatenate([self.parts[part] for part in parts]))
        found = batches_of(self.labelled, picks, self.values, self.truth)
        return replace(found, most_steps=self.settings.batch_steps)

    def part(self, name: str) -> Labelled:
        """Return the data of one part."""
        return self.labelled.take(self.parts[name])


def batches_of(
    labelled: Labelled, picks: Indices, values: AnyArray, truth: AnyArray
) -> SequenceBatches:
    """Return the sequences `picks` as the training loop takes them."""
    sequences, weights = labelled.sequences, labelled.weights
    return SequenceBatches(
        values,
        sequences.offsets[picks],
        sequences.lengths[picks],
        truth if labelled.per_step else truth[picks],
        per_step=labelled.per_step,
        weights=None if weights is None else weights[picks],
    )


def inputs_of(sequences: Sequences, scaling: Scaling | None, settings: SequenceOptions) -> AnyArray:
    """Return what a network reads of every step: codes [N], or scaled values [N, F].

    Where missing values are masked, [N, 2F]: the mean in their place, and for each column whether it
    is missing.
    """
    if settings.kmer > 1:
        return kmers_of(sequences, settings.kmer)
    values = sequences.values if scaling is None else scaling.apply(sequences.values)
    if sequences.vocabulary is not None or settings.missing == "refuse":
        return values
    gaps = np.isnan(values)
    return np.concatenate([np.where(gaps, 0, values), gaps], axis=1, dtype=np.float32)


def parts_of(labelled: Labelled, settings: SequenceOptions) -> Parts:
    """Return the numbers of the sequences of each part; see `split_of` for what is raised."""
    return split_of(
        labelled,
        settings.validation,
        settings.test,
        seed=settings.seed,
        stratify=settings.stratify,
    )


def parts_to_tell(labelled: Labelled, settings: SequenceOptions) -> Parts:
    """Return the parts of data that a fitted model is scored on: these may lack one to train on."""
    said = np.array(labelled.split or ())
    if labelled.split is not None and not (said == "training").any():
        return {part: np.flatnonzero(said == part) for part in PARTS}
    return parts_of(labelled, settings)


def scaling_of(sequences: Sequences, settings: SequenceOptions) -> Scaling | None:
    """Return the scaling of measured values by the training part; None for symbols, or if it is off."""
    if sequences.vocabulary is not None or settings.scale == "none":
        return None
    return Scaling.of(sequences.values)


def check_sequences(sequences: Sequences, settings: SequenceOptions) -> None:
    """Raise DataError or OptionError for what no network can read, by the name of the sequence."""
    if not len(sequences):
        raise DataError("there are no sequences")
    empty = np.flatnonzero(sequences.lengths == 0)
    if len(empty):
        raise DataError(
            f"sequence {sequences.names[empty[0]]!r} is empty ({len(empty):,} of {len(sequences):,} "
            "are): leave out sequences without steps"
        )
    if isinstance(settings, ReadOptions) and settings.rc is not None:
        complement_of(sequences.vocabulary)
    _check_kmer(sequences, settings.kmer)
    if sequences.vocabulary is not None:
        if settings.noise > 0:
            raise OptionError(
                f"noise={settings.noise:g} is for measured values, and these are symbols: use dropout="
            )
        return
    _check_finite(sequences, settings)


def _check_kmer(sequences: Sequences, k: int) -> None:
    if k == 1:
        return
    if sequences.vocabulary is None:
        raise OptionError(f"kmer={k} is of letters, and these are measured values: leave it out")
    symbols = len(sequences.vocabulary.symbols)
    if symbols**k > MOST_KMERS:
        raise OptionError(
            f"kmer={k} of {symbols} letters are {symbols**k:,} words, more than {MOST_KMERS:,}: use a "
            "smaller one"
        )


def _check_finite(sequences: Sequences, settings: SequenceOptions) -> None:
    masked = settings.missing == "mask"
    wrong = np.isinf(sequences.values) if masked else ~np.isfinite(sequences.values)
    if not wrong.any():
        return
    step, column = (int(place[0]) for place in np.nonzero(wrong))
    row = int(np.searchsorted(sequences.offsets, step, side="right")) - 1
    value = "missing (NaN)" if np.isnan(sequences.values[step, column]) else "infinite"
    raise DataError(
        f"sequence {sequences.names[row]!r}, step {step - sequences.offsets[row] + 1}, column "
        f"{sequences.columns[column]!r} is {value} ({int(wrong.sum()):,} such values): fill it, or "
        "leave the sequence out"
    )


def refuse_unused(settings: SequenceOptions, sequences: Sequences) -> None:
    """Raise OptionError for an option of symbols where steps are measured values.

    Of a fit from fresh weights alone: models that were fitted before are read as they were.
    """
    if sequences.vocabulary is not None:
        return
    for name, nothing in (("front", "auto"), ("embedding", None)):
        if (value := getattr(settings, name)) != nothing:
            raise OptionError(
                f"{name}={value!r} is for letters and tokens, and these are measured values: leave it "
                "out"
            )


def refuse_changes(
    settings: EstimatorOptions, before: EstimatorOptions, kept: Sequence[str]
) -> None:
    """Raise OptionError for an option that training on with new data cannot change."""
    for name in kept:
        mine, theirs = getattr(settings, name), getattr(before, name)
        if mine != theirs:
            raise OptionError(
                f"{name}={mine!r}, and the model was fitted with {theirs!r}: that cannot change where "
                "training goes on; fit anew"
            )


def without_unknown(labelled: Labelled) -> Labelled:
    """Return the sequences whose label is known, if there are labels; DataError where none is known."""
    if labelled.per_step or labelled.labels is None:
        return labelled
    known = labelled.known
    if labelled.labels.ndim == 2:  # of several numbers, one that is known is something to learn
        known = np.asarray(~np.isnan(labelled.labels).all(axis=1))
    if not known.any():
        raise DataError("no label is known")
    return labelled if known.all() else labelled.take(known)
