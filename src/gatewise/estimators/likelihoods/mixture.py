"""A mixture of normal distributions: several peaks, skew, heavy tails."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.answers import families
from gatewise.answers.families import COMPONENTS
from gatewise.estimators.likelihoods.likelihood import (
    Likelihood,
    normal_cdf,
    normal_density,
    normal_log_density,
    positive,
    raw_of,
)


class Mixture(Likelihood):
    """Logarithms of the weights, means and standard deviations of `COMPONENTS` normal distributions."""

    family = families.Mixture()
    # Apart from the first step on: equal components would have equal gradients for ever.
    start = (*(0.0,) * COMPONENTS, -0.7, 0.0, 0.7, *(raw_of(0.8),) * COMPONENTS)

    def parameters(self, raw: Tensor) -> Tensor:
        """Return (log weights, means, standard deviations)."""
        weight, loc, scale = _three(raw)
        return torch.cat([weight.log_softmax(-1), loc, positive(scale)], dim=-1)

    def log_density(self, parameters: Tensor, truth: Tensor) -> Tensor:
        """Return the logarithm of the density of `truth`."""
        weight, loc, scale = _three(parameters)
        return (weight + normal_log_density(loc, scale, truth.unsqueeze(-1))).logsumexp(-1)

    def centre(self, parameters: Tensor) -> Tensor:
        """Return the mean."""
        weight, loc, _ = _three(parameters)
        return (weight.exp() * loc).sum(-1)

    def crps(self, parameters: Tensor, truth: Tensor) -> Tensor:
        """Return the CRPS (Grimit, Gneiting, Berrocal and Johnson 2006, eq. 5)."""
        weight, loc, scale = _three(parameters)
        weight = weight.exp()
        error = weight * _mean_distance(truth.unsqueeze(-1) - loc, scale)
        apart = _mean_distance(
            loc.unsqueeze(-1) - loc.unsqueeze(-2),
            (scale.unsqueeze(-1).square() + scale.unsqueeze(-2).square()).sqrt(),
        )
        pairs = weight.unsqueeze(-1) * weight.unsqueeze(-2) * apart
        return error.sum(-1) - 0.5 * pairs.sum((-1, -2))


def _three(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what belongs to the weights, the means and the standard deviations, each [..., C]."""
    first, second = COMPONENTS, 2 * COMPONENTS
    return values[..., :first], values[..., first:second], values[..., second:]


def _mean_distance(loc: Tensor, scale: Tensor) -> Tensor:
    """Return the mean of |X| for a normal X."""
    z = loc / scale
    return 2 * scale * normal_density(z) + loc * (2 * normal_cdf(z) - 1)
