"""The errors that scaled scores are measured in: those of the seasonal naive forecast in training.

Of a series y of n training rows and a season of m rows, the absolute one is the mean of
`|y_t - y_(t-m)|` over t > m (Hyndman and Koehler 2006, eq. 6), the squared one the mean of its square.
Without a season m is 1. Sizes: N rows, n windows, G series, K targets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatewise.data.tables.table import Table
from gatewise.typing import Array, Indices, Mask

_ROUNDING = 1e-12
"""Errors below this share of a series' size are rounding: nothing may be measured in them."""


@dataclass(frozen=True)
class NaiveErrors:
    """Errors of the seasonal naive forecast on the training part, for each series."""

    season: int  # in rows
    series: tuple[str, ...]
    absolute: Array  # [G, K] NaN where there is none, or it is 0
    squared: Array  # [G, K]

    @classmethod
    def fit(cls, table: Table, values: Array, rows: Mask, season: int | None) -> NaiveErrors:
        """Measure them on the rows `[N]` of the training part; `values [N, K]` are the targets."""
        back = season or 1
        known = np.where(rows[:, None], values, np.nan)
        change = np.full(values.shape, np.nan)
        change[back:] = known[back:] - known[:-back]
        place = np.arange(len(table)) - np.repeat(table.starts[:-1], np.diff(table.starts))
        change[place < back] = np.nan  # another series
        index = table.series_index()
        size = _means(np.abs(known), index, len(table.series))
        absolute = _means(np.abs(change), index, len(table.series))
        squared = _means(change**2, index, len(table.series))
        flat = ~(absolute > _ROUNDING * np.maximum(size, 1e-300))
        return cls(
            back, table.series, np.where(flat, np.nan, absolute), np.where(flat, np.nan, squared)
        )

    def of(self, table: Table, origins: Indices) -> tuple[Array, Array]:
        """Return the absolute error and the root of the squared one for windows `[n]`, `[n, K]` each.

        NaN for a series that was not in training.
        """
        place = {name: number for number, name in enumerate(self.series)}
        number = np.array([place.get(name, -1) for name in table.series])
        group = number[table.series_index()[origins]][:, None]
        absolute, squared = (
            np.where(group >= 0, found[group[:, 0]], np.nan)
            for found in (self.absolute, self.squared)
        )
        return absolute, np.sqrt(squared)

    def note(self) -> str:
        """Say which series have no scaled score; "" where all have one."""
        without = [
            name
            for name, errors in zip(self.series, self.absolute, strict=True)
            if np.isnan(errors).any()
        ]
        if not without:
            return ""
        who = f"Series {without[0]!r}" if without[0] else "The series"
        more = f" and {len(without) - 1} more" if len(without) > 1 else ""
        verb = "have" if more else "has"
        return (
            f"{who}{more} {verb} no MASE and RMSSE: in training nothing changes from one season "
            f"({self.season} rows) to the next, or there is no season to compare with."
        )


def _means(values: Array, index: Indices, series: int) -> Array:
    """Return the mean of each series' known values `[N, K]`, `[G, K]`; NaN where none is known."""
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    total = np.stack([np.bincount(index, column, series) for column in filled.T], axis=-1)
    count = np.stack([np.bincount(index, column, series) for column in known.T], axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1.0), np.nan)
