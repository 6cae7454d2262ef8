"""The weights of a model file into a network of torch."""

from __future__ import annotations

import torch
from torch import nn

from gatewise.typing import Arrays


def load_weights(network: nn.Module, weights: Arrays) -> None:
    """Give a network the weights of one member, by their names in it."""
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
