"""Fitting the baselines that may see what the model sees, and what is left out of them and why.

Sizes: N rows, n origins, S predicted steps (`max(horizon, 1)`), K targets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.season import find_seasons
from gatewise.data.tables.split import Split
from gatewise.data.tables.table import Table
from gatewise.errors import OptionError
from gatewise.estimators.forecaster.baselines import boosting, ets, theta
from gatewise.estimators.forecaster.baselines.bands import Bands
from gatewise.estimators.forecaster.baselines.boosting import Boosting
from gatewise.estimators.forecaster.baselines.climatology import Climatology
from gatewise.estimators.forecaster.baselines.collection import Baselines, applicable
from gatewise.estimators.forecaster.baselines.design import Layout
from gatewise.estimators.forecaster.baselines.ets import Ets
from gatewise.estimators.forecaster.baselines.indicators import NO_INDICATORS, Indicators
from gatewise.estimators.forecaster.baselines.naive import has_season
from gatewise.estimators.forecaster.baselines.pretrained import (
    LOADERS,
    Pretrained,
    load,
    note_of,
    place_of,
)
from gatewise.estimators.forecaster.baselines.ridge import Ridge
from gatewise.estimators.forecaster.baselines.rows import (
    column_block,
    origins_within,
    series_bounds,
    step_offsets,
)
from gatewise.estimators.forecaster.baselines.scale import NaiveErrors
from gatewise.estimators.forecaster.baselines.theta import Theta
from gatewise.typing import Array, Indices
from gatewise.wording import counted

ON_REQUEST = ("ets", "theta", "boosting")
"""Baselines that are fitted only where they are named: they take a library and time."""


def _chosen(wanted: Sequence[str] | None, horizon: int, season: int | None) -> tuple[str, ...]:
    """Return the baselines to fit, in the order of a score table; OptionError for one that cannot be."""
    whole = applicable(horizon, season)
    # a virtual sensor never sees its target's past, and the first two see nothing else
    names = (*whole, *(ON_REQUEST if horizon else ON_REQUEST[2:]))
    for name in wanted or ():
        if name.partition("=")[0] in LOADERS:
            if not horizon:
                raise OptionError(f"baselines: {name!r} forecasts; a virtual sensor has horizon 0")
        elif name not in names:
            raise OptionError(
                f"baselines: {name!r} does not apply here (horizon={horizon}, season={season}): "
                f"choose of {', '.join(map(repr, names))}"
            )
    plain = [name for name in wanted or () if name in names]
    return tuple(name for name in names if name in plain) if plain else whole


def _pretrained(wanted: Sequence[str] | None, horizon: int) -> tuple[Pretrained, ...]:
    """Return the pre-trained models that are named, each read once to see that it is one."""
    named = [name.partition("=") for name in wanted or () if name.partition("=")[0] in LOADERS]
    names = [name for name, _, _ in named]
    if twice := {name for name in names if names.count(name) > 1}:
        raise OptionError(f"baselines: {min(twice)!r} is named twice; one folder for each")
    found = tuple(Pretrained(name, place_of(name, place)) for name, _, place in named)
    for one in found:
        most = load(one.name, one.place).most_steps
        if most is not None and horizon > most:
            raise OptionError(
                f"baselines: {one.name} forecasts {counted(most, 'step')} at most, and horizon={horizon}"
            )
    return found


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
    train_rows = split.part_rows(table, "training")
    season = _season(table, train_rows) if season is None else season
    chosen, pretrained = _chosen(names, horizon, season), _pretrained(names, horizon)
    origins = origins_within(table, train_rows, lookback=lookback, horizon=horizon)
    values = column_block(table, table.columns.target)
    indicators, notes = Indicators.fit(table, train_rows)
    seen = indicators.applied(table)
    regressed = {"ridge", "boosting"} & set(chosen)
    layout = (
        Layout.of(seen, lookback=lookback, horizon=horizon, season=season) if regressed else None
    )
    # Before anything is fitted: climatology may stand in for a ridge regression that is too dear.
    chosen, left_out = _affordable(chosen, layout, seen, train_rows, (lookback, horizon))
    notes = (*(notes if regressed else ()), *left_out)
    chosen = (*chosen, *(one.name for one in pretrained))
    notes = (*notes, *(note_of(one.name) for one in pretrained))
    if "seasonal_naive" in chosen and table.step.kind != "months" and not table.step.microseconds:
        # No calendar tells how long a season of counted rows is.
        notes = (*notes, f"Seasonal naive repeats the value of {season} rows before.")
    climatology, ridge, trees = None, None, None
    blocks: list[tuple[Indices, Ridge]] = []
    if "climatology" in chosen:
        climatology = Climatology.fit(table, values, train_rows)
    if layout is not None and "ridge" in chosen:
        ridge, blocks = Ridge.fit(seen, layout, train_rows, origins, left_out=bool(levels))
    if layout is not None and "boosting" in chosen:
        trees = Boosting.fit(seen, layout, train_rows, origins)
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
        theta=Theta.fit(table, values, train_rows, season) if "theta" in chosen else None,
        boosting=trees,
        indicators=indicators if ridge or trees else NO_INDICATORS,
        naive=NaiveErrors.fit(table, values, train_rows, season),
        pretrained=pretrained,
    )
    if not levels:
        return fitted
    errors = _training_errors(fitted, table, train_rows, origins, blocks)
    return replace(fitted, bands=Bands.fit(table, origins, errors, tuple(levels)))


def _season(table: Table, rows: NDArray[np.bool_]) -> int | None:
    """Return the season that the training rows `[N]` repeat best, or None."""
    found = find_seasons(table, rows)
    return found[0].rows if found else None


def _affordable(
    chosen: tuple[str, ...],
    layout: Layout | None,
    table: Table,
    rows: NDArray[np.bool_],
    sizes: tuple[int, int],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names without baselines that are too dear, and what is to be said of it.

    `sizes` are lookback and horizon. A score never stands alone: where none is left of those that were
    asked for, one that always applies does it.
    """
    (lookback, horizon), columns = sizes, len(table.columns.values)
    why = {
        "ets": ets.why_not(table, rows) if "ets" in chosen else "",
        "theta": theta.why_not(table, rows) if "theta" in chosen else "",
        "boosting": boosting.why_not(layout, columns) if "boosting" in chosen else "",
        "ridge": "",
    }
    said = []
    if "ridge" in chosen and layout is None:
        why["ridge"] = (
            f"Ridge regression is left out: {columns} columns "
            f"{f'and {horizon} steps ' if horizon > 1 else ''}are too many for it."
        )
    elif "ridge" in chosen and layout is not None and (reduced := layout.reduced(lookback)):
        said.append(reduced)
    left = tuple(name for name in chosen if not why.get(name))
    said += [why[name] for name in ("ridge", "ets", "theta", "boosting") if why[name]]
    regressed = {"ridge", "boosting"} & set(chosen)
    return left or ("climatology" if regressed else "persistence",), tuple(said)


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
    for name, repeated in fitted.repeated(table, origins).items():
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
    for name, follower in (("ets", fitted.ets), ("theta", fitted.theta)):
        if follower is not None:
            yield name, truth - follower.predict(table, values, origins, steps)
    if fitted.boosting is not None:
        errors = np.full(truth.shape, np.nan)
        for block, predicted in fitted.boosting.left_out(fitted.indicators.applied(table), origins):
            place = np.searchsorted(origins, block)
            errors[place] = truth[place] - predicted
        yield "boosting", errors
    if fitted.ridge is None:
        return
    errors = np.full(truth.shape, np.nan)
    for block, ridge in left_out:
        place = np.searchsorted(origins, block)
        errors[place] = truth[place] - ridge.predict(fitted.indicators.applied(table), block)
    yield "ridge", errors


def _or_else(errors: Array, otherwise: Array) -> Array:
    """Return the errors, and the others for every step and target of which none is known."""
    return np.where(np.isnan(errors).all(axis=0), otherwise, errors)
