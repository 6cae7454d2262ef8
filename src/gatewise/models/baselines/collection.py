"""The baselines that may see what the model sees: fitted, asked and saved together.

Sizes: N rows, n origins, S predicted steps (`max(horizon, 1)`), K targets, Q quantile levels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.split import Split
from gatewise.data.table import Table
from gatewise.errors import OptionError
from gatewise.models.baselines.bands import Bands
from gatewise.models.baselines.climatology import Climatology
from gatewise.models.baselines.design import Layout
from gatewise.models.baselines.naive import has_season, persistence, seasonal_naive
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
    bands: Bands | None = None  # where quantile levels were asked for

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
            **self._repeated(table, origins),
        }
        return {name: found[name] for name in self.names}

    def _repeated(self, table: Table, origins: Rows) -> dict[str, Array]:
        """Return the predictions of the baselines that repeat what was seen, `[n, S, K]`."""
        if not self.horizon:
            return {}
        values, (first, _) = column_block(table, self.targets), series_bounds(table)
        found = {
            "persistence": persistence(values, first, origins, horizon=self.horizon, mean=self.mean)
        }
        if self.season is not None:
            found["seasonal_naive"] = seasonal_naive(
                values, first, origins, horizon=self.horizon, season=self.season, mean=self.mean
            )
        return found

    def quantiles(
        self, table: Table, origins: Rows, points: Mapping[str, Array] | None = None
    ) -> dict[str, Array]:
        """Return each applicable baseline's quantiles, `[n, S, K, Q]`; none if fitted without levels.

        They are its prediction plus the quantiles of its errors in training. `points`, the result of
        `predict` for the same origins, saves predicting once more.
        """
        if self.bands is None:
            return {}
        points = self.predict(table, origins) if points is None else points
        return self.bands.around(points, table, np.asarray(origins, dtype=np.int64))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what was fitted as plain arrays; `settings` holds the rest."""
        bands = {} if self.bands is None else self.bands.offsets
        return {
            "mean": self.mean,
            "climatology": self.climatology.table,
            "ridge.mean": self.ridge.mean,
            "ridge.deviation": self.ridge.deviation,
            "ridge.coefficients": self.ridge.coefficients,
            "ridge.penalties": self.ridge.penalties,
            **{f"bands.{name}": offsets for name, offsets in bands.items()},
        }

    def settings(self) -> dict[str, Any]:
        """Return what is no array as JSON values."""
        return {
            "season": self.season,
            "calendar": self.climatology.calendar,
            "series": list(self.climatology.series),
            "layout": self.ridge.layout.to_json(),
            "levels": [] if self.bands is None else list(self.bands.levels),
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
        fitted = cls(
            targets=layout.targets,
            horizon=layout.horizon,
            season=settings["season"],
            mean=arrays["mean"],
            climatology=climatology,
            ridge=Ridge(layout, **ridge),
        )
        levels = tuple(settings.get("levels", ()))
        if not levels:
            return fitted
        offsets = {name: arrays[f"bands.{name}"] for name in fitted.names}
        return replace(fitted, bands=Bands(levels, climatology.series, offsets))


def fit_baselines(
    table: Table,
    split: Split,
    *,
    lookback: int,
    horizon: int,
    season: int | None = None,
    levels: Sequence[float] = (),
) -> Baselines:
    """Fit every baseline on the training part alone.

    `season` is in rows; None takes what the table's step suggests. With quantile `levels`, ascending,
    every baseline has bands too: the quantiles of its errors on the training windows, by series, step
    and target. Climatology and ridge regression are measured on blocks of time that they were not
    fitted on (the regression's penalty alone has seen all of them). Where training is too short for
    another year to compare with, climatology's errors are those of its fit, and too small.

    Raises OptionError for a season below 1, DataError for a training part with fewer than two windows
    whose targets are known.
    """
    if season is not None and (isinstance(season, bool) or season != int(season) or season < 1):
        raise OptionError(f"season={season!r}: give a whole number of rows from 1, or None")
    train_rows = split.part_rows(table, "train")
    origins = origins_within(table, train_rows, lookback=lookback, horizon=horizon)
    layout = Layout.of(table, lookback=lookback, horizon=horizon)
    values = column_block(table, layout.targets)
    climatology = Climatology.fit(table, values, train_rows)
    ridge, left_out = Ridge.fit(table, layout, train_rows, origins, left_out=bool(levels))
    fitted = Baselines(
        targets=layout.targets,
        horizon=horizon,
        season=default_season(table) if season is None else season,
        mean=climatology.table[-1, -1],
        climatology=climatology,
        ridge=ridge,
    )
    if not levels:
        return fitted
    errors = _training_errors(fitted, table, train_rows, origins, left_out)
    return replace(fitted, bands=Bands.fit(table, origins, errors, tuple(levels)))


def _training_errors(
    fitted: Baselines,
    table: Table,
    rows: NDArray[np.bool_],
    origins: Rows,
    left_out: list[tuple[Rows, Ridge]],
) -> Iterator[tuple[str, Array]]:
    """Yield each baseline's errors at the training part's origins, `[n, S, K]`, NaN if not known."""
    values, steps = column_block(table, fitted.targets), step_offsets(fitted.horizon)
    ahead = origins[:, None] + steps
    truth = values[ahead]
    for name, repeated in fitted._repeated(table, origins).items():
        errors = truth - repeated
        if name == "seasonal_naive" and fitted.season is not None:
            # In the first season persistence stands in, with errors that say nothing of this one.
            seen = has_season(
                series_bounds(table)[0], origins, horizon=fitted.horizon, season=fitted.season
            )
            errors = _or_else(np.where(seen[..., None], errors, np.nan), errors)
        yield name, errors
    errors = truth - fitted.climatology.predict(table, origins, steps)
    yield "climatology", _or_else(fitted.climatology.errors(table, values, rows)[ahead], errors)
    errors = np.full(truth.shape, np.nan)
    for block, ridge in left_out:
        place = np.searchsorted(origins, block)
        errors[place] = truth[place] - ridge.predict(table, block)
    yield "ridge", errors


def _or_else(errors: Array, otherwise: Array) -> Array:
    """Return the errors, and the others for every step and target of which none is known."""
    return np.where(np.isnan(errors).all(axis=0), otherwise, errors)
