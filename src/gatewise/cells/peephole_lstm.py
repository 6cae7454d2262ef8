"""Long short-term memory whose gates see the cell: peephole connections.

Gers, Schraudolph & Schmidhuber 2002, "Learning precise timing with LSTM recurrent networks", section
2.2: the input and forget gates see c_(t-1), the output gate sees c_t. With tanh on the way out as in
Graves 2013, "Generating sequences with recurrent neural networks", equations 7 to 11.

    i_t = sigmoid(W_i x_t + R_i h_(t-1) + p_i * c_(t-1) + b_i)  input gate      [B, H]
    f_t = sigmoid(W_f x_t + R_f h_(t-1) + p_f * c_(t-1) + b_f)  forget gate     [B, H]
    g_t = tanh   (W_g x_t + R_g h_(t-1) + b_g)                  candidate       [B, H]
    c_t = f_t * c_(t-1) + i_t * g_t                             cell            [B, H]
    o_t = sigmoid(W_o x_t + R_o h_(t-1) + p_o * c_t + b_o)      output gate     [B, H]
    h_t = o_t * tanh(c_t)                                       hidden          [B, H]

Each unit's gates see its own cell alone: the p are vectors `[H]`, in a module `peephole_input_l0`,
`peephole_forget_l0` and `peephole_output_l0`. Where they are 0 this is the LSTM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewise.cells.parameters import ExtraParameter, Parameters, State
from gatewise.cells.spec import CellSpec

if TYPE_CHECKING:
    from torch import Tensor


def step(
    wx: Tensor, rh: Tensor, state: State, parameters: Parameters
) -> tuple[State, dict[str, Tensor]]:
    """Advance `(h [B, H], c [B, H])` by one step; see the module's equations."""
    _, c = state
    pre, p = PEEPHOLE_LSTM.split(wx + rh), parameters.extra
    gates = {
        "forget": (pre["forget"] + p["peephole_forget"] * c).sigmoid(),
        "input": (pre["input"] + p["peephole_input"] * c).sigmoid(),
        "candidate": pre["candidate"].tanh(),
    }
    c = gates["forget"] * c + gates["input"] * gates["candidate"]
    gates["output"] = (pre["output"] + p["peephole_output"] * c).sigmoid()
    h = gates["output"] * c.tanh()
    return (h, c), {**gates, "cell": c, "hidden": h}


PEEPHOLE_LSTM = CellSpec(
    name="peephole_lstm",
    packing=("input", "forget", "candidate", "output"),
    states=("hidden", "cell"),
    recorded=("forget", "input", "candidate", "output", "cell", "hidden"),
    step=step,
    keep_gate="forget",
    write_gate="input",
    read_gate="output",
    extra=(
        ExtraParameter("peephole_input", ("H",)),
        ExtraParameter("peephole_forget", ("H",)),
        ExtraParameter("peephole_output", ("H",)),
    ),
)
