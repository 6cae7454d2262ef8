"""The result of a backtest: the scores of its folds, over all of them, and of each series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.data.tables.columns import Columns
from gatewise.data.tables.output import frame_like
from gatewise.estimators.forecaster.metrics import METRICS
from gatewise.estimators.forecaster.output import prediction_columns
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.results import Metrics, ScoreTable
from gatewise.estimators.forecaster.score_names import (
    MODEL_NAME,
    metric_name,
    metric_text,
    model_name,
)
from gatewise.estimators.forecaster.showing import backtest_html
from gatewise.estimators.forecaster.verdict import Evaluation
from gatewise.wording import counted, joined

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Fold:
    """One origin: the model was fitted on everything before `test_from`."""

    test_from: str
    test_until: Any  # the last time tested
    evaluation: Evaluation


@dataclass(frozen=True, eq=False, repr=False)
class Backtest:
    """The folds in order of time, with the mean and standard deviation of every score over them.

    Attributes:
        folds: Each with its evaluation.
        columns: What the columns of the table are, for `to_frame`.
        scores: Mean over the folds of each score, by model, target and metric; of a panel that of the
            medians over its series.
        spread: Standard deviation over the folds.
        notes: What the means leave out.
    """

    folds: tuple[Fold, ...]
    columns: Columns
    scores: ScoreTable
    spread: ScoreTable
    notes: tuple[str, ...] = ()

    @classmethod
    def from_folds(cls, folds: tuple[Fold, ...], columns: Columns) -> Backtest:
        """Summarise folds whose evaluations have the same targets."""
        everywhere = set.intersection(*(set(fold.evaluation.scores) for fold in folds))
        models = [name for name in folds[0].evaluation.scores if name in everywhere]
        partly = {name for fold in folds for name in fold.evaluation.scores} - everywhere
        notes = [
            f"{joined([model_name(name) for name in sorted(partly)])} could not be fitted in every "
            "fold, and has no mean."
        ] * bool(partly)
        return cls(
            folds=folds,
            columns=columns,
            scores=_over_folds(folds, models, np.mean),
            spread=_over_folds(folds, models, np.std),
            notes=tuple(notes),
        )

    @property
    def predictions(self) -> Predictions:
        """The predictions of all folds together, fold after fold."""
        return _together(self.folds)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the folds say: in how many of them the model beats the best baseline."""
        told = []
        for target in self.predictions.targets:
            by_series = self.folds[0].evaluation.by_series
            metric = "rmse" if by_series is None else by_series.measure(target)
            rivals = {
                name: table[target][metric]
                for name, table in self.scores.items()
                if name != MODEL_NAME and np.isfinite(table[target].get(metric, np.nan))
            }
            mean, spread = self.scores[MODEL_NAME][target], self.spread[MODEL_NAME][target]
            said = (
                f"Over {counted(len(self.folds), 'fold')} gatewise has a mean "
                f"{'' if by_series is None else 'median '}{metric_name(metric)} of "
                f"{metric_text(metric, mean[metric])} for {target} (standard deviation "
                f"{metric_text(metric, spread[metric])})"
            )
            if rivals:
                worst_last = METRICS[metric].better == "high"
                best = sorted(rivals, key=rivals.__getitem__, reverse=worst_last)[0]
                won = sum(_beats(fold, target, best, metric) for fold in self.folds)
                said += (
                    f"; {model_name(best)}, the best baseline, {metric_text(metric, rivals[best])}, and "
                    f"gatewise is better in {won} of {len(self.folds)}"
                )
            told.append(f"{said}.")
        return (*told, *self.notes)

    def to_frame(self) -> Any:
        """Return every prediction as a polars frame: fold, series, origin, step, time, truth, ..."""
        parts = [
            prediction_columns(fold.evaluation.predictions, self.columns, truth=True)
            for fold in self.folds
        ]
        lengths = [len(next(iter(part.values()))) for part in parts]
        flat = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        number = np.repeat(np.arange(1, len(parts) + 1), lengths)
        first = self.folds[0].evaluation.predictions
        name = "fold" if "fold" not in flat else "backtest_fold"
        return frame_like(
            "polars",
            {name: number, **flat},
            series=self.columns.series,
            zone=first.zone,
            ids=first.ids,
        )

    def score_rows(self) -> list[dict[str, Any]]:
        """Return every score of every fold, model and target as a row: what `scores.csv` holds."""
        return [
            {
                "fold": place,
                "test_from": str(fold.test_from),
                "test_until": str(fold.test_until),
                "model": model,
                "target": target,
                **metrics,
            }
            for place, fold in enumerate(self.folds, 1)
            for model, table in fold.evaluation.scores.items()
            for target, metrics in table.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as values that JSON has, without the predictions."""
        return {
            "folds": [
                {
                    "test_from": str(fold.test_from),
                    "test_until": str(fold.test_until),
                    "windows": len(fold.evaluation.predictions.origin),
                    "scores": fold.evaluation.scores,
                }
                for fold in self.folds
            ],
            "scores": self.scores,
            "spread": self.spread,
            "sentences": list(self.sentences),
        }

    def plot(
        self, ax: Axes | None = None, *, series: str | None = None, target: str | None = None
    ) -> Axes:
        """Draw the truth and each fold's predictions over time; returns the matplotlib axes.

        `series` is one of a panel, by default the first; `target` one of several. Of overlapping
        forecasts, each fold's last word on a time is drawn. Raises InputError for a name that is not
        there, OptionError where matplotlib is not installed.
        """
        from gatewise.figures.forecasts import backtest  # noqa: PLC0415 - matplotlib

        return backtest([fold.evaluation.predictions for fold in self.folds], series, target, ax=ax)

    def _repr_html_(self) -> str:
        return backtest_html(self)

    def __repr__(self) -> str:
        return f"Backtest({counted(len(self.folds), 'fold')}; {' '.join(self.sentences)})"


def _beats(fold: Fold, target: str, baseline: str, metric: str) -> bool:
    scores = fold.evaluation.shown
    ours, theirs = scores[MODEL_NAME][target][metric], scores[baseline][target][metric]
    return ours > theirs if METRICS[metric].better == "high" else ours < theirs


def _over_folds(
    folds: tuple[Fold, ...], models: list[str], summary: Callable[[list[float]], Any]
) -> ScoreTable:
    def over(model: str, target: str) -> Metrics:
        rows = [fold.evaluation.shown[model][target] for fold in folds]
        names = [name for name in rows[0] if all(name in row for row in rows)]
        return {name: float(summary([row[name] for row in rows])) for name in names}

    return {
        model: {target: over(model, target) for target in folds[0].evaluation.shown[model]}
        for model in models
    }


def _together(folds: tuple[Fold, ...]) -> Predictions:
    parts = [fold.evaluation.predictions for fold in folds]

    def joint(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return None if arrays[0] is None else np.concatenate(arrays)

    return Predictions(
        targets=parts[0].targets,
        series=joint("series"),
        origin=joint("origin"),
        time=joint("time"),
        truth=joint("truth"),
        point=joint("point"),
        spread=joint("spread"),
        levels=parts[0].levels,
        quantiles=joint("quantiles"),
        zone=parts[0].zone,
        ids=parts[0].ids,
    )
