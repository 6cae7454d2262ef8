"""What a search found: the best settings, fitted, beside those that it began with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.output import frame_like
from gatewise.estimators.forecaster.estimator import Forecaster
from gatewise.estimators.forecaster.metrics import METRICS
from gatewise.estimators.forecaster.pairing import Difference
from gatewise.estimators.forecaster.score_names import metric_text
from gatewise.estimators.forecaster.showing import tuning_html
from gatewise.estimators.tuning.space import Space
from gatewise.wording import counted


@dataclass(frozen=True)
class TrialRecord:
    """One trial: its settings where they were searched, its score on the validation part, its end."""

    number: int
    settings: dict[str, Any]
    score: float | None
    state: str  # "complete", "stopped" or "failed"
    seconds: float
    failure: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Tuning:
    """The result of `gw.tune`.

    Attributes:
        model: The forecaster with the best settings, fitted and scored.
        start: The forecaster with the settings that the search began with, fitted and scored.
        settings: The best settings, of the options in `space`.
        trials: All trials that have ended, by number.
        space: What was searched.
        metric: The score that the trials were judged by, on the validation part.
        differences: How much the tuned model errs less than the other on the same rows, by target.
        folder: Where everything lies; None for a search in memory.
    """

    model: Forecaster
    start: Forecaster
    settings: dict[str, Any]
    trials: tuple[TrialRecord, ...]
    space: Space
    metric: str
    differences: tuple[Difference, ...]
    folder: Path | None = None

    @property
    def best(self) -> TrialRecord:
        """The trial with the best score."""
        done = [trial for trial in self.trials if trial.state == "complete"]
        sign = -1 if METRICS[self.metric].better == "high" else 1
        return min(done, key=lambda trial: (sign * (trial.score or 0.0), trial.number))

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the search is worth, in words."""
        best, title = self.best, METRICS[self.metric].title
        states = [trial.state for trial in self.trials]
        told = [
            f"{counted(len(states), 'trial')} ({states.count('stopped')} stopped early, "
            f"{states.count('failed')} failed); the best is trial {best.number + 1}, {title} "
            f"{metric_text(self.metric, best.score)} on the validation part."
        ]
        scored = self.model.evaluation_
        assert scored is not None
        if best.number == 0 and not self.differences:
            told.append("No trial did better than the settings that the search began with.")
        told += [each.sentence("The tuned model", "the one before") for each in self.differences]
        if scored.part == "test":
            told.append(
                "The settings were chosen on the validation part, which no longer says how good they "
                "are; no trial saw the test part."
            )
        else:
            told.append(
                "The settings were chosen on the part that is scored here, which flatters them: name a "
                "test part for a score that nothing was chosen on."
            )
        return tuple(told)

    def to_frame(self) -> Any:
        """Return the trials as a polars frame: number, state, score, seconds, a column a setting."""
        trials = self.trials
        return frame_like(
            "polars",
            {
                "trial": np.array([trial.number + 1 for trial in trials]),
                "state": np.array([trial.state for trial in trials]),
                self.metric: np.array([_known(trial.score) for trial in trials]),
                "seconds": np.array([round(trial.seconds, 2) for trial in trials]),
                **{
                    name: _column([trial.settings.get(name) for trial in trials])
                    for name in self.space
                },
                "failure": np.array([trial.failure for trial in trials]),
            },
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the score of each trial, and the best so far; returns the matplotlib axes.

        Raises OptionError where matplotlib is not installed.
        """
        from gatewise.figures.trials import trials  # noqa: PLC0415 - matplotlib

        scores = [_known(trial.score) for trial in self.trials]
        kind = METRICS[self.metric]
        return trials(scores, kind.title, higher=kind.better == "high", ax=ax)

    def _repr_html_(self) -> str:
        return tuning_html(self)

    def __repr__(self) -> str:
        found = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"Tuning({counted(len(self.trials), 'trial')}; {found})"


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _column(values: list[Any]) -> NDArray[Any]:
    """Return the values of one setting as a column: numbers, where all are or are off, else words."""
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return np.array(values)
    if all(value is None or isinstance(value, float | int) for value in values):
        return np.array([_known(value) for value in values], dtype=np.float64)
    return np.array(["none" if value is None else str(value) for value in values])
