"""The simple recurrent network, with tanh or with the rectifier.

Elman 1990, "Finding structure in time"; the rectified form: Le, Jaitly & Hinton 2015, "A simple way
to initialize recurrent networks of rectified linear units".

    h_t = tanh(W x_t + R h_(t-1) + b)           hidden [B, H]
    h_t = max(0, W x_t + R h_(t-1) + b)         hidden [B, H]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewise.cells.parameters import Parameters, State
from gatewise.cells.spec import CellSpec

if TYPE_CHECKING:
    from torch import Tensor


def step_tanh(
    wx: Tensor, rh: Tensor, state: State, parameters: Parameters
) -> tuple[State, dict[str, Tensor]]:
    """Advance `(h [B, H],)` by one step with tanh."""
    h = (wx + rh).tanh()
    return (h,), {"hidden": h}


def step_relu(
    wx: Tensor, rh: Tensor, state: State, parameters: Parameters
) -> tuple[State, dict[str, Tensor]]:
    """Advance `(h [B, H],)` by one step with the rectifier."""
    h = (wx + rh).relu()
    return (h,), {"hidden": h}


RNN_TANH = CellSpec(
    name="rnn_tanh",
    packing=("hidden",),
    states=("hidden",),
    recorded=("hidden",),
    step=step_tanh,
    saved=(),
)
RNN_RELU = CellSpec(
    name="rnn_relu",
    packing=("hidden",),
    states=("hidden",),
    recorded=("hidden",),
    step=step_relu,
    saved=(),
)
