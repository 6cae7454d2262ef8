"""The inputs of the ridge regression: lags, rolling means, statics and future columns of any origin.

What the regression costs grows with the square and the cube of its features, so a table of many
columns enters with fewer of each column's last values: see `Layout.of`.

Sizes: N rows, n origins, S predicted steps, K targets, P past columns, F features that serve every
step, A future columns.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.table import Table
from gatewise.estimators.forecaster.baselines.naive import has_season
from gatewise.estimators.forecaster.baselines.rows import any_of_steps, series_bounds, step_offsets
from gatewise.typing import Array, Indices

MOST_LAGS = 30
SPANS = (7, 30, 90, 180, 365)
MOST_FEATURES = 1050
"""As many as 30 columns have with all lags and means. A decomposition takes a third of a second."""
MOST_WORK = 1_000_000_000
"""Products for one penalty: some 20 seconds on one processor for the whole choice of penalties."""
MOST_SUMS = 1 << 23
"""Second moments of one block of time: 64 MiB."""


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
    season: int = 0
    """Rows of a season, whose value before each step is a feature of that step; 0: none."""
    relative: bool = False
    """Whether targets are told from the last one, so that a trend goes on; False in models of before."""

    @classmethod
    def of(
        cls, table: Table, *, lookback: int, horizon: int, season: int | None = None
    ) -> Layout | None:
        """Return the layout that sees what the model sees; a sensor never sees its target.

        Where that would cost more than the limits above allow, the oldest lags go, then the longest
        means, until it does not; None where the last value of each column is too much already.
        """
        c = table.columns
        past = c.target + c.inputs if horizon else c.inputs
        spans = tuple(span for span in SPANS if span <= lookback)
        for values in range(min(MOST_LAGS, lookback) + len(spans), 0, -1):
            lags = max(1, values - len(spans))
            layout = cls(
                targets=c.target,
                past=past,
                static=c.static,
                ahead=c.future,
                lags=lags,
                spans=spans[: values - lags],
                horizon=horizon,
                season=(season or 0) if horizon else 0,
                relative=horizon > 0,
            )
            if layout.affordable:
                return layout
        return None

    @property
    def affordable(self) -> bool:
        """Whether time and memory of the regression stay within the limits above."""
        steps, targets = max(self.horizon, 1), len(self.targets)
        shared, ahead = self.shared, self.beside
        work = steps * (shared**2 * targets + ahead**2 * (shared + ahead))
        sums = (shared + 1) ** 2 + steps * (shared + 1 + ahead) * (ahead + targets)
        return shared + ahead <= MOST_FEATURES and work <= MOST_WORK and sums <= MOST_SUMS

    def reduced(self, lookback: int) -> str:
        """Say in a sentence what was left out to keep the cost down; "" where nothing was."""
        whole = min(MOST_LAGS, lookback) + sum(span <= lookback for span in SPANS)
        kept = self.lags + len(self.spans)
        if kept == whole:
            return ""
        return (
            f"Ridge regression reads {kept} values of each column (the last {self.lags} and "
            f"{len(self.spans)} means) instead of {whole}: {len(self.columns)} columns with all of them "
            "would take too long."
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
    def beside(self) -> int:
        """How many features each step has beside those: future columns, and the targets a season ago."""
        return len(self.ahead) + (len(self.targets) if self.season else 0)

    @property
    def shared(self) -> int:
        """How many features serve every step: lags and means of the past, and statics."""
        return (self.lags + len(self.spans)) * len(self.past) + len(self.static)


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

    def shared(self, origins: Indices) -> Array:
        """Return the features of the origins that serve every step, `[n, F]`."""
        layout, first, n = self.layout, self.first[origins], origins.size
        rows = origins[:, None] - np.arange(layout.lags)
        inside = (rows >= first[:, None])[..., None]
        lagged = np.where(inside, self.past[np.maximum(rows, 0)], 0.0)
        level = self.level(origins)
        told = slice(level.shape[1])
        # The last value itself stays, so that a level that matters can still be learnt.
        lagged[:, 1:, told] -= np.where(inside[:, 1:], level[:, None], 0.0)
        parts = [lagged.reshape(n, layout.lags * len(layout.past))]
        for span in layout.spans:
            before = origins - span
            outside = (before < first)[:, None]
            total, count = (
                sums[origins] - np.where(outside, 0.0, sums[np.maximum(before, 0)])
                for sums in (self.total, self.count)
            )
            mean = total / np.maximum(count, 1.0)
            mean[:, told] -= level
            parts.append(mean)
        parts.append(self.static[origins])
        return np.concatenate(parts, axis=1)

    def future(self, origins: Indices) -> Array:
        """Return the features of every predicted step alone, `[n, S, A]`.

        The future columns, then the targets whole seasons before the step; where there is none, the
        last ones.
        """
        found: Array = self.ahead[origins[:, None] + self.ahead_steps]
        season = self.layout.season
        if not season:
            return found
        count = self.target.shape[1]
        back = self.ahead_steps - season * -(-self.ahead_steps // season)
        rows = origins[:, None] + back
        last = self.past[origins, None, :count]
        inside = (rows >= self.first[origins][:, None])[..., None]
        before = np.where(inside, self.past[np.maximum(rows, 0), :count], last)
        level = self.level(origins)
        return np.concatenate([found, before - level[:, None] if level.size else before], axis=2)

    def has_season(self, origins: Indices) -> NDArray[np.bool_]:
        """Return which origins `[n]` have the value a season ago of every step; all without a season."""
        if not self.layout.season:
            return np.ones(len(origins), dtype=bool)
        steps = has_season(
            self.first, origins, horizon=self.layout.horizon, season=self.layout.season
        )
        return np.asarray(steps.all(axis=1))

    def level(self, origins: Indices) -> Array:
        """Return the last values that targets are told from, `[n, K]`; `[n, 0]` where they are not."""
        return self.past[origins, : self.target.shape[1] if self.layout.relative else 0]

    def complete(self, origins: Indices) -> Indices:
        """Return those origins whose targets are all known."""
        unknown: NDArray[np.bool_] = np.asarray(np.isnan(self.target).any(axis=1))
        kept: Indices = origins[~any_of_steps(unknown, origins, self.layout.horizon)]
        return kept

    def targets(self, origins: Indices) -> Array:
        """Return the standardised targets of every step, `[n, S, K]`, less the last ones."""
        found: Array = self.target[origins[:, None] + self.ahead_steps]
        level = self.level(origins)
        return found - level[:, None] if level.size else found


def _running_sums(values: NDArray[Any], table: Table) -> Array:
    """Return the sum of each series' values up to each row, `[N, P]`.

    Every series starts anew, so that no rounding of one reaches the next.
    """
    sums = np.empty(values.shape)
    for start, stop in itertools.pairwise(table.starts):
        np.cumsum(values[start:stop], axis=0, out=sums[start:stop], dtype=np.float64)
    return sums
