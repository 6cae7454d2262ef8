"""Tensors to the native core's descriptors, one layer at a time.

The core believes the addresses it is given: what stands in a tensor's memory is checked first (see
`native.checks`), strides and types are seen to here, and every tensor whose address is taken is held
by whoever called until the core returns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import lcm
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor

from gatewise.engines.native.checks import all_fit, check_given, check_whole_plan
from gatewise.engines.native.frame import Frame, Span, core, frame_of
from gatewise.engines.plan import (
    TYPES,
    Given,
    Plan,
    Sizes,
    is_adjacent,
    saved_types,
    state_sizes,
)
from gatewise.engines.segments import Costs
from gatewise.errors import InputError

WORK_PER_THREAD = 400_000
"""Multiplications in a layer's pass that a second thread has to take over to be worth waking."""

States = Sequence[int]
"""The addresses of h and the other states; 0: absent."""


def adjacent(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Return `tensor` in `dtype` with the elements of a vector side by side; itself where it is."""
    converted = tensor if tensor.dtype is dtype else tensor.to(dtype)
    if converted.is_neg():  # the imaginary part of a conjugate, say: its memory has the other sign
        converted = converted.resolve_neg()
    if converted._is_zerotensor():  # has none
        converted = torch.zeros(converted.shape, dtype=dtype, device=converted.device)
    return converted if is_adjacent(converted) else converted.contiguous()


def states_of(states: Sequence[Tensor | None], dtype: torch.dtype) -> list[Tensor | None]:
    """Return states or gradients of such in `dtype`, contiguous and with memory."""
    return [state if state is None else adjacent(state, dtype).contiguous() for state in states]


def contiguous(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Return `tensor` in `dtype` and contiguous; itself where it is."""
    converted = (tensor if tensor.dtype is dtype else tensor.to(dtype)).contiguous()
    return converted.resolve_neg() if converted.is_neg() else converted


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
    found = []
    for state in states:
        offset = 0 if state is None else index * state.stride(0) * state.element_size()
        found.append(0 if state is None else state.data_ptr() + offset)
    return found


def plain_addresses(tensors: Sequence[Tensor], dtype: torch.dtype) -> list[int] | None:
    """Return where tensors lie in memory if the core can take each as it is, else None.

    It can where a tensor is of the type and on the CPU, contiguous, and the whole of a storage that is
    there. For tensors of fitting shapes that is all that `native.checks` looks at, in half the time.
    """
    found = []
    try:
        for tensor in tensors:
            if (
                tensor.dtype is not dtype
                or not tensor.is_cpu
                or tensor.untyped_storage().nbytes() != tensor.nbytes
                or tensor.storage_offset() != 0
                or not tensor.is_contiguous()
                or tensor.is_neg()
            ):
                return None
            found.append(tensor.data_ptr())
    except NotImplementedError:  # a sparse tensor has no storage
        return None
    return found if all(found) else None


def _in_order(plan: Plan, addresses: list[int]) -> list[int]:
    """Return the addresses of a layer and direction with 0 for what it has not."""
    if not plan.bias:
        addresses[2:2] = [0, 0]
    return addresses if plan.projected else [*addresses, 0]


BEGIN, END = ("h0", "c0", "l0"), ("h_n", "c_n", "l_n")
"""What the descriptors call the states; a cell has as many of them as it has states."""


def named(names: Sequence[str], addresses: Sequence[int]) -> dict[str, Any]:
    """Return descriptors' arguments by name, as many as there are addresses."""
    return dict(zip(names, addresses, strict=False))


def sums_bytes(layer: Any) -> int:
    """Return the bytes of a layer's sums over time, which live between its segments."""
    count: int = core.sums_bytes(layer)
    return count


def costs_of(plan: Plan, given: Given) -> Costs:
    """Return what a pass keeps for its backward pass."""
    sizes = Sizes.of(plan, given)
    frame = frame_of(plan, sizes, *given.inputs(plan.heads))
    stored, real = (dtype.itemsize for dtype in TYPES[plan.type])
    rows = sizes.directions * sizes.batch
    gates = sizes.hidden * sum(dtype.itemsize for dtype in saved_types(plan))
    states = sum(state_sizes(plan, sizes))
    return Costs(
        steps=sizes.steps,
        chunk=lcm(*(core.chunk_steps(layer, sizes.batch) for layer in frame.layers)),
        start=sizes.layers * rows * states * real,
        step=rows * (gates + sizes.outputs * stored),
        gates=sizes.layers * rows * gates,
    )


_KNOWN: dict[Any, Frame] = {}
"""The frames of passes without rows and masks whose shapes were found to fit, by all these shapes."""
_MOST_KNOWN = 256

_shape_of = attrgetter("shape")


class Core:
    """One network on the core: its layers, weights and rows.

    Attributes:
        is_plain: Whether the input and the states are contiguous and of the core's types.
    """

    def __init__(self, plan: Plan, given: Given) -> None:
        check_whole_plan(plan)
        x, states, parameters, masks, rows = given
        stored, real = TYPES[plan.type]
        key, frame = None, None
        if not rows and not masks:
            key = (plan, x.shape, len(states), *map(_shape_of, (*states, *parameters)))
            frame = _KNOWN.get(key)
        weights = None if frame is None else plain_addresses(parameters, stored)
        self.is_plain = (
            weights is not None
            and plain_addresses((x,), stored) is not None
            and (not states or plain_addresses(states, real) is not None)
        )
        # Held here: the core sees their addresses only.
        self._parameters = parameters
        fits = weights is not None and (self.is_plain or all_fit((x, *states)))
        if frame is None or weights is None or not fits:
            sizes = check_given(plan, given)
            frame = frame_of(plan, sizes, *given.inputs(plan.heads))
            self._parameters = [contiguous(parameter, stored) for parameter in parameters]
            weights = [parameter.data_ptr() for parameter in self._parameters]
            if key is not None:
                if len(_KNOWN) >= _MOST_KNOWN:
                    _KNOWN.clear()
                _KNOWN[key] = frame
        self.plan = plan
        self.frame = frame
        self.sizes = frame.sizes
        self._rows = [contiguous(part, torch.int64) for part in rows] if rows else ()
        self._whole = self._checked_rows() if rows else frame.rows
        self._weights = []
        count = plan.per_direction
        for start in range(0, len(weights), count):
            self._weights.append(core.Weights(*_in_order(plan, weights[start : start + count])))
        self._threads = torch.get_num_threads()

    def addresses(self, parameters: Sequence[Tensor], index: int) -> list[int]:
        """Return the addresses of W_ih, W_hh, b_ih, b_hh and W_hr of a layer and direction."""
        count = self.plan.per_direction
        addresses = [
            tensor.data_ptr() for tensor in parameters[index * count : (index + 1) * count]
        ]
        return _in_order(self.plan, addresses)

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
        # Both directions go to the core in one call, so that they can share the threads.
        each = []
        for direction, (start, _) in enumerate(spans):
            offset = direction * self.sizes.outputs
            each.append(
                core.Forward(
                    reverse=direction == 1,
                    weights=self._weights[layer * len(spans) + direction],
                    x=view(x, start=start),
                    out=view(out, offset=offset, start=0 if scratch else start),
                    saved=saved[direction],
                    **named(BEGIN, begin[direction]),
                    **named(END, end[direction]),
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
        # In one call, as forward: the directions of a layer share the threads.
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
        frame, sizes, span = self.frame, self.sizes, spans[0]
        descriptor = frame.layers[layer]
        rows = sizes.lead[0] if self.plan.packed else sizes.batch * (span[1] - span[0])
        threads = max(1, min(self._threads, frame.work[layer] * rows // WORK_PER_THREAD))
        if spans is frame.whole:
            function(descriptor, self._whole, each, threads)
        elif not self._rows or len(set(spans)) == 1:
            function(descriptor, self._described(span), each, threads)
        else:
            for part, one in zip(spans, each, strict=True):
                function(descriptor, self._described(part), [one], threads)

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
        count, order, first = (part.data_ptr() for part in self._rows)
        size = self._rows[0].element_size()
        skipped = start * size
        return core.Rows(stop - start, self.sizes.batch, count + skipped, order, first + skipped)
