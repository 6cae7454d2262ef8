"""The network of every sequence estimator: front, layers of one or both directions, read, head.

Sizes: T steps, B sequences, F features, D directions, H hidden units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.engines import Gates
from gatewise.estimators.network import LayeredNetwork, layer_of, start_layers
from gatewise.estimators.sequences.fronts import EmbeddingFront, OneHotFront
from gatewise.estimators.sequences.reads import EveryRead, read_named
from gatewise.typing import Indices

Front = OneHotFront | EmbeddingFront


class SequenceNetwork(LayeredNetwork):
    """Sequences of any length to answers: `network(x, lengths)`, x codes `[T, B]` or values `[T, B, F]`.

    `front` makes of codes what the first layer reads; measured values need none. Every layer is a module
    of its own, in `layers`, of one direction or both, called with each sequence's own length: what lies
    past its end changes nothing. `read` is "last", "mean", "max", "attention" (the head then sees
    `[B, D*H]`) or "every" (it sees `[T, B, D*H]`). Dropout acts between layers and on what the head
    reads, only through masks that the caller passes. Build it inside `randomness.seeded(seed)`.

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
    ) -> None:
        super().__init__()
        pairs = None if complement is None else torch.from_numpy(complement)
        self.register_buffer("complement", pairs, persistent=False)
        self.front = front
        directions = 2 if bidirectional else 1
        width = hidden_size * directions
        sizes = [input_size if front is None else front.width] + [width] * (num_layers - 1)
        self.layers = nn.ModuleList(
            layer_of(cell, size, hidden_size, engine, bidirectional=bidirectional, heads=heads)
            for size in sizes
        )
        start_layers(self.layers, cell, forget_bias, long_memory)
        self.read = read_named(read, hidden_size, directions)
        self.head = head
        self.width = width
        self.dropout = dropout or 0.0

    @property
    def reads_every(self) -> bool:
        """Whether every step has an answer, `[T, B, ...]`, and not the whole sequence, `[B, ...]`."""
        return isinstance(self.read, EveryRead)

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
        hidden, ends, gates = self._through_layers(x, lengths, masks, state, return_gates)
        read = self.read(hidden, lengths)
        if self.complement is not None:
            one, other = read.chunk(2)
            read = (one + other) / 2
        if masks:
            read = read * masks[-1]
        found = [self.head(read)]
        if state is not None:
            found.append(tuple(ends))
        if return_gates:
            found.append(gates)
        return found[0] if len(found) == 1 else tuple(found)

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
        if masks is not None:
            masks = [*(torch.cat([mask, mask], dim=1) for mask in masks[:-1]), masks[-1]]
        return torch.cat([codes, other], dim=1), lengths.repeat(2), masks

    def _through_layers(
        self,
        x: Tensor,
        lengths: Tensor,
        masks: Sequence[Tensor] | None,
        state: Sequence[Any] | None,
        return_gates: bool,
    ) -> tuple[Tensor, list[Any], list[Gates]]:
        """Return the last layer's states `[T, B, D*H]`, and of every layer the end's state and gates."""
        ends, gates = [], []
        if self.front is not None:
            x = self.front(x)
        # without padding a layer's short way, which saves up to a tenth of a step
        ragged = None if bool((lengths == len(x)).all()) else lengths
        for index, layer in enumerate(self.layers):
            before = state[index] if state else None
            x, end, *more = layer(x, before, lengths=ragged, return_gates=return_gates)
            ends.append(end)
            gates += more
            if masks and index < len(self.layers) - 1:
                x = x * masks[index]
        return x, ends, gates

    def draw_masks(
        self, generator: torch.Generator, steps: int, batch: int, rows: slice
    ) -> list[Tensor] | None:
        """Draw one batch's dropout masks and return their `rows`; None where nothing is dropped.

        One for each gap between layers, `[T, B, D*H]`, and one for what the head reads, `[B, D*H]` or
        `[T, B, D*H]`. The draw is for the whole batch of `batch` sequences padded to `steps` steps,
        whichever rows are asked for: processes that share a batch see the masks of one process alone.
        A mask holds 0 with probability `dropout`, else 1 / (1 - dropout).
        """
        if self.dropout == 0:
            return None
        masks = []
        for index in range(len(self.layers)):
            in_steps = self.reads_every or index < len(self.layers) - 1
            shape = (steps, batch, self.width) if in_steps else (batch, self.width)
            mask = torch.empty(shape, dtype=torch.float32, device=generator.device)
            mask.bernoulli_(1 - self.dropout, generator=generator).div_(1 - self.dropout)
            masks.append(mask[:, rows] if in_steps else mask[rows])
        return masks
