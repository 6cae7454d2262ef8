"""Which level suits a table: the one whose own naive forecast is best before anything is trained.

The value a season before, the last value and the window's mean are forecasts themselves, and what a
network has to add is their error. Sizes: n windows, S predicted steps, K targets.
"""

from __future__ import annotations

import numpy as np

from gatewise.choices import Normalise
from gatewise.data.tables.levels import Normaliser, least_lookback
from gatewise.data.tables.table import Table
from gatewise.data.tables.transforms import Transform
from gatewise.typing import Array, Indices, Mask

MOST_WINDOWS = 5000
"""Windows, evenly spread, that the naive forecasts are compared on."""

HEAD_START = 0.8
"""Of the seasonal naive forecast: its error counts as so much of itself. A network learns a drift from
the last season easily, and a season that its level does not hold hardly."""


def best_level(
    table: Table,
    rows: Mask,
    *,
    transform: Transform,
    season: int | None,
    sizes: tuple[int, int],
) -> Normalise:
    """Return the level whose forecast is nearest to what comes, over the windows in `rows` [N].

    Errors of a series are told by their share of those of all candidates together, so that series of
    unlike scales count alike. Nothing is trained, so windows of the training part are as good as any.
    Where there is no window to tell by, "season" if it may be, else "last". `sizes` are lookback and
    horizon.
    """
    lookback, horizon = sizes
    candidates: list[Normalise] = ["last", "window"]
    if season is not None and season > 1 and lookback >= least_lookback("season", season):
        candidates.insert(0, "season")
    origins = _origins(table, rows, lookback, horizon)
    if not len(origins):
        return candidates[0]
    errors = np.stack(
        [
            _errors(table, origins, Normaliser.naive(table, mode, transform, season), sizes)
            for mode in candidates
        ]
    )
    shares = errors / np.maximum(errors.sum(axis=0), np.finfo(float).tiny)
    known = np.isfinite(shares).all(axis=0)
    if not known.any():
        return candidates[0]
    found = shares[:, known].mean(axis=1)
    if candidates[0] == "season":
        # a trend makes last season's value a poor forecast, and yet a network adds a trend more
        # easily than a season
        found[0] *= HEAD_START
    return candidates[int(found.argmin())]


def _origins(table: Table, rows: Mask, lookback: int, horizon: int) -> Indices:
    """Return the rows of "now" of windows that lie in one series, with all of them in `rows`."""
    found = []
    for start, stop in zip(table.starts[:-1], table.starts[1:], strict=True):
        last = start + np.count_nonzero(rows[start:stop]) - 1  # the parts follow each other in time
        found.append(np.arange(start + lookback - 1, last - horizon + 1))
    origins = np.concatenate(found)
    every = max(1, -(-len(origins) // MOST_WINDOWS))
    return np.asarray(origins[::every], dtype=np.int64)


def _errors(
    table: Table, origins: Indices, normaliser: Normaliser, sizes: tuple[int, int]
) -> Array:
    """Return the mean absolute error of a level as a forecast, by series and target [G, K]."""
    levels = normaliser.levels(table, *sizes)
    assert levels is not None
    level, _ = levels.of(origins)
    ahead = origins[:, None] + np.arange(1, sizes[1] + 1)
    errors = np.abs(levels.past[ahead] - level)
    known = ~np.isnan(errors)
    owner = table.series_index()[origins]
    total = np.zeros((len(table.series), errors.shape[2]))
    count = np.zeros_like(total)
    np.add.at(total, owner, np.where(known, errors, 0.0).sum(axis=1))
    np.add.at(count, owner, known.sum(axis=1))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
