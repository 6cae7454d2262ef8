"""Spare units: those that could go at once, since units idle one at a time may replace each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.memory._base import Result
from gatewise.memory.interventions._held import RunMeans, held_units
from gatewise.memory.interventions._judge import Judge
from gatewise.memory.interventions.arguments import Inputs
from gatewise.memory.interventions.idle import IdleUnits
from gatewise.memory.interventions.losses import Loss
from gatewise.memory.interventions.subject import Output, Subject
from gatewise.wording import counted, percent


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SpareUnits(Result):
    """Units that can be held at their means at once.

    Attributes:
        names: The units that can go together, the least needed alone first, `[count]`.
        count: How many these are.
        units: Of how many.
        lost: The share that is lost without them.
        threshold: The share that may be lost.
    """

    names: NDArray[np.str_]
    count: int
    units: int
    lost: float
    threshold: float

    @property
    def reading(self) -> str:
        """See `Result.reading`."""
        if not self.count:
            return f"Not one of {counted(self.units, 'unit')} can go."
        return (
            f"{self.count} of {counted(self.units, 'unit')} can go at once: held at their means they "
            f"cost {percent(max(self.lost, 0.0))} of {self.settings['against']}."
        )

    @property
    def caveat(self) -> str:
        """See `Result.caveat`."""
        return (
            "picked one after the other by what each is worth alone: another choice may be larger, and "
            "training on without them may free more"
        )


def spare_units(
    model: torch.nn.Module,
    inputs: Inputs,
    alone: IdleUnits,
    *,
    targets: Any = None,
    loss: Loss | None = None,
    module: str | None = None,
    time: int | None = None,
    output: Output | None = None,
) -> SpareUnits:
    """Return which units can be held at once within the threshold of `alone`.

    One after the other, from the least needed on: a unit joins those that are held unless they would
    then cost too much. A pass over the rows for each that is idle alone; for a model whose answers have
    nothing to lose, none. The other arguments are those with which `idle_units` has found `alone`, and
    it raises as that does.
    """
    subject = Subject(model, inputs, caller="spare_units", time=time, output=output)
    judge, average = Judge(subject, targets, loss), RunMeans()
    subject.answers(intervention=average, module=module)
    units = [(place, n) for place, mean in average.means.items() for n in range(len(mean.units))]

    def lost(picked: list[int]) -> float:
        held = held_units([units[n] for n in picked], average.means, recurrence=True)
        answers = subject.answers(intervention=held, module=module)
        return float(judge.effect(answers).mean()) / alone.scale

    # greedy, since trying every set would take two to the power of the units passes
    picked: list[int] = []
    cost = 0.0
    for place in (int(one) for one in alone.order if alone.idle[one]):
        share = lost([*picked, place])
        if share <= alone.threshold:
            picked, cost = [*picked, place], share
    return SpareUnits(
        names=alone.names[picked],
        count=len(picked),
        units=len(units),
        lost=cost,
        threshold=alone.threshold,
        settings={**subject.settings, "against": alone.settings["against"]},
    )
