"""The readable loop, one step at a time: the oracle that every other engine is tested against.

A row's state freezes at its end, and the reverse direction starts at each row's own end.
Sizes: T steps, B rows, H hidden units, P projected units, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.cells import CellSpec, Parameters, State
from gatewise.engines.engine import Engine
from gatewise.engines.fused import in_types_of_torch
from gatewise.engines.heads import of_input, recurrent
from gatewise.engines.layout import Network, PassResult, Rows, batch_of, drop_out, dropped


def run(
    network: Network,
    x: Tensor,
    states: State | None,
    rows: Rows | None,
    *,
    gates: bool,
    masks: Sequence[Tensor] | None = None,
) -> PassResult:
    """Run `x [T, B, I]` or packed `[N, I]` through every layer and direction.

    `states [L*D, B, *]` are the first ones (None: zeros) and `rows` says which steps are valid
    (None: all). What stands in the padding, NaN included, touches neither a valid step nor its
    gradient. `masks`, padded, stand for the dropout between the layers where it is drawn already.
    """
    if states is None:
        states = network.states(x, batch_of(x, rows))
    valid = None if rows is None else rows.valid()[:, :, None]  # [T, B, 1]
    if rows is not None:
        x = rows.as_padded(x)
    final: list[State] = []
    record: list[dict[str, Tensor]] = []  # of each layer, [D, T, B, H]
    for layer, parameters in enumerate(network.parameters):
        if layer > 0:
            x = drop_out(x, network.dropout, rows) if masks is None else dropped(x, masks, layer)
        outputs, seen = [], []
        for direction, side in enumerate(parameters):
            start = tuple(state[len(final)] for state in states)
            steps = _run_direction(
                network.spec, side, x, start, valid=valid, reverse=direction == 1
            )
            final.append(steps.end)
            outputs.append(steps.output if valid is None else torch.where(valid, steps.output, 0.0))
            seen.append(steps.gates)
        x = torch.cat(outputs, dim=-1)
        record.append(_record(network.spec, seen, valid) if gates else {})
    end_states = tuple(torch.stack(parts) for parts in zip(*final, strict=True))
    if rows is not None and rows.packed:
        x = rows.pack(x)
    if not gates:
        return PassResult(x, end_states, None)
    names = network.spec.recorded
    stacked = {name: torch.stack([layer[name] for layer in record]) for name in names}
    return PassResult(x, end_states, stacked)


@dataclass(frozen=True)
class _Steps:
    """What one layer leaves behind in one direction."""

    output: Tensor  # [T, B, P], anything past each row's end
    end: State
    gates: list[dict[str, Tensor]]  # [B, H] each, by step


def _run_direction(
    spec: CellSpec,
    parameters: Parameters,
    x: Tensor,
    state: State,
    *,
    valid: Tensor | None,
    reverse: bool,
) -> _Steps:
    """Run `x [T, B, I]` through one layer in one direction."""
    steps = len(x)
    b_ih, b_hh = spec.biases(parameters)
    wx = of_input(parameters.W_ih, x, b_ih, len(parameters.W_hh) // len(spec.packing))
    outputs: list[Tensor] = [x] * steps
    gates: list[dict[str, Tensor]] = [{}] * steps
    for t in reversed(range(steps)) if reverse else range(steps):
        rh = recurrent(parameters.W_hh, state[0], b_hh)
        after, gates[t] = spec.step(wx[t], rh, state, parameters)
        outputs[t] = after[0]
        if valid is None:
            state = after
        else:  # frozen outside the row
            state = tuple(
                torch.where(valid[t], new, old) for new, old in zip(after, state, strict=True)
            )
    return _Steps(torch.stack(outputs), state, gates)


def _record(
    spec: CellSpec, directions: list[list[dict[str, Tensor]]], valid: Tensor | None
) -> dict[str, Tensor]:
    """Stack the gates of every direction and step into `[D, T, B, H]`, NaN where not valid."""
    record = {}
    for name in spec.recorded:
        value = torch.stack([torch.stack([g[name] for g in steps]) for steps in directions])
        record[name] = value if valid is None else torch.where(valid, value, torch.nan)
    return record


def _run_as_torch(
    network: Network, x: Tensor, states: State | None, rows: Rows | None, *, gates: bool
) -> PassResult:
    """Run the loop, and return its results in the types that torch's pass has under autocast."""
    result = run(network, x, states, rows, gates=gates)
    return in_types_of_torch(result, network, x, states, rows)


ENGINE = Engine("reference", _run_as_torch, lambda *_, **__: "")
