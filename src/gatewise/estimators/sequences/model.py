"""A fitted model of sequences, and what its networks answer.

Sizes: M members, n sequences, N steps of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from gatewise.data.sequences.sequences import Sequences
from gatewise.engines import by_size
from gatewise.estimators.embedding import width_of
from gatewise.estimators.options import spec_named
from gatewise.estimators.sequences.form import Form, Scaling
from gatewise.estimators.sequences.fronts import ONE_HOT_UP_TO, EmbeddingFront, OneHotFront
from gatewise.estimators.sequences.network import Front, SequenceNetwork
from gatewise.estimators.sequences.options import SequenceOptions
from gatewise.estimators.sequences.preparation import scaled
from gatewise.training.distributed import local_device
from gatewise.training.history import History
from gatewise.training.options import BATCH_SIZE
from gatewise.typing import AnyArray, Indices

L = TypeVar("L")

ROWS, VALUES = 256, 1 << 22
"""Sequences of a batch in prediction, and values of it at most, padding counted."""


@dataclass(frozen=True)
class Refitted:
    """The networks that were trained anew on all data once those before them were scored."""

    networks: tuple[SequenceNetwork, ...]
    histories: tuple[History, ...]
    sequences: int  # that each was trained on

    def about(self) -> dict[str, Any]:
        """Return what metrics.json says of them."""
        return {
            "sequences": self.sequences,
            "steps": [history.steps for history in self.histories],
            "seconds": [round(history.seconds, 1) for history in self.histories],
        }


@dataclass(frozen=True)
class SequenceModel(Generic[L]):
    """Networks of all members, the form of their data, and what else an estimator learnt: L."""

    settings: SequenceOptions  # all that was left to the data is settled in them
    asked: SequenceOptions  # as they were given
    form: Form
    scaling: Scaling | None
    networks: tuple[SequenceNetwork, ...]
    histories: tuple[History, ...]
    engine: str
    learnt: L
    data: dict[str, Any]  # fingerprint, sizes, and the sequences of each part
    refitted: Refitted | None = None

    @property
    def answering(self) -> tuple[SequenceNetwork, ...]:
        """The networks that predict: those that were refitted on all data, where there are any."""
        return self.networks if self.refitted is None else self.refitted.networks

    def for_new_data(self) -> SequenceModel[L]:
        """Return the model as it answers for sequences that it was not fitted on."""
        return replace(self, networks=self.answering, refitted=None)


def engine_for(settings: SequenceOptions, form: Form, steps: float) -> str:
    """Return the engine that `auto` settles on for a fit, from batches of sequences of `steps` steps.

    By sizes alone, and once for all batches; "reference" for a cell that no other engine has.
    """
    cell = spec_named(settings.cell).name
    if cell not in by_size.RULES:
        return "reference"
    front = front_of(settings, form)
    inputs = len(form.columns) if front is None else front.width
    directions = 2 if settings.bidirectional else 1
    weights = by_size.weights_of(
        cell, inputs, settings.hidden_size, settings.num_layers, directions
    )
    rule = by_size.rule_for(cell, weights, training=True)
    rows = settings.batch_size or BATCH_SIZE
    return "native" if by_size.is_native(rule, max(1, round(steps)), rows) else "torch"


def front_of(settings: SequenceOptions, form: Form) -> Front | None:
    """Return what stands before the layers; None for measured values."""
    if form.vocabulary is None:
        return None
    symbols = len(form.vocabulary.symbols)
    few = symbols <= ONE_HOT_UP_TO and settings.embedding is None
    if settings.front == "one-hot" or (settings.front == "auto" and few):
        return OneHotFront(symbols)
    return EmbeddingFront(symbols, width_of(symbols, settings.embedding))


def answers_of(
    network: SequenceNetwork, sequences: Sequences, scaling: Scaling | None, device: str
) -> list[AnyArray]:
    """Return what a network answers for each sequence: [...], or [T, ...] where it reads every step.

    Sequences of about one length go together, so that little is padded. The network moves to `device`.
    """
    place = local_device(device)
    network.to(place).eval()
    values = scaled(sequences, scaling)
    found: list[AnyArray] = [np.empty(0)] * len(sequences)
    with torch.no_grad():
        for picks in _in_batches(sequences):
            x, lengths = padded(values, sequences.offsets[picks], sequences.lengths[picks])
            answers = network(x.to(place, copy=True), lengths.to(place)).cpu().numpy()
            for row, pick in enumerate(picks):
                length = sequences.lengths[pick]
                found[pick] = answers[:length, row] if network.reads_every else answers[row]
    return found


def padded(
    values: AnyArray, starts: Indices, lengths: Indices
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sequences of `values` as one batch, time first and 0 past their ends, and their lengths."""
    step = np.arange(int(lengths.max()))[:, None]
    inside = step < lengths
    x = values[np.where(inside, starts + step, 0)]
    x[~inside] = 0
    return torch.from_numpy(x), torch.from_numpy(lengths)


def _in_batches(sequences: Sequences) -> Iterator[Indices]:
    """Yield the numbers of all sequences, the longest first, in batches of about one length."""
    width = max(1, len(sequences.columns))
    order = np.argsort(-sequences.lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(1, int(sequences.lengths[order[start]]))
        size = max(1, min(ROWS, VALUES // (longest * width)))
        yield order[start : start + size]
        start += size
