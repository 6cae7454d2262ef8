"""The normal distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gatewise.estimators.likelihoods.likelihood import (
    Likelihood,
    normal_cdf,
    normal_density,
    normal_log_density,
    normal_quantile,
    positive,
    raw_of,
)


class Gaussian(Likelihood):
    """Mean and standard deviation."""

    size = 2
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

    def quantiles(self, parameters: Tensor, levels: Sequence[float]) -> Tensor:
        """Return the quantiles of `levels`."""
        loc, scale = parameters.unsqueeze(-2).unbind(-1)
        return loc + scale * normal_quantile(parameters.new_tensor(tuple(levels)))

    def crps(self, parameters: Tensor, truth: Tensor) -> Tensor:
        """Return the CRPS (Gneiting and Raftery 2007, eq. 21)."""
        loc, scale = parameters.unbind(-1)
        z = (truth - loc) / scale
        inside = z * (2 * normal_cdf(z) - 1) + 2 * normal_density(z)
        return scale * (inside - 1 / math.sqrt(math.pi))
