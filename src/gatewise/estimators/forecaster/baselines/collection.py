"""The baselines that were fitted: asked and saved together.

Sizes: N rows, n origins, S predicted steps (`max(horizon, 1)`), K targets, Q quantile levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.table import Table
from gatewise.estimators.forecaster.baselines.bands import Bands
from gatewise.estimators.forecaster.baselines.boosting import Boosting, Trees
from gatewise.estimators.forecaster.baselines.climatology import Climatology
from gatewise.estimators.forecaster.baselines.design import Layout
from gatewise.estimators.forecaster.baselines.ets import MOST_ROWS, Ets
from gatewise.estimators.forecaster.baselines.indicators import NO_INDICATORS, Indicators
from gatewise.estimators.forecaster.baselines.naive import persistence, seasonal_naive
from gatewise.estimators.forecaster.baselines.pretrained import CONTEXT, Pretrained
from gatewise.estimators.forecaster.baselines.ridge import Ridge
from gatewise.estimators.forecaster.baselines.rows import column_block, series_bounds, step_offsets
from gatewise.estimators.forecaster.baselines.scale import NaiveErrors
from gatewise.estimators.forecaster.baselines.theta import Theta
from gatewise.typing import Array, Indices


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
    names: tuple[str, ...]  # those fitted, in the order of a score table
    mean: Array  # [K] of the training part
    climatology: Climatology | None
    ridge: Ridge | None
    bands: Bands | None = None  # where quantile levels were asked for
    notes: tuple[str, ...] = ()  # sentences on what was left out to keep the cost down
    naive: NaiveErrors | None = None  # what scaled scores are measured in; None in old models
    ets: Ets | None = None
    theta: Theta | None = None
    boosting: Boosting | None = None
    indicators: Indicators = NO_INDICATORS  # what ridge regression and boosting see of categories
    pretrained: tuple[Pretrained, ...] = ()

    def predict(
        self, table: Table, origins: Indices, names: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """Return each applicable baseline's predictions, `[n, S, K]`, in the targets' own units.

        `origins [n]` are the rows of "now". The rows that are predicted must be in the table (see
        `Table.extended`); of their target nothing is read. Of `names` alone, or of all.
        """
        origins = np.asarray(origins, dtype=np.int64)
        names = self.names if names is None else names
        found = self.repeated(table, origins)
        if self.climatology is not None and "climatology" in names:
            steps = step_offsets(self.horizon)
            found["climatology"] = self.climatology.predict(table, origins, steps)
        seen = self.indicators.applied(table)
        for name, regression in (("ridge", self.ridge), ("boosting", self.boosting)):
            if regression is not None and name in names:
                found[name] = regression.predict(seen, origins)
        for name, follower in (("ets", self.ets), ("theta", self.theta)):
            if follower is not None and name in names:
                steps, values = step_offsets(self.horizon), column_block(table, self.targets)
                found[name] = follower.predict(table, values, origins, steps)
        for given in self.pretrained:
            if given.name in names:
                values = column_block(table, self.targets)
                medians = given.predict(table, values, origins, step_offsets(self.horizon))
                found[given.name] = np.where(np.isnan(medians), self.mean, medians)
        return {name: found[name] for name in self.names if name in names}

    def rows_back(self) -> int:
        """Return how many rows up to the origin the baselines read, beyond what the network does."""
        if self.ets is not None or self.theta is not None:
            return MOST_ROWS  # their states follow from all rows
        if self.pretrained:
            return max(CONTEXT, self.season or 0)
        seasonal = {"seasonal_naive", "ridge", "boosting"} & set(self.names)
        return (self.season or 0) if seasonal else 0

    def repeated(self, table: Table, origins: Indices) -> dict[str, Array]:
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
        origins = np.asarray(origins, dtype=np.int64)
        points = self.predict(table, origins) if points is None else points
        given = {one.name: one for one in self.pretrained if one.name in points}
        others = {name: point for name, point in points.items() if name not in given}
        found = self.bands.around(others, table, origins)
        for name, one in given.items():
            values, steps = column_block(table, self.targets), step_offsets(self.horizon)
            own = one.quantiles(table, values, origins, steps, self.bands.levels)
            found[name] = np.where(np.isnan(own), points[name][..., None], own)
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what was fitted as plain arrays; `settings` holds the rest."""
        bands = {} if self.bands is None else self.bands.offsets
        arrays = {"mean": self.mean, **{f"bands.{name}": array for name, array in bands.items()}}
        if self.climatology is not None:
            arrays["climatology"] = self.climatology.table
        if self.ets is not None:
            arrays |= {f"ets.{name}": getattr(self.ets, name) for name in _ETS}
        if self.theta is not None:
            arrays |= {f"theta.{name}": getattr(self.theta, name) for name in _THETA}
        if self.boosting is not None:
            arrays |= {f"boosting.{name}": getattr(self.boosting, name) for name in _SCALING}
            arrays |= {f"boosting.{name}": getattr(self.boosting.trees, name) for name in _TREES}
        if self.naive is not None:
            arrays |= {"naive.absolute": self.naive.absolute, "naive.squared": self.naive.squared}
        if self.ridge is not None:
            arrays |= {f"ridge.{name}": getattr(self.ridge, name) for name in _RIDGE}
        return arrays

    def settings(self) -> dict[str, Any]:
        """Return what is no array as JSON values."""
        climatology, ridge, bands = self.climatology, self.ridge, self.bands
        with_series = climatology or bands or ridge or self.ets or self.theta or self.boosting
        regression = ridge or self.boosting
        return {
            "targets": list(self.targets),
            "horizon": self.horizon,
            "season": self.season,
            "names": list(self.names),
            "notes": list(self.notes),
            "calendar": None if climatology is None else climatology.calendar,
            "series": [] if with_series is None else list(with_series.series),
            "layout": None if regression is None else regression.layout.to_json(),
            "levels": [] if bands is None else list(bands.levels),
            "ets": None if self.ets is None else self.ets.season,
            "theta": None if self.theta is None else self.theta.season,
            **(
                {"pretrained": [one.to_json() for one in self.pretrained]}
                if self.pretrained
                else {}
            ),
            **({"indicators": self.indicators.to_json()} if self.indicators.labels else {}),
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
        pretrained = _pretrained(settings.get("pretrained", []))
        fitted = [name for name in names if name not in {one.name for one in pretrained}]
        offsets = {name: arrays[f"bands.{name}"] for name in fitted if levels}

        def part(baseline: str, names: tuple[str, ...]) -> dict[str, Any]:
            return {name: arrays[f"{baseline}.{name}"] for name in names}

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
                **part("ridge", _RIDGE),
                series=series if arrays["ridge.mean"].ndim == 2 else (),
            )
            if "ridge" in names
            else None,
            bands=Bands(levels, series, offsets) if levels else None,
            notes=tuple(settings.get("notes", ())),
            ets=Ets(series, int(settings["ets"]), **part("ets", _ETS)) if "ets" in names else None,
            theta=Theta(series, int(settings["theta"]), **part("theta", _THETA))
            if "theta" in names
            else None,
            boosting=Boosting(
                Layout.from_json(layout),
                **part("boosting", _SCALING),
                trees=Trees(**part("boosting", _TREES)),
                series=series,
            )
            if "boosting" in names
            else None,
            indicators=Indicators.from_json(settings.get("indicators", [])),
            naive=_naive(arrays, settings.get("naive")),
            pretrained=pretrained,
        )


def _pretrained(saved: list[Any]) -> tuple[Pretrained, ...]:
    """Return the pre-trained models that were named; once there was one at most, without a list."""
    each = [saved] if saved and isinstance(saved[0], str) else saved
    return tuple(Pretrained(*one) for one in each)


def _naive(arrays: dict[str, NDArray[Any]], saved: dict[str, Any] | None) -> NaiveErrors | None:
    """Return the naive errors that were saved; None where there were none."""
    if saved is None:
        return None
    found = (arrays["naive.absolute"], arrays["naive.squared"])
    return NaiveErrors(int(saved["season"]), tuple(saved["series"]), *found)


_ETS = ("began", "kinds", "weights", "initial")
_THETA = ("began", "kinds", "smoothing", "indices")
_SCALING = ("mean", "deviation")
_TREES = ("start", "feature", "threshold", "left", "right", "value")
_RIDGE = ("mean", "deviation", "coefficients", "penalties")
