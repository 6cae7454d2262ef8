"""Long short-term memory, with a forget gate and an optional projection of the hidden state.

Hochreiter & Schmidhuber 1997, "Long short-term memory"; forget gate: Gers, Schmidhuber & Cummins
2000, "Learning to forget"; projection: Sak, Senior & Beaufays 2014, "Long short-term memory
recurrent neural network architectures for large scale acoustic modeling", equations 1 to 8 without
peepholes.

    i_t = sigmoid(W_i x_t + R_i h_(t-1) + b_i)      input gate      [B, H]
    f_t = sigmoid(W_f x_t + R_f h_(t-1) + b_f)      forget gate     [B, H]
    g_t = tanh   (W_g x_t + R_g h_(t-1) + b_g)      candidate       [B, H]
    o_t = sigmoid(W_o x_t + R_o h_(t-1) + b_o)      output gate     [B, H]
    c_t = f_t * c_(t-1) + i_t * g_t                 cell            [B, H]
    h_t = o_t * tanh(c_t)                           hidden          [B, H]
    h_t = W_hr (o_t * tanh(c_t))                    with projection [B, P]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewise.cells.parameters import Parameters, State
from gatewise.cells.spec import CellSpec

if TYPE_CHECKING:
    from torch import Tensor


def activate(summed: Tensor) -> dict[str, Tensor]:
    """Return the four gates `[..., H]` from `wx + rh [..., 4H]`; they do not need the cell."""
    pre = LSTM.split(summed)
    return {
        "forget": pre["forget"].sigmoid(),
        "input": pre["input"].sigmoid(),
        "candidate": pre["candidate"].tanh(),
        "output": pre["output"].sigmoid(),
    }


def step(
    wx: Tensor, rh: Tensor, state: State, parameters: Parameters
) -> tuple[State, dict[str, Tensor]]:
    """Advance `(h [B, P], c [B, H])` by one step; see the module's equations."""
    _, c = state
    gates = activate(wx + rh)
    c = gates["forget"] * c + gates["input"] * gates["candidate"]
    h = gates["output"] * c.tanh()
    if parameters.W_hr is not None:
        h = h @ parameters.W_hr.T
    return (h, c), {**gates, "cell": c, "hidden": h}


LSTM = CellSpec(
    name="lstm",
    packing=("input", "forget", "candidate", "output"),
    states=("hidden", "cell"),
    recorded=("forget", "input", "candidate", "output", "cell", "hidden"),
    step=step,
    keep_gate="forget",
    write_gate="input",
    read_gate="output",
    projects=True,
    saved=("input", "forget", "candidate", "output", "cell"),
)
