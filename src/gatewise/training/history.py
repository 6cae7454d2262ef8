"""The losses of one training run, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class History:
    """The losses of one member's training, one entry per round: an epoch, or so many steps."""

    seed: int
    train: tuple[float, ...]
    validation: tuple[float, ...]
    learning_rate: tuple[float, ...]
    kept_epoch: int  # the round whose weights were kept: the best, or the last; from 1
    seconds: float
    round_steps: int = 0  # gradient steps of a round; 0 where a model of before does not tell
    steps: int = 0  # gradient steps of all rounds
    in_steps: bool = False  # whether the training was counted in steps, not in epochs

    @property
    def kept_steps(self) -> int:
        """The gradient steps after which the weights were kept."""
        return min(self.kept_epoch * self.round_steps, self.steps)

    def kept(self) -> str:
        """Return whose weights were kept, such as "epoch 12 of 40" or "step 180 of 300"."""
        if self.in_steps:
            return f"step {self.kept_steps:,} of {self.steps:,}"
        return f"epoch {self.kept_epoch} of {len(self.train)}"
