"""The negative binomial distribution: counts whose variance exceeds their mean."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gatewise.estimators.likelihoods.beta import incomplete_beta
from gatewise.estimators.likelihoods.likelihood import Likelihood, positive, raw_of

LEAST_MEAN = 1e-6
LEAST_DISPERSION = 1e-3
"""Next to a Poisson distribution up to means of some 100."""
MOST_COUNTED = 1 << 22
"""Counts up to which the CRPS is summed."""


class NegativeBinomial(Likelihood):
    """Mean m and dispersion a of counts, whose variance is m + a m^2."""

    size = 2
    start = (raw_of(1.0, LEAST_MEAN), raw_of(0.5, LEAST_DISPERSION))

    def parameters(self, raw: Tensor) -> Tensor:
        """Return (mean, dispersion); the mean is in the units of the rate that it is multiplied by."""
        mean, dispersion = raw.unbind(-1)
        return torch.stack(
            [positive(mean, LEAST_MEAN), positive(dispersion, LEAST_DISPERSION)], dim=-1
        )

    def log_density(self, parameters: Tensor, truth: Tensor) -> Tensor:
        """Return the logarithm of the probability of the counts `truth`."""
        mean, dispersion = parameters.unbind(-1)
        number = 1 / dispersion
        product = dispersion * mean
        return (
            torch.lgamma(truth + number)
            - torch.lgamma(number)
            - torch.lgamma(truth + 1)
            - number * torch.log1p(product)
            + truth * (product.log() - torch.log1p(product))
        )

    def centre(self, parameters: Tensor) -> Tensor:
        """Return the mean."""
        return parameters[..., 0]

    def quantiles(self, parameters: Tensor, levels: Sequence[float]) -> Tensor:
        """Return the smallest counts that a share of at least `levels` is at most."""
        mean, dispersion = parameters.unsqueeze(-2).unbind(-1)
        level = parameters.new_tensor(tuple(levels))
        spread = (mean + dispersion * mean.square()).sqrt()
        # Cantelli's inequality: no quantile is further from the mean.
        low = (mean - spread * ((1 - level) / level).sqrt()).floor().clamp(min=0) - 1
        high = (mean + spread * (level / (1 - level)).sqrt()).ceil()
        while bool((high - low > 1).any()):
            middle = ((low + high) / 2).floor()
            enough = cdf(middle, mean, dispersion) >= level
            low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
        return high

    def crps(self, parameters: Tensor, truth: Tensor) -> Tensor:
        """Return the CRPS, summed over the counts until what is left is below 1e-12 of it."""
        most = self.quantiles(parameters, (1 - 1e-13,))[..., 0].maximum(truth)
        total, before, count, block = torch.zeros_like(truth), torch.zeros_like(truth), 0, 1024
        while count <= min(float(most.max()), MOST_COUNTED):
            counts = torch.arange(count, count + block, dtype=truth.dtype, device=truth.device)
            each = self.log_density(parameters.unsqueeze(-2), counts).exp()
            below = before.unsqueeze(-1) + each.cumsum(-1)
            before = below[..., -1]
            seen = (counts >= truth.unsqueeze(-1)).to(truth)
            total += (below - seen).square().sum(-1)
            count += block
        return total


def cdf(count: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
    """Return the share of counts up to `count`, 0 below 0 (DLMF 8.17.24)."""
    number = 1 / dispersion
    share = incomplete_beta(number, count.clamp(min=0) + 1, 1 / (1 + dispersion * mean))
    return torch.where(count < 0, 0.0, share)
