"""sLSTM: exponential gates, and a normaliser that makes shares of what is kept and written.

Beck et al. 2024, "xLSTM: Extended long short-term memory", equations 8 to 17:

    i~, f~, z~, o~ = W x_t + R h_(t-1) + b
    m_t = max(log f_t + m_(t-1), i~)                       stabiliser, log f = log sigmoid(f~) or f~
    c_t = exp(log f_t + m_(t-1) - m_t) c_(t-1) + exp(i~ - m_t) z_t
    n_t = exp(log f_t + m_(t-1) - m_t) n_(t-1) + exp(i~ - m_t)
    h_t = sigmoid(o~) * c_t / n_t

Shifting m and scaling c and n against it changes nothing. So the step here goes by what does not depend
on m: the normalised memory u = c / n, recorded as the cell, and the level l = m + log n.

    k_t = sigmoid(l_(t-1) + log f_t - i~)                  keep            [B, H]
    w_t = 1 - k_t                                          write           [B, H]
    z_t = tanh(z~)                                         candidate       [B, H]
    u_t = k_t * u_(t-1) + w_t * z_t                        cell            [B, H]
    l_t = log(exp(l_(t-1) + log f_t) + exp(i~))            level           [B, H]
    o_t = sigmoid(o~)                                      output gate     [B, H]
    h_t = o_t * u_t                                        hidden          [B, H]

A backward pass needs in addition the slope of the forget gate, d log f_t / d f~_t: 1 - f_t, 0 where f~
is clamped, or 1.

A unit that holds nothing yet has a level of minus infinity: whatever comes first is written whole. The
cell is a mean of candidates, so neither it nor the hidden state leaves -1 to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from gatewise.cells.parameters import Parameters, State
from gatewise.cells.spec import CellSpec

if TYPE_CHECKING:
    from torch import Tensor

CLAMP = 15.0
"""What tirex-ts lets a forget gate's pre-activation grow to: it forgets 3e-7 a step at least."""
_LOWEST = -80.0


def _softplus(x: Tensor) -> Tensor:
    """Return log(1 + exp(x)), with finite derivatives of every order, at minus infinity too.

    It is 2e-35 at the bound, which is no more than 0 beside any level; exp(80) is finite in float32.
    """
    return x.clamp(min=_LOWEST).logaddexp(x.new_zeros(()))


def _sigmoid(forget: Tensor) -> Tensor:
    return -_softplus(-forget)


def _clamped(forget: Tensor) -> Tensor:
    return _sigmoid(forget.clamp(max=CLAMP))


def _exponential(forget: Tensor) -> Tensor:
    return forget


def step(
    wx: Tensor,
    rh: Tensor,
    state: State,
    parameters: Parameters,
    *,
    log_forget: Callable[[Tensor], Tensor],
) -> tuple[State, dict[str, Tensor]]:
    """Advance `(h, u, l)`, `[B, H]` each, by one step; see the module's equations."""
    _, cell, level = state
    pre = SLSTM.split(wx + rh)
    kept, written = level + log_forget(pre["forget"]), pre["input"]
    lead = kept - written
    keep, write, candidate = lead.sigmoid(), (-lead).sigmoid(), pre["candidate"].tanh()
    cell = keep * cell + write * candidate
    level = kept.maximum(written) + _softplus(-lead.abs())
    output = pre["output"].sigmoid()
    hidden = output * cell
    gates = {"keep": keep, "write": write, "candidate": candidate, "output": output}
    return (hidden, cell, level), {**gates, "cell": cell, "level": level, "hidden": hidden}


def _spec(name: str, log_forget: Callable[[Tensor], Tensor]) -> CellSpec:
    return CellSpec(
        name=name,
        packing=("input", "forget", "candidate", "output"),
        states=("hidden", "cell", "level"),
        recorded=("keep", "write", "candidate", "output", "cell", "level", "hidden"),
        step=partial(step, log_forget=log_forget),
        keep_gate="keep",
        write_gate="write",
        read_gate="output",
        shows="itself",
        carrier="cell",
        starts={"level": float("-inf")},
        saved=("keep", "write", "candidate", "output", "slope", "cell", "level"),
        meanings={"level": "log of the weight of all that was written, decayed"},
    )


SLSTM = _spec("slstm", _sigmoid)
"""With a forget gate between 0 and 1: xlstm, flashrnn and the models built on them."""
SLSTM_CLAMPED = _spec("slstm_clamped", _clamped)
"""Whose forget gate's pre-activation is at most 15: tirex-ts."""
SLSTM_EXPONENTIAL = _spec("slstm_exponential", _exponential)
"""With an exponential forget gate, which may also raise the weight of the past."""
