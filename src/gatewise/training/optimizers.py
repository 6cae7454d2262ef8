"""The optimizers of the training loop."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from gatewise.training.options import TrainingOptions


def optimizer_of(network: nn.Module, options: TrainingOptions) -> torch.optim.Optimizer:
    """Return the optimizer of closed `options`; it decays weight matrices and spares biases.

    "adamw" is that of Loshchilov and Hutter (2019). "sgd" has no momentum, and so no state.
    """
    weights = list(network.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [weight for weight in weights if weight.dim() > 1]},
        {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0},
    ]
    assert options.learning_rate is not None
    kind = torch.optim.SGD if options.optimizer == "sgd" else torch.optim.AdamW
    return kind(groups, lr=options.learning_rate, weight_decay=options.weight_decay, fused=True)
