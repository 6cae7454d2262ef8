"""cuDNN's pass on weights that lie anywhere in memory.

torch's function takes the memory around the first weight for the buffer of all weights if their
addresses match, and warns where they do not. Here such a buffer is made for the call, of copies.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gatewise.cells import State

_MODES = {"rnn_relu": 0, "rnn_tanh": 1, "lstm": 2, "gru": 3}
"""cuDNN's numbers of the cells."""


def runs(x: Tensor) -> bool:
    """Tell whether cuDNN runs a pass on `x`."""
    return x.is_cuda and torch.version.hip is None and torch.cudnn_is_acceptable(x)


def cudnn(
    cell: str,
    x: Tensor,
    states: State,
    weights: Sequence[Tensor],
    *,
    units: int,
    directions: int,
    train: bool,
) -> tuple[Tensor, State]:
    """Run one layer on `x [T, B, I]` from `states [D, B, *]`: the output, and the states.

    `weights` are in torch's order; `train` says whether a backward pass may follow.
    """
    projected = 0 if states[0].shape[-1] == units else states[0].shape[-1]
    first = [state.contiguous() for state in states]
    cell_state = first[1] if len(first) > 1 else None
    stride = len(weights) // directions
    sizes = (units, projected, 1, False)
    with torch.no_grad():
        apart = [weight.detach() for weight in weights]
        place = (stride, x.shape[-1], _MODES[cell], *sizes, directions == 2)
        buffer = torch._cudnn_rnn_flatten_weight(apart, *place)
    out, *ends = torch._cudnn_rnn(
        x,
        list(weights),
        stride,
        buffer,
        first[0],
        cell_state,
        _MODES[cell],
        *sizes,
        0.0,
        train,
        directions == 2,
        [],
        None,
    )
    return out, tuple(ends[: len(first)])
