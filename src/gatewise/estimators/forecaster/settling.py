"""What a fit leaves to the data is settled here, once and before any work: the same for all members."""

from __future__ import annotations

import math

import numpy as np

from gatewise.choices import Normalise, TransformName
from gatewise.data.tables.levels import least_lookback
from gatewise.data.tables.season import find_seasons
from gatewise.data.tables.split import Split, split_times
from gatewise.data.tables.table import Table
from gatewise.errors import OptionError
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.options import part_of, values_of
from gatewise.training.options import TrainingOptions

LOOKBACK = 96
"""Steps that a virtual sensor looks back."""

WINDOWS = 32
"""Windows that a lookback should leave to train on."""

RATE = 0.01
"""Learning rate of a forecast, at which windows with a level of their own learn best."""

STEPS, MOST_STEPS, GROWTH = 300, 3000, 0.35
"""Gradient steps for a thousand windows or fewer, the most, and the power by which they grow."""

REAL_VALIDATION = 1000
"""Windows of a validation part from which on stopping early by them is no game of chance."""


def settled(settings: ForecasterSettings, table: Table) -> ForecasterSettings:
    """Return a copy of the settings in which nothing is left to the data.

    Raises OptionError for a season that is longer than every series.
    """
    made = ForecasterSettings(**settings.get_params())
    if made.horizon == 0:  # a virtual sensor never sees its target: there is no level to take of it
        made.normalise, made.transform = "none", "none"
        made.lookback = made.lookback or LOOKBACK
        return _closed(made)
    _check_season(made, table)
    if made.counts:
        made.normalise, made.transform = "none", "none"
    season = season_of(made, table)
    rows = _training_rows(made, table)
    made.normalise = _normalise(made, season, int(rows.max(initial=0)))
    made.transform = _transform(made, table)
    made.lookback = made.lookback or _lookback(made, season, rows)
    return _trained_by(
        made, table, int(np.maximum(rows - made.lookback - made.horizon + 1, 0).sum())
    )


def split_of(settings: ForecasterSettings, table: Table) -> Split:
    """Return where the parts of a table begin."""
    # A lookback that is named asks for no season.
    return _split(
        settings, table, (season_of(settings, table) or 1) if settings.lookback is None else 1
    )


def season_of(settings: ForecasterSettings, table: Table) -> int | None:
    """Return the season in rows: the one that is named, else what the training part repeats best."""
    if settings.season is not None:
        return settings.season
    # The parts give way to two seasons of training: without knowing the season, training is shorter.
    rows = _split(settings, table, 1).part_rows(table, "train")
    found = find_seasons(table, rows)
    return found[0].rows if found else None


def _split(settings: ForecasterSettings, table: Table, season: int) -> Split:
    horizon = settings.horizon
    if horizon == 0:
        return split_times(table, settings.validation, settings.test)
    lookback = 2 * season if settings.lookback is None else settings.lookback
    kept = lookback + 2 * horizon
    return split_times(table, settings.validation, settings.test, shortest=horizon, kept=kept)


def _check_season(settings: ForecasterSettings, table: Table) -> None:
    longest = int(np.diff(table.starts).max(initial=0))
    if settings.season is not None and settings.season >= longest:
        raise OptionError(
            f"season={settings.season} is longer than the data: the longest series has {longest} rows"
        )


def _training_rows(settings: ForecasterSettings, table: Table) -> np.ndarray:
    """Return how many rows of each series are in the training part."""
    rows = split_of(settings, table).part_rows(table, "train")
    return np.add.reduceat(rows.astype(np.int64), table.starts[:-1])


def _normalise(settings: ForecasterSettings, season: int | None, longest: int) -> Normalise:
    if settings.normalise != "auto":
        return settings.normalise
    if season is None or season == 1:
        return "last"
    least = least_lookback("season", season)
    if settings.lookback is None:
        return "season" if longest - settings.horizon > least else "last"
    return "season" if settings.lookback >= least else "last"


def _transform(settings: ForecasterSettings, table: Table) -> TransformName:
    if settings.transform != "auto":
        return settings.transform
    targets = table.values[:, : len(table.columns.target)]
    return "log" if bool(np.nanmin(targets) > 0) else "none"


def _lookback(settings: ForecasterSettings, season: int | None, rows: np.ndarray) -> int:
    """Return a lookback of two seasons and the horizon, or what leaves windows to train on."""
    horizon = settings.horizon
    seasonal = settings.normalise == "season"
    wanted = 2 * (season or 1) + horizon if season else max(3 * horizon, 24)
    least = least_lookback(settings.normalise, season) + (1 if seasonal else 0)
    # most series of a panel should be long enough, and at least one has to be; those that begin after
    # the training part have no say
    usual = int(np.quantile(rows[rows > 0], 0.1, method="lower")) if rows.any() else 0
    length = max(usual, min(int(rows.max()), least + horizon))
    windows = min(math.ceil(WINDOWS / len(rows)), max(length // 3, 1))
    return max(min(wanted, length - horizon - windows + 1), least, 1)


def _trained_by(settings: ForecasterSettings, table: Table, windows: int) -> ForecasterSettings:
    """Return the settings of a forecast with how long, in which batches and how fast it is trained."""
    if settings.batch_size is None:
        most = 64 if windows < 2000 else 128 if windows < 8000 else 256
        batches = max(math.ceil(windows / most), 1)
        settings.batch_size = max(math.ceil(windows / batches), 1)  # no small rest
    if settings.steps is None and settings.epochs is None:
        grown = STEPS * max(windows / 1000, 1.0) ** GROWTH
        settings.steps = min(round(grown), MOST_STEPS)
    if settings.patience == "auto" and settings.epochs is None:
        split = split_of(settings, table)
        held = 0
        if "validation" in split.parts:
            inside = split.part_rows(table, "validation").astype(np.int64)
            rows = np.add.reduceat(inside, table.starts[:-1])
            held = int(np.maximum(rows - settings.horizon + 1, 0).sum())
        settings.patience = "auto" if held >= REAL_VALIDATION else None
    if settings.learning_rate is None:
        settings.learning_rate = RATE
    return _closed(settings)


def _closed(settings: ForecasterSettings) -> ForecasterSettings:
    """Return the settings with what is open of the training as the loop takes it."""
    closed = part_of(TrainingOptions, settings).closed()
    return settings.set_params(**values_of(TrainingOptions, closed))
