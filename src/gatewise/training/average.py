"""Averages of a network's weights over the steps of a training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_swa_multi_avg_fn

from gatewise.training.options import TrainingOptions


class Average:
    """An average `a <- d a + (1 - d) w` over the steps of the weights w (Polyak and Juditsky 1992).

    The decay is `d = min(decay, (1 + n) / (10 + n))` at step n, so that the first, bad weights are
    soon forgotten. Without a decay it is their plain mean.
    """

    def __init__(self, network: nn.Module, decay: float | None) -> None:
        self.decay = decay
        self.weights = {name: weight.detach().clone() for name, weight in _named(network)}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step number `step`, counted from 0 where the average begins."""
        averages = list(self.weights.values())
        weights: list[Tensor] = [weight for _, weight in _named(network)]
        if self.decay is None:
            mean = get_swa_multi_avg_fn()  # type: ignore[no-untyped-call]
            mean(averages, weights, step)
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(averages, weights, 1 - decay)

    def load(self, weights: dict[str, Tensor]) -> None:
        """Take over averaged weights by name, in whatever order they come."""
        for name, weight in self.weights.items():
            weight.copy_(weights[name])

    @contextmanager
    def lent_to(self, network: nn.Module) -> Iterator[None]:
        """Give the network the averaged weights inside the block, and its own back after it."""
        before = {name: weight.detach().clone() for name, weight in _named(network)}
        copy_weights(self.weights, network)
        try:
            yield
        finally:
            copy_weights(before, network)


@torch.no_grad()
def copy_weights(weights: dict[str, Tensor], network: nn.Module) -> None:
    """Copy named weights into the network's own, in place."""
    for name, weight in _named(network):
        weight.copy_(weights[name])


def averaged_from(options: TrainingOptions, losses: Sequence[float]) -> int | None:
    """Return after how many rounds, with these losses, the average begins; None: it has not yet.

    With `average` from the start. With `average_after`, n, after the first round whose loss is above the
    best of all but the n rounds before it: the non-monotonic trigger of Merity, Keskar and Socher (2018,
    algorithm 1). A pure function: a resumed run needs no state of a trigger.
    """
    if options.average is not None:
        return 0
    wait = options.average_after
    if wait is None:
        return None
    best = torch.inf
    for number in range(wait, len(losses)):
        if losses[number] > best:
            return number + 1
        best = min(best, losses[number - wait])
    return None


def _named(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return list(network.named_parameters())
