"""Scores of each series of a panel, and what is said of them: median, share beaten, best and worst.

A score of all series together says little where their scales are unlike: the largest decide it.
Sizes: G series, N windows, S predicted steps, K targets, Q quantile levels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.output import frame_like
from gatewise.estimators.forecaster.metrics import METRICS, scores
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.results import Metrics, ScoreTable
from gatewise.estimators.forecaster.score_names import MODEL_NAME
from gatewise.typing import Array

MANY = 1000
"""Series of a panel above which each has the scores of `FEW` alone, so that scoring stays quick."""
FEW = ("nse", "rmse", "mae", "mase")

BySeries = dict[str, dict[str, dict[str, Array]]]
"""Model to target to metric to one value per series, [G]."""


@dataclass(frozen=True)
class SeriesScores:
    """Scores of the model, its members and the baselines on every series that was scored."""

    series: tuple[str, ...]
    scores: BySeries
    forecast: bool = True
    members: tuple[ScoreTable, ...] = ()
    """Each member's medians, under the model's name."""

    def medians(self) -> ScoreTable:
        """Return the median of each score over the series that have one."""
        return {
            model: {
                target: {name: _median(values) for name, values in metrics.items()}
                for target, metrics in by_target.items()
            }
            for model, by_target in self.scores.items()
        }

    def measure(self, target: str) -> str:
        """Return the metric that decides: MASE of a forecast, else NSE, else RMSE."""
        found = self.scores[MODEL_NAME][target]
        for name in ("mase", "nse") if self.forecast else ("nse",):
            if name in found and np.isfinite(found[name]).any():
                return name
        return "rmse"

    def beaten(self, target: str, baseline: str) -> tuple[int, int]:
        """Return on how many series the model beats a baseline, and on how many both have a score."""
        name = self.measure(target)
        model, other = (self.scores[one][target][name] for one in (MODEL_NAME, baseline))
        known = np.isfinite(model) & np.isfinite(other)
        better = model > other if METRICS[name].better == "high" else model < other
        return int((better & known).sum()), int(known.sum())

    def extremes(self, target: str) -> tuple[tuple[str, float], tuple[str, float]] | None:
        """Return the best and the worst series with their scores; None where no series has one."""
        name = self.measure(target)
        values = self.scores[MODEL_NAME][target][name]
        known = np.flatnonzero(np.isfinite(values))
        if not known.size:
            return None
        order = known[np.argsort(values[known], kind="stable")]
        if METRICS[name].better == "high":
            order = order[::-1]
        best, worst = int(order[0]), int(order[-1])
        return (self.series[best], float(values[best])), (self.series[worst], float(values[worst]))

    def frame(self) -> Any:
        """Return the scores as a polars frame: series, model, target, then the metrics."""
        rows = [
            (model, target, metrics)
            for model, by_target in self.scores.items()
            for target, metrics in by_target.items()
        ]
        count = len(self.series)
        names = list(dict.fromkeys(name for _, _, metrics in rows for name in metrics))
        none = np.full(count, np.nan)
        columns = {
            "series": np.tile(np.asarray(self.series, dtype=np.str_), len(rows)),
            "model": np.repeat(np.asarray([row[0] for row in rows], dtype=np.str_), count),
            "target": np.repeat(np.asarray([row[1] for row in rows], dtype=np.str_), count),
            **{name: np.concatenate([row[2].get(name, none) for row in rows]) for name in names},
        }
        return frame_like("polars", columns)


def scores_by_series(
    predictions: Predictions,
    points: Mapping[str, Array],
    bands: Mapping[str, Array],
    members: Sequence[Array],
    naive: tuple[Array, Array] | None,
) -> SeriesScores | None:
    """Return the scores of each series; None where there is one series only.

    `points [N, S, K]` and `bands [N, S, K, Q]` are those of each model, `members` the points of each
    member, `naive` the errors `[N, K]` that scaled scores are measured in.
    """
    order = np.argsort(predictions.series, kind="stable")
    names, starts = np.unique(predictions.series[order], return_index=True)
    if len(names) < 2:
        return None
    groups = np.split(order, starts[1:])
    table = {
        model: _of_model(predictions, groups, point, bands.get(model), naive)
        for model, point in points.items()
    }
    alone = tuple(
        {
            MODEL_NAME: {
                target: {name: _median(values) for name, values in metrics.items()}
                for target, metrics in _of_model(predictions, groups, member, None, naive).items()
            }
        }
        for member in (members if len(members) > 1 else ())
    )
    return SeriesScores(tuple(names.tolist()), table, predictions.forecast, alone)


def _of_model(
    predictions: Predictions,
    groups: Sequence[NDArray[np.intp]],
    point: Array,
    band: Array | None,
    naive: tuple[Array, Array] | None,
) -> dict[str, dict[str, Array]]:
    wanted = None if len(groups) <= MANY else FEW
    found: dict[str, dict[str, Array]] = {}
    for k, target in enumerate(predictions.targets):
        rows: list[Metrics] = [
            scores(
                predictions.truth[group, :, k],
                point[group, :, k],
                None if band is None else band[group, :, k],
                predictions.levels,
                None if naive is None else (naive[0][group, k], naive[1][group, k]),
                only=wanted,
            )
            for group in groups
        ]
        found[target] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return found


def _median(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else math.nan
