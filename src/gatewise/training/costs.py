"""What training pays beside the loss: costs on gates (`gatewise.penalties`), what a network charges."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gatewise.engines import Gates
from gatewise.penalties import forget_cost, saturation_cost, write_cost
from gatewise.training.options import TrainingOptions
from gatewise.training.task import TrainableNetwork

_COSTS: dict[str, Callable[[Gates], Tensor]] = {
    "write_cost": write_cost,
    "forget_cost": forget_cost,
    "saturation_cost": saturation_cost,
}


def gates_cost(options: TrainingOptions) -> bool:
    """Tell whether any cost on gates is asked for, so that the network has to return them."""
    return any(getattr(options, name) > 0 for name in _COSTS)


def charged(
    options: TrainingOptions, network: TrainableNetwork, layers: Sequence[Gates] | None
) -> Tensor | None:
    """Return all that a call costs beside the loss, a scalar for all windows alike; None for nothing.

    `layers` are the gates where costs on them are asked for. What the network charges is taken off it.
    """
    charge, network.charge = network.charge, None
    if layers is None:
        return charge
    cost = cost_of(options, layers)
    return cost if charge is None else cost + charge


def cost_of(options: TrainingOptions, layers: Sequence[Gates]) -> Tensor:
    """Return the weighted costs on gates, the mean over the layers."""
    weights = {name: getattr(options, name) for name in _COSTS if getattr(options, name) > 0}
    costs = [weight * _COSTS[name](gates) for gates in layers for name, weight in weights.items()]
    return torch.stack(costs).sum() / len(layers)
