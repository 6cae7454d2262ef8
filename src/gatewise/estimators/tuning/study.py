"""The search itself, by Optuna: which settings are tried next, which trials stop, and what is kept.

The search runs in memory. A trial is entered into the study file, a journal of Optuna's own kind, when
it has ended: a process that is killed loses the trials in flight and nothing else, and what reads
Optuna's journals (its dashboard) reads this one.

Each trial's settings are drawn from (seed, number of the trial), never from one running generator. So
a search that was interrupted goes on with the trials it would have made.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.errors import FileError, OptionError, cause, how_to_install
from gatewise.estimators.tuning.space import Choice, Space, settings_of
from gatewise.estimators.tuning.trial import REPORTS, Outcome

if TYPE_CHECKING:
    import optuna

JOURNAL = "study.journal"
NAME = "gatewise"
FIRST_AT_RANDOM = 8
"""Trials before the search goes by what it found (the tree-structured Parzen estimator)."""
COMPARED = 5
"""Trials that must have come as far before one is stopped for being worse than their median."""
FAILURE = "failure"


def optuna_module() -> Any:
    """Return Optuna; OptionError with what to install where it is missing."""
    try:
        found = import_module("optuna")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "optuna":
            raise
        raise OptionError(f"tuning needs optuna: {how_to_install('tune')}") from None
    return found


class Search:
    """The trials of one search: those that have ended, from the study file too, and those under way."""

    def __init__(
        self,
        space: Space,
        *,
        seed: int,
        start: Mapping[str, Any],
        prune: bool,
        folder: Path | None = None,
    ) -> None:
        """Begin, or go on from the study file in `folder`; the first trial is that of `start`.

        Raises FileError for a file that is damaged or cannot be written, OptionError without Optuna.
        """
        self.optuna = optuna_module()
        self.space, self.seed, self.start = space, seed, start
        with _quiet(self.optuna):
            self.pruner = self.optuna.pruners.MedianPruner(
                n_startup_trials=COMPARED, n_warmup_steps=REPORTS // 4, n_min_trials=COMPARED
            )
            self.study = self.optuna.create_study(
                pruner=self.pruner if prune else self.optuna.pruners.NopPruner()
            )
            self.journal = None if folder is None else folder / JOURNAL
            self.kept = None if self.journal is None else _kept(self.optuna, self.journal)
            if self.kept is not None:
                self.study.add_trials(self.kept.get_trials(deepcopy=False))

    @property
    def ended(self) -> list[optuna.trial.FrozenTrial]:
        """The trials that have ended, in the order in which they began."""
        under_way = (self.optuna.trial.TrialState.RUNNING, self.optuna.trial.TrialState.WAITING)
        return [trial for trial in self.study.get_trials() if trial.state not in under_way]

    @property
    def best(self) -> optuna.trial.FrozenTrial | None:
        """The trial with the lowest score; None where none came to its end."""
        done = [trial for trial in self.ended if trial.state.name == "COMPLETE"]
        return min(done, key=lambda trial: (trial.value, trial.number), default=None)

    def ask(self) -> optuna.trial.Trial:
        """Return the next trial, with its settings in `params`."""
        number = len(self.study.get_trials(deepcopy=False))
        drawn = np.random.SeedSequence([self.seed, number]).generate_state(1)
        with _quiet(self.optuna):
            self.study.sampler = self.optuna.samplers.TPESampler(
                seed=int(drawn[0]), n_startup_trials=FIRST_AT_RANDOM, constant_liar=True
            )
            if number == 0:
                known = {n: v for n, v in self.start.items() if n in self.space}
                self.study.enqueue_trial(
                    {name: value for name, value in known.items() if self.space[name].holds(value)}
                )
            trial = self.study.ask()
            for name, over in self.space.items():
                if isinstance(over, Choice):
                    trial.suggest_categorical(name, over.values)
                elif over.whole:
                    trial.suggest_int(name, int(over.low), int(over.high), log=over.log)
                else:
                    trial.suggest_float(name, over.low, over.high, log=over.log)
        found: optuna.trial.Trial = trial
        return found

    def settings(self, trial: optuna.trial.Trial | optuna.trial.FrozenTrial) -> dict[str, Any]:
        """Return what the forecaster is set to in a trial."""
        return settings_of(self.space, trial.params)

    def report(self, trial: optuna.trial.Trial, part: int, score: float) -> bool:
        """Enter a score on the way; return whether the trial is to stop."""
        trial.report(score, part)
        return bool(trial.should_prune())

    def tell(self, trial: optuna.trial.Trial, outcome: Outcome) -> optuna.trial.FrozenTrial:
        """Enter how a trial ended, here and in the study file."""
        states = self.optuna.trial.TrialState
        state = states.PRUNED if outcome.pruned else states.COMPLETE
        if outcome.failure is not None:
            state = states.FAIL
            trial.set_user_attr(FAILURE, outcome.failure)
        with _quiet(self.optuna):
            ended: optuna.trial.FrozenTrial = self.study.tell(trial, outcome.score, state)
            if self.kept is not None:
                try:
                    self.kept.add_trial(ended)
                except OSError as error:
                    raise FileError(f"cannot write {self.journal}: {cause(error)}") from error
        return ended


def _kept(optuna: Any, path: Path) -> Any:
    """Return the study in the journal at `path`, made where there is none; the caller holds its lock.

    A process that was killed while it wrote may have left half a line, which what comes after would
    be glued to, and Optuna's lock, which would be waited for.
    """
    journal = optuna.storages.journal
    try:
        Path(f"{path}.lock").unlink(missing_ok=True)
        if path.exists():
            content = path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                os.truncate(path, whole)
        storage = journal.JournalStorage(journal.JournalFileBackend(str(path)))
        return optuna.create_study(study_name=NAME, storage=storage, load_if_exists=True)
    except OSError as error:
        raise FileError(f"cannot write {path}: {cause(error)}") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise FileError(
            f"{path} is not a study of Optuna's, or it is damaged ({cause(error)[:200]}): tune into "
            "another folder, or anew with overwrite=True"
        ) from error


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Keep Optuna's log and its warnings of novelties from the screen; both stay as they were."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)
