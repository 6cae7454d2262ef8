"""Sequences of different lengths as the training loop takes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatewise.typing import AnyArray, Array32, Indices, Mask


@dataclass(frozen=True, eq=False)
class SequenceBatches:
    """Sequences in one array of steps. Sizes: n sequences, N steps, F values of a step.

    values: codes [N] or values [N, F]. starts, lengths [n]. truth [n, ...], with `per_step` [N, ...].
    """

    values: AnyArray
    starts: Indices
    lengths: Indices
    truth: AnyArray
    per_step: bool = False
    weights: Array32 | None = None

    @property
    def measured(self) -> Mask:
        """Which inputs are measured values, [1, F]: in every step alike."""
        width = 1 if self.values.ndim == 1 else self.values.shape[1]
        return np.full((1, width), self.values.ndim > 1)

    def __len__(self) -> int:
        return len(self.lengths)

    def gather(self, picks: Indices) -> tuple[AnyArray, ...]:
        """Return x [T, B, F] or codes [T, B], lengths [B] and the truth of `picks`, padded with 0."""
        lengths = self.lengths[picks]
        step = np.arange(lengths.max())[:, None]
        inside = step < lengths
        index = np.where(inside, self.starts[picks] + step, 0)
        x = self.values[index]
        x[~inside] = 0
        if not self.per_step:
            return x, lengths, self.truth[picks]
        truth = self.truth[index]
        truth[~inside] = -1 if truth.dtype.kind == "i" else np.nan
        return x, lengths, truth
