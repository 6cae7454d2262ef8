"""The choice of lags to measure: all up to 64, then ever fewer, and each that matters between those.

Measuring single lags on a grid would miss a delay line whose lag falls between two of them. So the
lags between grid points are resampled together first, and only where that is felt are they split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from gatewise.typing import Array

Block = tuple[int, int]  # lags [first, last + 1)
Measure = Callable[[Sequence[Block], int], Array]
"""Takes blocks of lags, and how many times the usual resamples, to the effect `[blocks, units]` of
resampling each; NaN where a unit has none."""

DENSE = 64
PER_DOUBLING = 8
BUDGET = 600
"""The most blocks to resample in the search between grid points."""

CARE = 4
"""How many times the usual resamples are spent on a lag that decides."""


def grid(limit: int) -> list[int]:
    """Return lags from 0 to `limit - 1`: all up to 64, then eight for each doubling, and the last."""
    lags = list(range(min(DENSE + 1, limit)))
    step = 1
    while lags[-1] < limit - 1:
        lags.append(min(round(DENSE * 2 ** (step / PER_DOUBLING)), limit - 1))
        step += 1
    return sorted(set(lags))


def largest_above(curve: Array, share: float, floor: float) -> int:
    """Return the place of the last effect of `curve [L]` that is above `share` of the largest, or -1."""
    above = np.flatnonzero(curve > max(share * float(np.nanmax(curve)), floor))
    return int(above[-1]) if len(above) else -1


class LagSearch:
    """The effects of single lags, measured where they decide which is the largest that counts.

    Attributes:
        found: The effect of each lag measured, `[units]`.
        untested: Lags beyond the largest found that the budget did not reach.
    """

    def __init__(self, measure: Measure, limit: int, share: float, floor: float) -> None:
        self._measure, self._share, self._floor = measure, share, floor
        self.found: dict[int, Array] = {}
        self.untested = 0
        self._careful: set[int] = set()
        self._add(grid(limit))
        self._between()
        self.confirm()

    @property
    def lags(self) -> list[int]:
        """The lags measured, in rising order."""
        return sorted(self.found)

    def units(self) -> Array:
        """Return the effects `[lags, units]`."""
        return np.stack([self.found[lag] for lag in self.lags])

    def fill(self, low: int, high: int, most: int = 32) -> None:
        """Measure up to `most` more lags, evenly spread between two."""
        missing = [lag for lag in range(low, high + 1) if lag not in self.found]
        picks = np.unique(np.linspace(0, len(missing) - 1, min(most, len(missing))).astype(int))
        self._add([missing[pick] for pick in picks])

    def sharpen(self, lags: Sequence[int]) -> None:
        """Measure lags anew, with more resamples; once each."""
        lags = [lag for lag in lags if lag not in self._careful]
        self._careful.update(lags)
        self._add(lags, CARE)

    def confirm(self) -> None:
        """Measure the largest lag that counts anew until it is one that has been so confirmed.

        The largest of many lags whose effect seems to count is often one by chance.
        """
        while (best := self._best()[0]) not in self._careful and best >= 0:
            self.sharpen([best])

    def _add(self, lags: Sequence[int], times: int = 1) -> None:
        if lags:
            effects = self._measure([(lag, lag + 1) for lag in lags], times)
            self.found.update(zip(lags, effects, strict=True))

    def _best(self) -> tuple[int, float]:
        """Return the largest lag that counts so far, and what an effect has to exceed."""
        lags, curve = self.lags, np.nanmean(self.units(), axis=1)
        place = largest_above(curve, self._share, self._floor)
        bar = max(self._share * float(np.nanmax(curve)), self._floor)
        return (-1 if place < 0 else lags[place]), bar

    def _between(self) -> None:
        """Split the gaps of the grid, from the far end, for as long as they are felt."""
        lags, budget = self.lags, BUDGET
        gaps = [(a + 1, b) for a, b in pairwise(lags) if b - a > 1]
        while gaps:
            best, _ = self._best()
            gaps = sorted((gap for gap in gaps if gap[1] - 1 > best), reverse=True)
            now, later = gaps[:budget], gaps[budget:]
            budget -= len(now)
            self.untested += sum(b - a for a, b in later)
            if not now:
                return
            effects = self._measure(now, 1)
            for (a, b), effect in zip(now, effects, strict=True):
                if b - a == 1:
                    self.found[a] = effect
            _, bar = self._best()
            felt = [
                gap for gap, effect in zip(now, effects, strict=True) if np.nanmean(effect) > bar
            ]
            wide = [(a, b) for a, b in felt if b - a > 1]
            gaps = [half for a, b in wide for half in ((a, (a + b) // 2), ((a + b) // 2, b))]
