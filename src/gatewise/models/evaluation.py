"""Scores of a fitted model and of the baselines that may see what it sees, on the same windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.columns import Columns
from gatewise.data.table import Table
from gatewise.data.windows import Windows
from gatewise.models.fitted import Fitted, member_outputs, to_predictions
from gatewise.models.metrics import scores
from gatewise.models.results import Evaluation, Metrics, Predictions, ScoreTable

MODEL_NAME = "gatewise"


def evaluate_windows(fitted: Fitted, table: Table, windows: Windows, part: str) -> Evaluation:
    """Predict `windows` and score the model, its members and the baselines on them."""
    outputs = member_outputs(fitted, table, windows)
    predictions = to_predictions(fitted, table, windows, outputs)
    baselines = fitted.baselines.predict(table, windows.origins)
    points = {MODEL_NAME: predictions.point, **baselines}
    middle = predictions.levels.index(0.5) if predictions.levels else 0
    return Evaluation(
        part=part,
        predictions=predictions,
        scores={model: _by_target(model, point, predictions) for model, point in points.items()},
        members=tuple(
            _by_target(MODEL_NAME, member[..., middle], predictions, member) for member in outputs
        ),
        by_horizon=_by_horizon(points, predictions),
    )


def _by_target(
    model: str,
    point: NDArray[np.float64],
    predictions: Predictions,
    quantiles: NDArray[np.float64] | None = None,
) -> dict[str, Metrics]:
    """Score `point` [N, S, K] target by target; only the model itself has quantiles."""
    if quantiles is None:
        quantiles = predictions.quantiles
    has_bands = model == MODEL_NAME and bool(predictions.levels)
    return {
        target: scores(
            predictions.truth[:, :, k],
            point[:, :, k],
            quantiles[:, :, k] if has_bands and quantiles is not None else None,
            predictions.levels,
        )
        for k, target in enumerate(predictions.targets)
    }


def _by_horizon(
    points: dict[str, NDArray[np.float64]], predictions: Predictions
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Score each predicted step alone; empty where there is only one."""
    steps = predictions.truth.shape[1]
    if steps == 1:
        return {}
    table: dict[str, dict[str, dict[str, list[float]]]] = {}
    for model, point in points.items():
        for k, target in enumerate(predictions.targets):
            rows = [
                scores(predictions.truth[:, s : s + 1, k], point[:, s : s + 1, k])
                for s in range(steps)
            ]
            table.setdefault(model, {})[target] = {
                name: [row[name] for row in rows] for name in rows[0]
            }
    return table


def prediction_columns(
    predictions: Predictions, columns: Columns, *, truth: bool
) -> dict[str, NDArray[Any]]:
    """Return predictions as flat columns, one row per window and predicted step.

    Columns: the series (for a panel), `origin` and `step` (for forecasts), the time ("row" where there
    is none), then for each target its truth (where asked), `NAME_predicted`, `NAME_spread` (several
    members) and `NAME_q0.9` and the like.
    """
    count, steps = predictions.time.shape
    flat: dict[str, NDArray[Any]] = {}
    if columns.series is not None:
        flat[columns.series] = np.repeat(predictions.series, steps)
    if not np.array_equal(predictions.origin, predictions.time[:, 0]):
        flat["origin"] = np.repeat(predictions.origin, steps)
        flat["step"] = np.tile(np.arange(1, steps + 1), count)
    flat[columns.time or "row"] = predictions.time.ravel()
    for k, target in enumerate(predictions.targets):
        if truth:
            flat[target] = predictions.truth[:, :, k].ravel()
        flat[f"{target}_predicted"] = predictions.point[:, :, k].ravel()
        if predictions.spread is not None:
            flat[f"{target}_spread"] = predictions.spread[:, :, k].ravel()
        if predictions.quantiles is not None:
            for q, level in enumerate(predictions.levels):
                flat[f"{target}_q{level:g}"] = predictions.quantiles[:, :, k, q].ravel()
    return flat


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
