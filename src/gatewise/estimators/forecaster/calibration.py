"""Calibration of bands: how far each level is moved so that it holds the share that it promises.

Conformalised quantile regression (Romano, Patterson and Candès 2019, theorem 2: each tail by itself), by
the errors on the validation part. If those and a new error may come in any order with equal
probability, the truth falls below level a < .5, or above a > .5, with a probability of at most a, or
1 - a, however wrong the network is. Time series are not quite like that; and a validation part that
training was stopped by flatters the bands a little. Everything is in the units that the network answers
in, where windows and series are alike. The median, which is the prediction, stays.

Sizes: n windows, S predicted steps, K targets, Q levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.typing import Array, Mask
from gatewise.wording import counted

FEWEST_BEYOND = 5
"""Errors that must be expected beyond a level at each step, for each step to be calibrated alone."""


@dataclass(frozen=True)
class Calibration:
    """What is added to each level of a network's answer."""

    levels: tuple[float, ...]  # ascending, .5 among them
    offsets: Array  # [S, K, Q]; 0 at the median, and where the validation part is too small
    windows: int  # of the validation part
    pooled: bool  # over the steps, as each alone has too few windows
    too_few: bool  # even then, for the outermost levels: these are left as they were

    @classmethod
    def fit(cls, truth: Array, quantiles: Array, levels: tuple[float, ...]) -> Calibration:
        """Measure the errors of `quantiles` [n, S, K, Q]; `truth` [n, S, K] is NaN where unknown."""
        errors = truth[..., None] - quantiles
        known = (~np.isnan(truth)).sum(axis=0).min()
        outermost = outermost_share(levels)
        pooled = truth.shape[1] > 1 and bool(known * outermost < FEWEST_BEYOND)
        if pooled:
            size = _size_of_steps(errors, quantiles)  # [S, K, 1]
            together = (errors / size).reshape(-1, 1, *errors.shape[2:])
            offsets = _offsets(together, levels) * size
        else:
            offsets = _offsets(errors, levels)
        too_few = np.isnan(offsets)
        offsets[too_few] = 0.0
        return cls(levels, offsets, len(truth), pooled, bool(too_few.any()))

    def applied(self, quantiles: Array) -> Array:
        """Return `quantiles` [..., S, K, Q] moved, in order and on their side of the median.

        Ordering only ever widens a band, so what a level promises is kept.
        """
        moved = quantiles + self.offsets
        middle = self.levels.index(0.5)
        upper = np.maximum.accumulate(moved[..., middle:], axis=-1)
        lower = np.minimum.accumulate(moved[..., middle::-1], axis=-1)[..., ::-1]
        return np.concatenate([lower[..., :-1], upper], axis=-1)

    def text(self) -> str:
        """Return a sentence on what was done."""
        how = f"calibrated on the {counted(self.windows, 'window')} of the validation part"
        if self.too_few:
            need = outermost_share(self.levels)
            return (
                f"The bands are not {how}, as these are too few for levels of {need:g}: the outermost "
                "levels are as the network gave them."
            )
        alone = ", all steps together, as there are few" if self.pooled else ""
        return f"The bands are {how}{alone}."

    def about(self) -> dict[str, Any]:
        """Return everything but the offsets as JSON values."""
        return {
            "levels": list(self.levels),
            "windows": self.windows,
            "pooled": self.pooled,
            "too_few": self.too_few,
        }

    @classmethod
    def from_saved(cls, saved: dict[str, Any], arrays: dict[str, Array]) -> Calibration:
        """Return what `about` and the offsets were saved as."""
        levels = tuple(float(level) for level in saved["levels"])
        return cls(levels, arrays["offsets"], saved["windows"], saved["pooled"], saved["too_few"])


def least_known(levels: tuple[float, ...]) -> int:
    """Return how many errors a calibration of `levels` needs at the least."""
    return int(np.ceil(1 / outermost_share(levels) - 1 - _SLACK))


def outermost_share(levels: tuple[float, ...]) -> float:
    """Return the share of the truth that the outermost of the levels leaves outside, on its side."""
    return min(*levels, 1 - max(levels))


_SLACK = 1e-9
"""Of products such as .1 * 30, which rounding takes to either side of a whole number."""


def _offsets(errors: Array, levels: tuple[float, ...]) -> Array:
    """Return the offset of each level `[S, K, Q]` by `errors [n, S, K, Q]`; NaN where they are too few.

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


def _size_of_steps(errors: Array, quantiles: Array) -> Array:
    """Return how large errors are at each step and target, `[S, K, 1]`, above 0.

    The mean width of the band: where it grows with the steps, so do the offsets. Of a band that has no
    width yet (a point), the root mean square of the errors.
    """
    size = (quantiles[..., -1] - quantiles[..., 0]).mean(axis=0)
    known = ~np.isnan(errors[..., 0])
    squares = np.where(known, errors[..., 0], 0.0) ** 2
    strays = np.sqrt(squares.sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    size = np.where(size > 0, size, strays)
    return np.where(size > 0, size, 1.0)[..., None]
