"""Families of distributions that a network predicts: from its numbers to parameters and quantiles.

What training asks of a family besides, its density and its score, is beside the heads that are trained.
Sizes: P parameters, Q quantile levels; `...` stands for what is predicted, `[N, S, K]` in a forecast.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gatewise.answers.special import incomplete_beta, normal_cdf
from gatewise.typing import AnyArray, Array

if TYPE_CHECKING:
    from numpy.polynomial import Chebyshev

FLOOR = 1e-3
"""The least scale, in the units that the network works in: a constant truth would send it to 0, and the
density to infinity."""
FEWEST_DEGREES = 2.0
"""Of freedom: with more there is a variance, and a mean of members' quantiles says something."""
DEGREE = 40
"""Of the polynomials in 1 / degrees of freedom that stand for the quantiles: see `_shape`."""
COMPONENTS = 3
HALVINGS = 60
"""A bracket that is halved so often is as narrow as float64 has it."""
LEAST_MEAN = 1e-6
LEAST_DISPERSION = 1e-3
"""Next to a Poisson distribution up to means of some 100."""


class Family(ABC):
    """A family of distributions on numbers."""

    size: ClassVar[int]
    """P, the parameters of one predicted value."""

    @abstractmethod
    def parameters(self, raw: AnyArray) -> AnyArray:
        """Return the parameters `[..., P]` that `raw [..., P]`, any numbers at all, stand for."""

    @abstractmethod
    def quantiles(self, parameters: Array, levels: Sequence[float]) -> Array:
        """Return the quantiles `[..., Q]` of `levels`, each between 0 and 1 (of counts, whole numbers).

        `parameters` are float64; the quantiles ascend where the levels do.
        """


class Gaussian(Family):
    """Mean and standard deviation."""

    size = 2

    def parameters(self, raw: AnyArray) -> AnyArray:
        """Return (mean, standard deviation)."""
        return np.stack([raw[..., 0], positive(raw[..., 1])], axis=-1)

    def quantiles(self, parameters: Array, levels: Sequence[float]) -> Array:
        """Return the quantiles of `levels`."""
        loc, scale = parameters[..., :1], parameters[..., 1:]
        return np.asarray(loc + scale * _normal_quantiles(levels))


class StudentT(Family):
    """Centre, scale and degrees of freedom."""

    size = 3

    def parameters(self, raw: AnyArray) -> AnyArray:
        """Return (centre, scale, degrees of freedom)."""
        scale, degrees = positive(raw[..., 1]), FEWEST_DEGREES + positive(raw[..., 2])
        return np.stack([raw[..., 0], scale, degrees], axis=-1)

    def quantiles(self, parameters: Array, levels: Sequence[float]) -> Array:
        """Return the quantiles of `levels`."""
        loc, scale, place = parameters[..., 0], parameters[..., 1], 1 / parameters[..., 2]
        return np.stack([loc + scale * _standard_quantile(one, place) for one in levels], axis=-1)


class Mixture(Family):
    """Logarithms of the weights, means and standard deviations of `COMPONENTS` normal distributions."""

    size = 3 * COMPONENTS

    def parameters(self, raw: AnyArray) -> AnyArray:
        """Return (log weights, means, standard deviations)."""
        weight, loc, scale = np.split(raw, 3, axis=-1)
        weight = weight - weight.max(axis=-1, keepdims=True)
        weight = weight - np.log(np.exp(weight).sum(axis=-1, keepdims=True))
        return np.concatenate([weight, loc, positive(scale)], axis=-1)

    def quantiles(self, parameters: Array, levels: Sequence[float]) -> Array:
        """Return the quantiles of `levels`, by halving: they lie among those of the components."""
        weight, loc, scale = np.split(parameters[..., None, :], 3, axis=-1)
        weight = np.exp(weight)
        level = np.array(levels, dtype=np.float64)
        each = loc + scale * _normal_quantiles(levels)[:, None]
        low, high = each.min(axis=-1), each.max(axis=-1)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = weight * normal_cdf((middle[..., None] - loc) / scale)
            enough = below.sum(axis=-1) >= level
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.asarray(high)


class NegativeBinomial(Family):
    """Mean m and dispersion a of counts, whose variance is m + a m^2."""

    size = 2

    def parameters(self, raw: AnyArray) -> AnyArray:
        """Return (mean, dispersion); the mean is in the units of the rate that it is multiplied by."""
        mean, dispersion = raw[..., 0], raw[..., 1]
        found = [positive(mean, LEAST_MEAN), positive(dispersion, LEAST_DISPERSION)]
        return np.stack(found, axis=-1)

    def quantiles(self, parameters: Array, levels: Sequence[float]) -> Array:
        """Return the smallest counts that a share of at least `levels` is at most."""
        mean, dispersion = parameters[..., :1], parameters[..., 1:]
        level = np.array(levels, dtype=np.float64)
        spread = np.sqrt(mean + dispersion * np.square(mean))
        # Cantelli's inequality: no quantile is further from the mean.
        low = np.maximum(np.floor(mean - spread * np.sqrt((1 - level) / level)), 0) - 1
        high = np.ceil(mean + spread * np.sqrt(level / (1 - level)))
        while (high - low > 1).any():
            middle = np.floor((low + high) / 2)
            enough = count_cdf(middle, mean, dispersion) >= level
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.asarray(high)


FAMILIES: dict[str, Family] = {
    "gaussian": Gaussian(),
    "student-t": StudentT(),
    "negative-binomial": NegativeBinomial(),
    "mixture": Mixture(),
}
"""The families by the name that the option has for them."""


def family_named(likelihood: str | None) -> Family | None:
    """Return the family of that name; None where the network predicts no distribution."""
    return None if likelihood is None else FAMILIES.get(likelihood)


def softplus(raw: AnyArray) -> AnyArray:
    """Return log(1 + e^x) in the type of `raw`, and x itself past 20, where float32 has no more."""
    found: AnyArray = np.where(raw > 20, raw, np.log1p(np.exp(np.minimum(raw, 20))))
    return found


def positive(raw: AnyArray, floor: float = FLOOR) -> AnyArray:
    """Return positive numbers: the softplus of any numbers, and a floor."""
    found: AnyArray = softplus(raw) + raw.dtype.type(floor)
    return found


def count_cdf(count: Array, mean: Array, dispersion: Array) -> Array:
    """Return the share of negative binomial counts up to `count`, 0 below 0 (DLMF 8.17.24)."""
    number = 1 / dispersion
    share = incomplete_beta(number, np.maximum(count, 0) + 1, 1 / (1 + dispersion * mean))
    return np.where(count < 0, 0.0, share)


def student_cdf(z: Array, degrees: Array) -> Array:
    """Return Student's distribution function (DLMF 8.17 by way of the beta distribution)."""
    tail = 0.5 * incomplete_beta(degrees / 2, np.array(0.5), degrees / (degrees + np.square(z)))
    return np.where(z > 0, 1 - tail, tail)


def _normal_quantiles(levels: Sequence[float]) -> Array:
    from statistics import NormalDist  # noqa: PLC0415 - few models need it, and all would wait

    return np.array([NormalDist().inv_cdf(level) for level in levels])


def _standard_quantile(level: float, place: Array) -> Array:
    """Return the quantile of a level for 1 / degrees of freedom, `place [...]` between 0 and 0.5."""
    if (
        level > 0.5
    ):  # rounded: one polynomial serves .1 and .9, whose other side is .09999999999999998
        return -_standard_quantile(round(1 - level, 15), place)
    return np.asarray(_shape(level)(place))


@lru_cache(maxsize=256)
def _shape(level: float) -> Chebyshev:
    """Return the quantile of a level as a polynomial in 1 / degrees of freedom.

    It has no closed form, but is smooth: a polynomial through its values at the Chebyshev points, which
    are found by halving, comes as near as rounding to halving for each value.
    """
    from numpy.polynomial import Chebyshev  # noqa: PLC0415 - few models need it, and all would wait

    return Chebyshev.interpolate(
        lambda place: _halved(level, 1 / place), DEGREE, domain=[0.0, 1 / FEWEST_DEGREES]
    )


def _halved(level: float, degrees: Array) -> Array:
    """Return the quantiles of a level for each number of degrees of freedom, by halving a bracket."""
    # They lie between those of the normal distribution and of two degrees of freedom.
    normal = float(_normal_quantiles((level,))[0])
    two = (2 * level - 1) * math.sqrt(2 / (4 * level * (1 - level)))
    low, high = (np.full_like(degrees, end) for end in sorted((normal, two)))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = student_cdf(middle, degrees) >= level
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray((low + high) / 2)
