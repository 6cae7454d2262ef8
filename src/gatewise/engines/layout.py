"""What every engine is given and gives back, and how padded and packed rows map to each other.

Sizes: T steps, B rows, C channels, N valid steps of all rows together, L layers, D directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.cells import CellSpec, Parameters, State


@dataclass(frozen=True)
class Network:
    """A stack of layers of one cell, ready to run."""

    spec: CellSpec
    parameters: tuple[tuple[Parameters, ...], ...]  # [layers][directions]
    dropout: float  # between layers; 0 outside training

    @property
    def directions(self) -> int:
        """Return 1, or 2 for a bidirectional network."""
        return len(self.parameters[0])


@dataclass(frozen=True)
class Result:
    """What one pass returns, in the batch's own order."""

    output: Tensor  # [T, B, D*P], 0 past each row's length
    states: State  # [L*D, B, P], then [L*D, B, H] each
    gates: dict[str, Tensor] | None  # each [L, D, T, B, H], NaN past each row's length


@dataclass(frozen=True)
class Rows:
    """Rows of different lengths: the map between padded `[T, B, C]` and packed `[N, C]` data.

    Packed data holds step 0 of every row, then step 1, and so on, the longest rows first, as
    torch's PackedSequence does. Rows of length 0 are in the padded form only.
    """

    steps: int  # T
    lengths: Tensor  # int64 [B], on the CPU
    order: Tensor  # int64 [rows with a step], longest first
    batch_sizes: Tensor  # int64 [longest], on the CPU: rows that have step t
    index: Tensor  # int64 [N]: t * B + b of each packed step

    @classmethod
    def from_lengths(cls, lengths: Tensor, steps: int, device: torch.device) -> Rows:
        """Lay out rows of `lengths [B]` (int64, CPU) in any order, padded to `steps`."""
        order = torch.argsort(lengths, descending=True, stable=True)
        order = order[: int((lengths > 0).sum())]
        return cls._build(lengths, order, steps, device)

    @classmethod
    def from_batch_sizes(
        cls, batch_sizes: Tensor, order: Tensor | None, device: torch.device
    ) -> Rows:
        """Lay out a PackedSequence: its `batch_sizes` and `sorted_indices` (None: as they are)."""
        batch = int(batch_sizes[0])
        # On the meta device there is no order to read, and nothing that would depend on it.
        own = torch.arange(batch) if order is None or order.is_meta else order.cpu()
        sorted_lengths = (batch_sizes[:, None] > torch.arange(batch)).sum(0)
        lengths = torch.empty_like(sorted_lengths).index_copy_(0, own, sorted_lengths)
        return cls._build(lengths, own, len(batch_sizes), device)

    @classmethod
    def _build(cls, lengths: Tensor, order: Tensor, steps: int, device: torch.device) -> Rows:
        has_step = lengths[order] > torch.arange(steps)[:, None]  # [T, rows with a step]
        step, place = has_step.nonzero(as_tuple=True)
        batch_sizes = has_step.sum(1)
        return cls(
            steps=steps,
            lengths=lengths,
            order=order.to(device),
            batch_sizes=batch_sizes[batch_sizes > 0],
            index=(step * len(lengths) + order[place]).to(device),
        )

    def valid(self) -> Tensor:
        """Return bool `[T, B]`: which steps lie inside their row."""
        lengths = self.lengths.to(self.index.device)
        return torch.arange(self.steps, device=lengths.device)[:, None] < lengths

    def pack(self, padded: Tensor) -> Tensor:
        """Return the valid steps `[N, C]` of `padded [T, B, C]`."""
        return padded.flatten(0, 1).index_select(0, self.index)

    def unpack(self, packed: Tensor) -> Tensor:
        """Return `packed [N, C]` as `[T, B, C]`, with 0 past each row's end."""
        batch = len(self.lengths)
        empty = packed.new_zeros(self.steps * batch, packed.shape[-1])
        padded = empty.index_copy(0, self.index, packed)
        return padded.view(self.steps, batch, packed.shape[-1])
