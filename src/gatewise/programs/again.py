"""A call of one of torch's operators, as a module and its arguments: to make it again, or a part of it.

Sizes: T steps, B rows, N packed steps, I inputs, H hidden units, P outputs, L layers, D directions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from gatewise.cells import CELLS
from gatewise.engines.onlookers import PLAIN
from gatewise.programs.taking import Call

KINDS: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU}


class Again(NamedTuple):
    """A module with the weights of a call, in evaluation mode, and what to call it with."""

    module: nn.RNNBase
    arguments: tuple[Any, ...]  # the input and the states


def is_plain(call: Call) -> bool:
    """Tell whether a call is one of ordinary numbers on the CPU, which can be made again."""
    tensors = (call.x, *call.states, *call.weights)
    ordinary = (torch.float32, torch.float64)
    return all(type(one) in PLAIN and one.is_cpu for one in tensors) and all(
        one.dtype is call.x.dtype and one.dtype in ordinary for one in tensors
    )


@torch.no_grad()
def again(cell: str, call: Call, rows: int, steps: int) -> Again:
    """Return a call with its first rows and steps alone; dropout is off."""
    with torch.inference_mode(False):
        module = _module(cell, call)
        states = tuple(state[:, :rows].clone() for state in call.states)
        hx = states if len(states) > 1 else states[0]
        return Again(module, (_input(call, rows, steps), hx))


def _module(cell: str, call: Call) -> nn.RNNBase:
    first, second = call.weights[:2]
    gates = len(CELLS[cell].packing)
    hidden, outputs = len(second) // gates, second.shape[1]
    options: dict[str, Any] = {"proj_size": outputs} if outputs != hidden else {}
    if cell not in KINDS:
        options["nonlinearity"] = cell.removeprefix("rnn_")
    kind = KINDS.get(cell, nn.RNN)
    module = kind(
        first.shape[1],
        hidden,
        call.layers,
        bias=call.bias,
        batch_first=call.batch_first,
        bidirectional=call.bidirectional,
        device="meta",
        dtype=first.dtype,
        **options,
    )
    for (name, _), weight in zip(list(module.named_parameters()), call.weights, strict=True):
        setattr(module, name, nn.Parameter(weight.clone(), requires_grad=False))
    found: nn.RNNBase = module.eval()
    return found


def _input(call: Call, rows: int, steps: int) -> Tensor | PackedSequence:
    x, sizes = call.x, call.batch_sizes
    if sizes is None:
        return (x[:rows, :steps] if call.batch_first else x[:steps, :rows]).clone()
    sizes = sizes[:steps]
    kept, start = [], 0
    for size in sizes.tolist():
        kept.append(x[start : start + min(size, rows)])
        start += size
    return PackedSequence(torch.cat(kept), sizes.clamp(max=rows))


def steps_and_rows(call: Call) -> tuple[int, int]:
    """Return T and B."""
    if call.batch_sizes is not None:
        return len(call.batch_sizes), int(call.batch_sizes[0])
    steps, rows = call.x.shape[1::-1] if call.batch_first else call.x.shape[:2]
    return steps, rows
