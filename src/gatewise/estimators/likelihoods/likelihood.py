"""What a likelihood is: a family of distributions whose parameters a network predicts.

Sizes: P parameters, Q quantile levels; `...` stands for whatever is predicted, `[B, S, K]` in a network.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.answers.families import FLOOR, Family


class Likelihood(ABC):
    """A family of distributions on numbers, fitted by the likelihood of the truth."""

    family: Family
    """Its parameters and quantiles in NumPy, which prediction without torch shares."""
    start: tuple[float, ...]
    """The raw parameters [P] of an untrained network, which are those of about a standard normal."""

    @property
    def size(self) -> int:
        """P, the parameters of one predicted value."""
        return self.family.size

    @abstractmethod
    def parameters(self, raw: Tensor) -> Tensor:
        """Return the parameters `[..., P]` that `raw [..., P]`, any numbers at all, stand for."""

    @abstractmethod
    def log_density(self, parameters: Tensor, truth: Tensor) -> Tensor:
        """Return the logarithm of the density (of counts: the probability) of `truth [...]`."""

    @abstractmethod
    def centre(self, parameters: Tensor) -> Tensor:
        """Return the mean `[...]`: one differentiable number for what asks for a point."""

    def quantiles(self, parameters: Tensor, levels: Sequence[float]) -> Tensor:
        """Return the quantiles `[..., Q]` of `levels`, without a gradient: see `Family`."""
        found = self.family.quantiles(parameters.numpy(force=True), levels)
        return torch.from_numpy(found).to(parameters)

    @abstractmethod
    def crps(self, parameters: Tensor, truth: Tensor) -> Tensor:
        """Return the continuous ranked probability score `[...]` of `truth [...]`, exactly (float64)."""


def positive(raw: Tensor, floor: float = FLOOR) -> Tensor:
    """Return positive numbers: the softplus of any numbers, and a floor."""
    return functional.softplus(raw) + floor


def raw_of(value: float, floor: float = FLOOR) -> float:
    """Return the number that `positive` makes `value` of."""
    return math.log(math.expm1(value - floor))


def normal_log_density(loc: Tensor, scale: Tensor, truth: Tensor) -> Tensor:
    """Return the logarithm of the normal density."""
    return -0.5 * ((truth - loc) / scale).square() - scale.log() - 0.5 * math.log(2 * math.pi)


def normal_cdf(z: Tensor) -> Tensor:
    """Return the standard normal distribution function."""
    share: Tensor = torch.special.ndtr(z)
    return share


def normal_density(z: Tensor) -> Tensor:
    """Return the density of the standard normal distribution."""
    return torch.exp(-0.5 * z.square()) / math.sqrt(2 * math.pi)
