"""What training drops beside the values of dropout: recurrent weights, whole steps, whole symbols.

All by masks that the caller draws for a whole batch, so that processes that share one see the same.
Sizes: T steps, B sequences, H hidden units, G gates, V symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


def drawn_mask(
    generator: torch.Generator, shape: Sequence[int], share: float, rows: slice = slice(None)
) -> Tensor:
    """Return a mask that is 0 with probability `share`, else 1 / (1 - share); `rows` of dimension 1.

    With a shape of `[T, B, H]` every value is dropped by itself. With `[1, B, H]` the same units are
    dropped at every step (variational dropout: Gal and Ghahramani 2016, section 4), and with `[V, 1]`
    symbols of a table of embeddings, wherever they occur (their section 4.2).
    """
    mask = torch.empty(*shape, dtype=torch.float32, device=generator.device)
    mask.bernoulli_(1 - share, generator=generator).div_(1 - share)
    return mask[:, rows]


def run_with_dropped_weights(layer: nn.Module, mask: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Call a recurrent layer with `mask [G*H, H]` multiplied onto its recurrent weights.

    DropConnect (Wan et al. 2013) as Merity, Keskar and Socher (2018, section 2) have it: one mask for
    all steps and sequences of a call, so that the pass is the layer's own, on whichever engine it has.
    """
    weight = layer.get_parameter("weight_hh_l0")
    return torch.func.functional_call(layer, {"weight_hh_l0": weight * mask}, args, kwargs)


def activation_cost(states: Tensor) -> Tensor:
    """Return the mean square of states `[T, B, H]` (AR: Merity, McCann and Socher 2017, eq. 2)."""
    return states.square().mean()


def slowness_cost(states: Tensor) -> Tensor:
    """Return the mean square of what states `[T, B, H]` change by in a step (TAR: ibid., eq. 3)."""
    return (states[1:] - states[:-1]).square().mean() if len(states) > 1 else states.sum() * 0.0
