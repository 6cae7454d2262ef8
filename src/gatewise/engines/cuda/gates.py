"""The gates of an LSTM or GRU from what its pass returned, by two products and one kernel a direction.

The products and the kernel stand in torch's graph as one node, whose backward pass mirrors them: the
kernel's own way back, against time, then the products of its result with weights, inputs and outputs.
Sizes: T steps, B rows, I inputs, H hidden units, P projected units, L layers, D directions, G blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gatewise.cells import CELLS, Parameters
from gatewise.engines.cuda import launch

FOUND = {"lstm": 5, "gru": 3}
"""How many of the arrays that a cell saves belong to the record; the others serve the way back."""


class Side(NamedTuple):
    """What one direction of a layer is recovered from, beside the layer's input and output."""

    h: Tensor | None  # [B, P], None: zeros
    c: Tensor | None  # [B, H], None: zeros, or a cell of one state
    W_ih: Tensor
    W_hh: Tensor
    b_ih: Tensor | None  # [G*H], or None with the other
    b_hh: Tensor | None

    @classmethod
    def of(cls, parameters: Parameters, state: Sequence[Tensor] | None) -> Side:
        """Put together a direction of `parameters` that starts from `state` (None: zeros)."""
        h, c, *_ = (*(state or ()), None, None)
        return cls(h, c, parameters.W_ih, parameters.W_hh, parameters.b_ih, parameters.b_hh)


class Layer(NamedTuple):
    """One layer: its input `[T, B, I]`, 0 outside rows, its output `[T, B, D*P]`, and each direction."""

    x: Tensor
    h: Tensor
    sides: Sequence[Side]


def recovered(cell: str, layers: Sequence[Layer], lengths: Tensor | None) -> dict[str, Tensor]:
    """Return the gates and the cell by name, `[L, D, T, B, H]` each, NaN past each row's end.

    All tensors are of one type, float32 or float64; `lengths [B]` are integers on their device. The
    hidden state is the output that is there already.
    """
    flat = [tensor for x, h, sides in layers for tensor in (x, h.contiguous(), *_joined(sides))]
    if torch.is_grad_enabled() and any(one is not None and one.requires_grad for one in flat):
        found = _Recovery.apply(cell, len(layers[0].sides), lengths, *flat)  # type: ignore[no-untyped-call]
    else:
        found = _fill_all(cell, layers, lengths)
    return dict(zip(_saved(cell), found, strict=False))


def _saved(cell: str) -> tuple[str, ...]:
    """Return the arrays of a cell, in the order of the kernels."""
    saved = CELLS[cell].saved
    assert saved is not None
    return saved


def _joined(sides: Sequence[Side]) -> list[Tensor | None]:
    return [tensor for side in sides for tensor in side]


def _layers(directions: int, flat: Sequence[Any]) -> list[Layer]:
    """Undo the flattening of `recovered`."""
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
    def forward(ctx: Any, cell: str, directions: int, lengths: Tensor | None, *flat: Any) -> Any:
        gates = _fill_all(cell, _layers(directions, flat), lengths, for_backward=True)
        ctx.cell, ctx.directions = cell, directions
        ctx.save_for_backward(lengths, *flat, *gates)
        ctx.set_materialize_grads(False)
        return tuple(gates[: FOUND[cell]])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *arriving: Tensor | None) -> Any:
        lengths, *saved = ctx.saved_tensors
        count = len(_saved(ctx.cell))
        flat, gates = saved[:-count], saved[-count:]
        if all(gradient is None for gradient in arriving):
            return (None,) * (3 + len(flat))
        given = [None if gradient is None else gradient.contiguous() for gradient in arriving]
        needs = _layers(ctx.directions, ctx.needs_input_grad[3:])
        found: list[Tensor | None] = []
        with torch.autocast("cuda", enabled=False):
            for place, layer in enumerate(_layers(ctx.directions, flat)):
                own = _OfLayer(ctx.cell, layer, needs[place], lengths)
                for k in range(ctx.directions):
                    parts = [gate[place, k] for gate in gates]
                    onto = [None if gradient is None else gradient[place, k] for gradient in given]
                    own.add(k, parts, onto)
                found += own.gradients()
        return None, None, None, *found


def _fill_all(
    cell: str, layers: Sequence[Layer], lengths: Tensor | None, *, for_backward: bool = False
) -> list[Tensor]:
    """Return the gates of all layers and directions; `for_backward` what else the way back needs."""
    steps, batch = layers[0].x.shape[:2]
    sides = layers[0].sides
    units = len(sides[0].W_hh) // len(CELLS[cell].packing)
    shape = (len(layers), len(sides), steps, batch, units)
    count = len(_saved(cell)) if for_backward else FOUND[cell]
    gates = [layers[0].x.new_empty(shape) for _ in range(count)]
    for place, layer in enumerate(layers):
        for k, side in enumerate(layer.sides):
            filled = [gate[place, k] for gate in gates]
            before = _of_side(layer.h, k, len(sides))
            _fill(cell, layer.x, before, side, lengths, filled, reverse=k == 1)
    return gates


def _fill(  # noqa: PLR0917 - what a direction is recovered from
    cell: str,
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
    pre = x.flatten(0, 1) @ side.W_ih.T  # [T*B, G*H]
    # Outputs past a row's end are 0, so that its last step sees none in reverse either.
    before = hidden[1:].flatten(0, 1) if reverse else hidden[:-1].flatten(0, 1)
    later = slice(0, -batch) if reverse else slice(batch, None)
    begun = None if side.h is None else side.h @ side.W_hh.T
    biases = (side.b_ih, side.b_hh)
    if cell == "lstm":
        if len(x) > 1:
            pre[later].addmm_(before, side.W_hh.T)
        c = None if side.c is None else side.c.contiguous()
        launch.lstm_forward(pre, biases, begun, c, lengths, filled, reverse=reverse)
        return
    past = torch.empty_like(pre)  # its part of the candidate is gated apart
    torch.mm(before, side.W_hh.T, out=past[later])
    past[-batch:].zero_() if reverse else past[:batch].zero_()
    launch.gru_forward(pre, past, biases, begun, lengths, filled, reverse=reverse)


class _OfLayer:
    """The gradients of one layer, gathered direction by direction."""

    def __init__(self, cell: str, layer: Layer, needs: Layer, lengths: Tensor | None) -> None:
        self._cell = cell
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
        steps = len(x)
        pre, past, on_c = self._back(side, gates, arriving, reverse=reverse)
        flat = pre.flatten(0, 1)
        if self._needs.x:
            on_x = (flat @ side.W_ih).view(x.shape)
            self._on_x = on_x if self._on_x is None else self._on_x.add_(on_x)
        # What each step saw of the past: the outputs of one step on, and in the first one the state.
        later = slice(0, steps - 1) if reverse else slice(1, steps)
        earlier = slice(1, steps) if reverse else slice(0, steps - 1)
        hidden, onto = _of_side(h, k, len(sides)), past[later].flatten(0, 1)
        if self._on_h is not None and steps > 1:
            target = _of_side(self._on_h, k, len(sides))[earlier]
            target += (onto @ side.W_hh).view(target.shape)
        first = self._first(past, reverse=reverse) if side.h is not None else None
        on_W_hh = None
        if needs.W_hh:
            on_W_hh = onto.T @ hidden[earlier].flatten(0, 1)
            if first is not None and side.h is not None:
                on_W_hh += first.T @ side.h
        on_b_ih = flat.sum(0) if needs.b_ih else None
        on_b_hh = on_b_ih if past is pre else past.flatten(0, 1).sum(0)
        self._on_sides += [
            first @ side.W_hh if first is not None and needs.h else None,
            on_c,
            flat.T @ x.flatten(0, 1) if needs.W_ih else None,
            on_W_hh,
            on_b_ih,
            on_b_hh if needs.b_hh else None,
        ]

    def _back(
        self,
        side: Side,
        gates: Sequence[Tensor],
        arriving: Sequence[Tensor | None],
        *,
        reverse: bool,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return what reaches the products with x and with h, `[T, B, G*H]`, and the initial cell."""
        pre = gates[0].new_empty(*gates[0].shape[:2], len(side.W_hh))
        if self._cell == "lstm":
            c = None if side.c is None else side.c.contiguous()
            on_c = None if c is None else torch.empty_like(c)
            launch.lstm_backward(gates, c, self._lengths, arriving, pre, on_c, reverse=reverse)
            return pre, pre, on_c
        past = torch.empty_like(pre)
        launch.gru_backward(gates, self._lengths, arriving, pre, past)
        return pre, past, None

    def _first(self, past: Tensor, *, reverse: bool) -> Tensor:
        """Return the part `[B, G*H]` of each row's first step in the direction's own order."""
        if not reverse:
            return past[0]
        if self._lengths is None:
            return past[-1]
        last = (self._lengths - 1).clamp(min=0).view(1, -1, 1)
        return past.take_along_dim(last, 0)[0]
