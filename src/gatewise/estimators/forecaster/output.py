"""Predictions as a table: the columns that they come in, and their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.columns import Columns
from gatewise.data.tables.output import frame_like
from gatewise.errors import DataError
from gatewise.estimators.forecaster.predictions import Predictions


def check_output_names(
    columns: Columns, *, horizon: int, members: int, levels: Sequence[float]
) -> None:
    """Raise DataError if two columns of the predictions would have one name; see prediction_columns.

    Called before training, so that no run is lost to a name.
    """
    _distinct(
        _output_names(columns, forecast=horizon > 0, spread=members > 1, levels=levels, truth=True)
    )


def output_names(
    columns: Columns, *, horizon: int, members: int, levels: Sequence[float]
) -> tuple[str, ...]:
    """Return the names of the columns of predictions without the truth, in order."""
    found = _output_names(
        columns, forecast=horizon > 0, spread=members > 1, levels=levels, truth=False
    )
    return tuple(_distinct(found))


def _output_names(
    columns: Columns, *, forecast: bool, spread: bool, levels: Sequence[float], truth: bool
) -> list[tuple[str, str]]:
    """Return the name of each output column, in order, and what it holds."""
    names = [] if columns.series is None else [(columns.series, "the series column")]
    if forecast:
        names += [("origin", "the forecast's origin"), ("step", "the forecast's step")]
    named = columns.time is not None
    names.append((columns.time or "row", "the time column" if named else "the row's number"))
    for target in columns.target:
        if truth:
            names.append((target, f"the target {target!r}"))
        names.append((f"{target}_predicted", f"the prediction of {target!r}"))
        if spread:
            names.append((f"{target}_spread", f"the members' spread of {target!r}"))
        names += [(f"{target}_q{a:g}", f"the quantile {a!r} of {target!r}") for a in levels]
    return names


def _distinct(names: list[tuple[str, str]]) -> list[str]:
    """Return the names alone; DataError where two are alike."""
    seen: dict[str, str] = {}
    for name, meaning in names:
        if name in seen:
            both = f"the predictions would have two columns {name!r}: {seen[name]} and {meaning}"
            if "quantile" in seen[name] and "quantile" in meaning:
                raise DataError(f"{both}. Take quantile levels that differ in 6 digits")
            raise DataError(f"{both}. Rename the column {name!r} in the data")
        seen[name] = meaning
    return list(seen)


def prediction_columns(
    predictions: Predictions, columns: Columns, *, truth: bool
) -> dict[str, NDArray[Any]]:
    """Return predictions as flat columns, one row per window and predicted step.

    Columns: the series (for a panel), `origin` and `step` (for forecasts), the time ("row" where there
    is none), then for each target its truth (where asked), `NAME_predicted`, `NAME_spread` (several
    members) and `NAME_q0.9` and the like. Raises DataError where two would have one name.
    """
    count, steps = predictions.time.shape
    forecast = predictions.forecast
    names = _output_names(
        columns,
        forecast=forecast,
        spread=predictions.spread is not None,
        levels=predictions.levels,
        truth=truth,
    )
    flat: list[NDArray[Any]] = []
    if columns.series is not None:
        flat.append(np.repeat(predictions.series, steps))
    if forecast:
        flat += [np.repeat(predictions.origin, steps), np.tile(np.arange(1, steps + 1), count)]
    flat.append(predictions.time.ravel())
    for k in range(len(predictions.targets)):
        if truth:
            flat.append(predictions.truth[:, :, k].ravel())
        flat.append(predictions.point[:, :, k].ravel())
        if predictions.spread is not None:
            flat.append(predictions.spread[:, :, k].ravel())
        if predictions.quantiles is not None:
            flat += [one.ravel() for one in np.moveaxis(predictions.quantiles[:, :, k], -1, 0)]
    return dict(zip(_distinct(names), flat, strict=True))


def prediction_frame(predictions: Predictions, columns: Columns, *, truth: bool) -> Any:
    """Return predictions as a polars frame: times in their zone, series names in their type."""
    flat = prediction_columns(predictions, columns, truth=truth)
    return frame_like(
        "polars",
        flat if predictions.zone is not None else plain_dates(flat),
        series=columns.series,
        zone=predictions.zone,
        ids=predictions.ids,
    )


def plain_dates(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Turn times into dates where none of them has a clock time."""
    stamps = {name: values for name, values in columns.items() if values.dtype.kind == "M"}
    days = {name: values.astype("datetime64[D]") for name, values in stamps.items()}
    clock = any(((days[name] != stamps[name]) & ~np.isnat(stamps[name])).any() for name in stamps)
    return columns if clock else {**columns, **days}
