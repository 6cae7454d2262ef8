"""What ridge regression sees: lags, rolling means, statics and future columns of any origin.

Sizes: N rows, n origins, S predicted steps, K targets, P past columns, D all features, F features
of one step.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.table import Table
from gatewise.models.baselines.rows import Array, Rows, series_bounds, step_offsets

MOST_LAGS = 30
SPANS = (7, 30, 90, 180, 365)


@dataclass(frozen=True)
class Layout:
    """Which columns enter the regression, and in which order."""

    targets: tuple[str, ...]
    past: tuple[str, ...]
    static: tuple[str, ...]
    ahead: tuple[str, ...]
    lags: int  # how many last values of each past column
    spans: tuple[int, ...]  # lengths of the rolling means, in rows
    horizon: int

    @classmethod
    def of(cls, table: Table, *, lookback: int, horizon: int) -> Layout:
        """Return the layout that sees what the model sees; a sensor never sees its target."""
        c = table.columns
        past = c.target + c.inputs if horizon else c.inputs
        return cls(
            targets=c.target,
            past=past,
            static=c.static,
            ahead=c.future,
            lags=min(MOST_LAGS, lookback),
            spans=tuple(span for span in SPANS if span <= lookback),
            horizon=horizon,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the layout as JSON values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in vars(self).items()}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Layout:
        """Return the layout that `to_json` wrote."""
        fields: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in saved.items()
        }
        return cls(**fields)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, each once."""
        return tuple(dict.fromkeys(self.targets + self.past + self.static + self.ahead))

    def select(self, names: tuple[str, ...]) -> list[int]:
        """Return the places of the names in `columns`."""
        return [self.columns.index(name) for name in names]

    @property
    def shared(self) -> int:
        """How many features serve every step: lags and means of the past, and statics."""
        return (self.lags + len(self.spans)) * len(self.past) + len(self.static)

    def features_of_step(self, step: int) -> Rows:
        """Return which of the D features step number `step` (from 0) uses, `[F]`."""
        own = self.shared + step * len(self.ahead) + np.arange(len(self.ahead))
        return np.concatenate([np.arange(self.shared), own])


class Design:
    """The features of any origin of one table, from its standardised columns.

    A value that is missing, or that lies before its series, is 0: the training mean.
    """

    def __init__(self, layout: Layout, z: Array, table: Table) -> None:
        """Keep the columns `z [N, C]` and their running sums, from which rolling means are read."""
        self.layout = layout
        self.ahead_steps = step_offsets(layout.horizon)
        self.first, _ = series_bounds(table)
        self.past = np.nan_to_num(z[:, layout.select(layout.past)])
        self.static = np.nan_to_num(z[:, layout.select(layout.static)])
        self.ahead = np.nan_to_num(z[:, layout.select(layout.ahead)])
        self.target = z[:, layout.select(layout.targets)]
        known = ~np.isnan(z[:, layout.select(layout.past)])
        self.total = _running_sums(self.past, table)
        self.count = _running_sums(known, table)

    def features(self, origins: Rows) -> Array:
        """Return all features of the origins, `[n, D]`."""
        layout, first, n = self.layout, self.first[origins], origins.size
        rows = origins[:, None] - np.arange(layout.lags)
        inside = (rows >= first[:, None])[..., None]
        lagged = np.where(inside, self.past[np.maximum(rows, 0)], 0.0)
        parts = [lagged.reshape(n, layout.lags * len(layout.past))]
        for span in layout.spans:
            before = origins - span
            outside = (before < first)[:, None]
            total, count = (
                sums[origins] - np.where(outside, 0.0, sums[np.maximum(before, 0)])
                for sums in (self.total, self.count)
            )
            parts.append(total / np.maximum(count, 1.0))
        parts.append(self.static[origins])
        ahead = self.ahead[origins[:, None] + self.ahead_steps]
        parts.append(ahead.reshape(n, ahead.shape[1] * ahead.shape[2]))
        return np.concatenate(parts, axis=1)

    def complete(self, origins: Rows) -> Rows:
        """Return those origins whose targets are all known."""
        rows = origins[:, None] + self.ahead_steps
        known = ~np.isnan(self.target[rows]).any(axis=(1, 2))
        kept: Rows = origins[known]
        return kept

    def targets(self, origins: Rows) -> Array:
        """Return the standardised targets of every step, `[n, S K]`."""
        rows = origins[:, None] + self.ahead_steps
        found: Array = self.target[rows].reshape(origins.size, rows.shape[1] * self.target.shape[1])
        return found


def _running_sums(values: NDArray[Any], table: Table) -> Array:
    """Return the sum of each series' values up to each row, `[N, P]`.

    Every series starts anew, so that no rounding of one reaches the next.
    """
    sums = np.empty(values.shape)
    for start, stop in itertools.pairwise(table.starts):
        np.cumsum(values[start:stop], axis=0, out=sums[start:stop], dtype=np.float64)
    return sums
