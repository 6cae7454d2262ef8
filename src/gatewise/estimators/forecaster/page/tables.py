"""Tables of a forecaster's run: scores beside baselines, and each member alone."""

from __future__ import annotations

import math

from gatewise.estimators.forecaster.by_series import SeriesScores
from gatewise.estimators.forecaster.metrics import METRICS, Metric
from gatewise.estimators.forecaster.results import Metrics
from gatewise.estimators.forecaster.score_names import (
    MODEL_NAME,
    MODEL_NOTES,
    metric_name,
    metric_text,
    model_name,
    shown_metrics,
)
from gatewise.estimators.forecaster.verdict import Evaluation, best_baseline, nominal_coverage
from gatewise.report.table import Cell, Row, RowGroup, Table
from gatewise.training.history import History
from gatewise.wording import figure, joined


def score_table(evaluation: Evaluation, title: str, model_note: str) -> Table:
    """Return the score table, one group per target, the best value of each column marked."""
    metrics = _metrics(evaluation)
    heads = tuple(_head(evaluation, metric) for metric in metrics)
    by_series = evaluation.by_series
    if by_series is not None:
        title = f"{title}: medians over {len(by_series.series)} series"
        heads = (Cell("series beaten", "by gatewise"), *heads)
    return Table(
        title,
        "Model",
        heads,
        tuple(
            _target_group(evaluation, target, metrics, model_note)
            for target in evaluation.predictions.targets
        ),
        tuple(score_notes(evaluation)),
    )


def score_notes(evaluation: Evaluation) -> list[str]:
    """Return what a reader must know to read the table."""
    shown = [METRICS[metric] for metric in _metrics(evaluation) if metric in METRICS]
    panel = []
    if evaluation.by_series is not None:
        panel = [
            f"Each value is the median over {len(evaluation.by_series.series)} series; beaten: on "
            "how many of them gatewise is better. The run folder has the scores of each in "
            "scores_by_series.csv."
        ]
    notes = [
        *panel,
        *_units(shown),
        *(metric.note for metric in shown if metric.note),
        "All models are scored on the same windows, and none sees what the model does not see.",
    ]
    wanted = nominal_coverage(evaluation.predictions)
    if wanted is not None:
        notes.append(
            f"Coverage: the fraction of the truth inside the widest band; {figure(wanted)} is promised."
        )
    # Asked of the baselines themselves: where none has a band, there is nothing to explain.
    if any(
        "pinball" in metrics
        for model, by_target in evaluation.scores.items()
        if model != MODEL_NAME
        for metrics in by_target.values()
    ):
        notes.append(
            "The band of a baseline is its prediction plus the quantiles of its own errors in "
            "training."
        )
    if len(evaluation.members) > 1:
        notes.append(
            f"gatewise is the mean of {len(evaluation.members)} members' predictions; beneath each "
            "value stand the lowest and the highest of the members alone."
        )
    if any(_within_members(evaluation, target) for target in evaluation.predictions.targets):
        notes.append(
            "Marked “seed-dependent”: the best baseline lies among the members' own scores, so "
            "another seed could turn the order around."
        )
    return [*notes, *evaluation.notes]


def members_table(evaluation: Evaluation, histories: tuple[History, ...]) -> Table | None:
    """Return one row per member and target, or None for a single member."""
    if len(evaluation.members) < 2:
        return None
    metrics = _metrics(evaluation)
    rows = []
    for place, member in enumerate(evaluation.shown_members):
        seed = f"seed {histories[place].seed}" if place < len(histories) else ""
        for target, scores in member.items():
            figures = [Cell(metric_text(metric, scores.get(metric))) for metric in metrics]
            head = Cell(f"member {place + 1}", seed)
            rows.append(Row(head, (Cell(target, left=True), *figures)))
    columns = (Cell("Target", left=True), *(Cell(metric_name(metric)) for metric in metrics))
    return Table("Each member alone", "Member", columns, (RowGroup("", tuple(rows)),), folded=True)


def _units(shown: list[Metric]) -> list[str]:
    """Return which metrics are in the target's units, and which of their values are better."""
    return [
        f"{joined(titles)} {'is' if len(titles) == 1 else 'are'} in the units of the target column"
        + (f"; {word} is better." if word else ".")
        for better, word in (("low", "lower"), ("high", "higher"), (None, ""))
        if (titles := [each.title for each in shown if each.in_units and each.better == better])
    ]


def _metrics(evaluation: Evaluation) -> list[str]:
    return shown_metrics(
        (
            metric
            for by_target in evaluation.scores.values()
            for scores in by_target.values()
            for metric in scores
        ),
        forecast=evaluation.predictions.forecast,
    )


def _head(evaluation: Evaluation, metric: str) -> Cell:
    wanted = nominal_coverage(evaluation.predictions)
    if metric == "coverage" and wanted is not None:
        return Cell("coverage", f"{figure(wanted)} promised")
    return Cell(metric_name(metric))


def _target_group(
    evaluation: Evaluation, target: str, metrics: list[str], model_note: str
) -> RowGroup:
    shown = evaluation.shown
    models = [model for model in shown if target in shown[model]]
    best = {metric: _best(metric, [shown[model][target] for model in models]) for metric in metrics}
    doubtful = _within_members(evaluation, target)
    rows = []
    for model in models:
        is_model = model == MODEL_NAME
        scores = shown[model][target]
        cells = tuple(
            _cell(
                metric, scores, best[metric], doubtful, _range(evaluation, target, metric, is_model)
            )
            for metric in metrics
        )
        if evaluation.by_series is not None:
            cells = (_beaten(evaluation.by_series, target, model), *cells)
        note = model_note if is_model else MODEL_NOTES.get(model, "")
        rows.append(Row(Cell(model_name(model), note), cells, is_model))
    return RowGroup(target, tuple(rows))


def _beaten(by_series: SeriesScores, target: str, model: str) -> Cell:
    """Return on how many series the model beats a baseline."""
    if model == MODEL_NAME:
        return Cell("")
    won, known = by_series.beaten(target, model)
    return Cell(f"{won} of {known}")


def _cell(metric: str, scores: Metrics, best: float, doubtful: bool, spread: str) -> Cell:
    value = scores.get(metric)
    text = metric_text(metric, value)
    # Equal as printed is equal to the reader, so ties are marked together.
    if value is not None and math.isfinite(best) and text == metric_text(metric, best):
        return Cell(text, spread, "seed-dependent" if doubtful else "best", doubtful)
    return Cell(text, spread)


def _best(metric: str, scores: list[Metrics]) -> float:
    values = [s[metric] for s in scores if math.isfinite(s.get(metric, math.nan))]
    better = METRICS[metric].better if metric in METRICS else "low"
    if better is None or len(values) < 2:
        return math.nan
    if better == "zero":
        return min(values, key=abs)
    return max(values) if better == "high" else min(values)


def _range(evaluation: Evaluation, target: str, metric: str, is_model: bool) -> str:
    if not is_model or len(evaluation.members) < 2:
        return ""
    members = evaluation.shown_members
    values = [member.get(target, {}).get(metric, math.nan) for member in members]
    if not all(math.isfinite(value) for value in values):
        return ""
    return f"{metric_text(metric, min(values))} to {metric_text(metric, max(values))}"


def _within_members(evaluation: Evaluation, target: str) -> bool:
    """Return whether the best baseline's score lies among the single members' own."""
    baseline = best_baseline(evaluation, target)
    name = "rmse" if evaluation.by_series is None else evaluation.by_series.measure(target)
    values = [member.get(target, {}).get(name, math.nan) for member in evaluation.shown_members]
    if baseline is None or len(values) < 2:
        return False
    return min(values) <= evaluation.shown[baseline][target][name] <= max(values)
