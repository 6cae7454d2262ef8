"""The baselines that may see what the model sees: fitted, asked and saved together.

Sizes: N rows, n origins, S predicted steps (`max(horizon, 1)`), K targets, Q quantile levels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.season import find_seasons
from gatewise.data.tables.split import Split
from gatewise.data.tables.table import Table
from gatewise.errors import OptionError
from gatewise.estimators.forecaster.baselines.bands import Bands
from gatewise.estimators.forecaster.baselines.climatology import Climatology
from gatewise.estimators.forecaster.baselines.design import Layout
from gatewise.estimators.forecaster.baselines.ets import MOST_ROWS, Ets, why_not
from gatewise.estimators.forecaster.baselines.naive import has_season, persistence, seasonal_naive
from gatewise.estimators.forecaster.baselines.ridge import Ridge
from gatewise.estimators.forecaster.baselines.rows import (
    column_block,
    origins_within,
    series_bounds,
    step_offsets,
)
from gatewise.estimators.forecaster.baselines.scale import NaiveErrors
from gatewise.typing import Array, Indices

ON_REQUEST = ("ets",)
"""Baselines of a forecast that are fitted only where they are named: they take a library and time."""


def applicable(horizon: int, season: int | None) -> tuple[str, ...]:
    """Return the names of the baselines that may see what the model sees.

    A virtual sensor (horizon 0) never sees its target's past, so nothing may repeat it; seasonal
    naive needs a season.
    """
    if horizon == 0:
        return ("climatology", "ridge")
    seasonal = () if season is None else ("seasonal_naive",)
    return ("persistence", *seasonal, "climatology", "ridge")


def _chosen(wanted: Sequence[str] | None, horizon: int, season: int | None) -> tuple[str, ...]:
    """Return the baselines to fit, in the order of a score table; OptionError for one that cannot be."""
    whole = applicable(horizon, season)
    names = (*whole, *ON_REQUEST) if horizon else whole
    for name in wanted or ():
        if name not in names:
            raise OptionError(
                f"baselines: {name!r} does not apply here (horizon={horizon}, season={season}): "
                f"choose of {', '.join(map(repr, names))}"
            )
    return whole if wanted is None else tuple(name for name in names if name in wanted)


@dataclass(frozen=True)
class Baselines:
    """Fitted baselines of one forecasting task."""

    targets: tuple[str, ...]
    horizon: int
    season: int | None  # in rows
    names: tuple[str, ...]  # those fitted, in the order of a score table
    mean: Array  # [K] of the training part
    climatology: Climatology | None
    ridge: Ridge | None
    bands: Bands | None = None  # where quantile levels were asked for
    notes: tuple[str, ...] = ()  # sentences on what was left out to keep the cost down
    naive: NaiveErrors | None = None  # what scaled scores are measured in; None in old models
    ets: Ets | None = None

    def predict(
        self, table: Table, origins: Indices, names: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """Return each applicable baseline's predictions, `[n, S, K]`, in the targets' own units.

        `origins [n]` are the rows of "now". The rows that are predicted must be in the table (see
        `Table.extended`); of their target nothing is read. Of `names` alone, or of all.
        """
        origins = np.asarray(origins, dtype=np.int64)
        names = self.names if names is None else names
        found = self._repeated(table, origins)
        if self.climatology is not None and "climatology" in names:
            steps = step_offsets(self.horizon)
            found["climatology"] = self.climatology.predict(table, origins, steps)
        if self.ridge is not None and "ridge" in names:
            found["ridge"] = self.ridge.predict(table, origins)
        if self.ets is not None and "ets" in names:
            steps, values = step_offsets(self.horizon), column_block(table, self.targets)
            found["ets"] = self.ets.predict(table, values, origins, steps)
        return {name: found[name] for name in self.names if name in names}

    def rows_back(self) -> int:
        """Return how many rows up to the origin the baselines read, beyond what the network does."""
        if self.ets is not None:
            return MOST_ROWS  # its states follow from all rows
        seasonal = "seasonal_naive" in self.names or "ridge" in self.names
        return (self.season or 0) if seasonal else 0

    def _repeated(self, table: Table, origins: Indices) -> dict[str, Array]:
        """Return the predictions of the baselines that repeat what was seen, `[n, S, K]`."""
        values, (first, _) = column_block(table, self.targets), series_bounds(table)
        found = {}
        if "persistence" in self.names:
            found["persistence"] = persistence(
                values, first, origins, horizon=self.horizon, mean=self.mean
            )
        if "seasonal_naive" in self.names and self.season is not None:
            found["seasonal_naive"] = seasonal_naive(
                values, first, origins, horizon=self.horizon, season=self.season, mean=self.mean
            )
        return found

    def quantiles(
        self, table: Table, origins: Indices, points: Mapping[str, Array] | None = None
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
        arrays = {"mean": self.mean, **{f"bands.{name}": array for name, array in bands.items()}}
        if self.climatology is not None:
            arrays["climatology"] = self.climatology.table
        if self.ets is not None:
            arrays |= {f"ets.{name}": getattr(self.ets, name) for name in _ETS}
        if self.naive is not None:
            arrays |= {"naive.absolute": self.naive.absolute, "naive.squared": self.naive.squared}
        if self.ridge is not None:
            arrays |= {f"ridge.{name}": getattr(self.ridge, name) for name in _RIDGE}
        return arrays

    def settings(self) -> dict[str, Any]:
        """Return what is no array as JSON values."""
        climatology, ridge, bands = self.climatology, self.ridge, self.bands
        with_series = climatology or bands or ridge or self.ets
        return {
            "targets": list(self.targets),
            "horizon": self.horizon,
            "season": self.season,
            "names": list(self.names),
            "notes": list(self.notes),
            "calendar": None if climatology is None else climatology.calendar,
            "series": [] if with_series is None else list(with_series.series),
            "layout": None if ridge is None else ridge.layout.to_json(),
            "levels": [] if bands is None else list(bands.levels),
            "ets": None if self.ets is None else self.ets.season,
            "naive": None
            if self.naive is None
            else {"season": self.naive.season, "series": list(self.naive.series)},
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], settings: dict[str, Any]) -> Baselines:
        """Return the baselines that `arrays` and `settings` came from."""
        season, series = settings["season"], tuple(settings["series"])
        layout = settings["layout"]
        whole = {**(layout or {}), **settings}  # once the layout alone held targets and horizon
        targets, horizon = tuple(whole["targets"]), int(whole["horizon"])
        names = tuple(settings.get("names", applicable(horizon, season)))
        levels = tuple(settings.get("levels", ()))
        offsets = {name: arrays[f"bands.{name}"] for name in names if levels}
        return cls(
            targets=targets,
            horizon=horizon,
            season=season,
            names=names,
            mean=arrays["mean"],
            climatology=Climatology(settings["calendar"], series, arrays["climatology"])
            if "climatology" in names
            else None,
            ridge=Ridge(
                Layout.from_json(layout),
                **{name: arrays[f"ridge.{name}"] for name in _RIDGE},
                series=series if arrays["ridge.mean"].ndim == 2 else (),
            )
            if "ridge" in names
            else None,
            bands=Bands(levels, series, offsets) if levels else None,
            notes=tuple(settings.get("notes", ())),
            ets=Ets(series, int(settings["ets"]), **{name: arrays[f"ets.{name}"] for name in _ETS})
            if "ets" in names
            else None,
            naive=_naive(arrays, settings.get("naive")),
        )


def _naive(arrays: dict[str, NDArray[Any]], saved: dict[str, Any] | None) -> NaiveErrors | None:
    """Return the naive errors that were saved; None where there were none."""
    if saved is None:
        return None
    found = (arrays["naive.absolute"], arrays["naive.squared"])
    return NaiveErrors(int(saved["season"]), tuple(saved["series"]), *found)


_ETS = ("began", "kinds", "weights", "initial")
_RIDGE = ("mean", "deviation", "coefficients", "penalties")


def fit_baselines(
    table: Table,
    split: Split,
    *,
    lookback: int,
    horizon: int,
    season: int | None = None,
    levels: Sequence[float] = (),
    names: Sequence[str] | None = None,
) -> Baselines:
    """Fit baselines on the training part alone: those of these names, or all that apply.

    `season` is in rows; None: the first that `find_seasons` finds. With quantile `levels`, ascending,
    every baseline has bands too: the quantiles of its errors on the training windows, by series, step
    and target. Climatology and ridge regression are measured on blocks of time that they were not
    fitted on (the regression's penalty alone has seen all of them). Where training is too short for
    another year to compare with, climatology's errors are those of its fit, and too small.

    Of many columns ridge regression reads fewer values each, and of too many it is left out: `notes`
    says so. Raises OptionError for a season below 1 and a name that does not apply, DataError for a
    training part with fewer than two windows whose targets are known.
    """
    if season is not None and (isinstance(season, bool) or season != int(season) or season < 1):
        raise OptionError(f"season={season!r}: give a whole number of rows from 1, or None")
    train_rows = split.part_rows(table, "train")
    season = _season(table, train_rows) if season is None else season
    chosen = _chosen(names, horizon, season)
    origins = origins_within(table, train_rows, lookback=lookback, horizon=horizon)
    values = column_block(table, table.columns.target)
    numbers = horizon > 0 or bool(table.columns.inputs + table.columns.static)
    regressed = "ridge" in chosen and numbers  # a virtual sensor may see categories alone
    layout = (
        Layout.of(table, lookback=lookback, horizon=horizon, season=season) if regressed else None
    )
    # Before anything is fitted: climatology may stand in for a ridge regression that is too dear.
    chosen, notes = _affordable(chosen, layout, table, lookback, horizon)
    if "ets" in chosen and (reason := why_not(table, train_rows)):
        chosen = tuple(name for name in chosen if name != "ets") or ("persistence",)
        notes = (*notes, reason)
    if "seasonal_naive" in chosen and table.step.kind != "months" and not table.step.microseconds:
        # No calendar tells how long a season of counted rows is.
        notes = (*notes, f"Seasonal naive repeats the value of {season} rows before.")
    climatology, ridge = None, None
    left_out: list[tuple[Indices, Ridge]] = []
    if "climatology" in chosen:
        climatology = Climatology.fit(table, values, train_rows)
    if layout is not None:
        ridge, left_out = Ridge.fit(table, layout, train_rows, origins, left_out=bool(levels))
    fitted = Baselines(
        targets=table.columns.target,
        horizon=horizon,
        season=season,
        names=chosen,
        mean=_mean(values[train_rows]) if climatology is None else climatology.table[-1, -1],
        climatology=climatology,
        ridge=ridge,
        notes=notes,
        ets=Ets.fit(table, values, train_rows, season) if "ets" in chosen else None,
        naive=NaiveErrors.fit(table, values, train_rows, season),
    )
    if not levels:
        return fitted
    errors = _training_errors(fitted, table, train_rows, origins, left_out)
    return replace(fitted, bands=Bands.fit(table, origins, errors, tuple(levels)))


def _season(table: Table, rows: NDArray[np.bool_]) -> int | None:
    """Return the season that the training rows `[N]` repeat best, or None."""
    found = find_seasons(table, rows)
    return found[0].rows if found else None


def _affordable(
    chosen: tuple[str, ...], layout: Layout | None, table: Table, lookback: int, horizon: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names without a ridge regression that is too dear, and what is to be said of it.

    A score never stands alone: where ridge regression was all that was asked for, climatology does it.
    """
    if layout is not None:
        said = layout.reduced(lookback)
        return chosen, (said,) if said else ()
    if "ridge" not in chosen:
        return chosen, ()
    if not horizon and not table.columns.inputs + table.columns.static:
        said = "Ridge regression is left out: it reads numbers, and no column holds any."
        return tuple(name for name in chosen if name != "ridge") or ("climatology",), (said,)
    said = (
        f"Ridge regression is left out: {len(table.columns.values)} columns "
        f"{f'and {horizon} steps ' if horizon > 1 else ''}are too many for it."
    )
    return tuple(name for name in chosen if name != "ridge") or ("climatology",), (said,)


def _mean(values: Array) -> Array:
    """Return the mean of the known values `[N, K]`, NaN where none is."""
    known = ~np.isnan(values)
    total, count = np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _training_errors(
    fitted: Baselines,
    table: Table,
    rows: NDArray[np.bool_],
    origins: Indices,
    left_out: list[tuple[Indices, Ridge]],
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
    if fitted.climatology is not None:
        errors = truth - fitted.climatology.predict(table, origins, steps)
        yield "climatology", _or_else(fitted.climatology.errors(table, values, rows)[ahead], errors)
    if fitted.ets is not None:
        yield "ets", truth - fitted.ets.predict(table, values, origins, steps)
    if fitted.ridge is None:
        return
    errors = np.full(truth.shape, np.nan)
    for block, ridge in left_out:
        place = np.searchsorted(origins, block)
        errors[place] = truth[place] - ridge.predict(table, block)
    yield "ridge", errors


def _or_else(errors: Array, otherwise: Array) -> Array:
    """Return the errors, and the others for every step and target of which none is known."""
    return np.where(np.isnan(errors).all(axis=0), otherwise, errors)
