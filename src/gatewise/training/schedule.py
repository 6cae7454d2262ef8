"""The options of a training run, and the learning rate of every step as a function of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

PLATEAU_FACTOR = 0.5

GATE_COSTS = ("write_cost", "forget_cost", "saturation_cost")
"""Options that are weights of costs on gates: see `gatewise.penalties`."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a network is trained. Values are taken as they are: the estimators check theirs.

    epochs: at most so many passes over the windows. patience: stop after so many epochs without a
    better validation loss and keep the best weights; None runs all epochs and keeps the last
    weights. batch_size: windows per step, over all processes together. learning_rate: Adam's, at
    its highest. schedule: "cosine" (to 0 over all epochs), "plateau" (half whenever a third of the
    patience, or of the epochs where that is None, brought nothing better) or "constant".
    weight_decay: decoupled (Loshchilov and
    Hutter 2019), on weight matrices, not on biases. clip: bound on the norm of the gradient, None
    for no bound. noise: standard deviation of Gaussian noise on the measured inputs of training
    windows (Bishop 1995). seed: of the order of windows, dropout and noise. average: decay of the
    exponential moving average of the weights that is validated and kept in their place, None for
    no average. write_cost, forget_cost, saturation_cost: weights of the costs on gates that training
    adds to the loss (`gatewise.penalties`); 0 for none.
    """

    epochs: int
    patience: int | None
    batch_size: int
    learning_rate: float
    schedule: str = "cosine"
    weight_decay: float = 0.0
    clip: float | None = 1.0
    seed: int = 0
    average: float | None = None
    noise: float = 0.0
    write_cost: float = 0.0
    forget_cost: float = 0.0
    saturation_cost: float = 0.0


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
