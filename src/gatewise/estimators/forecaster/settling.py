"""What a fit leaves to the data is settled here, once and before any work: the same for all members."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.choices import Normalise, TransformName
from gatewise.data.tables.levels import least_lookback
from gatewise.data.tables.season import find_seasons
from gatewise.data.tables.split import Split, split_times
from gatewise.data.tables.table import Table
from gatewise.data.tables.transforms import Transform
from gatewise.errors import OptionError
from gatewise.estimators.forecaster.choosing import best_level
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.options import part_of, values_of
from gatewise.training.options import TrainingOptions
from gatewise.typing import Mask

LOOKBACK = 96
"""Steps that a virtual sensor looks back."""

WINDOWS = 32
"""Windows that a lookback should leave to train on."""

RATE = 0.01
"""Learning rate of a forecast, at which windows with a level of their own learn best."""

STEPS, MOST_STEPS, GROWTH = 300, 3000, 0.2
"""Gradient steps for a thousand windows or fewer, the most, and the power by which they grow."""

DROPOUT, FEW, MANY = 0.6, 500, 2000
"""Share that is dropped before the read-out with few windows or fewer; with many, nothing is."""

MEMBERS = 3
"""Members of a forecast from few windows, which takes seconds: what one learns is much by chance."""


@dataclass(frozen=True)
class Settled:
    """What a fit goes by: settings in which nothing is left to the data, and what they came from."""

    settings: ForecasterSettings
    split: Split
    season: int | None  # in rows


def settled(settings: ForecasterSettings, table: Table) -> Settled:
    """Settle what is left to the data.

    Raises OptionError for a season that is longer than every series and for parts that cannot be.
    """
    made = ForecasterSettings(**settings.get_params())
    if made.horizon == 0:
        return Settled(_of_sensor(made), split_of(made, table), season_of(made, table))
    _check_season(made, table)
    if made.counts:
        made.normalise, made.transform = "none", "none"
    season = season_of(made, table)
    split = _split(made, table, season or 1)
    rows = _rows_of(table, split.part_rows(table, "training"))
    # without a part that was held back, what is scored has seen all data already
    made.refit = made.refit is not False and split.parts != ("training",)
    made.transform = _transform(made, table)
    made.normalise = _normalise(made, table, split, season, rows)
    made.lookback = made.lookback or _lookback(made, season, rows)
    windows = int(np.maximum(rows - made.lookback - made.horizon + 1, 0).sum())
    return Settled(_trained_by(made, windows), split, season)


def _of_sensor(settings: ForecasterSettings) -> ForecasterSettings:
    """Return the settings of a virtual sensor, which never sees a past of its target."""
    settings.normalise, settings.transform = "none", "none"
    settings.lookback = settings.lookback or LOOKBACK
    # its relation of target to inputs does not age as a level does, and its scores are then those of
    # the very networks that predict
    settings.refit = bool(settings.refit)
    settings.loss = "squared" if settings.loss == "auto" else settings.loss
    settings.dropout = settings.dropout or 0.0
    settings.members = settings.members or 1
    return _closed(settings)


def split_of(settings: ForecasterSettings, table: Table) -> Split:
    """Return where the parts of a table begin."""
    # A lookback that is named asks for no season.
    open_ended = settings.horizon > 0 and settings.lookback is None
    return _split(settings, table, (season_of(settings, table) or 1) if open_ended else 1)


def season_of(settings: ForecasterSettings, table: Table) -> int | None:
    """Return the season in rows: the one that is named, else what the training part repeats best."""
    if settings.season is not None:
        return settings.season
    # The parts give way to two seasons of training: without knowing the season, training is shorter.
    rows = _split(settings, table, 1).part_rows(table, "training")
    found = find_seasons(table, rows)
    return found[0].rows if found else None


def _split(settings: ForecasterSettings, table: Table, season: int) -> Split:
    horizon = settings.horizon
    if horizon == 0:
        return split_times(table, settings.validation, settings.test)
    if settings.lookback is not None:
        kept = settings.lookback + 2 * horizon
    else:  # two seasons and horizons; of a panel less, where that makes enough windows
        enough = least_lookback("season", season) + horizon + math.ceil(WINDOWS / len(table.series))
        kept = min(2 * season + 2 * horizon, enough)
    return split_times(table, settings.validation, settings.test, shortest=horizon, kept=kept)


def told(settled: ForecasterSettings, asked: ForecasterSettings) -> tuple[str, ...]:
    """Return sentences on what the data settled and on what predicts, for whoever reads scores."""
    if settled.horizon == 0:
        return ()
    names = ("normalise", "transform", "lookback", "steps", "batch_size", "members")
    found = [
        f"{name}={getattr(settled, name)!r}"
        for name in names
        if getattr(asked, name) != getattr(settled, name)
    ]
    notes = [f"Chosen by the data: {', '.join(found)}."] if found else []
    if settled.refit:
        notes.append(
            "What predicts is trained anew on all data, with as many steps; what is scored never saw "
            "the scored part."
        )
    return tuple(notes)


def _check_season(settings: ForecasterSettings, table: Table) -> None:
    longest = int(np.diff(table.starts).max(initial=0))
    if settings.season is not None and settings.season >= longest:
        raise OptionError(
            f"season={settings.season} is longer than the data: the longest series has {longest} rows"
        )


def _rows_of(table: Table, rows: Mask) -> NDArray[np.int64]:
    """Return how many of `rows` [N] each series has."""
    return np.add.reduceat(rows.astype(np.int64), table.starts[:-1])


def _normalise(
    settings: ForecasterSettings,
    table: Table,
    split: Split,
    season: int | None,
    rows: NDArray[np.int64],
) -> Normalise:
    """Return the level whose naive forecast is best before the test part."""
    if settings.normalise != "auto":
        return settings.normalise
    before = split.part_rows(table, "training")
    if "validation" in split.parts:
        before |= split.part_rows(table, "validation")
    longest = int(rows.max(initial=0)) - settings.horizon
    if season is None or season == 1 or longest < least_lookback("season", season):
        season = None
    trial = ForecasterSettings(**settings.get_params())
    trial.normalise = "last" if season is None else "season"
    lookback = settings.lookback or _lookback(trial, season, rows)
    kind: Any = settings.transform
    transform = Transform.fit(table, before, kind, season or 1)
    sizes = (lookback, settings.horizon)
    return best_level(table, before, transform=transform, season=season, sizes=sizes)


def _transform(settings: ForecasterSettings, table: Table) -> TransformName:
    if settings.transform != "auto":
        return settings.transform
    targets = table.values[:, : len(table.columns.target)]
    return "log" if bool(np.nanmin(targets) > 0) else "none"


def _lookback(settings: ForecasterSettings, season: int | None, rows: NDArray[np.int64]) -> int:
    """Return a lookback of two seasons and the horizon, or what leaves windows to train on."""
    horizon = settings.horizon
    seasonal = settings.normalise == "season" and season is not None
    wanted = 2 * (season or 1) + horizon if seasonal else max(3 * horizon, LOOKBACK)
    least = least_lookback(settings.normalise, season)
    # most series of a panel should be long enough, and at least one has to be; those that begin after
    # the training part have no say
    usual = int(np.quantile(rows[rows > 0], 0.1, method="lower")) if rows.any() else 0
    length = max(usual, min(int(rows.max()), least + horizon))
    windows = min(math.ceil(WINDOWS / len(rows)), max(length // 3, 1))
    return max(min(wanted, length - horizon - windows + 1), least, 1)


def _trained_by(settings: ForecasterSettings, windows: int) -> ForecasterSettings:
    """Return the settings with how a forecast is trained on so many windows."""
    if settings.batch_size is None:
        most = 64 if windows < 2000 else 128
        batches = max(math.ceil(windows / most), 1)
        settings.batch_size = max(math.ceil(windows / batches), 1)  # no small rest
    if settings.steps is None and settings.epochs is None:
        grown = STEPS * max(windows / 1000, 1.0) ** GROWTH
        settings.steps = min(round(grown), MOST_STEPS)
    if settings.patience == "auto" and settings.epochs is None:
        # the rate of one cycle is high until its end: what is best before is so by chance
        settings.patience = None
    if settings.learning_rate is None:
        settings.learning_rate = RATE
    if settings.schedule == "auto":
        settings.schedule = "one-cycle"
    if settings.loss == "auto":
        settings.loss = "absolute"
    if settings.dropout is None:
        crowd = math.log(max(windows, 1) / FEW) / math.log(MANY / FEW)
        settings.dropout = round(DROPOUT * min(max(1 - crowd, 0.0), 1.0), 2)
    if settings.members is None:
        # the mean of whole numbers is none
        settings.members = MEMBERS if windows <= FEW and not settings.counts else 1
    return _closed(settings)


def _closed(settings: ForecasterSettings) -> ForecasterSettings:
    """Return the settings with what is open of the training as the loop takes it."""
    closed = part_of(TrainingOptions, settings).closed()
    return settings.set_params(**values_of(TrainingOptions, closed))
