"""One trial: a forecaster fitted on a table that ends before the test part, and its score there.

The table is cut, so that no trial can see the test part, and what it is judged by is the validation
part. The judgement is in the target's units, because losses of networks that scale otherwise are not
alike.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.data.tables.table import Table
from gatewise.errors import BreakdownError, GatewiseError
from gatewise.estimators.forecaster import fitting
from gatewise.estimators.forecaster.baselines import Baselines
from gatewise.estimators.forecaster.baselines.scale import NaiveErrors
from gatewise.estimators.forecaster.estimator import Forecaster
from gatewise.estimators.forecaster.evaluation import evaluate_windows
from gatewise.estimators.forecaster.metrics import METRICS
from gatewise.estimators.forecaster.preparation import Prepared
from gatewise.estimators.forecaster.score_names import MODEL_NAME
from gatewise.estimators.forecaster.settling import settled
from gatewise.estimators.forecaster.verdict import Evaluation
from gatewise.estimators.hooks import Trained
from gatewise.training.progress import Status
from gatewise.training.task import Task, TrainableNetwork

REPORTS = 20
"""How often a trial is looked at while it trains: after each twentieth of its epochs."""

Report = Callable[[int, float], bool]
"""Takes how many twentieths are done and the score so far; returns whether to stop the trial."""


class Stopped(Exception):  # noqa: N818 - no error: others did better after as many epochs
    """A trial was stopped before its end."""


@dataclass(frozen=True, eq=False)
class Job:
    """What all trials of a search share: the table without its test part, and the settings.

    `settings` has `validation` as a time and no test part; `metric` is what is judged.
    """

    table: Table
    settings: dict[str, Any]
    metric: str

    def write(self, folder: Path) -> None:
        """Write it into a folder, for a process of its own."""
        arrays: dict[str, Any] = self.table.arrays()
        np.savez(folder / "table.npz", **arrays)
        about = {"settings": self.settings, "metric": self.metric}
        (folder / "job.json").write_text(json.dumps(about), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Job:
        """Return the job that `write` wrote."""
        about = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        with np.load(folder / "table.npz", allow_pickle=False) as arrays:
            return cls(Table.from_arrays(dict(arrays)), about["settings"], about["metric"])


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: with a score, stopped (`pruned`), or with the reason why it failed."""

    score: float | None = None
    pruned: bool = False
    failure: str | None = None


def run_trial(job: Job, changes: dict[str, Any], report: Report) -> Outcome:
    """Fit with the job's settings and `changes`, and return the score on the validation part.

    Settings that cannot be fitted (a lookback longer than the data, costs on the gates of a cell that
    has none, a training that breaks down) end in a failure and not in an error: others may do.
    """
    try:
        model = _Watched(**(job.settings | changes | {"refit": False}))
        model.check_options()
        prepared = _Unaccompanied.of(settled(model, job.table), job.table)
        model.fit(prepared, progress=_Watch(model, job.metric, report))
        assert model.evaluation_ is not None
        score = score_of(model.evaluation_, job.metric)
    except Stopped:
        return Outcome(pruned=True)
    except (GatewiseError, MemoryError) as error:
        return Outcome(failure=" ".join(str(error).split()) or type(error).__name__)
    return (
        Outcome(score) if math.isfinite(score) else Outcome(failure=f"its {job.metric} is {score}")
    )


def score_of(evaluation: Evaluation, metric: str) -> float:
    """Return the model's score, the lower the better: the mean over the targets, of a panel of medians.

    Of several targets one in units counts by the spread of its truth, as the units differ.
    """
    kind, found = METRICS[metric], []
    targets = evaluation.predictions.targets
    for place, target in enumerate(targets):
        score = evaluation.shown[MODEL_NAME][target].get(metric, math.nan)
        if kind.in_units and len(targets) > 1:
            score /= float(np.nanstd(evaluation.predictions.truth[..., place])) or 1.0
        found.append(-score if kind.better == "high" else score)
    return float(np.mean(found))


class _Watched(Forecaster):
    """A forecaster that shows the network that it is training."""

    watched: tuple[Prepared, TrainableNetwork] | None = None

    def _task(self, prepared: Prepared, network: TrainableNetwork) -> Task:
        self.watched = prepared, network
        return super()._task(prepared, network)


class _Watch:
    """Scores a network after each twentieth of its epochs, and stops it where that is asked for."""

    def __init__(self, model: _Watched, metric: str, report: Report) -> None:
        self.model, self.metric, self.report = model, metric, report
        self.seen = 0

    def __call__(self, status: Status) -> None:
        part = REPORTS * status.epoch // status.epochs
        if status.done < 1 or status.last or part <= self.seen:
            return
        self.seen = part
        assert self.model.watched is not None
        prepared, network = self.model.watched
        trained = Trained((network,), (), self.model._engine(prepared))
        fitted = fitting.learnt(self.model, prepared, trained)
        windows = prepared.windows(prepared.scored)
        score = score_of(
            evaluate_windows(fitted, prepared.table, windows, prepared.scored), self.metric
        )
        if not math.isfinite(score):
            raise BreakdownError(f"its {self.metric} is {score} after {status.epoch} epochs")
        if self.report(part, score):
            raise Stopped


@dataclass(frozen=True, eq=False)
class _Unaccompanied(Prepared):
    """Data of a trial, without baselines: nothing is judged by them, and they cost as much."""

    @cached_property
    def baselines(self) -> Baselines:
        """None but the errors that scaled scores are in."""
        targets = self.given.columns.target
        return Baselines(
            targets=targets,
            horizon=self.settings.horizon,
            season=None,
            names=(),
            mean=np.zeros(len(targets)),
            climatology=None,
            ridge=None,
            naive=NaiveErrors.fit(
                self.given,
                self.given.values[:, : len(targets)],
                self.split.part_rows(self.given, "training"),
                self.season,
            ),
        )
