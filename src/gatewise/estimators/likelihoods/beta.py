"""The regularised incomplete beta function, which torch does not have."""

from __future__ import annotations

import torch
from torch import Tensor

TINY = 1e-300
NOTHING = 1e-20
"""A factor before the fraction that leaves nothing of the result; only there is it slow."""
ENOUGH = 1e-13
"""A relative change of the fraction next to which rounding is larger."""
MOST_TERMS = 100_000


def incomplete_beta(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """Return I_x(a, b) elementwise, in float64, for a, b > 0 and 0 <= x <= 1.

    The continued fraction of DLMF 8.17.22, summed as Lentz does, on the side of the mean on which it
    converges fast; the other side by I_x(a, b) = 1 - I_{1-x}(b, a) (8.17.4).
    """
    shape = (a + b + x).shape
    a, b, x = a.expand(shape), b.expand(shape), x.expand(shape)
    swapped = x > (a + 1) / (a + b + 2)
    p, q = torch.where(swapped, b, a), torch.where(swapped, a, b)
    y = torch.where(swapped, 1 - x, x)
    power = torch.xlogy(p, y) + torch.special.xlog1py(q, -y)
    front = (power + torch.lgamma(p + q) - torch.lgamma(p) - torch.lgamma(q)).exp() / p
    value = front * _fraction(p, q, torch.where(front < NOTHING, 0.0, y))
    return torch.where(swapped, 1 - value, value).clamp(0, 1)


def _fraction(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """Return the continued fraction 1 / (1 + d1 / (1 + d2 / ...))."""
    c = torch.ones_like(x)
    d = _kept_from_zero(1 - (a + b) * x / (a + 1)).reciprocal()
    value = d
    for m in range(1, MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = _kept_from_zero(1 + term * d).reciprocal()
            c = _kept_from_zero(1 + term / c)
            value = value * (change := c * d)
        if bool(((change - 1).abs() < ENOUGH).all()):
            break
    return value


def _kept_from_zero(value: Tensor) -> Tensor:
    return torch.where(value.abs() < TINY, TINY, value)
