"""The network, the rows and the result of a pass, and the map between padded and packed rows.

Sizes: T steps, B rows, C channels, N valid steps of all rows together, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import dropout

from gatewise.cells import CellSpec, Parameters, State


@dataclass(frozen=True)
class Network:
    """A stack of layers of one cell, ready to run."""

    spec: CellSpec
    parameters: tuple[tuple[Parameters, ...], ...]  # [layers][directions]
    dropout: float  # between layers; 0 outside training
    heads: int = 1  # whose units see the old state of their own head alone
    is_part: bool = False  # whether torch may keep the parameters in one buffer with others

    @property
    def directions(self) -> int:
        """Return 1, or 2 for a bidirectional network."""
        return len(self.parameters[0])

    @property
    def hidden_size(self) -> int:
        """Return H. The width of `W_hh` does not tell it: that of a layer with heads is a head's."""
        return len(self.parameters[0][0].W_hh) // len(self.spec.packing)

    @property
    def outputs(self) -> int:
        """Return P: H without projection."""
        projection = self.parameters[0][0].W_hr
        return self.hidden_size if projection is None else len(projection)

    def alone(self, layer: tuple[Parameters, ...]) -> Network:
        """Return a network of one of the layers, or of a part of it, without dropout."""
        if layer is self.parameters[0] and len(self.parameters) == 1:
            return replace(self, dropout=0.0)  # torch's buffer holds these and no others
        return replace(self, parameters=(layer,), dropout=0.0, is_part=True)

    def in_separate_memory(self) -> Network:
        """Return the network with parameters that torch's pass can take on a GPU.

        They must not lie in the buffer in which torch keeps those of all layers: cuDNN takes the whole
        memory around the first as the weights, wherever the others are. Copies are in the graph, so
        gradients still reach the parameters.
        """
        if not self.is_part or self.parameters[0][0].W_hh.device.type == "cpu":
            return self
        return self.map(in_separate_memory)

    def map(self, function: Callable[[Tensor], Tensor]) -> Network:
        """Return the network with what `function` makes of each parameter."""
        layers = tuple(tuple(one.map(function) for one in layer) for layer in self.parameters)
        return replace(self, parameters=layers)

    def states(self, x: Tensor, batch: int) -> State:
        """Return states `[L*D, B, *]` to start `batch` rows of `x` from: zeros, or as the cell says."""
        count = len(self.parameters) * self.directions
        sizes = [self.outputs, *[self.hidden_size] * (len(self.spec.states) - 1)]
        starts = [self.spec.starts.get(name, 0.0) for name in self.spec.states]
        return tuple(
            x.new_full((count, batch, size), start)
            for size, start in zip(sizes, starts, strict=True)
        )


def in_separate_memory(tensor: Tensor) -> Tensor:
    """Return `tensor`, or a differentiable copy of it where it fills only a part of its memory."""
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):  # its memory cannot be looked at
        return tensor.clone()
    fills_it = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
    return tensor if fills_it else tensor.clone(memory_format=torch.contiguous_format)


@dataclass(frozen=True)
class PassResult:
    """What one pass returns, in the batch's own order."""

    output: Tensor  # [T, B, D*P], 0 past each row's length; [N, D*P] where the input was packed
    states: State  # [L*D, B, P], then [L*D, B, H] each
    gates: dict[str, Tensor] | None  # each [L, D, T, B, H], NaN past each row's length

    def map(self, function: Callable[[Tensor], Tensor]) -> PassResult:
        """Return what `function` makes of each tensor."""
        found = self.gates
        gates = None if found is None else {name: function(found[name]) for name in found}
        return PassResult(function(self.output), tuple(map(function, self.states)), gates)


@dataclass(frozen=True)
class Rows:
    """Rows of different lengths: the map between padded `[T, B, C]` and packed `[N, C]` data.

    Packed data holds step 0 of every row, then step 1, and so on, the longest rows first, as
    torch's PackedSequence does. Rows of length 0 are in the padded form only.
    """

    packed: bool  # whether an engine's input and output are packed; else they are padded
    order: Tensor  # int64 [B], longest first
    count: Tensor  # int64 [T], on the CPU: rows that have step t
    place: Tensor | None = None  # int64 [B]: what undoes `order` (None: `order` changes nothing)
    known: Tensor | None = None  # int64 [B], on the CPU: the lengths, where they were given

    @classmethod
    def from_lengths(cls, lengths: Tensor, steps: int, device: torch.device) -> Rows:
        """Lay out padded rows of `lengths [B]` (int64, CPU) in any order, `steps` long."""
        ends, order = torch.sort(lengths, descending=True, stable=True)
        count = len(lengths) - torch.searchsorted(
            ends.flip(0), torch.arange(steps, device="cpu"), right=True
        )
        return cls(False, order.to(device, non_blocking=True), count, known=lengths)

    @classmethod
    def from_batch_sizes(
        cls,
        batch_sizes: Tensor,
        order: Tensor | None,
        device: torch.device,
        place: Tensor | None = None,
    ) -> Rows:
        """Lay out a PackedSequence: its `batch_sizes` and `sorted_indices` (None: as they are).

        `place` are its `unsorted_indices`, where those are at hand.
        """
        # On the meta device there is no order to read, and nothing that would depend on it.
        if order is None or order.is_meta:
            order, place = torch.arange(int(batch_sizes[0]), device="cpu"), None
        elif place is None:
            place = torch.argsort(order)
        place = None if place is None else place.to(device)
        return cls(True, order.to(device), batch_sizes, place)

    @property
    def steps(self) -> int:
        """Return T."""
        return self.count.shape[0]

    @property
    def batch(self) -> int:
        """Return B."""
        return self.order.shape[0]

    @property
    def lengths(self) -> Tensor:
        """Return int64 `[B]`, on the CPU: the steps of each row."""
        # The row at place r has the steps that more than r rows have; searched in rising order.
        ends = torch.searchsorted(-self.count, -torch.arange(self.batch, device="cpu"))
        return torch.empty_like(ends).index_copy_(0, self._order_on_cpu, ends)

    @property
    def ends(self) -> Tensor:
        """Return `lengths` on the device of the data, of a GPU without waiting for it."""
        return self._ends_on_gpu if self.order.is_cuda else self.lengths.to(self.order.device)

    @cached_property
    def _ends_on_gpu(self) -> Tensor:
        if self.known is not None:
            # Out of page-locked memory the caller might write into it before it is copied.
            return self.known.to(self.order.device, non_blocking=not self.known.is_pinned())
        ends = self.on_device()[1]
        return ends if self.place is None else ends.index_select(0, self.place)

    def on_device(self) -> tuple[Tensor, Tensor]:
        """Return `first`, and the lengths in the order of packed rows, on the device in one copy."""
        ends = torch.searchsorted(-self.count, -torch.arange(self.batch, device="cpu"))
        both = torch.cat([self.first, ends]).to(self.order.device, non_blocking=True)
        return both[: self.steps], both[self.steps :]

    @property
    def first(self) -> Tensor:
        """Return int64 `[T]`, on the CPU: where step t begins in packed data."""
        return self.count.cumsum(0) - self.count

    @cached_property
    def batch_sizes(self) -> Tensor:
        """Return int64 `[longest]`, on the CPU: `count` without the steps that no row has."""
        return self.count[self.count > 0]

    @cached_property
    def started(self) -> Tensor:
        """Return int64: `order` without the rows that have no step."""
        return self.order[: int(self.count[0])]

    @cached_property
    def index(self) -> Tensor:
        """Return int64 `[N]`: t * B + b of each packed step."""
        if self.order.device.type not in ("cpu", "meta"):
            # There, to keep the host free: it would go over all T * B steps.
            device, total = self.order.device, int(self.count.sum())
            every = torch.arange(self.steps, device=device)
            step = every.repeat_interleave(
                self.count.to(device, non_blocking=True), output_size=total
            )
            place = (
                torch.arange(total, device=device) - self.first.to(device, non_blocking=True)[step]
            )
            return step * self.batch + self.order[place]
        step, place = (torch.arange(self.batch, device="cpu") < self.count[:, None]).nonzero(
            as_tuple=True
        )
        return (step * self.batch + self._order_on_cpu[place]).to(self.order.device)

    @property
    def _order_on_cpu(self) -> Tensor:
        # A meta order was counted up: see from_batch_sizes.
        return torch.arange(self.batch, device="cpu") if self.order.is_meta else self.order.cpu()

    def valid(self) -> Tensor:
        """Return bool `[T, B]`: which steps lie inside their row."""
        return torch.arange(self.steps, device=self.order.device)[:, None] < self.ends

    def padded(self) -> Rows:
        """Return the same rows for padded data."""
        return replace(self, packed=False)

    def pack(self, padded: Tensor) -> Tensor:
        """Return the valid steps `[N, C]` of `padded [T, B, C]`."""
        return padded.flatten(0, 1).index_select(0, self.index)

    def unpack(self, packed: Tensor, filling: float = 0.0) -> Tensor:
        """Return `packed [N, C]` as `[T, B, C]`, with `filling` past each row's end."""
        empty = packed.new_full((self.steps * self.batch, packed.shape[-1]), filling)
        padded = empty.index_copy(0, self.index, packed)
        return padded.view(self.steps, self.batch, packed.shape[-1])

    def as_padded(self, x: Tensor) -> Tensor:
        """Return an engine's input as `[T, B, C]`, 0 past each row's end."""
        if self.packed:
            return self.unpack(x)
        return torch.where(self.valid()[:, :, None], x, 0.0)


def batch_of(x: Tensor, rows: Rows | None) -> int:
    """Return B of an engine's input: `[T, B, C]`, or as `rows` say."""
    return x.shape[1] if rows is None else rows.batch


def dropout_masks(
    network: Network,
    x: Tensor,
    rows: Rows | None,
    dtype: torch.dtype | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, ...]:
    """Draw the factors between the layers, in the form of `x`, with the numbers that torch draws.

    On the CPU torch draws a mask for each layer but the last, on packed data where rows have lengths.
    `generator` stands for the global one.
    """
    # One mask after the other, as torch draws them, so that a seed gives torch's values.
    rate = network.dropout
    if rate == 0 or len(network.parameters) == 1 or x.numel() == 0:
        return ()
    width = network.directions * network.outputs
    padded = rows is not None and not rows.packed
    lead = (len(rows.index),) if rows is not None and padded else x.shape[:-1]
    if 0 in lead:
        return ()
    masks = []
    for _ in network.parameters[1:]:
        mask = torch.empty(*lead, width, dtype=dtype or x.dtype, device=x.device)
        if rate == 1:
            mask.zero_()
        else:
            mask.bernoulli_(1 - rate, generator=generator).div_(1 - rate)
        masks.append(rows.unpack(mask) if rows is not None and padded else mask)
    return tuple(masks)


def drop_out(x: Tensor, rate: float, rows: Rows | None) -> Tensor:
    """Return padded `x` after dropout as torch has it: drawn on packed data where rows have lengths."""
    if rate == 0 or rows is None:
        return dropout(x, rate)
    return rows.unpack(dropout(rows.pack(x), rate))


def dropped(x: Tensor, masks: Sequence[Tensor], layer: int) -> Tensor:
    """Return the input of `layer` after the dropout before it, if there is any."""
    return x * masks[layer - 1] if masks and layer > 0 else x
