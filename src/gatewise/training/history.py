"""The losses of one training run, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class History:
    """The losses of one member's training, one entry per epoch."""

    seed: int
    train: tuple[float, ...]
    validation: tuple[float, ...]
    learning_rate: tuple[float, ...]
    kept_epoch: int  # whose weights were kept: the best, or the last without early stopping; from 1
    seconds: float
