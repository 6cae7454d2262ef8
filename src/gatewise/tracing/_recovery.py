"""The gates of a call from its output, some steps at a time, straight into the record.

Beside the record there is memory for one layer's output and for one piece of time: the gates of the
whole call never exist at once. Sizes: T steps, B rows, H units, P projected units, L layers, D
directions, S steps of a piece, K kept steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.cells import CellSpec, Parameters, State
from gatewise.engines import ENGINES, Network, Rows
from gatewise.engines.exact import at_least_float32, without_autocast
from gatewise.engines.layout import batch_of, dropout_masks, dropped
from gatewise.engines.recover import CHUNK, recover
from gatewise.tracing._host import HostCopies, is_brought
from gatewise.tracing._options import Kept, TraceOptions
from gatewise.tracing._selection import Tensors


@dataclass(frozen=True)
class Pass:
    """A call that has ended: what went in, what came out, and the engine that ran it."""

    network: Network
    x: Tensor  # [T, B, I], or [N, I] if the input was packed
    states: State  # [L*D, B, *]
    rows: Rows | None
    output: Tensor  # in the form of x
    engine: str
    random: torch.Generator | None = None  # as it was when the call drew its dropout

    @property
    def steps(self) -> int:
        """Return T."""
        return len(self.x) if self.rows is None else self.rows.steps

    @property
    def batch(self) -> int:
        """Return B."""
        return batch_of(self.x, self.rows)


@torch.no_grad()
def recovered(
    call: Pass, kept: Kept, steps: range, options: TraceOptions, copies: HostCopies
) -> Tensors:
    """Return what is kept of the gates of `call`, each `[L, D, K, B, *]`, NaN past each row's end.

    Layers below the last are run again, one at a time, with the dropout between them that the call drew.
    """
    record = _empty_record(call, kept, steps, options, copies)
    if call.x.is_meta:  # shapes alone
        return record
    lengths = None if call.rows is None else call.rows.lengths.to(call.x.device)
    depth = call.network.directions
    x = call.x
    masks = dropout_masks(call.network, x, call.rows, call.output.dtype, call.random)
    for layer, parameters in enumerate(call.network.parameters):
        x = dropped(x, masks, layer)
        start = tuple(state[layer * depth : (layer + 1) * depth] for state in call.states)
        is_last = layer == len(call.network.parameters) - 1
        h = call.output if is_last else _layer_output(call, parameters, x, start)
        padded = (x, h)
        if call.rows is not None and call.rows.packed:
            padded = (call.rows.unpack(x), call.rows.unpack(h))
        for side, weights in enumerate(parameters):
            part = padded[1].chunk(depth, dim=-1)[side]
            direction = _Direction(
                call.network.spec, weights, padded[0], part, lengths, reverse=side == 1
            )
            place = {name: tensor[layer, side] for name, tensor in record.items()}
            direction.fill(place, kept, steps, tuple(state[side : side + 1] for state in start))
        x = h
    if is_brought(call.x, options.device):
        copies.note(call.x.device)
    return record


def _empty_record(
    call: Pass, kept: Kept, steps: range, options: TraceOptions, copies: HostCopies
) -> Tensors:
    width = len(call.network.parameters[0][0].W_hh) // len(call.network.spec.packing)
    lead = (len(call.network.parameters), call.network.directions, len(steps), call.batch)
    dtype = options.dtype or call.output.dtype
    device = call.x.device if call.x.is_meta else options.device or call.x.device
    found = {}
    for name in kept.quantities:
        size = kept.proj_size if kept.is_projected(name) else width
        index = kept.index(name)
        size = len(range(size)[index]) if isinstance(index, slice) else len(index)
        shape = (*lead, size)
        if is_brought(call.x, options.device):
            empty = copies.empty(shape, dtype)
        else:
            empty = torch.empty(shape, dtype=dtype, device=device)
        found[name] = empty if call.rows is None else empty.fill_(torch.nan)
    return found


def _layer_output(
    call: Pass, parameters: tuple[Parameters, ...], x: Tensor, start: State
) -> Tensor:
    """Run one layer again."""
    alone = call.network.alone(parameters)
    return ENGINES[call.engine].run(alone, x, start, call.rows, gates=False).output


@dataclass(frozen=True)
class _Piece:
    """Some steps of one direction, in its own order."""

    first: int  # of the direction's own steps
    stop: int
    x: Tensor  # [S, B, I]
    hidden: Tensor  # [S, B, P]
    inside: Tensor | None  # bool [S, B]: inside the row; None: all
    times: Tensor | None  # int64 [S, B]: the input's steps, where they differ from row to row


class _Direction:
    """One direction of one layer. The reverse one begins at each row's own end."""

    def __init__(
        self,
        spec: CellSpec,
        parameters: Parameters,
        x: Tensor,
        hidden: Tensor,
        lengths: Tensor | None,
        *,
        reverse: bool,
    ) -> None:
        self._spec = spec
        self._exact = at_least_float32(parameters)
        self._parameters = parameters.to(self._exact)
        self._x = x
        self._hidden = hidden
        self._lengths = lengths
        self._reverse = reverse

    def fill(self, place: Tensors, kept: Kept, steps: range, start: State) -> None:
        """Write what is kept of this direction into `place`, each `[K, B, *]`."""
        # The gates follow from x_t and h_(t-1); only a further state needs all that went before.
        needs_past = any(state in place for state in self._spec.states[1:])
        before = tuple(state.to(self._exact) for state in start)
        for piece in self._pieces():
            if self._has_kept(piece, steps) or (needs_past and self._is_ahead(piece, steps)):
                found, before = self._gates(piece, before, only_hidden=tuple(place) == ("hidden",))
                for name, target in place.items():
                    self._write(target, found[name][..., kept.index(name)], piece, steps)
            else:
                before = (piece.hidden[-1:], *before[1:])

    def _pieces(self) -> Iterator[_Piece]:
        total, batch = self._hidden.shape[:2]
        size = max(1, CHUNK // max(1, batch * len(self._parameters.W_hh)))
        for first in range(0, total, size):
            stop = min(first + size, total)
            if self._lengths is None:
                at = slice(total - stop, total - first) if self._reverse else slice(first, stop)
                x, hidden = self._x[at].to(self._exact), self._hidden[at].to(self._exact)
                if self._reverse:
                    x, hidden = x.flip(0), hidden.flip(0)
                yield _Piece(first, stop, x, hidden, None, None)
            else:
                yield self._piece_of_rows(first, stop)

    def _piece_of_rows(self, first: int, stop: int) -> _Piece:
        assert self._lengths is not None
        order = torch.arange(first, stop, device=self._x.device)[:, None]
        inside = order < self._lengths
        if not self._reverse:
            x, hidden, times = self._x[first:stop], self._hidden[first:stop], None
        else:
            times = (self._lengths - 1 - order).clamp(min=0)
            x = self._x.take_along_dim(times[:, :, None], 0)
            hidden = self._hidden.take_along_dim(times[:, :, None], 0)
        return _Piece(first, stop, x.to(self._exact), hidden.to(self._exact), inside, times)

    def _gates(
        self, piece: _Piece, before: State, *, only_hidden: bool
    ) -> tuple[dict[str, Tensor], State]:
        """Return the gates `[S, B, H]` of a piece, and the states `[1, B, *]` at its end."""
        if only_hidden:
            return {"hidden": piece.hidden}, (piece.hidden[-1:], *before[1:])
        weights, where = (self._parameters,), (piece.x, piece.hidden)
        [pieces] = recover(self._spec, weights, *where, states=before, rows=None)
        with without_autocast(piece.x.device):
            found = {n: p[0] if len(p) == 1 else torch.cat(p) for n, p in pieces.items()}
        ends = [piece.hidden, *(found[state] for state in self._spec.states[1:])]
        return found, tuple(end[-1:] for end in ends)

    def _has_kept(self, piece: _Piece, steps: range) -> bool:
        if piece.times is not None:
            return bool(_places(piece, steps)[1].any())
        first, stop = self._times(piece)
        lower, upper = _between(steps, first, stop)
        return lower < upper

    def _is_ahead(self, piece: _Piece, steps: range) -> bool:
        """Tell whether kept steps may still follow a piece in the direction's own order."""
        if piece.times is not None:
            return bool((piece.times > steps.start).any())
        first, stop = self._times(piece)
        return first > steps.start if self._reverse else stop <= steps[-1]

    def _times(self, piece: _Piece) -> tuple[int, int]:
        """Return the input's steps of a piece, from the first up to the last."""
        total = len(self._hidden)
        return (
            (total - piece.stop, total - piece.first)
            if self._reverse
            else (piece.first, piece.stop)
        )

    def _write(self, target: Tensor, value: Tensor, piece: _Piece, steps: range) -> None:
        if piece.times is not None:
            place, mask = _places(piece, steps)
            rows = mask.nonzero()[:, 1]
            where = (place[mask].to(target.device), rows.to(target.device))
            target.index_put_(where, value[mask].to(target))
            return
        first, stop = self._times(piece)
        lower, upper = _between(steps, first, stop)
        if lower == upper:
            return
        if self._reverse:
            value = value.flip(0)
        inside = slice(steps[lower] - first, steps[upper - 1] - first + 1, steps.step)
        value = value[inside]
        if piece.inside is not None:
            value = torch.where(piece.inside[inside, :, None], value, torch.nan)
        # To the host the copy is asked for, and the type made before it.
        target[lower:upper].copy_(value.to(target.dtype), non_blocking=True)


def _between(steps: range, first: int, stop: int) -> tuple[int, int]:
    """Return which of the kept steps lie from `first` to before `stop`: their places."""
    lower, upper = (-(-(edge - steps.start) // steps.step) for edge in (first, stop))
    lower = min(max(0, lower), len(steps))
    return lower, max(lower, min(len(steps), upper))


def _places(piece: _Piece, steps: range) -> tuple[Tensor, Tensor]:
    """Return the place `[S, B]` of each step among the kept ones, and whether it is one of them."""
    assert piece.times is not None and piece.inside is not None  # noqa: PT018 - they come together
    past = piece.times - steps.start
    is_kept = piece.inside & (past >= 0) & (past % steps.step == 0) & (piece.times <= steps[-1])
    return past.div(steps.step, rounding_mode="floor"), is_kept
