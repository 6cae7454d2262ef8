"""The normal distribution."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gatewise.answers import families
from gatewise.estimators.likelihoods.likelihood import (
    Likelihood,
    normal_cdf,
    normal_density,
    normal_log_density,
    positive,
    raw_of,
)


class Gaussian(Likelihood):
    """Mean and standard deviation."""

    family = families.Gaussian()
    start = (0.0, raw_of(1.0))

    def parameters(self, raw: Tensor) -> Tensor:
        """Return (mean, standard deviation)."""
        loc, scale = raw.unbind(-1)
        return torch.stack([loc, positive(scale)], dim=-1)

    def log_density(self, parameters: Tensor, truth: Tensor) -> Tensor:
        """Return the logarithm of the density of `truth`."""
        loc, scale = parameters.unbind(-1)
        return normal_log_density(loc, scale, truth)

    def centre(self, parameters: Tensor) -> Tensor:
        """Return the mean, which is the median."""
        return parameters[..., 0]

    def crps(self, parameters: Tensor, truth: Tensor) -> Tensor:
        """Return the CRPS (Gneiting and Raftery 2007, eq. 21)."""
        loc, scale = parameters.unbind(-1)
        z = (truth - loc) / scale
        inside = z * (2 * normal_cdf(z) - 1) + 2 * normal_density(z)
        return scale * (inside - 1 / math.sqrt(math.pi))
