"""The bands of a baseline: quantiles of its own errors, added to its prediction.

A baseline predicts a point. How far the truth strays from it is read off the errors on the training
part, for every series, step and target alone: as empirical quantiles, which assume no shape. Sizes:
n errors, S predicted steps, K targets, G series, Q levels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from gatewise.data.tables.table import Table
from gatewise.typing import Array, Indices

FEWEST = 30
"""A series with fewer known errors than this takes the quantiles of all series together."""


def error_quantiles(errors: Array, levels: tuple[float, ...]) -> Array:
    """Return the quantiles of the known `errors [n, S, K]`, `[S, K, Q]`; NaN where none is known.

    Level a lies at place a (n + 1) of the sorted errors (Weibull 1939), between the smallest and the
    largest: a further error like these falls below it with probability a, however few they are.
    """
    if not len(errors):
        return np.full((*errors.shape[1:], len(levels)), np.nan)
    ordered = np.sort(errors, axis=0)  # NaN come last
    known = (~np.isnan(errors)).sum(axis=0)
    last = np.maximum(known - 1, 0)
    place = np.clip(np.reshape(levels, (-1, 1, 1)) * (known + 1) - 1.0, 0.0, last)
    below = place.astype(np.int64)
    low = np.take_along_axis(ordered, below, axis=0)
    high = np.take_along_axis(ordered, np.minimum(below + 1, last), axis=0)
    return np.ascontiguousarray(np.moveaxis(low + (place - below) * (high - low), 0, -1))


@dataclass(frozen=True)
class Bands:
    """What to add to each baseline's prediction for each level."""

    levels: tuple[float, ...]  # ascending
    series: tuple[str, ...]
    offsets: dict[str, Array]  # baseline to [G + 1, S, K, Q]; the last serves a series not seen

    @classmethod
    def fit(
        cls,
        table: Table,
        origins: Indices,
        errors: Iterable[tuple[str, Array]],
        levels: tuple[float, ...],
    ) -> Bands:
        """Take the quantiles of each baseline's errors `[n, S, K]` at the `origins [n]`, ascending."""
        bounds = np.searchsorted(origins, table.starts)
        offsets = {name: _by_series(found, bounds, levels) for name, found in errors}
        return cls(levels, table.series, offsets)

    def around(
        self, points: Mapping[str, Array], table: Table, origins: Indices
    ) -> dict[str, Array]:
        """Return each baseline's quantiles around its `points [n, S, K]`, `[n, S, K, Q]`."""
        place = {name: number for number, name in enumerate(self.series)}
        number = np.array([place.get(name, len(self.series)) for name in table.series])
        group = number[table.series_index()[origins]]
        return {
            name: point[..., None] + self.offsets[name][group] for name, point in points.items()
        }


def _by_series(errors: Array, bounds: Indices, levels: tuple[float, ...]) -> Array:
    """Return the quantiles of each series' errors, then those of all, `[G + 1, S, K, Q]`."""
    together = error_quantiles(errors, levels)
    # The outermost level of fewer errors would lie beyond the largest of them.
    fewest = max(FEWEST, *(1.0 / min(level, 1.0 - level) for level in levels))
    found = []
    for start, stop in itertools.pairwise(bounds):
        of_series = errors[start:stop]
        enough = (~np.isnan(of_series)).sum(axis=0) >= fewest
        found.append(np.where(enough[..., None], error_quantiles(of_series, levels), together))
    return np.stack([*found, together])
