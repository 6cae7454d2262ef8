"""Persistence and seasonal naive: a value already seen, repeated.

Persistence repeats the last value observed up to the origin. Seasonal naive repeats the value one
season before the predicted step, from the last full season known at the origin (Hyndman and
Athanasopoulos 2021, section 5.2). Neither learns anything; what is missing in the table is stepped
over backwards. Sizes: N rows, n origins, S predicted steps, K targets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatewise.estimators.forecaster.baselines.rows import step_offsets
from gatewise.typing import Array, Indices


def last_observed(values: Array, first: Indices, stride: int) -> Indices:
    """Return the row of the last known value at or before each row, in whole strides back.

    `values` is `[N, K]`, `first` `[N]` the first row of each row's series. The result is `[N, K]`,
    -1 where the series holds no such value.
    """
    n, k = values.shape
    blocks = -(-n // stride)
    known = np.full((blocks * stride, k), -1, dtype=np.int64)
    known[:n] = np.where(np.isnan(values), -1, np.arange(n)[:, None])
    # Rows one stride apart lie under each other, so one running maximum serves every phase.
    latest = np.maximum.accumulate(known.reshape(blocks, stride, k), axis=0).reshape(-1, k)[:n]
    return np.where(latest >= first[:, None], latest, -1)


def _pick(values: Array, rows: Indices) -> Array:
    """Return `values[rows, column]`, NaN where the row is -1; `rows` is `[..., K]`."""
    picked = values[np.maximum(rows, 0), np.arange(values.shape[1])]
    return np.where(rows >= 0, picked, np.nan)


def persistence(
    values: Array, first: Indices, origins: Indices, *, horizon: int, mean: Array
) -> Array:
    """Return the last value observed at each origin for every step, `[n, S, K]`.

    `mean` `[K]`, the mean of the training part, stands in where a series holds no value yet.
    """
    seen = _pick(values, last_observed(values, first, 1)[origins])
    filled = np.where(np.isnan(seen), mean, seen)
    return np.repeat(filled[:, None, :], step_offsets(horizon).size, axis=1)


def seasonal_naive(
    values: Array, first: Indices, origins: Indices, *, horizon: int, season: int, mean: Array
) -> Array:
    """Return the value whole seasons before each step and not after the origin, `[n, S, K]`.

    Where no season has gone by since the series began, the last value observed stands in.
    """
    rows = _rows_one_season_back(origins, horizon, season)
    inside = rows >= first[origins][:, None]
    latest = last_observed(values, first, season)[np.maximum(rows, 0)]
    seen = _pick(values, np.where(inside[..., None], latest, -1))
    instead = persistence(values, first, origins, horizon=horizon, mean=mean)
    return np.where(np.isnan(seen), instead, seen)


def has_season(first: Indices, origins: Indices, *, horizon: int, season: int) -> NDArray[np.bool_]:
    """Return for which steps a whole season has gone by since the series began, `[n, S]`."""
    inside: NDArray[np.bool_] = (
        _rows_one_season_back(origins, horizon, season) >= first[origins][:, None]
    )
    return inside


def _rows_one_season_back(origins: Indices, horizon: int, season: int) -> Indices:
    """Return the rows whole seasons before each step and not after the origin, `[n, S]`."""
    steps = step_offsets(horizon)
    rows: Indices = origins[:, None] + steps - season * -(-steps // season)
    return rows
