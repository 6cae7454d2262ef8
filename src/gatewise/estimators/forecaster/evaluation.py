"""Scores of a fitted model and of the baselines that may see what it sees, on the same windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.columns import Columns
from gatewise.data.tables.output import frame_like
from gatewise.data.tables.table import Table
from gatewise.data.tables.windows import Windows
from gatewise.errors import DataError
from gatewise.estimators.forecaster.by_series import scores_by_series
from gatewise.estimators.forecaster.exact_crps import exact_crps
from gatewise.estimators.forecaster.fitted import (
    Fitted,
    answers_of,
    calibrated,
    in_target_units,
    member_answers,
    outputs_of,
    to_predictions,
)
from gatewise.estimators.forecaster.metrics import scores
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.results import CalibratedBands, Metrics, ScoreTable
from gatewise.estimators.forecaster.score_names import MODEL_NAME
from gatewise.estimators.forecaster.settling import told
from gatewise.estimators.forecaster.verdict import Evaluation
from gatewise.estimators.scores.numbers import coverage
from gatewise.typing import Array
from gatewise.wording import joined


def evaluate_windows(fitted: Fitted, table: Table, windows: Windows, part: str) -> Evaluation:
    """Predict `windows` and score the model, its members and the baselines on them."""
    answers = member_answers(fitted, windows)
    raw = outputs_of(fitted, windows, answers)
    outputs = calibrated(fitted, raw)
    predictions = to_predictions(fitted, table, windows, outputs)
    baselines, bands = answers_of(fitted.baselines, fitted.settings, table, windows)
    points = {MODEL_NAME: predictions.point, **baselines}
    if predictions.quantiles is not None:
        bands[MODEL_NAME] = predictions.quantiles
    # The median is the point that scores, as in `predictions`; without levels there is one output.
    levels = predictions.levels
    middle = levels.index(0.5) if levels else 0
    errors = fitted.baselines.naive
    naive = None if errors is None else errors.of(table, windows.origins)
    note = "" if errors is None or not predictions.forecast else errors.note()
    alone = [in_target_units(fitted, table, windows, each) for each in outputs]
    return Evaluation(
        part=part,
        predictions=predictions,
        scores={
            model: _by_target(predictions, point, bands.get(model), naive)
            for model, point in points.items()
        },
        members=tuple(
            _by_target(predictions, member[..., middle], member if levels else None, naive)
            for member in alone
        ),
        by_horizon=_by_horizon(predictions, points, bands, naive),
        notes=(
            *told(fitted.settings, fitted.asked),
            *fitted.baselines.notes,
            *_blind_to(fitted),
            *([note] if note else []),
        ),
        calibration=_calibrated_bands(fitted, table, windows, raw),
        exact_crps=exact_crps(fitted, table, windows, answers),
        by_series=scores_by_series(
            predictions, points, bands, [member[..., middle] for member in alone], naive
        ),
    )


def _calibrated_bands(
    fitted: Fitted, table: Table, windows: Windows, raw: Array
) -> CalibratedBands | None:
    """Return what calibration did to the bands of these windows; None where nothing was calibrated."""
    made = fitted.calibration
    if made is None:
        return None
    before: dict[str, float] = {}
    if fitted.settings.likelihood != "residuals":  # whose band has no width before
        bands = in_target_units(fitted, table, windows, raw.mean(axis=0))
        truth = table.values[windows.target_rows(np.arange(len(windows)))]
        before = {
            target: coverage(truth[:, :, k], bands[:, :, k])
            for k, target in enumerate(table.columns.target)
        }
    return CalibratedBands(made.text(), made.windows, made.pooled, made.too_few, before)


def _blind_to(fitted: Fitted) -> tuple[str, ...]:
    """Say what the model sees and the baselines, if they are none that regress on columns, do not."""
    columns = fitted.columns
    seen = bool(fitted.baselines.indicators.labels)
    if seen or not columns.categories or not fitted.baselines.names:
        return ()
    named = joined([one.name for one in columns.categories])
    many = "categories" if len(columns.categories) > 1 else "category"
    return (f"The baselines do not see the {many} {named}.",)


def _by_target(
    predictions: Predictions,
    point: NDArray[np.float64],
    quantiles: NDArray[np.float64] | None,
    naive: tuple[Array, Array] | None,
) -> dict[str, Metrics]:
    """Score `point` [N, S, K] and `quantiles` [N, S, K, Q] target by target."""
    return {
        target: scores(
            predictions.truth[:, :, k],
            point[:, :, k],
            None if quantiles is None else quantiles[:, :, k],
            predictions.levels,
            None if naive is None else (naive[0][:, k], naive[1][:, k]),
        )
        for k, target in enumerate(predictions.targets)
    }


def _by_horizon(
    predictions: Predictions,
    points: dict[str, NDArray[np.float64]],
    bands: dict[str, NDArray[np.float64]],
    naive: tuple[Array, Array] | None,
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Score each predicted step alone; empty where there is only one."""
    steps = predictions.truth.shape[1]
    if steps == 1:
        return {}
    table: dict[str, dict[str, dict[str, list[float]]]] = {}
    for model, point in points.items():
        quantiles = bands.get(model)
        for k, target in enumerate(predictions.targets):
            rows = [
                scores(
                    predictions.truth[:, s, k],
                    point[:, s, k],
                    None if quantiles is None else quantiles[:, s, k],
                    predictions.levels,
                    None if naive is None else (naive[0][:, k], naive[1][:, k]),
                )
                for s in range(steps)
            ]
            # Lists, not arrays: the run's JSON takes them as they are.
            table.setdefault(model, {})[target] = {
                name: [row[name] for row in rows] for name in rows[0]
            }
    return table


def check_output_names(
    columns: Columns, *, horizon: int, members: int, levels: Sequence[float]
) -> None:
    """Raise DataError if two columns of the predictions would have one name; see prediction_columns.

    Called before training, so that no run is lost to a name.
    """
    _distinct(
        _output_names(columns, forecast=horizon > 0, spread=members > 1, levels=levels, truth=True)
    )


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


def spread_over_members(evaluation: Evaluation) -> ScoreTable:
    """Return the standard deviation of each metric over the members, under the model's name."""
    if len(evaluation.members) < 2:
        return {}
    table: dict[str, Metrics] = {}
    for target, metrics in evaluation.members[0].items():
        table[target] = {
            name: float(np.std([member[target][name] for member in evaluation.members]))
            for name in metrics
        }
    return {MODEL_NAME: table}
