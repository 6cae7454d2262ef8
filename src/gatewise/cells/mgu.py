"""Minimal gated unit: one gate, in the form of torch's GRU.

Zhou, Wu, Zhang & Zhou 2016, "Minimal gated unit for recurrent neural networks", International Journal
of Automation and Computing 13(3), section 3, where n_t = tanh(W_n x_t + R_n (f_t * h_(t-1)) + b_n).
Here the gate acts after the product, as the reset gate of torch's GRU does, because the two products
with h_(t-1) are then one.

    f_t = sigmoid(W_f x_t + b_f + R_f h_(t-1) + d_f)            forget gate     [B, H]
    n_t = tanh   (W_n x_t + b_n + f_t * (R_n h_(t-1) + d_n))    candidate       [B, H]
    h_t = (1 - f_t) * h_(t-1) + f_t * n_t                       hidden          [B, H]

The paper calls the gate "forget"; where it is 1 the unit is overwritten, so it is the one that writes.
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
    w, r = MGU.split(wx), MGU.split(rh)
    forget = (w["forget"] + r["forget"]).sigmoid()
    candidate = (w["candidate"] + forget * r["candidate"]).tanh()
    h = (1 - forget) * h + forget * candidate
    return (h,), {"forget": forget, "candidate": candidate, "hidden": h}


MGU = CellSpec(
    name="mgu",
    packing=("forget", "candidate"),
    states=("hidden",),
    recorded=("forget", "candidate", "hidden"),
    step=step,
    write_gate="forget",
)
