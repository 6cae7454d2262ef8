"""The state that a network hands on from batch to batch, where one batch goes on from another.

A state is what the network returns: of every layer one tensor `[*, B, H]`, or a tuple of such. Its
gradient ends where a batch begins: truncated backpropagation through time (Williams and Peng 1990).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gatewise.training.distributed import World

State = tuple[Any, ...]
"""Of every layer a tensor or a tuple of them; () before the first batch."""


def changed(state: State, change: Callable[[Tensor], Tensor]) -> State:
    """Return the state with every tensor changed."""
    return tuple(
        changed(part, change) if isinstance(part, tuple) else change(part) for part in state
    )


def named(state: State, start: str = "") -> dict[str, Tensor]:
    """Return the tensors of a state by their places, such as `0.1`: the second one of layer 0."""
    found: dict[str, Tensor] = {}
    for number, part in enumerate(state):
        name = f"{start}{number}"
        found |= named(part, f"{name}.") if isinstance(part, tuple) else {name: part}
    return found


def from_named(tensors: Mapping[str, Tensor]) -> State:
    """Return the state whose tensors have these places."""
    layers: dict[int, Any] = {}
    for name, tensor in tensors.items():
        layer, _, place = name.partition(".")
        if place:
            layers.setdefault(int(layer), {})[int(place)] = tensor
        else:
            layers[int(layer)] = tensor
    found = (layers[number] for number in sorted(layers))
    return tuple(
        tuple(one[place] for place in sorted(one)) if isinstance(one, dict) else one
        for one in found
    )


def gathered(state: State, number: int, world: World) -> State:
    """Return the state of all `number` rows of a batch, of which each process holds its own."""

    def whole(tensor: Tensor) -> Tensor:
        most = -(-number // world.size)  # shares differ by one row: each is padded to the largest
        padded = tensor.new_zeros(tensor.shape[0], most, tensor.shape[2])
        padded[:, : tensor.shape[1]] = tensor
        shares = world.all(padded)
        rows = [World(rank, world.size).rows(number) for rank in range(world.size)]
        parts = [
            part[:, : share.stop - share.start] for part, share in zip(shares, rows, strict=True)
        ]
        return torch.cat(parts, dim=1)

    return changed(state, whole)
