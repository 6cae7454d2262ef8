"""What a fit leaves to the data is settled here, once and before any work: the same for all members."""

from __future__ import annotations

import numpy as np

from gatewise.choices import Normalise, TransformName
from gatewise.data.tables.levels import least_lookback
from gatewise.data.tables.table import Table
from gatewise.estimators.forecaster.baselines import default_season
from gatewise.estimators.forecaster.settings import ForecasterSettings


def settled(settings: ForecasterSettings, table: Table) -> ForecasterSettings:
    """Return a copy of the settings in which nothing is left to the data."""
    made = ForecasterSettings(**settings.get_params())
    if made.horizon == 0:  # a virtual sensor never sees its target: there is no level to take of it
        made.normalise, made.transform = "none", "none"
        return made
    made.normalise = _normalise(made, table)
    made.transform = _transform(made, table)
    return made


def _normalise(settings: ForecasterSettings, table: Table) -> Normalise:
    if settings.normalise != "auto":
        return settings.normalise
    season = settings.season or default_season(table)
    seasonal = season is not None and settings.lookback >= least_lookback("season", season)
    return "season" if seasonal else "last"


def _transform(settings: ForecasterSettings, table: Table) -> TransformName:
    if settings.transform != "auto":
        return settings.transform
    targets = table.values[:, : len(table.columns.target)]
    return "log" if bool(np.nanmin(targets) > 0) else "none"
