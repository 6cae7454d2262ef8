"""Norms of a layer's Jacobians over lags: exact, or estimated with random probes; all as logarithms.

Sizes: N samples (a row and a time), L + 1 lags from 0, K rows of a Jacobian or probes, S units of the
state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gatewise.memory.gradients._jacobian import adjoints, log_direct
from gatewise.memory.gradients._strand import Samples, StateChoice, Strand
from gatewise.typing import Array

Norm = Literal["frobenius", "spectral"]

SPECTRAL_CHUNK = 2**20
"""Numbers of Jacobians kept at a time for their singular values: 8 MiB."""


@dataclass(frozen=True)
class Gains:
    """Logarithms of norms `[N, L + 1]`, NaN beyond the first step of a sample's row.

    Attributes:
        total: Of `ds_T/ds_(T-k)`, through gates and recurrent weights.
        direct: Of the product of the keep gates alone.
        left_out: Of `total` with each probe left out in turn `[K, N, L + 1]`; None where exact.
    """

    total: Array
    direct: Array
    left_out: Array | None


def gains(
    strand: Strand,
    samples: Samples,
    max_lag: int,
    *,
    state: StateChoice,
    norm: Norm,
    probes: int | None,
    generator: torch.Generator,
    run_in: int = 0,
) -> Gains:
    """Return the norms of the Jacobians of `samples` at lags 0 to `max_lag`.

    NaN at the first `run_in` steps of a row. `probes` None computes every row of each Jacobian. A
    number is for the Frobenius norm only and
    estimates it from so many random rows v: the mean of `|v^T J|^2` over v of independent signs is
    `|J|_F^2` (Hutchinson 1990, "A stochastic estimator of the trace of the influence matrix",
    applied to J J^T).
    """
    size = strand.units(state)
    count = len(samples.rows)
    if probes is None:
        seeds = torch.eye(size, dtype=torch.float64, device="cpu").expand(count, -1, -1)
    else:
        signs = torch.randint(0, 2, (count, probes, size), generator=generator, device="cpu")
        seeds = signs.double() * 2 - 1
    left_out = None
    if norm == "spectral":
        total = _spectral(strand, samples, seeds, max_lag, state)
    else:
        squares = _log_squares(strand, samples, seeds, max_lag, state)  # [L + 1, N, K]
        total = torch.logsumexp(squares, dim=-1) / 2
        if probes is not None:
            total = total - math.log(probes) / 2
            left_out = _leaving_out(squares)
    direct = _norm_of_diagonal(log_direct(strand, samples, max_lag), norm)
    beyond = torch.arange(max_lag + 1, device="cpu")[:, None] > samples.times - run_in
    return Gains(
        total=_finished(total, beyond),
        direct=_finished(direct, beyond),
        left_out=None if left_out is None else _finished(left_out, beyond),
    )


def _log_squares(
    strand: Strand, samples: Samples, seeds: Tensor, max_lag: int, state: StateChoice
) -> Tensor:
    """Return the logarithm of the squared norm of each row of each Jacobian `[L + 1, N, K]`."""
    found = seeds.new_empty(max_lag + 1, *seeds.shape[:2])
    for lag, (rows, scale) in enumerate(adjoints(strand, samples, seeds, max_lag, state)):
        torch.add(scale, torch.linalg.vector_norm(rows, dim=-1).log(), out=found[lag])
    return found.mul_(2)


def _spectral(
    strand: Strand, samples: Samples, seeds: Tensor, max_lag: int, state: StateChoice
) -> Tensor:
    """Return the logarithm of the largest singular value of each Jacobian `[L + 1, N]`."""
    size = max(1, SPECTRAL_CHUNK // seeds.numel())
    found: list[Tensor] = []
    held: list[Tensor] = []
    shifts: list[Tensor] = []
    for lag, (rows, scale) in enumerate(adjoints(strand, samples, seeds, max_lag, state)):
        shift = scale.amax(dim=-1)
        held.append(rows * (scale - shift[:, None]).exp().unsqueeze(-1))
        shifts.append(shift)
        if len(held) == size or lag == max_lag:
            largest = torch.linalg.svdvals(torch.stack(held))[..., 0]
            found.append(torch.stack(shifts) + largest.log())
            held, shifts = [], []
    return torch.cat(found)


def _leaving_out(squares: Tensor) -> Tensor:
    """Return the estimate without each probe `[K, L + 1, N]`, from squares `[L + 1, N, K]`."""
    total = torch.logsumexp(squares, dim=-1, keepdim=True)
    share = torch.where(total.isinf(), 0.0, squares - total).exp().clamp(max=1 - 2**-52)
    rest = torch.where(total.isinf(), total, total + torch.log1p(-share))
    logs: Tensor = (rest - math.log(squares.shape[-1] - 1)) / 2
    return logs.permute(2, 0, 1)


def _norm_of_diagonal(log_values: Tensor, norm: Norm) -> Tensor:
    """Return the logarithm of the norm of diagonal matrices, from that of their entries `[..., H]`."""
    if norm == "spectral":
        return log_values.amax(dim=-1)
    return torch.logsumexp(2 * log_values, dim=-1) / 2


def _finished(values: Tensor, beyond: Tensor) -> Array:
    """Return `values [..., L + 1, N]` as `[..., N, L + 1]` with NaN where a row has not begun."""
    found: Array = torch.where(beyond, torch.nan, values).transpose(-1, -2).contiguous().numpy()
    return found
