"""What a fitted tagger says of sequences: labels and probabilities of all steps.

Sizes: N steps of all sequences, C classes, M members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.answers.chain import Chain, best_path, marginals
from gatewise.answers.drawing import softmax
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.strands import (
    classes_of_other_strand,
    mirrored_steps,
    other_strand,
)
from gatewise.estimators.classifier.classes import Model, Told, calibrated
from gatewise.estimators.sequences.preparation import inputs_of
from gatewise.estimators.tagger.network import TaggerNetwork
from gatewise.estimators.tagger.whole import answers_of_steps
from gatewise.typing import Array, Floats, Indices

TOGETHER = 1 << 16
"""Steps of sequences whose labels are found together, padding counted."""


def tags_of(model: Model, sequences: Sequences) -> Told:
    """Return labels and probabilities of all steps, and with several members those of each.

    Members are taken together as the mean of their probabilities; with a chain labels are the best path
    of the mean of their scores.
    """
    each = [_together(model, sequences, strands) for strands in _answers(model, sequences)]
    if len(each) == 1:
        return each[0][0]
    mean = np.mean([one.uncalibrated for one, _, _ in each], axis=0)
    scores = np.mean([scores for _, scores, _ in each], axis=0)
    together = _tags(model, sequences, scores, _mean([chain for _, _, chain in each]), mean)
    return Told(together.labels, together.probabilities, mean, tuple(one for one, _, _ in each))


def _answers(model: Model, sequences: Sequences) -> list[list[tuple[Floats, Chain | None]]]:
    """Return of each member the scores [N, C] and the chain, as each strand tells them."""
    settings, device = model.settings, model.settings.device
    values = inputs_of(sequences, model.scaling, settings)
    found: list[list[tuple[Floats, Chain | None]]] = []
    for network in model.networks:
        assert isinstance(network, TaggerNetwork)
        scores = answers_of_steps(network, sequences, values, device)
        found.append([(scores, None if network.chain is None else network.chain.numbers())])
    if getattr(settings, "rc", None) is None:
        return found
    other = inputs_of(other_strand(sequences), model.scaling, settings)
    back = mirrored_steps(sequences)
    turned = classes_of_other_strand(model.form.classes)
    for strands, network in zip(found, model.networks, strict=True):
        assert isinstance(network, TaggerNetwork)
        scores = answers_of_steps(network, sequences, other, device)[back][:, turned]
        strands.append((scores, _turned(strands[0][1], turned)))
    return found


def _turned(chain: Chain | None, turned: Indices) -> Chain | None:
    """Return a chain as it reads from the other end: what follows is what went before."""
    if chain is None:
        return None
    between = chain.transitions[np.ix_(turned, turned)].T
    return Chain(chain.end[turned], between, chain.start[turned])


def _together(
    model: Model, sequences: Sequences, strands: Sequence[tuple[Floats, Chain | None]]
) -> tuple[Told, Floats, Chain | None]:
    """Return what one member says of the steps, its scores and its chain, strands taken together."""
    shares = [_probabilities(scores, chain, sequences) for scores, chain in strands]
    scores = np.mean([scores for scores, _ in strands], axis=0)
    chain = _mean([chain for _, chain in strands])
    return _tags(model, sequences, scores, chain, np.mean(shares, axis=0)), scores, chain


def _tags(
    model: Model,
    sequences: Sequences,
    scores: Floats,
    chain: Chain | None,
    probabilities: Array,
) -> Told:
    told = calibrated(model, probabilities)
    if chain is None:
        return Told(probabilities.argmax(axis=1), told, probabilities)
    labels = np.empty(len(scores), dtype=np.int64)
    for batch in _batches(sequences):
        path = best_path(batch.taken(scores), batch.lengths, chain)
        labels[batch.steps] = path[batch.inside]
    return Told(labels, told, probabilities)


def _probabilities(scores: Floats, chain: Chain | None, sequences: Sequences) -> Array:
    """Return the probabilities of labels [N, C]: a softmax of each step, or the chain's marginals."""
    if chain is None:
        return softmax(scores.astype(np.float64))
    found = np.empty(scores.shape)
    for batch in _batches(sequences):
        found[batch.steps] = marginals(batch.taken(scores), batch.lengths, chain)[batch.inside]
    return found


def _mean(chains: Sequence[Any]) -> Chain | None:
    if chains[0] is None:
        return None
    parts = zip(*((chain.start, chain.transitions, chain.end) for chain in chains), strict=True)
    return Chain(*(np.mean(part, axis=0) for part in parts))


@dataclass(frozen=True, eq=False)
class _Batch:
    """Sequences that are dealt with together: which steps [T, B] are theirs, and the steps' numbers."""

    lengths: Indices  # [B]
    inside: Any  # [T, B]
    steps: Indices  # [steps inside]

    def taken(self, values: Floats) -> Floats:
        """Return `values` [N, C] as [T, B, C], 0 past the end of a sequence."""
        found = np.zeros((*self.inside.shape, values.shape[1]), dtype=values.dtype)
        found[self.inside] = values[self.steps]
        return found


def _batches(sequences: Sequences) -> Iterator[_Batch]:
    """Yield all sequences, the longest first: a step in Python is paid once for a whole batch."""
    order = np.argsort(-sequences.lengths, kind="stable")
    while len(order):
        longest = max(1, int(sequences.lengths[order[0]]))
        picks, order = np.split(order, [max(1, TOGETHER // longest)])
        lengths = sequences.lengths[picks]
        step = np.arange(longest)[:, None]
        inside = step < lengths
        yield _Batch(lengths, inside, (sequences.offsets[picks] + step)[inside])
