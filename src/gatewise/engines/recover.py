"""Every gate of one layer from its inputs and the outputs of a pass that has already run.

Sizes: T steps, B rows, I inputs, H hidden units, P projected units, G blocks, D directions.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import linear

from gatewise.cells import CellSpec, Parameters, State
from gatewise.cells.lstm import activate
from gatewise.engines.cuda import record
from gatewise.engines.exact import at_least_float32, without_autocast
from gatewise.engines.layout import Rows

CHUNK = 2**20
"""Numbers `[steps, B, G*H]` worked on at a time, to bound the memory beyond the result. Measured for
an LSTM at T=50,000, B=1, H=256 in float32, 293 MB of gates: 54 MB more, against 122 MB in one piece,
in the same time."""

Pieces = dict[str, list[Tensor]]
"""Gates and states by name, each as pieces `[steps, B, H]` in the order of time."""


def recover(
    spec: CellSpec,
    parameters: tuple[Parameters, ...],
    x: Tensor,
    h: Tensor,
    states: State,
    *,
    rows: Rows | None,
) -> list[Pieces]:
    """Return the recorded gates and states of one layer by direction, differentiably.

    `x [T, B, I]` went in, `h [T, B, D*P]` came out, from `states [D, B, *]`. The work is done in at
    least float32, outside autocast, and returned in the type of `h`; NaN past each row's length.
    """
    if not record.why_not(spec, h):
        at_once = record.recover(spec.name, [(parameters, x, h, states)], rows)
        one = {name: value[0] for name, value in at_once.items()}
        each = range(len(parameters))
        return [{name: [value[k]] for name, value in one.items()} for k in each]
    exact = at_least_float32(parameters[0])
    valid = None if rows is None else rows.valid()[:, :, None]  # [T, B, 1]
    if valid is not None:
        x = torch.where(valid, x, 0.0)
    sides = []
    with without_autocast(x.device):
        for direction, hidden in enumerate(h.chunk(len(parameters), dim=-1)):
            side = _Direction(spec, parameters[direction].to(exact), valid, direction == 1)
            start = tuple(state[direction].to(exact) for state in states)
            sides.append(side.gates(x.to(exact), hidden.to(exact), start, h.dtype))
    return sides


class _Direction:
    """One direction of one layer."""

    def __init__(
        self, spec: CellSpec, parameters: Parameters, valid: Tensor | None, reverse: bool
    ) -> None:
        self._spec = spec
        self._parameters = parameters
        self._valid = valid
        self._reverse = reverse
        self._weights = torch.cat([parameters.W_ih, parameters.W_hh], dim=1)
        b_ih, b_hh = parameters.b_ih, parameters.b_hh
        self._bias = None if b_ih is None or b_hh is None else b_ih + b_hh

    def gates(self, x: Tensor, hidden: Tensor, start: State, dtype: torch.dtype) -> Pieces:
        """Return the gates of all steps, in `dtype`."""
        pieces: Pieces = {name: [] for name in self._spec.recorded}
        cell = start[-1]
        for steps in self._chunks(hidden):
            found: dict[str, Tensor] = {}
            if self._spec.recorded != ("hidden",):  # else the pass has returned all there is
                before = self._before(hidden, start[0], steps)
                if len(self._spec.states) > 1:  # the LSTM: torch has no other cell of two states
                    found = activate(self._summed(x[steps], before))
                    found[self._spec.carrier], cell = self._scan(found, cell, steps)
                else:  # everything follows from h_(t-1): many steps are as one
                    wx = linear(x[steps], self._parameters.W_ih, self._parameters.b_ih)
                    rh = linear(before, self._parameters.W_hh, self._parameters.b_hh)
                    found = self._spec.step(wx, rh, (before,), self._parameters)[1]
            found["hidden"] = hidden[steps]
            for name, parts in pieces.items():
                value = found[name].to(dtype)
                if self._valid is not None:
                    value = torch.where(self._valid[steps], value, torch.nan)
                parts.append(value)
        return {name: parts[::-1] if self._reverse else parts for name, parts in pieces.items()}

    def _chunks(self, hidden: Tensor) -> Iterator[slice]:
        """Return the pieces of time to work on, in the direction's own order."""
        steps, batch = hidden.shape[:2]
        size = max(1, CHUNK // max(1, batch * len(self._parameters.W_hh)))
        starts = range(0, steps, size)
        for first in reversed(starts) if self._reverse else starts:
            yield slice(first, min(first + size, steps))

    def _before(self, hidden: Tensor, start: Tensor, steps: slice) -> Tensor:
        """Return the hidden state `[steps, B, P]` that each of these steps began with."""
        first, last = steps.start, steps.stop
        if not self._reverse:
            if first > 0:
                return hidden[first - 1 : last - 1]
            return torch.cat([start[None], hidden[: last - 1]])
        if last < len(hidden):
            after = hidden[first + 1 : last + 1]
        else:
            after = torch.cat([hidden[first + 1 :], start[None]])
        if self._valid is None:
            return after
        # The reverse direction starts at each row's own end, where the next step is padding.
        follows = self._valid[first + 1 : last + 1]
        if last == len(hidden):
            follows = torch.cat([follows, torch.zeros_like(self._valid[:1])])
        return torch.where(follows, after, start)

    def _summed(self, x: Tensor, before: Tensor) -> Tensor:
        """Return `wx + rh` of these steps in one product `[steps, B, G*H]`."""
        return linear(torch.cat([x, before], dim=-1), self._weights, self._bias)

    def _scan(self, gates: dict[str, Tensor], cell: Tensor, steps: slice) -> tuple[Tensor, Tensor]:
        """Return `c_t = f_t * c_(t-1) + i_t * g_t` of these steps `[steps, B, H]`, and the last."""
        keep = gates["forget"].unbind(0)
        written = (gates["input"] * gates["candidate"]).unbind(0)
        cells: list[Tensor] = list(written)
        order = range(len(cells))
        for t in reversed(order) if self._reverse else order:
            after = torch.addcmul(written[t], keep[t], cell)
            # Going forward nothing valid follows padding; in reverse the row has not begun there.
            if self._reverse and self._valid is not None:
                after = torch.where(self._valid[steps.start + t], after, cell)
            cells[t] = cell = after
        return torch.stack(cells), cell
