"""The network of every sequence estimator: front, layers of one or both directions, read, head.

Sizes: T steps, B sequences, F features, D directions, H hidden units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.estimators.network import stack_of
from gatewise.estimators.sequences.fronts import EmbeddingFront, OneHotFront
from gatewise.estimators.sequences.reads import EveryRead, LastRead, read_named
from gatewise.estimators.sequences.restrained import RestrainedNetwork, results
from gatewise.estimators.sequences.restraints import Restraints
from gatewise.typing import Indices

Front = OneHotFront | EmbeddingFront


class SequenceNetwork(RestrainedNetwork):
    """Sequences of any length to answers: `network(x, lengths)`, x codes `[T, B]` or values `[T, B, F]`.

    `front` makes of codes what the first layer reads; measured values need none. Every layer is a module
    of its own, in `layers`, of one direction or both, called with each sequence's own length: what lies
    past its end changes nothing. `read` is "last", "mean", "max", "attention" (the head then sees
    `[B, D*H]`) or "every" (it sees `[T, B, D*H]`). Dropout acts between layers and on what the head
    reads, only through masks that the caller passes; `restraints` are what else training drops, and what
    it charges for. Build it inside `randomness.seeded(seed)`.

    With `complement`, the code that each code pairs with, both strands go through the same weights and
    the head reads their mean: the answer is that of either strand (Shrikumar, Greenside and Kundaje
    2017 share weights so in convolutions).
    """

    complement: Tensor | None

    def __init__(
        self,
        *,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        heads: int = 1,
        bidirectional: bool,
        dropout: float | None,
        forget_bias: float | None,
        long_memory: int | None = None,
        engine: str,
        read: str,
        head: nn.Module,
        front: Front | None = None,
        complement: Indices | None = None,
        restraints: Restraints = Restraints(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__()
        pairs = None if complement is None else torch.from_numpy(complement)
        self.register_buffer("complement", pairs, persistent=False)
        self.front = front
        directions = 2 if bidirectional else 1
        width = hidden_size * directions
        self.reads = input_size if front is None else front.width
        sizes = [self.reads] + [width] * (num_layers - 1)
        self.layers = stack_of(
            cell,
            sizes,
            hidden_size,
            engine,
            forget_bias=forget_bias,
            long_memory=long_memory,
            bidirectional=bidirectional,
            heads=heads,
        )
        self.read = read_named(read, hidden_size, directions)
        self.head = head
        self.width = width
        self.reads_every = isinstance(self.read, EveryRead)
        self.restraints = replace(restraints, dropout=dropout or 0.0)

    def forward(
        self,
        x: Tensor,
        lengths: Tensor,
        *,
        masks: Sequence[Tensor] | None = None,
        state: Sequence[Any] | None = None,
        return_gates: bool = False,
    ) -> Any:
        """Return the head's answers; with `state` also that of each layer at the sequences' ends.

        `lengths` [B] are integers from 0 to T, on the CPU wherever x is. `masks` are those that
        `draw_masks` returns. `state` is what a call before returned, or () for a start from zeros.
        With `return_gates` the gates of each layer come last. A call returns the answers alone, or a
        tuple of them and what else was asked for.
        """
        if self.complement is not None:
            x, lengths, masks = self._both_strands(x, lengths, masks)
        drawn = None if masks is None else iter(masks)
        entered = x if self.front is None else self.front(x)
        states, ends, gates = self._run_layers(entered, lengths, drawn, state, return_gates)
        if isinstance(self.read, LastRead) and state is None:
            read = self.read.of_ends(ends[-1])
        else:
            read = self.read(states, lengths)
        if self.complement is not None:
            one, other = read.chunk(2)
            read = (one + other) / 2
        if drawn is not None and self.restraints.dropout and not self.reads_every:
            read = read * next(drawn)
        answers = self.head(read)
        return results(answers, None if state is None else ends, gates if return_gates else None)

    def _both_strands(
        self, codes: Tensor, lengths: Tensor, masks: Sequence[Tensor] | None
    ) -> tuple[Tensor, Tensor, list[Tensor] | None]:
        """Return a batch of twice as many sequences: as they are, and their reverse complements.

        What is dropped is the same in both, so that neither comes first in training either.
        """
        assert self.complement is not None
        step = torch.arange(len(codes), device=codes.device).unsqueeze(1)
        mirrored = (lengths.to(codes.device, non_blocking=True) - 1 - step).clamp(min=0)
        other = self.complement[codes.gather(0, mirrored)]
        if masks is not None:  # those of weights and of what is read of both are for either strand
            masks = [torch.cat([one, one], dim=1) if one.dim() == 3 else one for one in masks]
        return torch.cat([codes, other], dim=1), lengths.repeat(2), masks
