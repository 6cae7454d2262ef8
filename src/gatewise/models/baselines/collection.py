"""The baselines that may see what the model sees: fitted, asked and saved together.

Sizes: N rows, n origins, S predicted steps (`max(horizon, 1)`), K targets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.split import Split
from gatewise.data.table import Table
from gatewise.errors import OptionError
from gatewise.models.baselines.climatology import Climatology
from gatewise.models.baselines.design import Layout
from gatewise.models.baselines.naive import persistence, seasonal_naive
from gatewise.models.baselines.ridge import Ridge
from gatewise.models.baselines.rows import (
    Array,
    Rows,
    column_block,
    origins_within,
    series_bounds,
    step_offsets,
)
from gatewise.models.baselines.season import default_season


def applicable(horizon: int, season: int | None) -> tuple[str, ...]:
    """Return the names of the baselines that may see what the model sees.

    A virtual sensor (horizon 0) never sees its target's past, so nothing may repeat it; seasonal
    naive needs a season.
    """
    if horizon == 0:
        return ("climatology", "ridge")
    seasonal = () if season is None else ("seasonal_naive",)
    return ("persistence", *seasonal, "climatology", "ridge")


@dataclass(frozen=True)
class Baselines:
    """Fitted baselines of one forecasting task."""

    targets: tuple[str, ...]
    horizon: int
    season: int | None  # in rows
    mean: Array  # [K] of the training part
    climatology: Climatology
    ridge: Ridge

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the baselines that apply, in the order of a score table."""
        return applicable(self.horizon, self.season)

    def predict(self, table: Table, origins: Rows) -> dict[str, Array]:
        """Return each applicable baseline's predictions, `[n, S, K]`, in the targets' own units.

        `origins [n]` are the rows of "now". The rows that are predicted must be in the table (see
        `Table.extended`); of their target nothing is read.
        """
        origins = np.asarray(origins, dtype=np.int64)
        found = {
            "climatology": self.climatology.predict(table, origins, step_offsets(self.horizon)),
            "ridge": self.ridge.predict(table, origins),
        }
        if self.horizon:
            values, (first, _) = column_block(table, self.targets), series_bounds(table)
            found["persistence"] = persistence(
                values, first, origins, horizon=self.horizon, mean=self.mean
            )
            if self.season is not None:
                found["seasonal_naive"] = seasonal_naive(
                    values,
                    first,
                    origins,
                    horizon=self.horizon,
                    season=self.season,
                    mean=self.mean,
                )
        return {name: found[name] for name in self.names}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what was fitted as plain arrays; `settings` holds the rest."""
        return {
            "mean": self.mean,
            "climatology": self.climatology.table,
            "ridge.mean": self.ridge.mean,
            "ridge.deviation": self.ridge.deviation,
            "ridge.coefficients": self.ridge.coefficients,
            "ridge.penalties": self.ridge.penalties,
        }

    def settings(self) -> dict[str, Any]:
        """Return what is no array as JSON values."""
        return {
            "season": self.season,
            "calendar": self.climatology.calendar,
            "series": list(self.climatology.series),
            "layout": self.ridge.layout.to_json(),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], settings: dict[str, Any]) -> Baselines:
        """Return the baselines that `arrays` and `settings` came from."""
        layout = Layout.from_json(settings["layout"])
        ridge = {
            name: arrays[f"ridge.{name}"]
            for name in ("mean", "deviation", "coefficients", "penalties")
        }
        climatology = Climatology(
            settings["calendar"], tuple(settings["series"]), arrays["climatology"]
        )
        return cls(
            targets=layout.targets,
            horizon=layout.horizon,
            season=settings["season"],
            mean=arrays["mean"],
            climatology=climatology,
            ridge=Ridge(layout, **ridge),
        )


def fit_baselines(
    table: Table, split: Split, *, lookback: int, horizon: int, season: int | None = None
) -> Baselines:
    """Fit every baseline on the training part alone.

    `season` is in rows; None takes what the table's step suggests. Raises OptionError for a season
    below 1, DataError for a training part with fewer than two windows whose targets are known.
    """
    if season is not None and (isinstance(season, bool) or season != int(season) or season < 1):
        raise OptionError(f"season={season!r}: give a whole number of rows from 1, or None")
    train_rows = split.part_rows(table, "train")
    origins = origins_within(table, train_rows, lookback=lookback, horizon=horizon)
    layout = Layout.of(table, lookback=lookback, horizon=horizon)
    values = column_block(table, layout.targets)
    climatology = Climatology.fit(table, values, train_rows)
    return Baselines(
        targets=layout.targets,
        horizon=horizon,
        season=default_season(table) if season is None else season,
        mean=climatology.table[-1, -1],
        climatology=climatology,
        ridge=Ridge.fit(table, layout, train_rows, origins),
    )
