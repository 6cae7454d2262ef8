"""The record of gates by the kernels, in the form that every engine returns.

Sizes: T steps, B rows, I inputs, H hidden units, P projected units, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from gatewise.cells import CELLS, CellSpec, Parameters, State
from gatewise.engines.cuda import launch
from gatewise.engines.cuda.gates import FOUND, Layer, Side, recovered
from gatewise.engines.exact import at_least_float32, without_autocast
from gatewise.engines.layout import Rows

Ran: TypeAlias = "tuple[tuple[Parameters, ...], Tensor, Tensor, State | None]"
"""A layer that has run: parameters, `x [T, B, I]`, `h [T, B, D*P]`, first states (None: zeros)."""


def why_not(spec: CellSpec, h: Tensor) -> str:
    """Return why the kernels do not recover the gates of a cell behind `h`, or an empty string."""
    if spec.name not in FOUND or spec is not CELLS[spec.name]:
        return f"there is no kernel for the cell {spec.name!r}"
    return launch.why_not(h)


def recover(cell: str, layers: Sequence[Ran], rows: Rows | None) -> dict[str, Tensor]:
    """Return the gates and states of all `layers` by name, `[L, D, T, B, *]` each, differentiably.

    They are computed in at least float32, outside autocast, and returned in the type of the outputs;
    NaN past each row's length.
    """
    parameters, x, h, _ = layers[0]
    directions, dtype = len(parameters), h.dtype
    exact = at_least_float32(parameters[0])
    valid = None if rows is None else rows.valid()[:, :, None]  # [T, B, 1]
    with without_autocast(x.device):
        each = [_exactly(layer, exact, valid) for layer in layers]
        found = recovered(cell, each, None if rows is None else rows.ends)
        found = {name: value.to(dtype) for name, value in found.items()}
    steps, batch = x.shape[:2]
    outputs = [h.view(steps, batch, directions, -1).permute(2, 0, 1, 3) for _, _, h, _ in layers]
    hidden = outputs[0][None] if len(outputs) == 1 else torch.stack(outputs)
    found["hidden"] = hidden if valid is None else torch.where(valid, hidden, torch.nan)
    return {name: found[name] for name in CELLS[cell].recorded}


def _exactly(layer: Ran, exact: torch.dtype, valid: Tensor | None) -> Layer:
    """Return a layer for the kernels, in one type, its input 0 outside rows."""
    parameters, x, h, states = layer
    if valid is not None:
        x = torch.where(valid, x, 0.0)
    sides = []
    for k, one in enumerate(parameters):
        start = None if states is None else [state[k].to(exact) for state in states]
        sides.append(Side.of(one.to(exact), start))
    return Layer(x.to(exact), h.to(exact), sides)
