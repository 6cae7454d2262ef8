"""The network of a tagger: an answer for every step, with or without a chain over the labels."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from gatewise.estimators.sequences.network import SequenceNetwork
from gatewise.estimators.tagger.chain import ChainScores, Parts, negative_log_likelihood
from gatewise.training.task import Count


class Chained(NamedTuple):
    """What a network with a chain answers: scores `[T, B, C]`, lengths `[B]` and the chain's scores."""

    scores: Tensor
    lengths: Tensor
    parts: Parts


class TaggerNetwork(SequenceNetwork):
    """A `SequenceNetwork` that scores every label at every step, `[T, B, C]`.

    With a `chain` a call returns `Chained`, which `chain_loss` takes: the loss is of whole sequences.
    """

    def __init__(self, *, chain: ChainScores | None = None, **options: Any) -> None:
        super().__init__(**{"read": "every", **options})
        self.chain = chain

    def forward(self, x: Tensor, lengths: Tensor, **options: Any) -> Any:
        """Return the scores, or `Chained`; further options and results as for `SequenceNetwork`."""
        found = self.scores(x, lengths, **options)
        if self.chain is None:
            return found
        scores, *more = found if isinstance(found, tuple) else (found,)
        chained = Chained(scores, lengths.to(scores.device, non_blocking=True), self.chain.parts())
        return (chained, *more) if more else chained

    def scores(self, x: Tensor, lengths: Tensor, **options: Any) -> Any:
        """Return what a call does, but of the steps alone, without the chain."""
        return super().forward(x, lengths, **options)


def chain_loss(
    answer: Chained, truth: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, Count]:
    """Return the negative log-likelihood of the labels of each sequence, [B], and how many are known.

    `truth` [T, B] are labels, -1 where not known; `weight` [B] is how much each sequence counts.
    """
    losses = negative_log_likelihood(answer.scores, truth, answer.lengths, answer.parts)
    known = (truth >= 0).sum(0)
    if weight is None:
        return losses, known.sum().double()
    return losses * weight, (known * weight).sum().double()
