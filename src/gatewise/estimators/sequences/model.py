"""A fitted model of sequences, and what its networks answer.

Sizes: M members, n sequences, N steps of all of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.strands import other_strand
from gatewise.engines import by_size
from gatewise.errors import OptionError
from gatewise.estimators.options import NetworkOptions, spec_named
from gatewise.estimators.sequences.form import Form, Scaling
from gatewise.estimators.sequences.fronts import ONE_HOT_UP_TO, EmbeddingFront, OneHotFront
from gatewise.estimators.sequences.network import Front, SequenceNetwork
from gatewise.estimators.sequences.options import ReadOptions, SequenceOptions
from gatewise.estimators.sequences.preparation import inputs_of
from gatewise.estimators.widths import width_of
from gatewise.training.history import History
from gatewise.training.inference import predict
from gatewise.training.options import BATCH_SIZE
from gatewise.training.sequences import SequenceBatches
from gatewise.typing import AnyArray

L = TypeVar("L")


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
    directions = 2 if settings.bidirectional else 1
    rows = settings.batch_size or BATCH_SIZE
    inputs = width_read(settings, form)
    return engine_by_size(settings, inputs, directions, max(1, round(steps)), rows)


def engine_by_size(
    settings: NetworkOptions, inputs: int, directions: int, steps: int, rows: int
) -> str:
    """Return the engine that `auto` settles on for layers that read `inputs` features."""
    cell = spec_named(settings.cell).name
    weights = by_size.weights_of(
        cell, inputs, settings.hidden_size, settings.num_layers, directions
    )
    return by_size.settled_for(cell, weights, steps, rows)


def check_size(settings: SequenceOptions, form: Form) -> None:
    """Raise OptionError for a network whose weights, and what trains them, no memory here could hold."""
    blocks, hidden = len(spec_named(settings.cell).packing), settings.hidden_size
    directions = 2 if settings.bidirectional else 1
    upper = (settings.num_layers - 1) * (directions * hidden + hidden)
    weights = directions * blocks * hidden * (width_read(settings, form) + hidden + upper)
    needed = 4 * 4 * weights  # with gradients and the optimizer's two moments
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        raise OptionError(
            f"hidden_size={hidden} and num_layers={settings.num_layers} do not fit into memory "
            f"(training takes {needed / 1e9:,.0f} GB, the machine has {memory / 1e9:,.0f}): take a "
            "smaller network"
        )


def width_read(settings: SequenceOptions, form: Form) -> int:
    """Return how many features the first layer reads of a step."""
    if form.vocabulary is None:
        return columns_read(settings, form)
    symbols = len(form.vocabulary.symbols) ** settings.kmer
    return symbols if _one_hot(settings, symbols) else width_of(symbols, settings.embedding)


def columns_read(settings: SequenceOptions, form: Form) -> int:
    """Return how many measured values the network reads of a step, indicators of missing ones too."""
    return len(form.columns) * (2 if settings.missing == "mask" else 1)


def front_of(settings: SequenceOptions, form: Form) -> Front | None:
    """Return what stands before the layers; None for measured values."""
    if form.vocabulary is None:
        return None
    symbols = len(form.vocabulary.symbols) ** settings.kmer
    if _one_hot(settings, symbols):
        return OneHotFront(symbols)
    return EmbeddingFront(symbols, width_of(symbols, settings.embedding))


def _one_hot(settings: SequenceOptions, symbols: int) -> bool:
    few = symbols <= ONE_HOT_UP_TO and settings.embedding is None
    return settings.front == "one-hot" or (settings.front == "auto" and few)


def answers_of_strands(model: SequenceModel[Any], sequences: Sequences) -> list[list[AnyArray]]:
    """Return what each member answers for each strand that counts: one, or two with rc="average"."""
    settings = model.settings
    both = isinstance(settings, ReadOptions) and settings.rc == "average"
    strands = [sequences, other_strand(sequences)] if both else [sequences]
    return [answers_of(model, strand) for strand in strands]


def answers_of(model: SequenceModel[Any], sequences: Sequences) -> list[AnyArray]:
    """Return what each member answers, [M][n, ...]; where it reads every step [M][N, ...].

    The steps of one sequence then stand after those of another, as in `sequences`.
    """
    every = model.networks[0].reads_every
    batches = SequenceBatches(
        inputs_of(sequences, model.scaling, model.settings),
        sequences.offsets[:-1],
        sequences.lengths,
        np.zeros(sequences.steps if every else len(sequences), dtype=np.int64),
        per_step=every,
    )
    return [predict(network, batches, device=model.settings.device) for network in model.networks]
