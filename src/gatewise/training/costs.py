"""The price on gates in training, beside the loss: the options' weights times `gatewise.penalties`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gatewise.engines import Gates
from gatewise.penalties import forget_cost, saturation_cost, write_cost
from gatewise.training.options import TrainingOptions

_COSTS: dict[str, Callable[[Gates], Tensor]] = {
    "write_cost": write_cost,
    "forget_cost": forget_cost,
    "saturation_cost": saturation_cost,
}


def gates_cost(options: TrainingOptions) -> bool:
    """Tell whether any cost on gates is asked for, so that the network has to return them."""
    return any(getattr(options, name) > 0 for name in _COSTS)


def cost_of(options: TrainingOptions, layers: Sequence[Gates]) -> Tensor:
    """Return the weighted costs, the mean over the layers: a scalar, for all windows alike."""
    weights = {name: getattr(options, name) for name in _COSTS if getattr(options, name) > 0}
    costs = [weight * _COSTS[name](gates) for gates in layers for name, weight in weights.items()]
    return torch.stack(costs).sum() / len(layers)
