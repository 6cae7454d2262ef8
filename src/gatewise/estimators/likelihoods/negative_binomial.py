"""The negative binomial distribution: counts whose variance exceeds their mean."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.answers import families
from gatewise.answers.families import LEAST_DISPERSION, LEAST_MEAN
from gatewise.estimators.likelihoods.likelihood import Likelihood, positive, raw_of

MOST_COUNTED = 1 << 22
"""Counts up to which the CRPS is summed."""


class NegativeBinomial(Likelihood):
    """Mean m and dispersion a of counts, whose variance is m + a m^2."""

    family = families.NegativeBinomial()
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
