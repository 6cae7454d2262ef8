"""The task of the training loop: a network, its batches and the loss of a batch. Estimators fill one.

Sizes: B sequences of a batch, T steps, F features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from gatewise.typing import AnyArray, Indices, Mask

Count = float | Tensor
"""How much of a batch counts: a number, or a float64 scalar where reading it would wait for a device."""
Loss = Callable[..., tuple[Tensor, Count]]
"""The network's output and the truth of a batch to its losses, whose sum is taken, and their count.

An epoch's loss is the sum over all batches by the count over all: of windows or sequences where each
counts once (`losses.per_row`), of steps where each step has an answer of its own. Where sequences have
weights, they are the third argument `[B]`, and both losses and count are weighted.
"""


class Batches(Protocol):
    """Sequences that come in batches, such as `gatewise.data.tables.windows.Windows`.

    All of them are of one length; those that are not are `sequences.SequenceBatches`.
    """

    @property
    def measured(self) -> Mask | None:
        """Which inputs are measured values, [T, F]; noise in training is for these alone."""

    def __len__(self) -> int:
        """Return the number of sequences."""

    def gather(self, picks: Indices) -> tuple[AnyArray, ...]:
        """Return what the network is called with, `[T, B, F]` first, and the truth, for `picks` [B]."""


class TrainableNetwork(nn.Module):
    """A network that the loop can train: it is called with the inputs of a batch.

    Those of sequences that differ in length are `x [T, B, F]` or codes `[T, B]`, and `lengths [B]`,
    which stay on the CPU.

    Where it drops anything it takes `masks=`, since processes that share a batch have to drop what one
    process alone would. Where costs on gates are asked for it takes `return_gates=True` and returns
    (output, gates of each layer). Where batches go on from each other it takes `state=`, that after the
    batch before or (), and returns (output, state) or (output, state, gates): see `carried`.
    """

    charge: Tensor | None = None
    """What the last call in training is charged beside the loss, a scalar for all sequences alike.

    It enters the gradient only: the losses stay comparable with the validation's.
    """

    def draw_masks(
        self, generator: torch.Generator, steps: int, batch: int, rows: slice
    ) -> list[Tensor] | None:
        """Draw the masks of a batch of `batch` sequences of `steps` steps and return their `rows`.

        Where sequences differ in length, `steps` are those of the longest of the whole batch.
        """
        return None


@dataclass(frozen=True, eq=False)
class Task:
    """A network to train on `training`, judged on `validation` where there is one."""

    network: TrainableNetwork
    training: Batches
    validation: Batches | None
    loss: Loss
