"""Scores of a fitted model and of the baselines that may see what it sees, on the same windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.table import Table
from gatewise.data.tables.windows import Windows
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
