"""The distance of a state from states of reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import InputError
from gatewise.typing import Array

LIMIT = 0.99
"""The share of the reference's own states within the limit."""

HALF = 10
"""The fewest states that a mean and a covariance are made from."""


class Reference:
    """Mean and covariance of states, and the distance that few of them exceed.

    Attributes:
        limit: The 99th percentile of the distances of states that were not in the fit: those of each
            half of the rows (of the steps, for one row) against the other half.
    """

    limit: float

    def __init__(self, states: Array, valid: NDArray[np.bool_]) -> None:
        """Fit to the valid ones of `states [T, B, H]`; raises InputError for too few."""
        count = int(valid.sum())
        rows = np.flatnonzero(valid.any(axis=0))
        if len(rows) > 1:
            first = np.isin(np.arange(valid.shape[1]), rows[::2])[None, :]
        else:
            first = (np.cumsum(valid.any(axis=1)) <= count // 2)[:, None]
        halves = states[valid & first], states[valid & ~first]
        if min(map(len, halves)) < HALF:
            raise InputError(
                f"reference holds {count} states, {len(halves[0])} and {len(halves[1])} in the "
                f"halves of its rows; each half needs {HALF} at least, better ten for each unit"
            )
        crossed = [_Gauss(halves[0]).distance(halves[1]), _Gauss(halves[1]).distance(halves[0])]
        self.limit = float(np.quantile(np.concatenate(crossed), LIMIT))
        self._all = _Gauss(states[valid])

    def distance(self, states: Array) -> Array:
        """Return the distance of each of `states [N, H]`, about 1 for the reference's own."""
        return self._all.distance(states)

    def by_unit(self, states: Array) -> Array:
        """Return the mean of |c - mean| / deviation of each unit, `[H]`.

        It is inf for a unit that moved and whose reference stood still.
        """
        away = np.abs(states - self._all.mean).mean(axis=0)
        deviation = self._all.deviation
        ratio = np.divide(away, deviation, out=np.full_like(away, np.inf), where=deviation > 0)
        return np.where(away == 0, 0.0, ratio)


class _Gauss:
    """Mean and shrunk covariance of states `[N, H]`."""

    def __init__(self, states: Array) -> None:
        self.mean = states.mean(axis=0)
        centred = states - self.mean
        covariance = centred.T @ centred / len(states)
        self.deviation = np.sqrt(np.diag(covariance))
        values, self._axes = np.linalg.eigh(shrunk(covariance, centred))
        # States that do not move at all have no scale: every other state is infinitely far.
        self._scale = np.sqrt(np.maximum(values, 0.0))

    def distance(self, states: Array) -> Array:
        """Return the root of the mean squared distance along each axis in its own deviations."""
        along = (states - self.mean) @ self._axes
        moved = np.where(along == 0, 0.0, np.inf)
        with np.errstate(over="ignore"):
            ratio = np.divide(along, self._scale, out=moved, where=self._scale > 0)
            return np.asarray(np.sqrt((ratio**2).mean(axis=1)))


def shrunk(covariance: Array, centred: Array) -> Array:
    """Return the covariance `[H, H]` of `centred [N, H]`, drawn to a multiple of the identity.

    Ledoit & Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices",
    section 3.3: `(1 - b^2 / d^2) C + (b^2 / d^2) m I` with `m = trace(C) / H`, `d^2 = |C - m I|^2`
    and b^2 the mean of `|x x' - C|^2 / N`, at most d^2.
    """
    count, units = centred.shape
    even = np.trace(covariance) / units * np.eye(units)
    spread = float(((covariance - even) ** 2).sum())
    fourth = float(((centred**2).sum(axis=1) ** 2).sum())
    error = (fourth / count - float((covariance**2).sum())) / count
    part = min(max(error, 0.0) / spread, 1.0) if spread > 0 else 1.0
    return np.asarray((1 - part) * covariance + part * even)
