"""Student's t distribution: the normal distribution with heavier tails."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.polynomial import Chebyshev
from torch import Tensor

from gatewise.estimators.likelihoods.beta import incomplete_beta
from gatewise.estimators.likelihoods.likelihood import Likelihood, positive, raw_of
from gatewise.typing import Array

FEWEST_DEGREES = 2.0
"""Of freedom: with more there is a variance, and a mean of members' quantiles says something."""
DEGREE = 40
"""Of the polynomials in 1 / degrees of freedom that stand for the quantiles: see `_shape`."""


class StudentT(Likelihood):
    """Centre, scale and degrees of freedom."""

    size = 3
    start = (0.0, raw_of(1.0), raw_of(6.0 - FEWEST_DEGREES))

    def parameters(self, raw: Tensor) -> Tensor:
        """Return (centre, scale, degrees of freedom)."""
        loc, scale, degrees = raw.unbind(-1)
        return torch.stack([loc, positive(scale), FEWEST_DEGREES + positive(degrees)], dim=-1)

    def log_density(self, parameters: Tensor, truth: Tensor) -> Tensor:
        """Return the logarithm of the density of `truth`."""
        loc, scale, degrees = parameters.unbind(-1)
        # hypot, since the square of a far outlier would overflow, and its gradient be no number
        away = torch.hypot(torch.ones_like(scale), (truth - loc) / (scale * degrees.sqrt()))
        return (
            torch.lgamma((degrees + 1) / 2)
            - torch.lgamma(degrees / 2)
            - 0.5 * (math.pi * degrees).log()
            - scale.log()
            - (degrees + 1) * away.log()
        )

    def centre(self, parameters: Tensor) -> Tensor:
        """Return the mean, which is the median."""
        return parameters[..., 0]

    def quantiles(self, parameters: Tensor, levels: Sequence[float]) -> Tensor:
        """Return the quantiles of `levels`."""
        loc, scale, degrees = parameters.unbind(-1)
        place = 1 / degrees
        return torch.stack(
            [loc + scale * _standard_quantile(level, place) for level in levels], dim=-1
        )

    def crps(self, parameters: Tensor, truth: Tensor) -> Tensor:
        """Return the CRPS (Jordan, Krueger and Lerch 2019, appendix A)."""
        loc, scale, n = parameters.unbind(-1)
        z = (truth - loc) / scale
        density = (self.log_density(parameters, truth)).exp() * scale
        beta = torch.lgamma(n - 0.5) - torch.lgamma(n) + 0.5 * math.log(math.pi)
        squared = 2 * (torch.lgamma(n / 2) - torch.lgamma((n + 1) / 2)) + math.log(math.pi)
        spread = 2 * n.sqrt() / (n - 1) * (beta - squared).exp()
        return scale * (
            z * (2 * standard_cdf(z, n) - 1) + 2 * density * (n + z.square()) / (n - 1) - spread
        )


def standard_cdf(z: Tensor, degrees: Tensor) -> Tensor:
    """Return the distribution function (DLMF 8.17 by way of the beta distribution)."""
    tail = 0.5 * incomplete_beta(
        degrees / 2, torch.full_like(degrees, 0.5), degrees / (degrees + z.square())
    )
    return torch.where(z > 0, 1 - tail, tail)


def _standard_quantile(level: float, place: Tensor) -> Tensor:
    """Return the quantile of a level for 1 / degrees of freedom, `place [...]` between 0 and 0.5."""
    if (
        level > 0.5
    ):  # rounded: one polynomial serves .1 and .9, whose other side is .09999999999999998
        return -_standard_quantile(round(1 - level, 15), place)
    return torch.from_numpy(np.asarray(_shape(level)(place.numpy()))).to(place)


@lru_cache(maxsize=256)
def _shape(level: float) -> Chebyshev:
    """Return the quantile of a level as a polynomial in 1 / degrees of freedom.

    It has no closed form, but is smooth: a polynomial through its values at the Chebyshev points, which
    are found by halving, comes as near as rounding to halving for each value.
    """
    return Chebyshev.interpolate(
        lambda place: _halved(level, 1 / place), DEGREE, domain=[0.0, 1 / FEWEST_DEGREES]
    )


def _halved(level: float, degrees: Array) -> Array:
    """Return the quantiles of a level for each number of degrees of freedom, by halving a bracket."""
    n = torch.from_numpy(degrees)
    # They lie between those of the normal distribution and of two degrees of freedom.
    normal = float(torch.special.ndtri(torch.tensor(level, dtype=torch.float64, device="cpu")))
    two = (2 * level - 1) * math.sqrt(2 / (4 * level * (1 - level)))
    low, high = (torch.full_like(n, end) for end in sorted((normal, two)))
    for _ in range(60):
        middle = (low + high) / 2
        enough = standard_cdf(middle, n) >= level
        low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
    return np.asarray(((low + high) / 2).numpy())
