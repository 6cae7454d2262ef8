"""Fewer points for an overview, without losing a peak: minima and maxima of every stretch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def keep_extremes(lines: NDArray[np.float64], limit: int) -> NDArray[np.int64]:
    """Return the rows of `lines` [L, N] to draw, at most about `limit` of them, ascending.

    The N rows are cut into equal stretches. Of each stretch the rows with the lowest and the highest
    value of every line stay, so no peak is lost, and one missing row stays where a line has one, so
    no gap is closed. All rows stay when there are no more than `limit`.
    """
    count = lines.shape[1]
    if count <= limit:
        return np.arange(count)
    stretches = max(1, limit // (2 * len(lines)))
    bounds = np.linspace(0, count, stretches + 1).astype(np.int64)
    width = int(np.max(np.diff(bounds)))
    rows = bounds[:-1, None] + np.arange(width)
    inside = rows < bounds[1:, None]
    rows = np.minimum(rows, count - 1)  # shorter stretches repeat a row, which `inside` masks
    kept = [np.array([0, count - 1])]  # the ends stay, so that the axis is as long as before
    first = np.arange(stretches)
    for line in lines:
        values = line[rows]
        known = inside & np.isfinite(values)
        lowest = np.argmin(np.where(known, values, np.inf), axis=1)
        highest = np.argmax(np.where(known, values, -np.inf), axis=1)
        kept += [rows[first, lowest], rows[first, highest]]
        missing = inside & ~np.isfinite(values)
        gaps = np.flatnonzero(missing.any(axis=1))
        kept.append(rows[gaps, np.argmax(missing[gaps], axis=1)])
    return np.unique(np.concatenate(kept))
