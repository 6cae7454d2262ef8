"""The forecaster's part of a fit: checks of options against data and memory, and what is kept."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np

from gatewise.data.tables.table import Table
from gatewise.data.tables.windows import Windows
from gatewise.errors import DataError, OptionError
from gatewise.estimators.bands import Calibration, least_known, outermost_share
from gatewise.estimators.forecaster.baselines import Baselines
from gatewise.estimators.forecaster.building import build_network, engine_for
from gatewise.estimators.forecaster.fitted import Fitted, uncalibrated_outputs
from gatewise.estimators.forecaster.forecasting import table_of
from gatewise.estimators.forecaster.preparation import (
    Prepared,
    as_frame,
    prepare,
    unused_columns,
)
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.estimators.hooks import Trained
from gatewise.estimators.options import spec_named
from gatewise.estimators.widths import width_with_embeddings
from gatewise.training.randomness import seeded
from gatewise.wording import counted, figure

KEPT = (
    *("horizon", "lookback", "missing", "frequency", "scale", "normalise", "transform"),
    *(
        "cell",
        "hidden_size",
        "num_layers",
        "heads",
        "embedding",
        "quantiles",
        "likelihood",
        "members",
    ),
)
"""Options that training on with new data cannot change."""


def learnt(settings: ForecasterSettings, prepared: Prepared, trained: Trained) -> Fitted:
    """Return everything that is kept of a fit."""
    fitted = Fitted(
        settings=prepared.settings,
        asked=ForecasterSettings(**settings.get_params()),
        columns=prepared.table.columns,
        step=prepared.table.step,
        split=prepared.split,
        scaler=prepared.scaler,
        normaliser=prepared.normaliser,
        vocabulary=prepared.vocabulary,
        features=prepared.train.names,
        networks=trained.networks,
        histories=trained.histories,
        baselines=prepared.baselines,
        context=_context(prepared.table, prepared.settings, prepared.baselines),
        data=_about(prepared),
        engine=trained.engine,
        ahead=prepared.ahead,
    )
    return replace(fitted, calibration=_calibration(fitted, prepared))


def _calibration(fitted: Fitted, prepared: Prepared) -> Calibration | None:
    """Return the calibration of the bands by the validation part; None where there is nothing to do."""
    settings = fitted.settings
    if not settings.levels() or not settings.calibrate or prepared.validation is None:
        return None
    windows = prepared.validation
    outputs = uncalibrated_outputs(fitted, windows).mean(axis=0)
    truth = windows.answers(np.arange(len(windows))).astype(np.float64)
    if windows.rates is not None:  # of counts, only multiples of the rate are alike in all windows
        truth = windows.rates.over_rate(truth, windows.origins)
    apart = windows.apart if settings.horizon > 1 else None
    return Calibration.fit(truth, outputs, settings.levels(), apart=apart)


def _about(prepared: Prepared) -> dict[str, Any]:
    """Return what a model file says of its data, without a path: equal data, equal words."""
    table = prepared.table
    parts = {name: prepared.windows(name) for name in prepared.parts}
    return {
        **prepared.identity,
        "first": table.stamp(table.time.min()),
        "last": table.stamp(table.time.max()),
        "step": table.step.text,
        **({} if table.zone is None else {"time_zone": table.zone}),
        **({"not_used": list(prepared.unused)} if prepared.unused else {}),
        **({"categories": _about_categories(prepared)} if prepared.vocabulary.categories else {}),
        **({"repairs": list(prepared.given.notes)} if prepared.given.notes else {}),
        "parts": {name: _about_part(table, windows) for name, windows in parts.items()},
    }


def _about_categories(prepared: Prepared) -> dict[str, str]:
    """Return how many labels each column of categories has in training."""
    found = prepared.vocabulary
    return {
        one.name: counted(size, "label")
        for one, size in zip(found.categories, found.sizes, strict=True)
    }


def _about_part(table: Table, windows: Windows) -> dict[str, Any]:
    times = table.time[windows.target_rows(np.arange(len(windows)))]
    return {
        "windows": len(windows),
        "first": table.stamp(times.min()),
        "last": table.stamp(times.max()),
    }


def _context(table: Table, settings: ForecasterSettings, baselines: Baselines) -> Table:
    """Return the last rows of each series that predictions right after them need, baselines' too.

    A forecast starts from the last known target, which may lie before the end.
    """
    rows = np.full(len(table.series), max(settings.steps_back, baselines.rows_back()))
    if settings.horizon:
        last = table.last_known()
        rows += np.where(last < 0, 0, table.starts[1:] - 1 - last)
    return table.tail(rows)


def kept_of(settings: ForecasterSettings, start: Fitted) -> ForecasterSettings:
    """Return the settings of a training that goes on, with what the first fit settled on.

    Raises OptionError where training on would need another network or another scaling.
    """
    settled, asked, given = start.settings.to_json(), start.asked.to_json(), settings.to_json()
    for name in KEPT:
        was, now = settled[name], given[name]
        if now not in (was, asked[name]):
            raise OptionError(
                f"training on keeps {name}={was!r} of the first fit, not {now!r}: "
                "retrain takes other settings"
            )
    made = ForecasterSettings(**settings.get_params())
    return made.set_params(**{name: getattr(start.settings, name) for name in KEPT})


def prepared_to_fit(
    settings: ForecasterSettings, data: Any, start: Fitted | None = None
) -> Prepared:
    """Return the data of a fit; where training goes on from `start`, read as that of its fit was."""
    if start is None:
        return prepare(settings, data)
    settings = kept_of(settings, start)
    frame = as_frame(settings, data)
    repairs = settings.repairs(settings.season)
    table = table_of(start, frame, need_target=True, repairs=repairs)
    return replace(
        prepare(settings, table),
        fitted_scaler=start.scaler,
        fitted_normaliser=start.normaliser,
        fitted_vocabulary=start.vocabulary,
        unused=unused_columns(frame, table),
    )


def check_size(prepared: Prepared) -> None:
    """Raise OptionError where the network does not fit into memory, before anything is written."""
    settings = prepared.settings
    features, targets = len(prepared.train.names), len(prepared.table.columns.target)
    network = (
        f"a network of hidden_size={settings.hidden_size} and num_layers={settings.num_layers}"
    )
    sizes = prepared.train.sizes
    read = width_with_embeddings(features, sizes, settings.embedding)
    needed = _bytes_of_training(settings, read)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        raise OptionError(
            f"{network} does not fit into memory (training takes {needed / 1e9:,.0f} GB, the machine "
            f"has {memory / 1e9:,.0f}): take a smaller one"
        )
    try:
        with seeded(settings.seed):
            engine = engine_for(settings, features, sizes)
            build_network(settings, features, targets, engine, sizes)
    except (RuntimeError, MemoryError, OverflowError, TypeError) as error:
        reason = str(error).splitlines()[0][:120]
        raise OptionError(
            f"{network} does not fit into memory ({reason}): take a smaller one"
        ) from error


def check_bands(prepared: Prepared) -> None:
    """Raise DataError where a band is that of errors on a validation part of too few windows."""
    settings = prepared.settings
    if settings.likelihood != "residuals":
        return
    there = 0 if prepared.validation is None else len(prepared.validation)
    errors, needed = there * max(settings.horizon, 1), least_known(settings.levels())
    if errors < needed:
        raise DataError(
            "likelihood='residuals' reads its band off the errors on the validation part: there are "
            f"{errors}, and a level of {figure(outermost_share(settings.levels()))} needs {needed}; "
            "give a longer validation part, or levels nearer to the median"
        )


def _bytes_of_training(settings: ForecasterSettings, features: int) -> int:
    """Return what weights, gradients and the optimizer's two moments take, biases left out."""
    blocks, hidden = len(spec_named(settings.cell).packing), settings.hidden_size
    weights = blocks * hidden * (features + hidden + (settings.num_layers - 1) * 2 * hidden)
    return 4 * 4 * weights
