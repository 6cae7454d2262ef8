"""A forecaster, its scores and its backtests as a notebook shows them."""

from __future__ import annotations

from typing import Any

from gatewise import notebook
from gatewise.estimators.forecaster.results import Metrics, ScoreTable
from gatewise.estimators.forecaster.score_names import (
    MODEL_NAME,
    PART_NAMES,
    metric_name,
    metric_text,
    model_name,
    ordered_metrics,
)
from gatewise.estimators.shown import estimator_html, text_of
from gatewise.wording import counted


def score_tables(scores: ScoreTable, spread: ScoreTable | None = None) -> str:
    """Return a table of scores for each target: a row for each model, with its spread where given."""
    targets = list(dict.fromkeys(name for table in scores.values() for name in table))
    return "".join(_of_target(scores, spread or {}, target, len(targets) > 1) for target in targets)


def _of_target(scores: ScoreTable, spread: ScoreTable, target: str, named: bool) -> str:
    tables = {model: table[target] for model, table in scores.items() if target in table}
    metrics = ordered_metrics(name for table in tables.values() for name in table)
    rows = [
        (
            model_name(model),
            *(_score(name, table, spread.get(model, {}).get(target, {})) for name in metrics),
        )
        for model, table in tables.items()
    ]
    head = (target if named else "model", *(metric_name(name) for name in metrics))
    return notebook.table(head, rows)


def _score(metric: str, scores: Metrics, spread: Metrics) -> str:
    text = metric_text(metric, scores.get(metric))
    return f"{text} ± {metric_text(metric, spread[metric])}" if metric in spread else text


def evaluation_html(evaluation: Any) -> str:
    """Return an evaluation: its verdict, the scores beside the baselines', and the sentences."""
    said = evaluation.verdict()
    part = PART_NAMES.get(evaluation.part, evaluation.part)
    panel = evaluation.by_series
    of = "" if panel is None else f", medians over {counted(len(panel.series), 'series', 'series')}"
    return notebook.shown(
        f"{said.headline}.",
        notebook.small(f"Scores on {part}{of}"),
        score_tables(evaluation.shown),
        notebook.sentences(said.sentences),
    )


def backtest_html(result: Any) -> str:
    """Return a backtest: the scores over all folds, and what they say."""
    return notebook.shown(
        f"Backtest over {counted(len(result.folds), 'fold')}",
        notebook.small("Mean over the folds ± standard deviation"),
        score_tables(result.scores, result.spread),
        notebook.sentences(result.sentences),
    )


def forecaster_html(model: Any) -> str:
    """Return a forecaster: what is set to other than its default, and how it is scored, if it is."""
    fitted = getattr(model, "fitted_", None)
    evaluation = getattr(model, "evaluation_", None)
    return estimator_html(
        model,
        _title(model),
        "" if fitted is None else f"{fitted.data['rows']:,} rows",
        "" if evaluation is None else evaluation_html(evaluation),
    )


def tuning_html(found: Any) -> str:
    """Return a search: the best settings and what they are worth."""
    settings = [(name.replace("_", " "), text_of(value)) for name, value in found.settings.items()]
    scores = {
        "tuned": found.model.evaluation_.shown[MODEL_NAME],
        "before tuning": found.start.evaluation_.shown[MODEL_NAME],
    }
    return notebook.shown(
        f"Tuning, {counted(len(found.trials), 'trial')}",
        notebook.sentences(found.sentences),
        score_tables(scores),
        notebook.table(("setting", "best"), settings),
    )


def _title(model: Any) -> str:
    target = model.target if isinstance(model.target, str) else ", ".join(model.target or ("y",))
    ahead = f"{counted(model.horizon, 'step')} ahead" if model.horizon else "now"
    return f"{target}, {ahead}"
