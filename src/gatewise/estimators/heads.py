"""From hidden states to predictions: the last, linear step of a network.

Sizes: S steps read, B windows, H hidden units, K targets, Q quantile levels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.estimators.likelihoods import Likelihood, NegativeBinomial


class PointHead(nn.Module):
    """One value per target: `[S, B, H] -> [B, S, K, 1]`, linear in the hidden state."""

    def __init__(self, hidden_size: int, targets: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden_size, targets, device="cpu", dtype=torch.float32)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the predictions `[B, S, K, 1]` of the hidden states `[S, B, H]`."""
        values: Tensor = self.linear(hidden)
        return values.transpose(0, 1).unsqueeze(-1)

    def point(self, answers: Tensor) -> Tensor:
        """Return one number for each predicted value `[..., 1]`: the value itself."""
        return answers[..., 0]

    def start_at_zero(self) -> None:
        """Let every prediction be 0 until the head is trained."""
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)


class QuantileHead(nn.Module):
    """One value per target and level that never cross: `[S, B, H] -> [B, S, K, Q]`.

    The linear layer gives the median and, for every other level, the gap to its neighbour on the
    median's side; softplus makes gaps at least 0, and adding them outwards from the median keeps
    the levels in order for any weights and any input, rounding included. Gaps start at those of
    the standard normal distribution, which is where scaled targets are.

    `levels` ascend strictly, lie between 0 and 1 and hold 0.5.
    """

    def __init__(self, hidden_size: int, targets: int, levels: Sequence[float]) -> None:
        super().__init__()
        self.levels = tuple(levels)
        self.median = self.levels.index(0.5)
        self.linear = nn.Linear(
            hidden_size, targets * len(self.levels), device="cpu", dtype=torch.float32
        )
        with torch.no_grad():
            self.linear.bias.view(targets, -1).copy_(
                torch.tensor(self._starting_bias(), dtype=torch.float32, device="cpu")
            )

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the quantiles `[B, S, K, Q]`, ascending in Q, of the hidden states `[S, B, H]`."""
        raw = self.linear(hidden).transpose(0, 1).unflatten(-1, (-1, len(self.levels)))
        gaps = functional.softplus(raw)
        quantiles = [raw[..., self.median]]
        for level in range(self.median + 1, len(self.levels)):
            quantiles.append(quantiles[-1] + gaps[..., level])
        for level in range(self.median - 1, -1, -1):
            quantiles.insert(0, quantiles[0] - gaps[..., level])
        return torch.stack(quantiles, dim=-1)

    def point(self, answers: Tensor) -> Tensor:
        """Return one number for each predicted value `[..., Q]`: the median."""
        return answers[..., self.median]

    def start_at_zero(self) -> None:
        """Let every median be 0, and the gaps those of the normal distribution, until it is trained."""
        nn.init.zeros_(self.linear.weight)

    def _starting_bias(self) -> list[float]:
        """Return the raw values [Q] whose softplus are the normal distribution's gaps."""
        normal = [NormalDist().inv_cdf(level) for level in self.levels]
        # levels that all but coincide have a gap that rounds to 0, which softplus never is
        distances = [max(upper - lower, 1e-6) for lower, upper in pairwise(normal)]
        gaps = [math.log(math.expm1(distance)) for distance in distances]
        return [*gaps[: self.median], 0.0, *gaps[self.median :]]


class DistributionHead(nn.Module):
    """The parameters of a distribution for each target: `[S, B, H] -> [B, S, K, P]`.

    Untrained, the distribution is about the standard normal one, which is where scaled targets are.
    """

    reads_inputs = False
    """Whether it is called with the features of a window's first step too."""

    def __init__(self, hidden_size: int, targets: int, likelihood: Likelihood) -> None:
        super().__init__()
        self.likelihood = likelihood
        self.linear = nn.Linear(
            hidden_size, targets * likelihood.size, device="cpu", dtype=torch.float32
        )
        with torch.no_grad():
            self.linear.bias.view(targets, -1).copy_(
                torch.tensor(likelihood.start, dtype=torch.float32, device="cpu")
            )

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the parameters `[B, S, K, P]` of the hidden states `[S, B, H]`."""
        raw = self.linear(hidden).transpose(0, 1).unflatten(-1, (-1, self.likelihood.size))
        return self.likelihood.parameters(raw)

    def point(self, answers: Tensor) -> Tensor:
        """Return one number for each predicted value `[..., P]`: the mean."""
        return self.likelihood.centre(answers)

    def start_at_zero(self) -> None:
        """Let every distribution be about the standard normal one until the head is trained."""
        nn.init.zeros_(self.linear.weight)


class CountHead(DistributionHead):
    """A distribution of counts, whose mean is a multiple of each window's rate."""

    reads_inputs = True

    def __init__(self, hidden_size: int, targets: int, likelihood: NegativeBinomial) -> None:
        super().__init__(hidden_size, targets, likelihood)
        self.targets = targets

    def forward(self, hidden: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Return mean and dispersion `[B, S, K, 2]`; the last K `inputs` [B, F] are log rates."""
        assert inputs is not None
        mean, dispersion = super().forward(hidden).unbind(-1)
        rate = inputs[:, None, -self.targets :].exp()
        return torch.stack([mean * rate, dispersion], dim=-1)
