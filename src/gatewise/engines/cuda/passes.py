"""cuDNN's pass on weights that lie anywhere in memory.

torch's function takes the memory around the first weight for the buffer of all weights if their
addresses match, and warns where they do not. Here such a buffer is made for the call, of copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gatewise.cells import State

_MODES = {"rnn_relu": 0, "rnn_tanh": 1, "lstm": 2, "gru": 3}
"""cuDNN's numbers of the cells."""


def runs(x: Tensor) -> bool:
    """Tell whether cuDNN runs a pass on `x`, and nothing records or replaces its operators."""
    if not x.is_cuda or torch.version.hip is not None or torch.compiler.is_compiling():
        return False
    return torch._C._len_torch_dispatch_stack() == 0 and torch.cudnn_is_acceptable(x)


def cudnn(
    cell: str,
    x: Tensor,
    states: State,
    weights: Sequence[Tensor],
    sizes: tuple[int, int],
    *,
    train: bool,
) -> tuple[Tensor, State]:
    """Run one layer on `x [T, B, I]` from `states [D, B, *]`: the output, and the states.

    `weights` are in torch's order, `sizes` are H and D; `train` says whether a backward pass may
    follow.
    """
    units, directions = sizes
    projected = 0 if states[0].shape[-1] == units else states[0].shape[-1]
    h, *others = (state.contiguous() for state in states)
    stride = len(weights) // directions
    place = (stride, x.shape[-1], _MODES[cell], units, projected, 1, False, directions == 2)
    with torch.no_grad():
        buffer = _buffer([weight.detach() for weight in weights], place)
    out, *ends = torch._cudnn_rnn(
        x,
        list(weights),
        stride,
        buffer,
        h,
        others[0] if others else None,
        _MODES[cell],
        units,
        projected,
        1,
        False,
        0.0,
        train,
        directions == 2,
        [],
        None,
    )
    return out, tuple(ends[: len(states)])


_IN_ORDER: dict[object, bool] = {}
"""By the sizes of a layer, whether cuDNN's buffer is its matrices and then its biases, one by one."""


def _buffer(weights: list[Tensor], place: tuple[Any, ...]) -> Tensor:
    """Return the weights in one buffer as cuDNN lays them out.

    torch makes it in some 20 small copies, which takes longer than a short pass. One copy does where the
    layout is the plain one; whether it is, is looked up once for all layers of one size.
    """
    ordered = sorted(weights, key=lambda weight: -weight.dim())  # stable: matrices first
    joined = torch.cat([weight.reshape(-1) for weight in ordered])
    key = (place, joined.dtype, joined.device)
    if key not in _IN_ORDER:
        laid_out = torch._cudnn_rnn_flatten_weight([*weights], *place)
        _IN_ORDER[key] = torch.equal(laid_out, joined)
        return laid_out
    return joined if _IN_ORDER[key] else torch._cudnn_rnn_flatten_weight(weights, *place)
