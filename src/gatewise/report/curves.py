"""The data of two line charts: error by horizon, and loss by epoch."""

from __future__ import annotations

from typing import Any

from gatewise.report.wording import metric_name, model_name, number, ordered_metrics
from gatewise.results import Evaluation, History


def horizon_data(evaluation: Evaluation) -> dict[str, Any] | None:
    """Return the metrics by predicted step as JSON values, or None for a single step."""
    steps = evaluation.predictions.truth.shape[1]
    if steps < 2 or not evaluation.by_horizon:
        return None
    metrics = ordered_metrics(
        metric
        for by_target in evaluation.by_horizon.values()
        for by_metric in by_target.values()
        for metric in by_metric
    )
    return {
        "steps": steps,
        "targets": list(evaluation.predictions.targets),
        "metrics": [{"key": metric, "name": metric_name(metric)} for metric in metrics],
        "models": [
            {"key": model, "name": model_name(model), "values": values}
            for model, values in evaluation.by_horizon.items()
        ],
    }


def training_data(histories: tuple[History, ...]) -> list[dict[str, Any]]:
    """Return each member's losses as JSON values."""
    return [
        {
            "seed": history.seed,
            "train": list(history.train),
            "validation": list(history.validation),
            "kept": history.kept_epoch,
        }
        for history in histories
    ]


def training_note(histories: tuple[History, ...]) -> list[str]:
    """Return what the curves show and what the training took."""
    members = [
        f"Seed {history.seed}: {_kept(history)}, {number(history.seconds, 2)} s."
        for history in histories[:10]
    ]
    if len(histories) > len(members):
        members.append(f"{len(histories) - len(members)} more members are drawn.")
    return [
        "Solid: validation loss; dashed: training loss (with dropout on); the dot is the epoch "
        "whose weights were kept.",
        *members,
    ]


def _kept(history: History) -> str:
    """Return in words which weights were kept, and where the validation loss was lowest if elsewhere."""
    kept = f"the weights of epoch {history.kept_epoch} of {len(history.train)} were kept"
    if not history.validation:
        return kept
    lowest = history.validation.index(min(history.validation)) + 1
    if lowest == history.kept_epoch:
        return f"{kept}, the lowest validation loss"
    return f"{kept}, without early stopping (lowest validation loss at epoch {lowest})"
