"""The tasks that the command line serves, as data: for each, its estimator, its options, its commands.

Everything here is light: what a task names is imported when that task is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, cast

TaskName = Literal["forecast", "classify", "tag", "language", "regress"]
Commands = Mapping[str, tuple[Callable[..., None], str]]
"""Verb to the function that cyclopts reads, and its usage after the verb."""


@dataclass(frozen=True)
class Task:
    """A kind of thing to learn.

    Attributes:
        name: The word after --task.
        kind: What a run's config.json calls the estimator.
        learns: What it learns, for the help and for messages: "a label for each sequence".
        settings: The dataclass that declares its options, as "module:name"; imports no torch.
        estimator: The estimator's class, as "module:name"; brings torch.
        takes_labels: Whether its labels may stand in a file of their own.
        commands: What returns the `Commands` that differ from those of a forecast, as "module:name".
    """

    name: TaskName
    kind: str
    learns: str
    settings: str
    estimator: str
    commands: str = ""
    takes_labels: bool = False

    def own_commands(self) -> Commands:
        """Return the commands that differ from those of a forecast."""
        return cast(Commands, _named(self.commands)(self)) if self.commands else {}

    def options(self) -> Any:
        """Return the dataclass that declares the options."""
        return _named(self.settings)

    def estimator_class(self) -> Any:
        """Return the estimator; brings torch."""
        return _named(self.estimator)


def _named(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


SEQUENCES = "gatewise.cli.sequences.commands:commands_of"


def _of_sequences(name: TaskName, kind: str, learns: str, *, takes_labels: bool = True) -> Task:
    home = f"gatewise.estimators.{kind}"
    return Task(
        name,
        kind,
        learns,
        f"{home}.settings:{kind.title()}Settings",
        f"{home}.estimator:{kind.title()}",
        SEQUENCES,
        takes_labels,
    )


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "forecast",
            "forecaster",
            "numbers over time, ahead or now",
            "gatewise.estimators.forecaster.settings:ForecasterSettings",
            "gatewise.estimators.forecaster.estimator:Forecaster",
        ),
        _of_sequences("classify", "classifier", "a label for each sequence"),
        _of_sequences("tag", "tagger", "a label for each step of a sequence"),
        Task(
            "language",
            "language model",
            "what comes next in a text",
            "gatewise.estimators.language.settings:LanguageSettings",
            "gatewise.estimators.language.estimator:LanguageModel",
            SEQUENCES,
        ),
        _of_sequences("regress", "regressor", "a number for each sequence"),
    )
}
FORECAST = TASKS["forecast"]
"""The task of a command that does not say, and whose data does not."""
NAMES = tuple(TASKS)


def task_of_kind(kind: str) -> Task | None:
    """Return the task whose runs name this estimator; None for one that is not served here."""
    return next((task for task in TASKS.values() if task.kind == kind), None)
