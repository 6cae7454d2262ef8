"""Tensors to the native core's descriptors, one layer at a time.

The core believes the addresses it is given: what stands in a tensor's memory is checked first (see
`native.checks`), strides and types are seen to here, and every tensor whose address is taken is held
by whoever called until the core returns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from math import lcm
from typing import Any

import torch
from torch import Tensor

from gatewise.engines.native.checks import check_given
from gatewise.engines.plan import (
    TYPES,
    Given,
    Plan,
    Sizes,
    count_states,
    is_adjacent,
    saved_types,
)
from gatewise.engines.segments import Costs
from gatewise.errors import InputError

WORK_PER_THREAD = 400_000
"""Multiplications in a layer's pass that a second thread has to take over to be worth waking."""

# By name, because the tools that watch over imports see no module in a compiled file.
core: Any = import_module("gatewise._native")

Span = tuple[int, int]
"""The steps from the first up to the second, as they stand in the input."""

States = Sequence[int]
"""The addresses of h and c; 0: absent."""


def adjacent(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Return `tensor` in `dtype` with the elements of a vector side by side; itself where it is."""
    own = tensor if tensor.dtype is dtype else tensor.to(dtype)
    if own.is_neg():  # the imaginary part of a conjugate, say: its memory has the other sign
        own = own.resolve_neg()
    if own._is_zerotensor():  # has none
        own = torch.zeros(own.shape, dtype=dtype, device=own.device)
    return own if is_adjacent(own) else own.contiguous()


def states_of(states: Sequence[Tensor | None], dtype: torch.dtype) -> list[Tensor | None]:
    """Return states or gradients of such in `dtype`, contiguous and with memory."""
    return [own if own is None else adjacent(own, dtype).contiguous() for own in states]


def contiguous(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Return `tensor` in `dtype` and contiguous; itself where it is."""
    own = (tensor if tensor.dtype is dtype else tensor.to(dtype)).contiguous()
    return own.resolve_neg() if own.is_neg() else own


def view(tensor: Tensor, *, offset: int = 0, start: int = 0) -> Any:
    """Describe `[T, B, C]` or packed `[N, C]` from step `start` and channel `offset` on."""
    address, size, strides = tensor.data_ptr(), tensor.element_size(), tensor.stride()
    if len(strides) == 2:  # where a step stands is for the rows to say
        return core.View(address + offset * size, 0, strides[0], True)
    return core.View(address + (offset + start * strides[0]) * size, strides[0], strides[1])


def views(
    arrays: Sequence[Tensor | None], layer: int, direction: int, *, start: int = 0
) -> list[Any]:
    """Describe saved arrays `[L, D, T, B, H]`, or packed `[L, D, N, H]`, and gradients of such."""
    found = []
    for array in arrays:
        if array is None:
            found.append(core.View())
            continue
        strides = array.stride()
        place = layer * strides[0] + direction * strides[1]
        if len(strides) == 4:
            address = array.data_ptr() + place * array.element_size()
            found.append(core.View(address, 0, strides[2], True))
        else:
            address = array.data_ptr() + (place + start * strides[2]) * array.element_size()
            found.append(core.View(address, strides[2], strides[3]))
    return found


def places(states: Sequence[Tensor | None], index: int) -> list[int]:
    """Return the addresses of states `[count, B, *]` at `index`."""
    return [
        0 if own is None else own.data_ptr() + index * own.stride(0) * own.element_size()
        for own in states
    ]


def sums_bytes(layer: Any) -> int:
    """Return the bytes of a layer's sums over time, which live between its segments."""
    count: int = core.sums_bytes(layer)
    return count


def costs_of(plan: Plan, given: Given) -> Costs:
    """Return what a pass keeps for its backward pass."""
    sizes = Sizes.of(plan, given)
    stored, real = (dtype.itemsize for dtype in TYPES[plan.type])
    own = sizes.directions * sizes.batch
    gates = sizes.hidden * sum(dtype.itemsize for dtype in saved_types(plan))
    states = sizes.outputs + sizes.hidden * (count_states(plan) - 1)
    return Costs(
        steps=sizes.steps,
        chunk=lcm(*(core.chunk_steps(own, sizes.batch) for own in _layers(plan, sizes, given.x))),
        start=sizes.layers * own * states * real,
        step=own * (gates + sizes.outputs * stored),
        gates=sizes.layers * own * gates,
    )


def _layers(plan: Plan, sizes: Sizes, x: Tensor) -> list[Any]:
    width = sizes.directions * sizes.outputs
    projection = sizes.outputs if plan.projected else 0
    return [
        core.Layer(plan.cell, plan.type, size, sizes.hidden, projection)
        for size in (x.shape[-1], *[width] * (sizes.layers - 1))
    ]


class Core:
    """One network on the core: its layers, weights and rows."""

    def __init__(self, plan: Plan, given: Given) -> None:
        self.plan = plan
        self.sizes = sizes = check_given(plan, given)
        stored, _ = TYPES[plan.type]
        # Held here: the core sees their addresses only.
        self._parameters = [contiguous(own, stored) for own in given.parameters]
        self._rows = [contiguous(own, torch.int64) for own in given.rows]
        self._whole = self._checked_rows()
        self.layers = _layers(plan, sizes, given.x)
        self._weights = [
            core.Weights(*self.addresses(self._parameters, i))
            for i in range(sizes.layers * sizes.directions)
        ]
        self._threads = torch.get_num_threads()

    @property
    def whole(self) -> list[Span]:
        """Return the span of all steps, for each direction."""
        return [(0, self.sizes.steps)] * self.sizes.directions

    def addresses(self, parameters: Sequence[Tensor], index: int) -> list[int]:
        """Return the addresses of W_ih, W_hh, b_ih, b_hh and W_hr of a layer and direction."""
        count = self.plan.per_direction
        own = [tensor.data_ptr() for tensor in parameters[index * count : (index + 1) * count]]
        if not self.plan.bias:
            own[2:2] = [0, 0]
        return own if self.plan.projected else [*own, 0]

    def forward(
        self,
        layer: int,
        x: Tensor,
        out: Tensor,
        *,
        scratch: bool = False,
        spans: Sequence[Span],
        begin: Sequence[States],
        end: Sequence[States],
        saved: Sequence[Sequence[Any]],
    ) -> None:
        """Run steps `spans` of a layer; what follows `spans` is by direction.

        With `scratch`, `out [S, B, D*P]` holds the steps of the span alone, else it holds all.
        """
        each = []
        for direction, (start, _) in enumerate(spans):
            offset = direction * self.sizes.outputs
            h_n, c_n = (*end[direction], 0, 0)[:2]
            h0, c0 = (*begin[direction], 0, 0)[:2]
            each.append(
                core.Forward(
                    reverse=direction == 1,
                    weights=self._weights[layer * len(spans) + direction],
                    x=view(x, start=start),
                    out=view(out, offset=offset, start=0 if scratch else start),
                    h0=h0,
                    c0=c0,
                    h_n=h_n,
                    c_n=c_n,
                    saved=saved[direction],
                )
            )
        self._call(core.forward, layer, spans, each)

    def backward(
        self,
        layer: int,
        x: Tensor,
        out: Tensor,
        *,
        scratch: bool = False,
        spans: Sequence[Span],
        given: Sequence[dict[str, Any]],
        d_out: Tensor | None,
        d_x: Sequence[Tensor],
    ) -> None:
        """Run steps `spans` of a layer backward; `given` by direction is the rest of a Backward."""
        each = []
        for direction, (start, _) in enumerate(spans):
            offset = direction * self.sizes.outputs
            options = dict(given[direction])
            if d_out is not None:
                options["d_out"] = view(d_out, offset=offset, start=start)
            if d_x:
                options["d_x"] = view(d_x[direction], start=start)
            each.append(
                core.Backward(
                    reverse=direction == 1,
                    weights=self._weights[layer * len(spans) + direction],
                    x=view(x, start=start),
                    out=view(out, offset=offset, start=0 if scratch else start),
                    **options,
                )
            )
        self._call(core.backward, layer, spans, each)

    def _call(
        self,
        function: Callable[..., None],
        layer: int,
        spans: Sequence[Span],
        each: Sequence[Any],
    ) -> None:
        """Run the directions together, or one by one where their rows differ."""
        own, threads = self.layers[layer], self._threads_for(layer, spans[0])
        if not self._rows or len(set(spans)) == 1:
            function(own, self._rows_of(spans[0]), each, threads)
            return
        for span, one in zip(spans, each, strict=True):
            function(own, self._rows_of(span), [one], threads)

    def _rows_of(self, span: Span) -> Any:
        return self._whole if span == (0, self.sizes.steps) else self._described(span)

    def _checked_rows(self) -> Any:
        """Describe all rows; raises InputError where they contradict themselves or packed data."""
        try:
            whole = self._described((0, self.sizes.steps))
        except ValueError as error:
            raise InputError(f"native engine: {error}") from None
        if self.plan.packed and (whole.begin, whole.end) != (0, self.sizes.lead[0]):
            raise InputError(
                f"native engine: the rows have the packed steps {whole.begin} to {whole.end}, and the "
                f"input has {self.sizes.lead[0]}"
            )
        return whole

    def _described(self, span: Span) -> Any:
        """Describe the rows of these steps alone."""
        start, stop = span
        if not self._rows:
            return core.Rows(stop - start, self.sizes.batch)
        count, order, first = (own.data_ptr() for own in self._rows)
        size = self._rows[0].element_size()
        skipped = start * size
        return core.Rows(stop - start, self.sizes.batch, count + skipped, order, first + skipped)

    def _threads_for(self, layer: int, span: Span) -> int:
        sizes = self.sizes
        inputs = self._parameters[layer * sizes.directions * self.plan.per_direction].shape[1]
        rows = sizes.lead[0] if len(sizes.lead) == 1 else sizes.batch * (span[1] - span[0])
        units = len(self.plan.spec.packing) * sizes.hidden * (inputs + sizes.outputs)
        work = units * rows * sizes.directions
        return max(1, min(self._threads, work // WORK_PER_THREAD))
