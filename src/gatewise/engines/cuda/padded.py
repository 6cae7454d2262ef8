"""Rows of unlike lengths as one dense pass over padded rows.

Padding after a row's end cannot change the steps before it. The reverse direction is turned around
within each row, runs forward, and is turned back, so that padding comes last there too. What a row
ends with stands at its own last step, except for the LSTM's cell, which no pass returns for each step:
there a further input, 1 in the padding, shuts the input and output gate and opens the forget gate, all
of them wholly, so that the cell stays what it was and the output is 0. No gradient reaches the padding.
Sizes: T steps, B rows, C channels, H hidden units, P projected units, D directions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from gatewise.cells import CELLS, CellSpec, Parameters, State
from gatewise.engines.cuda.by_size import is_padded_faster
from gatewise.engines.cuda.passes import runs
from gatewise.engines.layout import Network, Rows
from gatewise.engines.onlookers import recorder

Dense = Callable[[CellSpec, Parameters, Tensor, State], tuple[Tensor, State]]
"""`dense(spec, parameters, x [T, B, I], states [1, B, *])` runs one direction forward."""

_SHUT = {
    "lstm": {"input": -1.0, "forget": 1.0, "output": -1.0},
    # A relu has no bound: steps through padding could grow beyond all numbers.
    "rnn_relu": {"hidden": -1.0},
}
"""The blocks that padding drives far to one side, by cell; others are masked afterwards."""

_MARKS = 4
"""The inputs added for that: one would leave the rows of the product unaligned in memory."""


def takes(network: Network, x: Tensor, rows: Rows) -> bool:
    """Tell whether rows such as these run padded: see `is_faster`."""
    return is_faster(network.hidden_size, x, rows.steps) and int(rows.count[0]) > 0


def is_faster(units: int, x: Tensor, steps: int) -> bool:
    """Tell whether rows of up to `steps` steps run padded on the device of `x`.

    That is where torch gives dense rows to cuDNN, but for sizes for which it would be slower.
    """
    if not x.is_cuda or torch.compiler.is_compiling() or recorder():
        return False
    return runs(x) and is_padded_faster(units, steps)


def run_layer(
    network: Network, x: Tensor, states: State, rows: Rows, dense: Dense
) -> tuple[Tensor, State]:
    """Run the one layer of `network` on `x [T, B, C]`, 0 outside rows; states `[D, B, *]`.

    Returns the output `[T, B, D*P]`, 0 outside rows, and each row's own final states.
    """
    outputs, ends = [], []
    frame = _Frame.of(rows)
    for k, parameters in enumerate(network.parameters[0]):
        start = tuple(state[k : k + 1] for state in states)
        given = frame.turned(x) if k == 1 else x
        out, *final = _run_forward(network.spec, parameters, given, start, frame, dense)
        outputs.append(frame.turned(out) if k == 1 else out)
        ends.append(final)
    output = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
    return output, tuple(torch.cat(parts) for parts in zip(*ends, strict=True))


@dataclass(frozen=True)
class _Frame:
    """Where rows end, in the forms that a layer needs."""

    valid: Tensor  # bool [T, B, 1]
    last: Tensor  # int64 [1, B, 1]: each row's last step
    empty: Tensor | None  # bool [B, 1]: the rows without a step, if there are any
    turn: Tensor  # int64 [T * B]: the place of the step that is turned to each place

    @classmethod
    def of(cls, rows: Rows) -> _Frame:
        ends = rows.ends
        place = torch.arange(len(ends), device=ends.device)
        step = torch.arange(rows.steps, device=ends.device)[:, None]
        valid = step < ends
        turned = torch.where(valid, ends - 1 - step, step)
        empty = (ends == 0)[:, None] if int(rows.count[0]) < rows.batch else None
        last = (ends - 1).clamp(min=0).view(1, -1, 1)
        return cls(valid[:, :, None], last, empty, (turned * rows.batch + place).flatten())

    def turned(self, x: Tensor) -> Tensor:
        """Return `x [T, B, C]` with each row turned around within its length."""
        return x.flatten(0, 1).index_select(0, self.turn).view(x.shape)


def _run_forward(  # noqa: PLR0917 - all of it is what a direction is run with
    spec: CellSpec,
    parameters: Parameters,
    x: Tensor,
    start: State,
    frame: _Frame,
    dense: Dense,
) -> list[Tensor]:
    """Run one direction forward: the output, 0 outside rows, and the final states `[1, B, *]`."""
    shuts = spec.name in _SHUT
    if shuts:
        marks = (~frame.valid).to(x.dtype).expand(-1, -1, _MARKS)
        x = torch.cat([x, marks], dim=-1)
        far = _far(spec.name, len(parameters.W_ih), x.dtype, x.device)
        W_ih = torch.cat([parameters.W_ih, far], dim=1)
        parameters = replace(parameters, W_ih=W_ih)
    out, ends = dense(spec, parameters, x, start)
    if not shuts:
        out = torch.where(frame.valid, out, 0.0)
    h = out.take_along_dim(frame.last, 0)
    if frame.empty is not None:  # such rows end where they began
        h = torch.where(frame.empty, start[0].to(h.dtype), h)
    return [out, h, *ends[1:]]


@lru_cache(maxsize=32)
def _far(cell: str, stacked: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the weights `[G*H, _MARKS]` that shut or open the gates wholly, whatever else adds up.

    In a sigmoid, what is this far out is 0 or 1 exactly, and so is its derivative 0.
    """
    spec = CELLS[cell]
    units = stacked // len(spec.packing)
    size = 3e4 if dtype is torch.float16 else 1e30
    with torch.inference_mode(False):  # kept, and then used in training too
        found = torch.zeros(stacked, _MARKS, dtype=dtype, device=device)
        for block, sign in _SHUT[cell].items():
            found[spec.slice(block, units), 0] = sign * size
    return found
