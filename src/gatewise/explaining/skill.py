"""Whether a network has learnt anything that could be read: against the best single answer.

What a network remembers that is no better than one answer for all says nothing of what it was to learn,
so nothing is said of it. Without targets there is no skill to ask for.

Sizes: B rows, T steps, K answers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from gatewise.explaining.finding import Finding
from gatewise.memory.interventions.losses import Loss, loss_name, losses
from gatewise.typing import Array
from gatewise.wording import figure, joined


def skill_of(answers: Array, targets: Tensor, loss: Loss | None) -> float | None:
    """Return 1 - loss / that of the best single answer: at most 0 where nothing was learnt.

    With squared errors that is the Nash-Sutcliffe efficiency, and the best answer the mean of the truth;
    the median for "mae", the shares of the classes for "cross_entropy", the mean for a function. None
    where the truth is one value, and where a function takes targets of another kind.
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
    least = float(losses(one, targets, loss, "explain").mean())
    if not least > 0:
        return None
    return 1 - float(losses(answers, targets, loss, "explain").mean()) / least


def nothing(skills: Mapping[str, float]) -> bool:
    """Tell whether none of these, by target, is above 0; False where none is known."""
    known = [one for one in skills.values() if math.isfinite(one)]
    return bool(known) and max(known) <= 0


def unlearnt(skills: Mapping[str, float], measure: str, where: str, who: str) -> Finding:
    """Return what is said of a network, or of some of its targets, that has learnt nothing.

    `measure` is what its skill is called, `where` the rows it is of, `who` the network.
    """
    told = [
        f"{figure(one)}{f' for {name}' if len(skills) > 1 else ''}" for name, one in skills.items()
    ]
    return Finding(
        f"{who} has learnt nothing to read: it does no better than one answer for all "
        f"({measure} {joined(told)}), so what it remembers says nothing.",
        f"{measure} {where}: 1 is perfect, 0 what the best single answer reaches, for squared errors "
        "the mean of the truth. Nothing of its memory is measured.",
        confidence="high",
        tone="warn",
        topic="skill",
    )
