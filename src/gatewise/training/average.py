"""The exponential moving average of a network's weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """An average `a <- d a + (1 - d) w` over the steps of the weights w (Polyak and Juditsky 1992).

    The decay is `d = min(decay, (1 + n) / (10 + n))` at step n, so that the first, bad weights are
    soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: weight.detach().clone() for name, weight in _named(network)}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step number `step`, counted from 0."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(
            list(self.weights.values()), [weight for _, weight in _named(network)], 1 - decay
        )

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


def _named(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return list(network.named_parameters())
