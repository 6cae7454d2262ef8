"""A network backward on the native core: what the operator does on the CPU.

Layers run one after the other, the last first. In segments, a layer's gates are recomputed some
steps at a time from the states that the forward pass kept, into one scratch buffer.
Sizes are those of `engines.plan`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gatewise.engines.layout import dropped
from gatewise.engines.native.checks import check_results
from gatewise.engines.native.core import (
    BEGIN,
    END,
    Core,
    adjacent,
    contiguous,
    named,
    places,
    states_of,
    sums_bytes,
    views,
)
from gatewise.engines.native.forward import padding, segments
from gatewise.engines.native.memory import empty, empty_like
from gatewise.engines.plan import (
    TYPES,
    Given,
    Plan,
    allocate_gradients,
    count_below,
    count_states,
    saved_types,
    state_sizes,
)

D_BEGIN, D_END = tuple(f"d_{name}" for name in BEGIN), tuple(f"d_{name}" for name in END)
PARAMETERS = ("d_W_ih", "d_W_hh", "d_b_ih", "d_b_hh", "d_W_hr")


def run_backward(
    plan: Plan,
    given: Given,
    results: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    needs: Sequence[bool],
) -> list[Tensor]:
    """Return the gradients that `needs` names (input, states, parameters), one after the other.

    `results` are the forward pass's without the states, and `gradients` those arriving at all of
    its results.
    """
    core = Core(plan, given)
    check_results(plan, core.sizes, results, gradients, needs)
    if given.x.numel() == 0:
        return _without_steps(given, gradients, needs)
    likes = [*([given.x] if needs[0] else []), *(given.states if needs[1] else ())]
    likes += given.parameters if needs[2] else ()
    found = _Backward(core, given, results, gradients, needs).run()
    return [
        gradient if gradient.dtype is like.dtype else gradient.to(like.dtype)
        for gradient, like in zip(found, likes, strict=True)
    ]


def _without_steps(
    given: Given, gradients: Sequence[Tensor | None], needs: Sequence[bool]
) -> list[Tensor]:
    """Return the gradients of a pass that has no step in any row: that of its states goes through."""
    d_x, d_states, d_parameters = allocate_gradients(given, needs)
    for d_state, arriving in zip(d_states, gradients[1:], strict=False):
        if arriving is None:
            d_state.zero_()
        else:
            d_state.copy_(arriving)
    zeros = [gradient.zero_() for gradient in d_parameters]
    return [*([] if d_x is None else [d_x.zero_()]), *d_states, *zeros]


class _Backward:
    """One backward pass through all layers."""

    def __init__(
        self,
        core: Core,
        given: Given,
        results: Sequence[Tensor],
        gradients: Sequence[Tensor | None],
        needs: Sequence[bool],
    ) -> None:
        # All that the core reads is held here until it returns: it sees addresses only.
        self._core = core
        self._plan = plan = core.plan
        self._needs = needs
        self._stored, self._real = TYPES[plan.type]
        self._masks, self._rows = given.masks, given.rows
        self._sizes = sizes = core.sizes
        self._x = adjacent(given.x, self._stored)
        self._states = states_of(given.states, self._real)
        kinds, below = count_states(plan), count_below(plan, sizes)
        results = [contiguous(result, result.dtype) for result in results]
        self._out, self._below, self._kept = (
            results[0],
            results[1 : 1 + below],
            results[1 + below :],
        )
        self._d_out = gradients[0]
        rest = gradients[1:]
        self._d_ends = states_of(rest[:kinds], self._real)
        self._d_below = rest[kinds : kinds + below]
        self._d_kept = [
            gradient if gradient is None else adjacent(gradient, gradient.dtype)
            for gradient in rest[kinds + below :]
        ]
        widths = state_sizes(plan, sizes)
        shape = (sizes.layers * sizes.directions, sizes.batch)
        self._d_states = [self._empty(*shape, size) for size in widths if needs[1]]
        self._d_parameters = [
            self._empty(*parameter.shape) for parameter in given.parameters if needs[2]
        ]

    def run(self) -> list[Tensor]:
        """Run all layers, the last first, and return the gradients in the core's types."""
        d_out = None if self._d_out is None else adjacent(self._d_out, self._stored)
        d_x: list[Tensor] = []
        for layer in reversed(range(self._sizes.layers)):
            x = self._input(layer)
            d_x = self._room_for_input(layer, x)
            if self._plan.segment:
                self._layer_in_segments(layer, x, d_out, d_x)
            else:
                self._layer(layer, x, d_out, d_x)
            if layer > 0:
                d_out = self._gradient_below(layer, d_x)
        return [*self._whole_input(d_x), *self._d_states, *self._d_parameters]

    def _empty(self, *shape: int) -> Tensor:
        return empty(shape, dtype=self._real)

    def _input(self, layer: int) -> Tensor:
        if layer == 0:
            return self._x
        return dropped(self._below[0][layer - 1], self._masks, layer)

    def _output(self, layer: int) -> Tensor:
        return self._out if layer == self._sizes.layers - 1 else self._below[0][layer]

    def _room_for_input(self, layer: int, x: Tensor) -> list[Tensor]:
        """Return a buffer for the gradient of a layer's input from each direction, if wanted."""
        if layer == 0 and not self._needs[0]:
            return []
        return [empty_like(x) for _ in range(self._sizes.directions)]

    def _gradient_below(self, layer: int, d_x: list[Tensor]) -> Tensor:
        """Return the gradient of the output of the layer below from that of this layer's input."""
        gradient = dropped(self._sum(d_x), self._masks, layer)
        extra = self._d_below[0] if self._d_below else None
        return gradient if extra is None else gradient + extra[layer - 1]

    def _whole_input(self, d_x: list[Tensor]) -> list[Tensor]:
        """Return the gradient of the network's input, if wanted, with 0 in the padding."""
        if not d_x:
            return []
        gradient = self._sum(d_x)
        if self._rows and not self._plan.packed:
            gradient[padding(self._rows)] = 0.0
        return [gradient]

    def _sum(self, d_x: list[Tensor]) -> Tensor:
        return d_x[0] if len(d_x) == 1 else d_x[0].add_(d_x[1])

    def _layer(self, layer: int, x: Tensor, d_out: Tensor | None, d_x: list[Tensor]) -> None:
        given = []
        any_gate = any(gradient is not None for gradient in self._d_kept)
        for direction in range(self._sizes.directions):
            index = layer * self._sizes.directions + direction
            given.append(
                {
                    "saved": views(self._kept, layer, direction),
                    "d_saved": views(self._d_kept, layer, direction) if any_gate else (),
                    **named(BEGIN, places(self._states, index)),
                    **named(D_END, places(self._d_ends, index)),
                    **named(D_BEGIN, places(self._d_states, index)),
                    **self._d_parameters_of(index),
                }
            )
        out = self._output(layer)
        self._core.backward(
            layer, x, out, spans=self._core.frame.whole, given=given, d_out=d_out, d_x=d_x
        )

    def _d_parameters_of(self, index: int) -> dict[str, int]:
        if not self._needs[2]:
            return {}
        return named(PARAMETERS, self._core.addresses(self._d_parameters, index))

    def _layer_in_segments(
        self, layer: int, x: Tensor, d_out: Tensor | None, d_x: list[Tensor]
    ) -> None:
        """Recompute each segment, the last in the directions' own order first, and run it back."""
        scratch = _Scratch(self._core, layer)
        pieces = list(segments(self._core))
        directions = range(self._sizes.directions)
        for k in reversed(range(len(pieces))):
            begin = [places([kept[layer, d] for kept in self._kept], k) for d in directions]
            saved = [views(scratch.saved, 0, d) for d in directions]
            ends = [places(scratch.ends, d) for d in directions]
            spans = pieces[k]
            self._core.forward(
                layer, x, scratch.out, spans=spans, begin=begin, end=ends, saved=saved, scratch=True
            )
            given = []
            for d in directions:
                index = layer * self._sizes.directions + d
                before = places(scratch.d_states[k % 2], d) if k else places(self._d_states, index)
                is_last = k == len(pieces) - 1
                after = (
                    places(self._d_ends, index)
                    if is_last
                    else places(scratch.d_states[(k + 1) % 2], d)
                )
                given.append(
                    {
                        "saved": saved[d],
                        # Kept from segment to segment: the last one runs first, and clears them.
                        "sums": scratch.sums[d].data_ptr(),
                        "begin": is_last,
                        "finish": k == 0,
                        **named(BEGIN, begin[d]),
                        **named(D_END, after),
                        **named(D_BEGIN, before),
                        **self._d_parameters_of(index),
                    }
                )
            self._core.backward(
                layer, x, scratch.out, spans=spans, given=given, d_out=d_out, d_x=d_x, scratch=True
            )


class _Scratch:
    """The buffers in which a layer's segments are recomputed, one segment after the other."""

    def __init__(self, core: Core, layer: int) -> None:
        plan, sizes = core.plan, core.sizes
        stored, real = TYPES[plan.type]
        lead = (min(plan.segment, sizes.steps), sizes.batch)
        self.out = empty((*lead, sizes.directions * sizes.outputs), dtype=stored)
        self.saved = [
            empty((1, sizes.directions, *lead, sizes.hidden), dtype=dtype)
            for dtype in saved_types(plan)
        ]
        count = sums_bytes(core.frame.layers[layer])
        self.sums = [empty((count,), dtype=torch.uint8) for _ in range(sizes.directions)]
        shapes = [(sizes.directions, sizes.batch, size) for size in state_sizes(plan, sizes)]
        self.ends = [empty(shape, dtype=real) for shape in shapes]
        # The gradients of a segment's first states are read by the segment before it.
        self.d_states = [[empty(shape, dtype=real) for shape in shapes] for _ in range(2)]
