"""Columns of rows replaced by those of other rows, and what that costs.

A column is taken from the other row as a whole, or its steps of some lags as one block, so that its
values follow one another as they do in the data. Of overlapping windows the other row is one that shares
no step with this one.

Sizes: B rows, T steps, I features, R repeats, N runs, K answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.memory.interventions._columns import Lags, flat
from gatewise.memory.interventions.losses import Loss, constant, losses
from gatewise.memory.interventions.subject import Output, Subject
from gatewise.typing import Array


def donors_of(rows: int, repeats: int, distance: int, seed: int) -> NDArray[np.int64]:
    """Draw `repeats` other rows for each of `rows`, at least `distance` away, `[R, B]`.

    Rows are counted round the end; where that leaves less than half of them, they are taken from
    that half which lies furthest.
    """
    least = max(1, min(distance, rows // 4))
    away = np.random.default_rng(seed).integers(least, rows - least + 1, (repeats, rows))
    return np.asarray((np.arange(rows) + away) % rows)


@dataclass(frozen=True, eq=False)
class Swap:
    """Features whose steps `[B, W]` are taken from other rows' steps of the same lags."""

    features: NDArray[np.int64]
    steps: NDArray[np.int64]


class Scored:
    """One network's losses, and by how much they rise with columns of other rows.

    Attributes:
        full: The loss of each row as it is, `[B]`.
        score: How much lower that is than the loss of the best answer that ignores the input, `[B]`.
        differs: Whether the answers of two rows differ at all.
        parts: `full` and `score` of each target, where there are several.
    """

    def __init__(
        self, subject: Subject, goal: Tensor, loss: Loss | None, apart: Sequence[Output]
    ) -> None:
        self._subject, self._goal, self._loss, self._apart = subject, goal, loss, apart
        self._rows = np.arange(subject.rows)
        self._answer = self._last(subject.answer)
        self.differs = float(np.abs(self._answer - constant(self._answer)).max()) > subject.floor
        every = [None, *apart]
        self._full = [self._loss_of(self._answer, one) for one in every]
        best = constant(self._answer)
        scores = [
            self._loss_of(best, one) - full for one, full in zip(every, self._full, strict=True)
        ]
        self.full, self.score = self._full[0], scores[0]
        self.parts = list(zip(self._full[1:], scores[1:], strict=True))

    def rises(
        self, swaps: Sequence[Swap], donors: NDArray[np.int64], *, apart: bool = False
    ) -> Array:
        """Return the rise of the loss `[swaps, R, B]`, NaN where a row has none of the steps.

        With `apart` those of each target stand behind that of all: `[swaps, R, B, 1 + targets]`.
        """
        subject, repeats = self._subject, len(donors)
        runs = [(n, r) for n in range(len(swaps)) for r in range(repeats)]
        every = [None, *(self._apart if apart else ())]
        found = np.full((len(swaps), repeats, subject.rows, len(every)), np.nan)
        for part in subject.batches(len(runs)):
            now = runs[part]
            built = [self._swapped(swaps[n], donors[r]) for n, r in now]
            answers = self._answers(torch.cat([x for x, _ in built]), len(now))
            for (n, r), (_, any_there), answer in zip(now, built, answers, strict=True):
                same = np.abs(answer - self._answer).max(axis=-1) <= subject.floor
                for k, one in enumerate(every):
                    rise = np.where(same, 0.0, self._loss_of(answer, one) - self._full[k])
                    found[n, r, :, k] = np.where(any_there, rise, np.nan)
        return found if apart else found[..., 0]

    def _last(self, answers: Array) -> Array:
        """Return the answers at the end of each row `[..., B, K]`."""
        if not self._subject.per_step:
            return answers
        return np.asarray(answers[..., self._rows, self._subject.ends, :])

    def _loss_of(self, answers: Array, output: Output | None) -> Array:
        goal = self._goal
        if output is not None:
            answers = output(torch.from_numpy(np.array(answers))).numpy()
            goal = output(goal)
        return losses(answers, goal, self._loss, self._subject.caller)

    def _answers(self, x: Tensor, runs: int) -> Array:
        """Return the answers `[N, B, K]` to `x` `[N * B, T, I]`."""
        subject = self._subject
        first, *others = subject.sequences
        index = torch.arange(subject.rows, device="cpu").repeat(runs)
        sequences = [x.reshape(len(x), *first.shape[1:])]
        sequences += [one.repeat(runs, *(1,) * (one.dim() - 1)) for one in others]
        answers = subject.answers(sequences, index)
        return self._last(answers.reshape(runs, subject.rows, *answers.shape[1:]))

    def _swapped(self, swap: Swap, donors: NDArray[np.int64]) -> tuple[Tensor, NDArray[np.bool_]]:
        """Return the first sequence `[B, T, I]` with the steps replaced, and which rows had some."""
        x = flat(self._subject.sequences[0])
        rows, steps, width = x.shape
        source = swap.steps[donors]
        ends = self._subject.ends
        inside = (swap.steps >= 0) & (swap.steps <= ends[:, None])
        inside &= (source >= 0) & (source <= ends[donors][:, None])
        to = (self._rows[:, None] * steps + swap.steps)[inside]
        taken = (donors[:, None] * steps + source)[inside]
        features = torch.from_numpy(swap.features).to(x.device)
        values = x.reshape(rows * steps, width)
        made = values.clone()
        place = torch.from_numpy(to).to(x.device)
        made[place[:, None], features] = values[
            torch.from_numpy(taken).to(x.device)[:, None], features
        ]
        return made.reshape(rows, steps, width), np.asarray(inside.any(axis=1))


def swaps_of(features: Sequence[NDArray[np.int64]], lags: Lags) -> list[Swap]:
    """Return the swaps of whole columns, each with all its steps."""
    return [Swap(one, lags.every()) for one in features]
