"""The rounds of a training, the learning rate of each step, and steadier options."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gatewise.training.options import GATE_COSTS, LEARNING_RATE, TrainingOptions

PLATEAU_FACTOR = 0.5


RISE, LOW = 0.3, 0.04
"""Of "one-cycle": the share of the steps in which the rate rises, and from which share of it."""
ROUNDS = 20
"""How often a training that is counted in steps is judged."""


@dataclass(frozen=True)
class Rounds:
    """A training cut into rounds; after each, the validation loss is taken.

    A round is an epoch, or a twentieth of a training that is counted in steps. Windows are shuffled
    anew with every pass over them, wherever rounds begin.
    """

    per_epoch: int  # steps of one pass over the windows
    length: int  # steps of a round, but for the last
    total: int  # steps at which schedules end
    stop: int  # steps after which the training ends: `total` or fewer
    patience: int | None  # rounds
    in_steps: bool

    @classmethod
    def of(cls, options: TrainingOptions, per_epoch: int, stop: int | None = None) -> Rounds:
        """Return the rounds of options that leave nothing open, for the batches of one pass."""
        patience = None if options.patience == "auto" else options.patience
        if options.steps is None:
            assert options.epochs is not None
            length, total = per_epoch, options.epochs * per_epoch
        else:
            length, total = math.ceil(options.steps / ROUNDS), options.steps
            patience = None if patience is None else math.ceil(patience / length)
        return cls(
            per_epoch=per_epoch,
            length=length,
            total=total,
            stop=total if stop is None else min(stop, total),
            patience=patience,
            in_steps=options.steps is not None,
        )

    @property
    def count(self) -> int:
        """The number of rounds, if no early stop comes."""
        return math.ceil(self.stop / self.length)

    def steps(self, number: int) -> range:
        """Return the steps of round `number`, counted from 1; steps count from 0."""
        return range((number - 1) * self.length, min(number * self.length, self.stop))


def learning_rate(
    options: TrainingOptions, rounds: Rounds, step: int, losses: Sequence[float]
) -> float:
    """Return the rate of step number `step`, counted from 0 over the whole run.

    `losses` are those of the rounds behind it, by which "plateau" goes. A pure function: a resumed
    run needs no state of a schedule.
    """
    rate = options.learning_rate
    assert rate is not None
    if options.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * (step / rounds.total)))
    elif options.schedule == "one-cycle":
        rate *= _one_cycle(step / rounds.total)
    elif options.schedule == "plateau":
        wait = rounds.patience or math.ceil(rounds.total / rounds.length)
        rate *= PLATEAU_FACTOR ** plateaus(losses, max(1, wait // 3))
    return rate


def _one_cycle(done: float) -> float:
    """Return the share of the full rate at a share of the training: up for the first part, then down."""
    if done < RISE:
        return LOW + (1 - LOW) * 0.5 * (1 - math.cos(math.pi * done / RISE))
    return 0.5 * (1 + math.cos(math.pi * (done - RISE) / (1 - RISE)))


STEADY = {"noise": 0.1, "weight_decay": 0.01}
STEADY_COST = 0.1
"""Values at which trainings hold; what lies above them is the first thing to lower."""


def steadier(options: TrainingOptions) -> str:
    """Return what to change, in words, of the options of a training that broke down."""
    steady_rate = {"learning_rate": LEARNING_RATE[options.optimizer]}
    bounds = steady_rate | STEADY | dict.fromkeys(GATE_COSTS, STEADY_COST)
    changes = [
        f"{name}={bound:g} (it was {getattr(options, name):g})"
        for name, bound in bounds.items()
        if getattr(options, name) > bound
    ]
    if options.clip is None or options.clip > 1:
        changes.append(f"clip=1 (it was {'none' if options.clip is None else f'{options.clip:g}'})")
    lower = (options.learning_rate or LEARNING_RATE[options.optimizer]) / 10
    return " and ".join(changes) or f"learning_rate={lower:g}"


def plateaus(losses: Sequence[float], wait: int) -> int:
    """Return how often `wait` rounds in a row brought nothing better than the best before them."""
    best, idle, count = math.inf, 0, 0
    for loss in losses:
        idle = 0 if loss < best else idle + 1
        best = min(best, loss)
        if idle == wait:
            idle, count = 0, count + 1
    return count
