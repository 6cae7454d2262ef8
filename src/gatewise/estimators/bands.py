"""Calibration of bands: how far from the median each level is, so that it holds what it promises.

Split conformal prediction with a local scale (Lei, G'Sell, Rinaldo, Tibshirani and Wasserman 2018,
section 5.2), each tail by itself as in conformalised quantile regression (Romano, Patterson and Candes
2019, theorem 2): the errors around the median on the validation part are divided by a scale, one half of
which is how far from the median the network had the level, and the other half the mean of that. If those
errors and a new one may come in any order with equal probability, the truth falls below level a < .5, or
above a > .5, with a probability of at most a, or 1 - a, however wrong the network is. Time series are
not quite like that; and a validation part that training was stopped by flatters the bands a little.
Everything is in the units that the network answers in, where windows and series are alike. The median,
which is the prediction, stays.

Why not the usual form, a shift of each level by the errors around it: where a level is too near to the
median it helps least in the windows that are the least certain.

Sizes: n windows or sequences, S predicted steps (of sequences 1), K targets, Q levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.typing import Array, Mask
from gatewise.wording import counted, figure

FEWEST_BEYOND = 5
"""Errors that must be expected beyond a level at each step, for each step to be calibrated alone."""


FEWEST_APART = 30
"""Windows that share no predicted step, for several steps ahead to be calibrated. The errors of windows
that overlap are nearly one: with fewer, a network that was once too high has its bands moved for good.
Of six public sets with 20 or fewer (`python -m benchmarks.forecasting`, two seeds, with and without
calibrate), moving them made CRPS worse by 10 to 50 % on four and changed little on two."""


@dataclass(frozen=True)
class Calibration:
    """How far each level of a network's answer is moved from the median."""

    levels: tuple[float, ...]  # ascending, .5 among them
    size: Array  # [S, K, Q] mean distance of the level from the median, in the validation part
    factors: Array  # [S, K, Q] of the distance of an answer's level and `size` together
    windows: int  # of the validation part
    pooled: bool  # over the steps, as each alone has too few windows
    too_few: bool  # even then, for the outermost levels: these are left as they were
    apart: int | None = None  # windows that do not overlap, where that is why all levels are left

    @classmethod
    def fit(
        cls,
        truth: Array,
        quantiles: Array,
        levels: tuple[float, ...],
        *,
        apart: int | None = None,
    ) -> Calibration:
        """Measure the errors of `quantiles` [n, S, K, Q]; `truth` [n, S, K] is NaN where unknown.

        `apart` is how many of the windows share no predicted step; None: all of them.
        """
        median = quantiles[..., levels.index(0.5), None]
        errors = truth[..., None] - median  # [n, S, K, 1]
        distance = np.abs(quantiles - median)
        if apart is not None and apart < FEWEST_APART and bool(distance.any()):
            return cls._left(distance.shape[1:], levels, len(truth), apart)
        size = _size(distance, errors)
        scaled = errors / (distance + size)
        known = (~np.isnan(truth)).sum(axis=0).min()
        pooled = truth.shape[1] > 1 and bool(known * outermost_share(levels) < FEWEST_BEYOND)
        if pooled:
            scaled = scaled.reshape(-1, 1, *scaled.shape[2:])
        factors = np.repeat(_factors(scaled, levels), truth.shape[1] if pooled else 1, axis=0)
        too_few = np.isnan(factors)
        # such a level stays: its own distance, on its side
        side = np.sign(np.asarray(levels) - 0.5)
        factors = np.where(too_few, side, factors)
        size = np.where(too_few, 0.0, size)
        return cls(levels, size, factors, len(truth), pooled, bool(too_few.any()))

    @classmethod
    def _left(
        cls, shape: tuple[int, ...], levels: tuple[float, ...], windows: int, apart: int
    ) -> Calibration:
        """Return what leaves every level [S, K, Q] as the network gave it."""
        factors = np.broadcast_to(np.sign(np.asarray(levels) - 0.5), shape).copy()
        return cls(levels, np.zeros(shape), factors, windows, False, True, apart)

    def applied(self, quantiles: Array) -> Array:
        """Return `quantiles` [..., S, K, Q] moved, in order and on their side of the median.

        Ordering only ever widens a band, so what a level promises is kept.
        """
        middle = self.levels.index(0.5)
        median = quantiles[..., middle, None]
        moved = median + self.factors * (np.abs(quantiles - median) + self.size)
        upper = np.maximum.accumulate(moved[..., middle:], axis=-1)
        lower = np.minimum.accumulate(moved[..., middle::-1], axis=-1)[..., ::-1]
        return np.concatenate([lower[..., :-1], upper], axis=-1)

    def text(self, noun: str = "window") -> str:
        """Return a sentence on what was done; `noun` is what each error is of."""
        how = f"calibrated on the {counted(self.windows, noun)} of the validation part"
        if self.apart is not None:
            return (
                f"The bands are not {how}, of which only {self.apart} do not overlap "
                f"({FEWEST_APART} are needed): they are as the network gave them."
            )
        if self.too_few:
            need = outermost_share(self.levels)
            return (
                f"The bands are not {how}, as these are too few for levels of {figure(need)}: the "
                "outermost levels are as the network gave them."
            )
        alone = ", all steps together, as there are few" if self.pooled else ""
        return f"The bands are {how}{alone}."

    def about(self) -> dict[str, Any]:
        """Return everything but the arrays as JSON values."""
        return {
            "levels": list(self.levels),
            "windows": self.windows,
            "pooled": self.pooled,
            "too_few": self.too_few,
            "apart": self.apart,
        }

    def arrays(self) -> dict[str, Array]:
        """Return the arrays, for saving; `about` has the rest."""
        return {"size": self.size, "factors": self.factors}

    @classmethod
    def from_saved(cls, saved: dict[str, Any], arrays: dict[str, Array]) -> Calibration:
        """Return what `about` and `arrays` wrote."""
        levels = tuple(float(level) for level in saved["levels"])
        said = (saved["windows"], saved["pooled"], saved["too_few"])
        return cls(levels, arrays["size"], arrays["factors"], *said, saved.get("apart"))

    def check(self, levels: tuple[float, ...], shape: tuple[int, int]) -> None:
        """Raise ValueError unless it is one of these levels, for so many steps and targets."""
        whole = type(self.windows) is int and type(self.pooled) is type(self.too_few) is bool
        whole = whole and (self.apart is None or type(self.apart) is int)
        arrays = (self.size, self.factors)
        for right, wrong in (
            (self.levels == levels, "is of other levels"),
            (all(one.shape == (*shape, len(levels)) for one in arrays), "has another shape"),
            (all(one.dtype == np.float64 for one in arrays), "is no table of numbers"),
            (all(np.isfinite(one).all() for one in arrays), "holds what is no number"),
            (bool((self.size >= 0).all()), "has a distance below 0"),
            (whole, "says nothing of where it is from"),
        ):
            if not right:
                raise ValueError(f"its calibration {wrong}")


def least_known(levels: tuple[float, ...]) -> int:
    """Return how many errors a calibration of `levels` needs at the least."""
    return int(np.ceil(1 / outermost_share(levels) - 1 - _SLACK))


def outermost_share(levels: tuple[float, ...]) -> float:
    """Return the share of the truth that the outermost of the levels leaves outside, on its side."""
    return min(*levels, 1 - max(levels))


_SLACK = 1e-9
"""Of products such as .1 * 30, which rounding takes to either side of a whole number."""


def _factors(errors: Array, levels: tuple[float, ...]) -> Array:
    """Return the factor of each level `[S, K, Q]` by scaled `errors [n, S, K, Q]`; NaN: too few.

    Of n errors, the one at place floor(a (n + 1)) in ascending order for a < .5, ceil(a (n + 1)) for
    a > .5, counted from 1.
    """
    ordered = np.sort(errors, axis=0)  # NaN come last
    known = (~np.isnan(errors)).sum(axis=0)
    level = np.asarray(levels)
    exact = level * (known + 1)
    place = np.where(level < 0.5, np.floor(exact + _SLACK), np.ceil(exact - _SLACK)).astype(int)
    there: Mask = (place >= 1) & (place <= known)
    index = np.clip(place - 1, 0, len(errors) - 1)
    found = np.take_along_axis(ordered, index[None], axis=0)[0]
    return np.where(level == 0.5, 0.0, np.where(there, found, np.nan))


def _size(distance: Array, errors: Array) -> Array:
    """Return the mean `distance` [n, S, K, Q] of each level from the median, `[S, K, Q]`, above 0.

    Of a point, which has no such distance, the root mean square of the errors [n, S, K, 1].
    """
    known = ~np.isnan(errors)
    squares = np.where(known, errors, 0.0) ** 2
    strays = np.sqrt(squares.sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    size = distance.mean(axis=0)
    size = np.where(size > 0, size, strays)
    return np.where(size > 0, size, 1.0)
