"""Counts, and the rate around each row that a network's mean is multiplied by.

A distribution of counts is one of the counts themselves, where other targets are brought to one scale.
So that series of any size share a network, each window has a rate, from the target's past in it alone:
`(sum of n counts + 1/2) / n`, which is above 0 after any number of zeros. A virtual sensor never sees
its target: its rate is the training part's mean. Sizes: N rows, B windows, L steps of the past,
S predicted steps, K targets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.data.tables.table import Table
from gatewise.errors import DataError
from gatewise.typing import Array, Array32, Indices
from gatewise.wording import figure


@dataclass(frozen=True)
class Rates:
    """Counts and rate of every window of one table."""

    counts: Array  # [N, K], NaN where unknown
    rate: Array  # [N, K] of the window that ends at each row, above 0

    @classmethod
    def of(cls, table: Table, usual: Array, *, lookback: int, horizon: int) -> Rates:
        """Return the rates of a table; `usual` [N, K] are the means of the training part.

        Raises DataError for a target that is no count.
        """
        counts = table.values[:, : len(table.columns.target)]
        _check(table, counts)
        usual = np.where(usual > 0, usual, 1.0)
        if horizon == 0:
            return cls(counts, usual)
        known = ~np.isnan(counts)
        total = _over_past(table, np.where(known, counts, 0.0), lookback)
        number = _over_past(table, known.astype(np.float64), lookback)
        rate = np.where(number > 0, (total + 0.5) / np.maximum(number, 1.0), usual)
        return cls(counts, rate)

    def past(self, rows: Indices, origins: Indices) -> Array:
        """Return the counts at `rows` [L, B] by the rate of the windows, [L, B, K]; gaps are 0."""
        found: Array = self.counts[rows] / self.rate[origins]
        return np.nan_to_num(found, copy=False, nan=0.0)

    def answers(self, rows: Indices) -> Array32:
        """Return the counts [B, S, K] at the predicted `rows` [B, S]; NaN where unknown."""
        found: Array32 = self.counts[rows].astype(np.float32)
        return found

    def logarithms(self, origins: Indices) -> Array32:
        """Return the logarithm of the rate of the windows that end at `origins` [B], [B, K]."""
        found: Array32 = np.log(self.rate[origins]).astype(np.float32)
        return found

    def over_rate(self, values: Any, origins: Indices) -> Array:
        """Return counts [B, S, K, ...] as multiples of the rate."""
        return np.asarray(values / self._beside(values, origins))

    def restored(self, values: Any, origins: Indices) -> Array:
        """Return multiples of the rate [B, S, K, ...] as counts, which are never below 0."""
        return np.asarray(np.maximum(values * self._beside(values, origins), 0.0))

    def _beside(self, values: Any, origins: Indices) -> Array:
        rate = self.rate[origins]
        return rate.reshape(len(rate), 1, rate.shape[1], *(1,) * (values.ndim - 3))


def _over_past(table: Table, values: Array, lookback: int) -> Array:
    """Return the sums [N, K] over the `lookback` rows up to each, within its series."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    row = np.arange(len(values))
    first = np.repeat(table.starts[:-1], np.diff(table.starts))
    sums: Array = total[row + 1] - total[np.maximum(row + 1 - lookback, first)]
    return sums


def _check(table: Table, counts: Array) -> None:
    """Raise DataError for a target that is below 0 or no whole number; what was filled in may be."""
    wrong = (counts < 0) | (counts != np.floor(counts)) & ~np.isnan(counts)
    if table.filled is not None:
        wrong &= ~table.filled.targets
    bad = np.argwhere(wrong)
    if not len(bad):
        return
    row, place = map(int, bad[0])
    series = table.series[int(table.series_index()[row])]
    named = f" of series {series!r}" if table.columns.series is not None else ""
    raise DataError(
        "likelihood='negative-binomial' is one of counts, but "
        f"{table.columns.target[place]!r}{named} is {figure(counts[row, place], 6)} at "
        f"{table.stamp(table.time[row])}: give whole numbers of at least 0, or use "
        "likelihood='gaussian'"
    )
