"""What a fitted tagger says of sequences: labels and probabilities of all steps.

Sizes: N steps of all sequences, C classes, M members.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
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
from gatewise.estimators.tagger.whole import scores_of_steps
from gatewise.training.inference import answers_of_steps
from gatewise.training.sequences import SequenceBatches
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
        scores = scores_of_steps(network, sequences, values, device)
        found.append([(scores, None if network.chain is None else network.chain.numbers())])
    if getattr(settings, "rc", None) is None:
        return found
    other = inputs_of(other_strand(sequences), model.scaling, settings)
    back = mirrored_steps(sequences)
    turned = classes_of_other_strand(model.form.classes)
    for strands, network in zip(found, model.networks, strict=True):
        assert isinstance(network, TaggerNetwork)
        scores = scores_of_steps(network, sequences, other, device)[back][:, turned]
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
    labels = _by_sequence(sequences, scores, partial(best_path, chain=chain))
    return Told(labels, told, probabilities)


def _probabilities(scores: Floats, chain: Chain | None, sequences: Sequences) -> Array:
    """Return the probabilities of labels [N, C]: a softmax of each step, or the chain's marginals."""
    if chain is None:
        return softmax(scores.astype(np.float64))
    found: Array = _by_sequence(sequences, scores, partial(marginals, chain=chain))
    return found


def _by_sequence(sequences: Sequences, scores: Floats, answer: Callable[..., Any]) -> Any:
    """Return what `answer` makes of the scores of whole sequences, [N, ...].

    A step in Python is paid once for a whole batch.
    """
    steps, classes = scores.shape
    nothing = np.broadcast_to(0, steps)  # in place of a truth
    batches = SequenceBatches(
        scores, sequences.offsets[:-1], sequences.lengths, nothing, per_step=True
    )
    return answers_of_steps(batches, answer, steps, TOGETHER * classes)


def _mean(chains: Sequence[Any]) -> Chain | None:
    if chains[0] is None:
        return None
    parts = zip(*((chain.start, chain.transitions, chain.end) for chain in chains), strict=True)
    return Chain(*(np.mean(part, axis=0) for part in parts))
