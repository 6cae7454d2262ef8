"""Answers to inputs some of whose steps are replaced by those of other rows and steps.

Sizes: B rows, T steps, A steps whose answer is read, W steps replaced together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.errors import InputError
from gatewise.memory.interventions._intervene import Intervention
from gatewise.memory.interventions._lags import Block
from gatewise.memory.interventions.subject import Subject
from gatewise.typing import Array

Replaced = tuple[NDArray[np.int64], NDArray[np.bool_]]
"""Steps `[B, W]` to replace, and which of them lie inside their row."""


class Resampler:
    """Measures what the answers do when inputs are replaced by those of other rows and steps."""

    def __init__(
        self,
        subject: Subject,
        places: NDArray[np.int64],  # [A, B]: the steps whose answers are read
        there: NDArray[np.bool_],  # [A, B]: which of these exist
        *,
        future: bool,
        resamples: int,
        seed: int,
        run_in: int = 0,  # steps at the start of each row that are never replaced
        intervention: Intervention | None = None,  # runs the recurrent modules for both answers
    ) -> None:
        self._subject, self._places, self._there = subject, places, there
        self._future, self._resamples, self._run_in = future, resamples, run_in
        self._intervention = intervention
        self._answer = (
            subject.answer if intervention is None else subject.answers(intervention=intervention)
        )
        self._random = np.random.default_rng(seed)
        # Masks and positions, which mark or count steps, are left alone; the first argument never is.
        self._replaced = [
            n == 0 or sequence.is_floating_point() for n, sequence in enumerate(subject.sequences)
        ]
        both = zip(subject.sequences, self._replaced, strict=True)
        varied = [sequence for sequence, replaced in both if replaced]
        if all(bool((sequence == sequence[:1, :1]).all()) for sequence in varied):
            raise InputError(
                "horizon: every step of the inputs is the same, so that nothing can be resampled; give "
                "inputs that vary"
            )

    def measure(self, blocks: Sequence[Block], repeats: int) -> Array:
        """Return the mean effect `[blocks, A * rows]` of replacing all lags of a block at once.

        NaN where a row has none of these lags.
        """
        asked = [[self._steps(m, block) for m in range(len(self._places))] for block in blocks]
        return self._effects(asked, self._resamples * repeats)

    def from_start(self, steps: Sequence[int], repeats: int) -> Array:
        """Return the mean effect `[steps, A * rows]` of replacing the step that is so far in a row.

        Counted from where a row begins, which is its end for what looks ahead.
        """
        asked = [[self._places_of(m, step) for m in range(len(self._places))] for step in steps]
        return self._effects(asked, self._resamples * repeats)

    def _effects(self, asked: Sequence[Sequence[Replaced]], resamples: int) -> Array:
        """Return the mean effect `[asked, A * rows]` of replacing the steps of each span."""
        subject = self._subject
        total = np.full((len(asked), *self._places.shape), np.nan)
        runs = [
            (n, m, *span)
            for n, spans in enumerate(asked)
            for m, span in enumerate(spans)
            if span[1].any()
            for _ in range(resamples)
        ]
        for part in subject.batches(len(runs)):
            now = runs[part]
            answers = subject.answers(
                self._replacing([run[2:] for run in now]),
                self._index(len(now)),
                intervention=self._intervention,
            )
            answers = answers.reshape(len(now), subject.rows, *answers.shape[1:])
            for (n, m, _, inside), answer in zip(now, answers, strict=True):
                at = (np.arange(subject.rows), self._places[m])
                y, y0 = (
                    (answer[at], self._answer[at]) if subject.per_step else (answer, self._answer)
                )
                effect = np.abs(y - y0).mean(axis=-1) / resamples
                # a row too short for the lag had nothing replaced: that is no effect of 0
                effect = np.where(inside.any(axis=1), effect, np.nan)
                total[n, m] = np.where(np.isnan(total[n, m]), effect, total[n, m] + effect)
        return total.reshape(len(asked), -1)

    def _steps(self, m: int, block: Block) -> Replaced:
        """Return the steps `[B, W]` of a block of lags, and which of them lie inside their row."""
        a, b = block
        lags = np.arange(a, b) if self._future else -np.arange(a, b)[::-1]
        steps = self._places[m][:, None] + lags
        first, last = 0, self._subject.ends[:, None]
        if self._future:
            last = last - self._run_in
        else:
            first = self._run_in
        inside = (steps >= first) & (steps <= last) & self._there[m][:, None]
        some = inside.any(axis=0)
        return steps[:, some], inside[:, some]

    def _places_of(self, m: int, step: int) -> Replaced:
        """Return the one step `[B, 1]` that is `step` from where each row begins."""
        places = self._places[m][:, None]
        if self._future:
            steps = self._subject.ends[:, None] - step
            return steps, (steps >= places) & self._there[m][:, None]
        steps = np.full_like(places, step)
        return steps, (steps <= places) & self._there[m][:, None]

    def _index(self, runs: int) -> Tensor:
        return torch.arange(self._subject.rows, device="cpu").repeat(runs)

    def _replacing(self, spans: Sequence[Replaced]) -> list[Tensor]:
        """Return the sequences `[runs * B, T, ...]` with the steps of each run replaced."""
        rows, steps = self._subject.rows, self._subject.steps
        donors = [self._donors(at)[inside] for at, inside in spans]
        targets = [(np.nonzero(inside)[0] * steps + at[inside]) for at, inside in spans]
        found = []
        for sequence, replaced in zip(self._subject.sequences, self._replaced, strict=True):
            copies = sequence[None].repeat(len(spans), *(1,) * sequence.dim())
            if replaced:
                flat = sequence.flatten(0, 1)
                for copy, target, donor in zip(copies.flatten(1, 2), targets, donors, strict=True):
                    to, source = (
                        torch.from_numpy(one).to(sequence.device) for one in (target, donor)
                    )
                    copy[to] = flat[source]
            found.append(copies.reshape(len(spans) * rows, steps, *sequence.shape[2:]))
        return found

    def _donors(self, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw for each of `steps [B, W]` another place of the data, `row * T + step`."""
        rows, lengths = self._subject.rows, self._subject.ends + 1
        if rows > 1:
            row = np.arange(rows)[:, None] + self._random.integers(1, rows, steps.shape)
            row %= rows
            step = self._random.integers(0, lengths[row])
        else:
            row = np.zeros_like(steps)
            step = (steps + self._random.integers(1, lengths[0], steps.shape)) % lengths[0]
        return np.asarray(row * self._subject.steps + step)
