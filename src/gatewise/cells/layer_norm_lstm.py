"""Long short-term memory with layer normalisation.

Ba, Kiros & Hinton 2016, "Layer normalization", the layer-normalised LSTM of the supplementary material:
both products and the cell on its way out are brought to mean 0 and standard deviation 1 over the units
of each row and step, and then scaled.

    a_t = alpha_h * norm(R h_(t-1)) + alpha_x * norm(W x_t) + b                 [B, 4H]
    i_t = sigmoid(a_i)    f_t = sigmoid(a_f)    g_t = tanh(a_g)    o_t = sigmoid(a_o)   [B, H] each
    c_t = f_t * c_(t-1) + i_t * g_t                             cell            [B, H]
    h_t = o_t * tanh(alpha_c * norm(c_t) + beta_c)              hidden          [B, H]
    norm(z) = (z - mean z) / sqrt(mean (z - mean z)^2 + 1e-5)

norm takes all four blocks together. The paper's beta_1, beta_2 and b stand in one sum: here that of
`bias_ih` and `bias_hh`, which come after norm and not into the products. In a module the alphas are
`gain_ih_l0`, `gain_hh_l0` and `gain_cell_l0`, 1 at first, and beta_c is `shift_cell_l0`, 0 at first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewise.cells.lstm import activate
from gatewise.cells.parameters import ExtraParameter, Parameters, State
from gatewise.cells.spec import CellSpec

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-5
"""Under the root, so that units which are all alike come to 0; that of torch's LayerNorm."""


def norm(z: Tensor) -> Tensor:
    """Return `z [..., N]` with mean 0 and standard deviation 1 over the last axis."""
    centred = z - z.mean(-1, keepdim=True)
    return centred * (centred.square().mean(-1, keepdim=True) + EPSILON).rsqrt()


def step(
    wx: Tensor, rh: Tensor, state: State, parameters: Parameters
) -> tuple[State, dict[str, Tensor]]:
    """Advance `(h [B, H], c [B, H])` by one step, from products without biases."""
    _, c = state
    extra = parameters.extra
    summed = extra["gain_hh"] * norm(rh) + extra["gain_ih"] * norm(wx)
    if parameters.b_ih is not None and parameters.b_hh is not None:
        summed = summed + (parameters.b_ih + parameters.b_hh)
    gates = activate(summed)
    c = gates["forget"] * c + gates["input"] * gates["candidate"]
    h = gates["output"] * (extra["gain_cell"] * norm(c) + extra["shift_cell"]).tanh()
    return (h, c), {**gates, "cell": c, "hidden": h}


LAYER_NORM_LSTM = CellSpec(
    name="layer_norm_lstm",
    packing=("input", "forget", "candidate", "output"),
    states=("hidden", "cell"),
    recorded=("forget", "input", "candidate", "output", "cell", "hidden"),
    step=step,
    keep_gate="forget",
    write_gate="input",
    adds_biases=True,
    extra=(
        ExtraParameter("gain_ih", ("G*H",), 1.0),
        ExtraParameter("gain_hh", ("G*H",), 1.0),
        ExtraParameter("gain_cell", ("H",), 1.0),
        ExtraParameter("shift_cell", ("H",), 0.0),
    ),
)
