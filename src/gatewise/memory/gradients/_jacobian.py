"""Jacobians of a recurrent layer's state through time, from recorded gates and the weights alone.

A step's Jacobian is a closed form of the gates, so a product of thousands needs neither a graph nor
another pass of the network. For the LSTM, with f, i, g, o the gates and U_* their blocks of W_hh
(Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", equation
5, with the states of Gers, Schmidhuber & Cummins 2000):

    dc_s = D(f_s) dc_(s-1) + A_s dh_(s-1)
    dh_s = D(o_s (1 - tanh^2 c_s)) dc_s + D(tanh(c_s) o_s (1 - o_s)) U_o dh_(s-1)     (W_hr times it)
    A_s  = D(c_(s-1) f_s (1 - f_s)) U_f + D(g_s i_s (1 - i_s)) U_i + D(i_s (1 - g_s^2)) U_g
    dc_T/dc_t = prod D(f_s) + sum_s [prod_(u>s) D(f_u)] A_s dh_(s-1)/dc_t

`dc_T/dc_t` is the total derivative: h_t follows c_t through the output gate of its own step. The GRU
(state h, torch's form, z keeps) and the RNN have one state. The product is built from the later end,
row by row, and every row carries its own logarithm of scale: nothing overflows or underflows.

Sizes: T steps, B rows of the batch, N samples (a row and a time), K rows of a Jacobian or probes, H
hidden units, P projected units, G blocks.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gatewise.errors import InputError
from gatewise.memory.gradients._strand import Samples, StateChoice, Strand
from gatewise.memory.gradients._transitions import transition_of


def adjoints(
    strand: Strand, samples: Samples, seeds: Tensor, max_lag: int, state: StateChoice = "cell"
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield `v^T ds_T/ds_(T-k)` for k = 0 to `max_lag`: scaled rows, and the logarithm of the scale.

    `seeds [N, K, S]` are the v, on c_T for `state="cell"` (S = H; h_T for a cell with one state) and
    on the whole state for `"full"` (S = P + H, h before c). Each yield is `([N, K, S], [N, K])`. What
    comes at lags beyond a sample's time is meaningless.
    """
    transition = transition_of(strand, state)
    adjoint = transition.begin(seeds)
    scale = seeds.new_zeros(seeds.shape[:2])
    for lag, step in transition.steps(samples, max_lag):
        adjoint, shown = transition.fold(adjoint, step)
        yield shown, scale
        if lag == max_lag:
            return
        adjoint = transition.back(adjoint, step)
        size = torch.stack([part.abs().amax(dim=-1) for part in adjoint]).amax(dim=0)
        size = torch.where((size > 0) & size.isfinite(), size, 1.0)
        adjoint = tuple(part / size.unsqueeze(-1) for part in adjoint)
        scale = scale + size.log()


def log_direct(strand: Strand, samples: Samples, max_lag: int) -> Tensor:
    """Return the logarithm of the product of the keep gates `[max_lag + 1, N, H]`.

    At lag k it is that of f_T ... f_(T-k+1), 0 at lag 0: the part of dc_T/dc_(T-k) along the cell's
    own path. A cell without a gate that keeps has no such path: minus infinity from lag 1 on.
    """
    H, N = strand.hidden_size, len(samples.rows)
    start = torch.zeros(1, N, H, dtype=torch.float64, device="cpu")
    if strand.log_keep is None:
        return torch.cat([start, start.new_full((max_lag, N, H), -torch.inf)])
    index = samples.at(torch.arange(max_lag, device="cpu")[:, None])
    return torch.cat([start, strand.log_keep[index].cumsum(dim=0)])


def state_jacobian(
    strand: Strand, time: int, source: int, *, row: int = 0, state: StateChoice = "cell"
) -> tuple[Tensor, Tensor]:
    """Return `ds_time/ds_source` as rows `[S, S]` and the logarithm of each row's scale `[S]`.

    The matrix itself is `rows * scale.exp()[:, None]`. Both times are counted in the direction's own
    order; `state` is "cell" (c, with h a function of it) or "full" (h, then c).
    """
    if not 0 <= source <= time < int(strand.lengths[row]):
        raise InputError(
            f"times must hold 0 <= source <= time < {int(strand.lengths[row])}, the steps of row "
            f"{row}; got source={source}, time={time}"
        )
    size = strand.units(state)
    samples = Samples(torch.tensor([row], device="cpu"), torch.tensor([time], device="cpu"))
    seeds = torch.eye(size, dtype=torch.float64, device="cpu")[None]
    *_, (rows, scale) = adjoints(strand, samples, seeds, time - source, state)
    return rows[0], scale[0]
