"""The scale on which changed answers are worse, or different: one for all interventions.

Sizes: B rows, S steps that answers are given for (1 for an answer per sequence), K answers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gatewise.errors import InputError
from gatewise.memory._base import Draws
from gatewise.memory.interventions.losses import Loss, checked_targets, constant, loss_name, losses
from gatewise.memory.interventions.subject import Subject
from gatewise.typing import Array

NOTHING_TO_LOSE = "The answers have nothing to lose that chance could not give"


class Judge:
    """Compares answers with those of the unchanged model: by their loss, or by their distance.

    Attributes:
        measure: "mse" and so on, or "change of the answer" where there are no targets.
        scale: What an effect is measured against, `[B]`: how much lower the full loss is than that of
            the mean answer, or the distance between an answer and the mean answer.
        full: The full loss, 0 where there are no targets.
    """

    def __init__(self, subject: Subject, targets: Any, loss: Loss | None) -> None:
        self._subject, self._loss = subject, loss
        self._targets: torch.Tensor | None = None
        answer = subject.answer
        if targets is None:
            if loss is not None:
                raise InputError(f"{subject.caller}: loss= needs targets; give both or neither")
            self.measure, self.full = "change of the answer", 0.0
            self.scale = np.abs(answer - constant(answer)).reshape(subject.rows, -1).mean(axis=1)
            return
        self._targets = checked_targets(targets, answer, subject.caller, loss)
        self.measure = loss_name(loss, self._targets)
        self._own = self._losses(answer)
        self.full = float(self._own.mean())
        self.scale = (self._losses(constant(answer)) - self._own).mean(axis=1)

    def has_scale(self, draws: Draws) -> bool:
        """Tell whether there is something to lose: answers that differ, a loss below the mean answer's.

        A score whose interval holds 0 is none: shares of it would be of any size and either sign.
        """
        answer = self._subject.answer
        differ = float(np.abs(answer - constant(answer)).max()) > self._subject.floor
        return differ and draws.above_zero(self.scale)

    def effect(self, answers: Array) -> Array:
        """Return by how much the loss is higher, or how far the answers are off, `[B, S]`."""
        if self._targets is None:
            off = np.abs(answers - self._subject.answer).mean(axis=-1)
            return np.where(off > self._subject.floor, off, 0.0).reshape(self._subject.rows, -1)
        return self._losses(answers) - self._own

    def against(self) -> str:
        """Return the whole that shares are taken of, for a sentence."""
        if self._targets is None:
            return "the answers' own spread"
        return f"the score ({self.measure})"

    def _losses(self, answers: Array) -> Array:
        assert self._targets is not None
        found = losses(answers, self._targets, self._loss, self._subject.caller)
        return found.reshape(self._subject.rows, -1)
