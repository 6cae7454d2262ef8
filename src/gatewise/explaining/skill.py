"""Whether a network has learnt anything that could be read: against the best single answer.

What a network remembers that is no better than one answer for all says nothing of what it was to learn,
so nothing is said of it. Skill that chance alone could give is none either: the judgement rests on an
interval over rows. Without targets there is no skill to ask for.

Sizes: B rows, T steps, K answers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gatewise.explaining.finding import Finding
from gatewise.memory import Sampling
from gatewise.memory.intervals import groups_of, ratio_interval
from gatewise.memory.interventions.losses import Loss, loss_name, losses
from gatewise.typing import Array
from gatewise.wording import figure, joined, span

LITTLE_SKILL = 0.1
"""Below this share of what there was to learn, a sentence says that it is little."""


@dataclass(frozen=True)
class Skill:
    """1 - loss / that of the best single answer, with its interval; NaN where rows are too few."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def shown(self) -> bool:
        """Whether it is above 0, and not by chance alone as far as an interval can tell."""
        return self.value > 1e-9 and not self.low <= 1e-9  # rounding is no skill

    def __str__(self) -> str:
        return f"{figure(self.value)}{span(self.low, self.high)}"


def skill_of(
    answers: Array,
    targets: Tensor,
    loss: Loss | None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> Skill | None:
    """Return the skill of answers `[B, K]` or `[B, T, K]`: at most 0 where nothing was learnt.

    With squared errors that is the Nash-Sutcliffe efficiency, and the best answer the mean of the truth;
    the median for "mae", the shares of the classes for "cross_entropy", the mean for a function. The
    interval draws rows, the losses of a row with those of the best answer for it; rows that resemble
    their neighbours are drawn together. None where the truth is one value, and where a function takes
    targets of another kind.
    """
    name = loss_name(loss, targets)
    if name == "cross_entropy":
        share = torch.bincount(targets.flatten(), minlength=answers.shape[-1]).double()
        best = (share / share.sum()).log().clamp(min=-1e300)
    elif targets.is_floating_point() and tuple(targets.shape) == answers.shape:
        flat = targets.flatten(0, -2)
        best = flat.quantile(0.5, dim=0) if name == "mae" else flat.mean(dim=0)
    else:
        return None
    one = np.broadcast_to(best.numpy(), answers.shape)
    return compared(
        losses(answers, targets, loss, "explain"), losses(one, targets, loss, "explain"), sampling
    )


def compared(own: Array, one: Array, sampling: Sampling) -> Skill | None:
    """Return the skill of losses `[B]` or `[B, T]` beside those of the best single answer.

    Where that is NaN, nothing is known of the truth, and it is left out. None where the best answer has
    no loss.
    """
    mine, theirs = own.reshape(len(own), -1).T, one.reshape(len(one), -1).T  # [T, B]
    valid = ~np.isnan(theirs)
    mine, theirs = np.where(valid, mine, 0.0), np.where(valid, theirs, 0.0)
    if not theirs.sum() > 0:
        return None
    value = 1 - float(mine.sum() / theirs.sum())
    groups = groups_of(valid, sampling, like=np.stack([mine, theirs], axis=-1))
    low, high = (
        float(end)
        for end in ratio_interval(
            groups.sums(mine), groups.sums(theirs), groups, sampling, lambda ratio: 1 - ratio
        )
    )
    if not all(map(math.isfinite, (value, low, high))):
        return Skill(value)
    return Skill(value, min(low, value), max(high, value))


def nothing(skills: Mapping[str, Skill]) -> bool:
    """Tell whether none of these, by target, is shown to be above 0; False where none is known."""
    known = [one for one in skills.values() if math.isfinite(one.value)]
    return bool(known) and not any(one.shown for one in known)


def unlearnt(skills: Mapping[str, Skill], measure: str, where: str, who: str) -> Finding:
    """Return what is said of a network, or of some of its targets, that has learnt nothing.

    `measure` is what its skill is called, `where` the rows it is of, `who` the network.
    """
    told = [f"{one}{f' for {name}' if len(skills) > 1 else ''}" for name, one in skills.items()]
    sentence = (
        f"{who} has learnt nothing to read: it does no better than one answer for all "
        f"({measure} {joined(told)}), so what it remembers says nothing."
    )
    if any(one.value > 0 for one in skills.values()):
        sentence = (
            f"{who} is not shown to have learnt anything: chance may have made it better than one "
            f"answer for all ({measure} {joined(told)}), so what it remembers says nothing."
        )
    return Finding(
        sentence,
        f"{_meaning(measure, where)} Nothing of its memory is measured.",
        confidence="high",
        tone="warn",
        topic="skill",
    )


def little(skills: Mapping[str, Skill], measure: str, where: str, who: str) -> Finding | None:
    """Return what is said of a network whose best skill is shown but small; None of any other."""
    best = max(skills.values(), key=lambda one: one.value, default=None)
    if best is None or not best.shown or best.value >= LITTLE_SKILL:
        return None
    return Finding(
        f"{who} has learnt little, {measure} {best} where one answer for all has 0: what follows is of "
        "that little.",
        _meaning(measure, where),
        confidence="low" if math.isnan(best.low) else "high",
        tone="warn",
        topic="skill",
    )


def _meaning(measure: str, where: str) -> str:
    return (
        f"{measure} {where}, with its interval over them where there are enough: 1 is perfect, 0 what "
        "the best single answer reaches, for squared errors the mean of the truth."
    )
