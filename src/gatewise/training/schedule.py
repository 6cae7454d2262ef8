"""The learning rate of every step as a function of the options, and steadier options."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gatewise.training.options import GATE_COSTS, TrainingOptions

PLATEAU_FACTOR = 0.5


def learning_rate(
    options: TrainingOptions, step: int, steps_per_epoch: int, losses: Sequence[float]
) -> float:
    """Return the rate of step number `step`, counted from 0 over the whole run.

    `losses` are those of the epochs behind it, by which "plateau" goes. A pure function: a resumed
    run needs no state of a schedule.
    """
    rate = options.learning_rate
    if options.schedule == "cosine":
        done = step / (options.epochs * steps_per_epoch)
        rate *= 0.5 * (1 + math.cos(math.pi * done))
    elif options.schedule == "plateau":
        rate *= PLATEAU_FACTOR ** plateaus(
            losses, max(1, (options.patience or options.epochs) // 3)
        )
    return rate


STEADY = {"learning_rate": 3e-3, "noise": 0.1, "weight_decay": 0.01}
STEADY_COST = 0.1
"""Values at which trainings hold; what lies above them is the first thing to lower."""


def steadier(options: TrainingOptions) -> str:
    """Return what to change, in words, of the options of a training that broke down."""
    bounds = STEADY | dict.fromkeys(GATE_COSTS, STEADY_COST)
    changes = [
        f"{name}={bound:g} (it was {getattr(options, name):g})"
        for name, bound in bounds.items()
        if getattr(options, name) > bound
    ]
    if options.clip is None or options.clip > 1:
        changes.append(f"clip=1 (it was {'none' if options.clip is None else f'{options.clip:g}'})")
    return " and ".join(changes) or f"learning_rate={options.learning_rate / 10:g}"


def plateaus(losses: Sequence[float], wait: int) -> int:
    """Return how often `wait` epochs in a row brought nothing better than the best before them."""
    best, idle, count = math.inf, 0, 0
    for loss in losses:
        idle = 0 if loss < best else idle + 1
        best = min(best, loss)
        if idle == wait:
            idle, count = 0, count + 1
    return count
