"""The gates of an LSTM from what its pass returned, by two products and one kernel a direction.

The products and the kernel stand in torch's graph as one node, whose backward pass mirrors them: the
scan against time, then the products of its result with weights, inputs and outputs.
Sizes: T steps, B rows, I inputs, H hidden units, P projected units, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gatewise.cells import Parameters
from gatewise.engines.cuda import launch

NAMES = ("input", "forget", "candidate", "output", "cell")
"""What is computed, in the order of the kernels; the hidden state is the output that is there."""


class Side(NamedTuple):
    """What one direction of a layer is recovered from, beside the layer's input and output."""

    h: Tensor | None  # [B, P], None: zeros
    c: Tensor | None  # [B, H], None: zeros
    W_ih: Tensor
    W_hh: Tensor
    bias: Tensor | None  # [4H], both biases together

    @classmethod
    def of(cls, parameters: Parameters, state: Sequence[Tensor] | None) -> Side:
        """Put together a direction of `parameters` that starts from `state` (None: zeros)."""
        h, c = (None, None) if state is None else state
        b_ih, b_hh = parameters.b_ih, parameters.b_hh
        bias = None if b_ih is None or b_hh is None else b_ih + b_hh
        return cls(h, c, parameters.W_ih, parameters.W_hh, bias)


class Layer(NamedTuple):
    """One layer: its input `[T, B, I]`, 0 outside rows, its output `[T, B, D*P]`, and each direction."""

    x: Tensor
    h: Tensor
    sides: Sequence[Side]


def recover_lstm(layers: Sequence[Layer], lengths: Tensor | None) -> dict[str, Tensor]:
    """Return the gates and the cell by name, `[L, D, T, B, H]` each, NaN past each row's end.

    All tensors are of one type, float32 or float64; `lengths [B]` are integers on their device.
    """
    flat = [tensor for x, h, sides in layers for tensor in (x, h.contiguous(), *_joined(sides))]
    found = _Recovery.apply(len(layers[0].sides), lengths, *flat)  # type: ignore[no-untyped-call]
    return dict(zip(NAMES, found, strict=True))


def _joined(sides: Sequence[Side]) -> list[Tensor | None]:
    return [tensor for side in sides for tensor in side]


def _layers(directions: int, flat: Sequence[Any]) -> list[Layer]:
    """Undo the flattening of `recover_lstm`."""
    size, width = len(Side._fields), 2 + directions * len(Side._fields)
    found = []
    for first in range(0, len(flat), width):
        x, h, *rest = flat[first : first + width]
        sides = [Side(*rest[k : k + size]) for k in range(0, len(rest), size)]
        found.append(Layer(x, h, sides))
    return found


def _of_side(h: Tensor, side: int, directions: int) -> Tensor:
    """Return the part `[T, B, P]` of a layer's output, or of its gradient, that is one direction's."""
    size = h.shape[-1] // directions
    return h[..., side * size : (side + 1) * size]


class _Recovery(torch.autograd.Function):
    """All layers and directions; its tensors are those of each layer in turn."""

    @staticmethod
    def forward(ctx: Any, directions: int, lengths: Tensor | None, *flat: Any) -> Any:
        layers = _layers(directions, flat)
        steps, batch = layers[0].x.shape[:2]
        units = len(layers[0].sides[0].W_hh) // 4
        shape = (len(layers), directions, steps, batch, units)
        gates = [layers[0].x.new_empty(shape) for _ in NAMES]
        for place, layer in enumerate(layers):
            for k, side in enumerate(layer.sides):
                filled = [gate[place, k] for gate in gates]
                before = _of_side(layer.h, k, directions)
                _fill(layer.x, before, side, lengths, filled, reverse=k == 1)
        ctx.directions = directions
        ctx.save_for_backward(lengths, *flat, *gates)
        ctx.set_materialize_grads(False)
        return tuple(gates)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *arriving: Tensor | None) -> Any:
        lengths, *saved = ctx.saved_tensors
        flat, gates = saved[: -len(NAMES)], saved[-len(NAMES) :]
        if all(gradient is None for gradient in arriving):
            return (None,) * (2 + len(flat))
        given = [None if gradient is None else gradient.contiguous() for gradient in arriving]
        needs = _layers(ctx.directions, ctx.needs_input_grad[2:])
        found: list[Tensor | None] = []
        with torch.autocast("cuda", enabled=False):
            for place, layer in enumerate(_layers(ctx.directions, flat)):
                own = _OfLayer(layer, needs[place], lengths)
                for k in range(ctx.directions):
                    parts = [gate[place, k] for gate in gates]
                    onto = [None if gradient is None else gradient[place, k] for gradient in given]
                    own.add(k, parts, onto)
                found += own.gradients()
        return None, None, *found


def _fill(
    x: Tensor,
    hidden: Tensor,
    side: Side,
    lengths: Tensor | None,
    filled: Sequence[Tensor],
    *,
    reverse: bool,
) -> None:
    """Fill the gates of one direction from `x [T, B, I]` and its outputs `hidden [T, B, P]`."""
    batch = x.shape[1]
    pre = x.flatten(0, 1) @ side.W_ih.T  # [T*B, 4H]
    if len(x) > 1:
        # Outputs past a row's end are 0, so that its last step sees none in reverse either.
        if reverse:
            pre[:-batch].addmm_(hidden[1:].flatten(0, 1), side.W_hh.T)
        else:
            pre[batch:].addmm_(hidden[:-1].flatten(0, 1), side.W_hh.T)
    begun = None if side.h is None else side.h @ side.W_hh.T
    c = None if side.c is None else side.c.contiguous()
    launch.lstm_forward(pre, side.bias, begun, c, lengths, filled, reverse=reverse)


class _OfLayer:
    """The gradients of one layer, gathered direction by direction."""

    def __init__(self, layer: Layer, needs: Layer, lengths: Tensor | None) -> None:
        self._layer = layer
        self._needs: Any = needs  # booleans in place of the tensors
        self._lengths = lengths
        self._on_x: Tensor | None = None
        self._on_h = torch.zeros_like(layer.h) if needs.h else None
        self._on_sides: list[Tensor | None] = []

    def gradients(self) -> list[Tensor | None]:
        """Return them in the order of the layer's tensors."""
        return [self._on_x, self._on_h, *self._on_sides]

    def add(self, k: int, gates: Sequence[Tensor], arriving: Sequence[Tensor | None]) -> None:
        """Add what arrives at the gates of direction `k`."""
        x, h, sides = self._layer
        side, needs, reverse = sides[k], self._needs.sides[k], k == 1
        steps, batch = x.shape[:2]
        pre = x.new_empty(steps, batch, len(side.W_hh))
        c = None if side.c is None else side.c.contiguous()
        on_c = None if c is None else torch.empty_like(c)
        launch.lstm_backward(gates, c, self._lengths, arriving, pre, on_c, reverse=reverse)
        flat = pre.flatten(0, 1)
        if self._needs.x:
            on_x = (flat @ side.W_ih).view(x.shape)
            self._on_x = on_x if self._on_x is None else self._on_x.add_(on_x)
        # What each step saw of the past: the outputs of one step on, and in the first one the state.
        later = slice(0, steps - 1) if reverse else slice(1, steps)
        earlier = slice(1, steps) if reverse else slice(0, steps - 1)
        hidden, onto = _of_side(h, k, len(sides)), pre[later].flatten(0, 1)
        if self._on_h is not None and steps > 1:
            target = _of_side(self._on_h, k, len(sides))[earlier]
            target += (onto @ side.W_hh).view(target.shape)
        first = self._first(pre, reverse=reverse) if side.h is not None else None
        on_W_hh = None
        if needs.W_hh:
            on_W_hh = onto.T @ hidden[earlier].flatten(0, 1)
            if first is not None and side.h is not None:
                on_W_hh += first.T @ side.h
        self._on_sides += [
            first @ side.W_hh if first is not None and needs.h else None,
            on_c,
            flat.T @ x.flatten(0, 1) if needs.W_ih else None,
            on_W_hh,
            flat.sum(0) if side.bias is not None and needs.bias else None,
        ]

    def _first(self, pre: Tensor, *, reverse: bool) -> Tensor:
        """Return the part `[B, 4H]` of each row's first step in the direction's own order."""
        if not reverse:
            return pre[0]
        if self._lengths is None:
            return pre[-1]
        last = (self._lengths - 1).clamp(min=0).view(1, -1, 1)
        return pre.take_along_dim(last, 0)[0]
