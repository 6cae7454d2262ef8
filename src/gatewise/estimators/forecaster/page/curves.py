"""Curves of a forecaster's run: error by step ahead, loss by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gatewise.estimators.forecaster.metrics import METRICS
from gatewise.estimators.forecaster.page.charts import axis_label
from gatewise.estimators.forecaster.score_names import metric_name, model_name, ordered_metrics
from gatewise.estimators.forecaster.verdict import Evaluation
from gatewise.report import Curve, Line
from gatewise.report.contents import AHEAD, TRAINING
from gatewise.training.history import History
from gatewise.unit import Unit
from gatewise.wording import number

MAX_MEMBERS = 10


def horizon_curves(
    evaluation: Evaluation, unit: Unit, units: Mapping[str, str] | None = None
) -> tuple[Curve, ...]:
    """Return each metric by predicted step, one chart per target and metric; none for a single step."""
    steps = evaluation.predictions.truth.shape[1]
    if steps < 2 or not evaluation.by_horizon:
        return ()
    # Of all models together: what is scored of a band is missing for a model without one.
    metrics = ordered_metrics(
        metric
        for by_target in evaluation.by_horizon.values()
        for by_metric in by_target.values()
        for metric in by_metric
    )
    targets = evaluation.predictions.targets
    each, counted = unit.axis(steps)
    return tuple(
        Curve(
            metric_name(metric) + (f" of {target}" if len(targets) > 1 else ""),
            f"{counted} ahead",
            np.arange(1.0, steps + 1) * each,
            lines,
            y_label=_in_units(metric, target, units or {}),
            group=AHEAD,
        )
        for target in targets
        for metric in metrics
        if (lines := _by_model(evaluation, target, metric))
    )


def _in_units(metric: str, target: str, units: Mapping[str, str]) -> str:
    """Return what the axis of a metric counts in."""
    if metric in METRICS and not METRICS[metric].in_units:
        return metric_name(metric)
    return axis_label(metric_name(metric), {metric_name(metric): units.get(target, "")}, target)


def training_curves(histories: tuple[History, ...]) -> tuple[Curve, ...]:
    """Return the losses of every member in one chart; the dot is where the weights were kept.

    None of a single epoch: a point is no curve, and its loss stands among the figures of the run.
    """
    epochs = max((len(history.train) for history in histories), default=0)
    if epochs < 2:
        return ()
    steps = histories[0].in_steps
    unit, scale = ("step", histories[0].round_steps) if steps else ("epoch", 1)
    lines: list[Line] = []
    for place, history in enumerate(histories):
        lines += [
            Line(
                f"seed {history.seed} {part}",
                _filled(values, epochs),
                dashed=dashed,
                dot=dot,
                colour=place,
            )
            for part, values, dashed, dot in (
                ("validation", history.validation, False, float(history.kept_epoch * scale)),
                ("training", history.train, True, None),
            )
            if values
        ]
    known = [v for history in histories for v in (*history.train, *history.validation)]
    # On a linear axis large first losses would press the others flat; 0 has no logarithm.
    low, high = min(known), max(known)
    return (
        Curve(
            f"Loss by {unit}",
            unit,
            np.arange(1.0, epochs + 1) * scale,
            tuple(lines),
            y_label="loss, of scaled targets",
            log_y=low > 0 and high / low > 20,
            note=" ".join(_training_notes(histories)),
            group=TRAINING,
        ),
    )


def _by_model(evaluation: Evaluation, target: str, metric: str) -> tuple[Line, ...]:
    return tuple(
        Line(model_name(model), np.asarray(values[target][metric], float))
        for model, values in evaluation.by_horizon.items()
        if metric in values.get(target, {})
    )


def _filled(values: tuple[float, ...], length: int) -> Any:
    return np.pad(np.asarray(values, float), (0, length - len(values)), constant_values=np.nan)


def _training_notes(histories: tuple[History, ...]) -> list[str]:
    notes = [
        "Solid: validation loss; dashed: training loss (with dropout on); the dot is where the weights "
        "were kept."
    ]
    notes += [
        f"Seed {history.seed}: {_kept(history)}{_took(history)}."
        for history in histories[:MAX_MEMBERS]
    ]
    if len(histories) > MAX_MEMBERS:
        notes.append(f"{len(histories) - MAX_MEMBERS} more members are drawn.")
    return notes


def _took(history: History) -> str:
    """Return how long training took; nothing for a saved model, which does not keep it."""
    return f", {number(history.seconds, 2)} s" if history.seconds else ""


def _kept(history: History) -> str:
    """Return in words which weights were kept, and where the validation loss was lowest if elsewhere."""
    kept = f"the weights of {history.kept()} were kept"
    if not history.validation:
        return kept
    lowest = history.validation.index(min(history.validation)) + 1
    if lowest == history.kept_epoch:
        return f"{kept}, the lowest validation loss"
    at = f"step {lowest * history.round_steps:,}" if history.in_steps else f"epoch {lowest}"
    return f"{kept}, without early stopping (lowest validation loss at {at})"
