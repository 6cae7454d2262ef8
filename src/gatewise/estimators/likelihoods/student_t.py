"""Student's t distribution: the normal distribution with heavier tails."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gatewise.answers import families
from gatewise.answers.families import FEWEST_DEGREES, student_cdf
from gatewise.estimators.likelihoods.likelihood import Likelihood, positive, raw_of


class StudentT(Likelihood):
    """Centre, scale and degrees of freedom."""

    family = families.StudentT()
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
    """Return the distribution function, without a gradient."""
    return torch.from_numpy(student_cdf(z.numpy(force=True), degrees.numpy(force=True))).to(z)
