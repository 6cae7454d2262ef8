"""Functions that NumPy does not have: of the normal, gamma and beta distributions, in float64."""

from __future__ import annotations

import math

import numpy as np

from gatewise.typing import Array

TINY = 1e-300
NOTHING = 1e-20
"""A factor before the fraction that leaves nothing of the result; only there is it slow."""
ENOUGH = 1e-13
"""A relative change of the fraction next to which rounding is larger."""
MOST_TERMS = 100_000

# Cody (1969), Rational Chebyshev approximations for the error function: numerators and denominators,
# the highest power first, of erf up to .46875, of erfc up to 4, and of erfc past that.
_ERF = (
    (
        *(1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2),
        *(3.77485237685302021e2, 3.20937758913846947e3),
    ),
    (
        *(1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3),
        2.84423683343917062e3,
    ),
)
_ERFC = (
    (
        *(2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594),
        *(6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2),
        *(1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    ),
    (
        *(1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2),
        *(1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3),
        *(3.43936767414372164e3, 1.23033935480374942e3),
    ),
)
_FAR = (
    (
        *(1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1),
        *(1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4),
    ),
    (
        *(1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1),
        *(6.05183413124413191e-2, 2.33520497626869185e-3),
    ),
)
_NEAR, _MIDDLE = 0.46875, 4.0


def normal_cdf(z: Array) -> Array:
    """Return the standard normal distribution function, elementwise.

    Tails keep their relative precision (Cody 1969); NaN stays NaN.
    """
    x = np.abs(z) / math.sqrt(2.0)
    near = 0.5 + 0.5 * np.sign(z) * _erf_near(np.minimum(x, _NEAR))
    with np.errstate(under="ignore"):
        tail = 0.5 * np.exp(-np.square(x)) * _scaled_erfc(x)
    return np.where(x <= _NEAR, near, np.where(z > 0, 1 - tail, tail))


def _erf_near(x: Array) -> Array:
    square = np.square(x)
    return np.asarray(x * _ratio(_ERF, square))


def _scaled_erfc(x: Array) -> Array:
    """Return exp(x^2) erfc(x) for x of at least .46875."""
    middle = _ratio(_ERFC, np.clip(x, _NEAR, _MIDDLE))
    far = np.maximum(x, _MIDDLE)
    inverse = 1 / np.square(far)
    distant = (1 / math.sqrt(math.pi) - inverse * _ratio(_FAR, inverse)) / far
    return np.where(x <= _MIDDLE, middle, distant)


def _ratio(of: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    return np.asarray(np.polyval(np.array(of[0]), x) / np.polyval(np.array(of[1]), x))


_SHIFT = 10
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)


def log_gamma(x: Array) -> Array:
    """Return the logarithm of the gamma function of positive numbers (DLMF 5.11.1).

    Numbers below 10 are moved up by ten first, by the recurrence (5.5.1).
    """
    small = x < _SHIFT
    low = np.where(small, x, 1.0)
    product = np.ones_like(low)
    for step in range(_SHIFT):
        product = product * (low + step)
    z = np.where(small, x + _SHIFT, x)
    square = 1 / np.square(z)
    series = np.polyval(np.array(_STIRLING[::-1]), square) / z
    value = (z - 0.5) * np.log(z) - z + 0.5 * math.log(2 * math.pi) + series
    return np.asarray(value - np.where(small, np.log(product), 0.0))


def incomplete_beta(a: Array, b: Array, x: Array) -> Array:
    """Return I_x(a, b) elementwise for a, b > 0 and 0 <= x <= 1.

    The continued fraction of DLMF 8.17.22, summed as Lentz does, on the side of the mean on which it
    converges fast; the other side by I_x(a, b) = 1 - I_{1-x}(b, a) (8.17.4).
    """
    a, b, x = np.broadcast_arrays(*(np.asarray(part, dtype=np.float64) for part in (a, b, x)))
    swapped = x > (a + 1) / (a + b + 2)
    p, q = np.where(swapped, b, a), np.where(swapped, a, b)
    y = np.where(swapped, 1 - x, x)
    with np.errstate(divide="ignore", under="ignore"):
        power = p * np.log(y) + q * np.log1p(-y)
        front = np.exp(power + log_gamma(p + q) - log_gamma(p) - log_gamma(q)) / p
    value = front * _fraction(p, q, np.where(front < NOTHING, 0.0, y))
    return np.asarray(np.clip(np.where(swapped, 1 - value, value), 0, 1))


def _fraction(a: Array, b: Array, x: Array) -> Array:
    """Return the continued fraction 1 / (1 + d1 / (1 + d2 / ...))."""
    c = np.ones_like(x)
    d = 1 / _kept_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = d
        for term in (even, odd):
            d = 1 / _kept_from_zero(1 + term * d)
            c = _kept_from_zero(1 + term / c)
            change = c * d
            value = value * change
        if (np.abs(change - 1) < ENOUGH).all():
            break
    return value


def _kept_from_zero(value: Array) -> Array:
    return np.where(np.abs(value) < TINY, TINY, value)
