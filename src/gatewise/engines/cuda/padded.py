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
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from gatewise.cells import CELLS, CellSpec, Parameters, State
from gatewise.engines.cuda.by_size import padded_from
from gatewise.engines.cuda.frames import Frame
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
    """Tell whether rows such as these run padded: see `faster_from`."""
    steps = faster_from(network.spec.name, network.hidden_size, x)
    return steps is not None and rows.steps >= steps and int(rows.count[0]) > 0


def faster_from(cell: str, units: int, x: Tensor) -> int | None:
    """Return from how many steps on rows of unlike lengths run padded on the device of `x`.

    None: never, as where torch does not give dense rows to cuDNN.
    """
    return padded_from(cell, units) if runs(x) and not recorder() else None


def run_layer(
    network: Network, x: Tensor, states: State, frame: Frame, dense: Dense, *, packs: bool
) -> tuple[Tensor, State]:
    """Run the one layer of `network` on `x`, packed or `[T, B, C]`; states `[D, B, *]`.

    Returns the output, packed or `[T, B, D*P]` with 0 outside rows, and each row's own final states.
    """
    spec = network.spec
    shuts = spec.name in _SHUT
    outs, ends = [], []
    for k, parameters in enumerate(network.parameters[0]):
        given = frame.spread(x, turned=k == 1, marks=_MARKS if shuts else 0)
        side = parameters
        if shuts:
            far = _far(spec.name, len(parameters.W_ih), x.dtype, x.device)
            side = replace(parameters, W_ih=torch.cat([parameters.W_ih, far], dim=1))
        out, end = dense(spec, side, given, tuple(state[k : k + 1] for state in states))
        outs.append(out)
        ends.append(end[1:])
    output, h = frame.collect(outs, states[0], packs=packs)
    others = [
        parts[0] if len(parts) == 1 else torch.cat(parts) for parts in zip(*ends, strict=True)
    ]
    return output, (h, *others)


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
