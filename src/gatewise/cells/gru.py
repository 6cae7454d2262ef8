"""Gated recurrent unit, in the form of torch and cuDNN: the reset gate acts after the product.

Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", equations 5 to 8; the
reset after the product, with its own bias inside, is the form that fused kernels run, because the
three products with h_(t-1) are then one.

    r_t = sigmoid(W_r x_t + b_r + R_r h_(t-1) + d_r)            reset gate      [B, H]
    z_t = sigmoid(W_z x_t + b_z + R_z h_(t-1) + d_z)            update gate     [B, H]
    n_t = tanh   (W_n x_t + b_n + r_t * (R_n h_(t-1) + d_n))    candidate       [B, H]
    h_t = (1 - z_t) * n_t + z_t * h_(t-1)                       hidden          [B, H]

The update gate keeps: z = 1 holds h. (Some texts write z and 1 - z the other way round.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewise.cells.parameters import Parameters, State
from gatewise.cells.spec import CellSpec

if TYPE_CHECKING:
    from torch import Tensor


def step(
    wx: Tensor, rh: Tensor, state: State, parameters: Parameters
) -> tuple[State, dict[str, Tensor]]:
    """Advance `(h [B, H],)` by one step; see the module's equations."""
    (h,) = state
    w, r = GRU.split(wx), GRU.split(rh)
    reset = (w["reset"] + r["reset"]).sigmoid()
    update = (w["update"] + r["update"]).sigmoid()
    candidate = (w["candidate"] + reset * r["candidate"]).tanh()
    h = (1 - update) * candidate + update * h
    return (h,), {"reset": reset, "update": update, "candidate": candidate, "hidden": h}


GRU = CellSpec(
    name="gru",
    packing=("reset", "update", "candidate"),
    states=("hidden",),
    recorded=("reset", "update", "candidate", "hidden"),
    step=step,
    keep_gate="update",
    saved=("reset", "update", "candidate", "inner"),
    meanings={"reset": "0 hides the past from the candidate"},
)
