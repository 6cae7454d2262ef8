"""`gw.tune`: settings searched on the validation part, and the best of them fitted as a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.data.files import write_frame
from gatewise.errors import DataError, FileError, OptionError, nearest
from gatewise.estimators.forecaster.backtesting.origins import bound_text
from gatewise.estimators.forecaster.estimator import Forecaster
from gatewise.estimators.forecaster.fitting import prepared_to_fit
from gatewise.estimators.forecaster.metrics import METRICS
from gatewise.estimators.forecaster.pairing import differences
from gatewise.estimators.forecaster.preparation import Prepared
from gatewise.estimators.forecaster.score_names import metric_text
from gatewise.estimators.run.config import source_of
from gatewise.estimators.run.folder import Run
from gatewise.estimators.run.lock import locked
from gatewise.estimators.tuning import folder as files
from gatewise.estimators.tuning.result import TrialRecord, Tuning
from gatewise.estimators.tuning.space import space_of
from gatewise.estimators.tuning.study import FAILURE, Search, optuna_module
from gatewise.estimators.tuning.trial import Job, Outcome
from gatewise.estimators.tuning.workers import run_beside, run_here
from gatewise.launch import world_of_launch
from gatewise.training.progress import say

Tell = Callable[[str], None]
"""Takes a line on how far a search is."""
STATES = {"COMPLETE": "complete", "PRUNED": "stopped", "FAIL": "failed"}


def tune(
    model: Forecaster,
    data: Any,
    *,
    trials: int = 30,
    space: Mapping[str, Any] | None = None,
    metric: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    jobs: int = 1,
    seconds: float | None = None,
    prune: bool = True,
    progress: bool | Tell = True,
    source: str | None = None,
) -> Tuning:
    """Search for settings of a forecaster that predict the validation part best, and fit with them.

    Each trial fits one network on the data before the test part and is scored on the validation part;
    no trial sees the test part. The first trial has the settings of `model`, the next are drawn at
    random, and later ones by Optuna's tree-structured Parzen estimator (Bergstra et al. 2011). A trial
    that is worse than the median of the others after as many twentieths of its epochs is stopped
    (after a quarter of them at the earliest). At the end the best settings are fitted as `model.fit`
    would, with all members, and so are the settings of `model`, to compare them on the test part.

    Args:
        model: What is predicted from what, and the settings to begin with. Options that were set to
            other than their default stay as they are unless `space` names them. It is not changed.
        data: As `model.fit` takes it.
        trials: How many settings are tried, in all.
        space: What is searched, option by option, beside the usual or in its place: a list of values,
            a pair (low, high) of numbers, or one value that the option keeps.
        metric: The score to judge by, one of those in `evaluation_.scores`. By default the RMSE, of a
            forecast the MAE, of a panel the median NSE or MASE, and with quantiles the CRPS. Of several
            targets the mean, each by the spread of its truth.
        out: A folder for the study and the fitted runs. A search that was interrupted there, at
            whatever moment, goes on, and a whole one takes up to `trials` more.
        overwrite: Whether to begin anew where there is a search; its runs stand until those of the new
            one are whole.
        jobs: Trials at a time, each in a process of its own with one thread. With 1 the model's `seed`
            decides every trial; with more, what is found first decides what is tried next.
        seconds: After so many no new trial begins.
        prune: Whether trials are stopped early.
        progress: Whether each trial is told on stderr; a function is called with each line instead.
        source: Where a table in memory came from, for the runs.

    Returns:
        The result, with `model`, `settings`, `trials`, `sentences` and `to_frame()`.

    Raises:
        OptionError: For an option or a space that cannot be, and where Optuna is not installed.
        DataError: For data that cannot be used, or on which no trial came to its end.
        FileError: For a folder that is in the way or cannot be written: all before any trial.
    """
    _check(model, trials, jobs, seconds, metric)
    optuna_module()
    prepared = prepared_to_fit(model, data) if not isinstance(data, Prepared) else data
    prepared.check()
    if "validation" not in prepared.parts:
        raise DataError(
            "trials are judged by the validation part, and there is none: name its share or its first "
            "time with validation=, or give more data"
        )
    metric = metric or _usual_metric(model, prepared)
    over = space_of(model, prepared, space)
    asked = {
        "settings": model.to_json(),
        "space": {name: each.to_json() for name, each in over.items()},
        "metric": metric,
        "prune": prune,
        "data": prepared.identity,
    }
    place = source_of(data if isinstance(data, str | Path) else source)
    again = {"trials": trials, "jobs": jobs, "seconds": seconds, "source": place}
    told = progress if callable(progress) else say if progress else _silent
    folder = None if out is None else files.check_folder(out, asked, overwrite=overwrite)
    with nullcontext() if folder is None else locked(folder):
        if folder is not None:
            # Another process may have been there first.
            files.check_folder(folder, asked, overwrite=overwrite)
            if overwrite:
                files.clear(folder)
            files.write_about(folder, asked, "tuning", again=again)
        search = Search(
            over, seed=model.seed, start=prepared.settings.to_json(), prune=prune, folder=folder
        )
        going = _Going(search, metric, trials, seconds, told)
        going.run(_job(model, prepared, metric), jobs)
        result = _fitted(model, prepared, going, folder, progress=bool(progress), source=place)
        if folder is not None:
            write_frame(result.to_frame(), folder / files.TRIALS)
            files.write_about(folder, asked, "complete", again=again, **_found(result))
    return result


def _check(model: Any, trials: int, jobs: int, seconds: float | None, metric: str | None) -> None:
    """Raise OptionError for what a search cannot be asked for."""
    if not isinstance(model, Forecaster):
        raise OptionError(f"tune needs a Forecaster to begin with, not {type(model).__name__}")
    model.check_options()
    for name, value in {"trials": trials, "jobs": jobs}.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise OptionError(f"{name} must be a whole number of at least 1, not {value!r:.60}")
    if seconds is not None and not (isinstance(seconds, int | float) and seconds > 0):
        raise OptionError(f"seconds must be a number above 0, or None, not {seconds!r:.60}")
    if metric is not None:
        known = [
            name
            for name, kind in METRICS.items()
            if kind.better is not None and kind.levels <= len(model.levels())
        ]
        if metric not in known:
            raise OptionError(
                f"metric must be one of {', '.join(map(repr, known))}, not {metric!r:.60}."
                f"{nearest(metric, known)}"
            )
    if world_of_launch()[1] > 1:
        raise OptionError("tune starts processes of its own (jobs=...): start it without torchrun")


def _usual_metric(model: Forecaster, prepared: Prepared) -> str:
    """Return what trials are judged by where nothing is said; series of a panel have unlike scales."""
    if model.levels():
        return "crps"
    if len(prepared.given.series) > 1:
        return "mase" if model.horizon else "nse"
    return "mae" if model.horizon else "rmse"


def _job(model: Forecaster, prepared: Prepared, metric: str) -> Job:
    """Return what all trials share: the table before the test part, and one member."""
    table, split = prepared.given, prepared.split
    if split.validation_end is not None:
        before = table.time[table.time < split.validation_end]
        table = table.until(before.max())
    validation = bound_text(split.train_end, table.zone)
    settings = model.to_json() | {"validation": validation, "test": None, "members": 1}
    # The season is found in the training part, which is the same; named, it is not looked for again.
    # A trial is there to be scored; what predicts is refitted on everything at the end.
    settings |= {"baselines": None, "season": prepared.season, "refit": False}
    return Job(table, settings, metric)


@dataclass
class _Going:
    """A search under way: how far it is, and what is told of it."""

    search: Search
    metric: str
    trials: int
    seconds: float | None
    told: Tell

    def run(self, job: Job, jobs: int) -> None:
        """Compute what is missing of the trials. Raises DataError where none came to its end."""
        before = len(self.search.ended)
        if before:
            self.told(f"going on after {before} of {self.trials} trials")
        self.deadline = None if self.seconds is None else time.monotonic() + self.seconds
        if jobs == 1:
            run_here(job, self.search, self.ended, self.more)
        else:
            run_beside(job, self.search, self.ended, self.more, jobs)
        if self.search.best is None:
            failures = [each.user_attrs.get(FAILURE) for each in self.search.ended]
            first = next((text for text in failures if text), "all were stopped")
            raise DataError(f"no trial of {len(failures)} came to its end: {first}")

    def more(self, under_way: int) -> bool:
        """Return whether another trial is to begin."""
        # One trial at least: without it there is nothing to fit.
        late = self.deadline is not None and time.monotonic() > self.deadline
        done = len(self.search.ended)
        return done + under_way < self.trials and not (late and done + under_way > 0)

    def ended(self, trial: Any, outcome: Outcome) -> None:
        """Keep how a trial ended, and tell it."""
        frozen = self.search.tell(trial, outcome)
        best = self.search.best
        if outcome.failure is not None:
            said = f"failed: {outcome.failure}"
        elif outcome.pruned:
            said = "stopped early"
        else:
            said = f"{self.metric} {self.shown(outcome.score)}"
        lead = "" if best is None else f"  best {self.shown(best.value)}"
        found = self.search.settings(frozen)
        settings = ", ".join(f"{_spelt(name)} {_short(value)}" for name, value in found.items())
        self.told(f"trial {len(self.search.ended)}/{self.trials}  {said}{lead}  {settings}")

    def shown(self, score: float | None) -> str:
        """Return a score as the metric has it, in words."""
        return metric_text(self.metric, self.true(score))

    def true(self, score: float | None) -> float | None:
        """Return a score as the metric has it: the search makes it small, whichever way is better."""
        if score is None:
            return None
        return -score if METRICS[self.metric].better == "high" else score

    def records(self) -> tuple[TrialRecord, ...]:
        """Return the trials that have ended."""
        return tuple(
            TrialRecord(
                number=each.number,
                settings=self.search.settings(each),
                score=self.true(each.value) if each.state.name == "COMPLETE" else None,
                state=STATES[each.state.name],
                seconds=0.0 if each.duration is None else each.duration.total_seconds(),
                failure=each.user_attrs.get(FAILURE, ""),
            )
            for each in self.search.ended
        )


def _fitted(
    model: Forecaster,
    prepared: Prepared,
    going: _Going,
    folder: Path | None,
    *,
    progress: bool,
    source: str | None,
) -> Tuning:
    """Fit the best settings and those to begin with, and put them beside each other."""
    best = going.search.best
    assert best is not None

    def fit(settings: dict[str, Any], name: str) -> Forecaster:
        going.told(
            f"fitting {name}: {'the best settings' if name == files.BEST else 'the first ones'}"
        )
        fresh = Forecaster(**(model.get_params() | settings))
        within = None if folder is None else folder / name
        return _fit_or_load(fresh, prepared, within, progress=progress, source=source)

    settings = going.search.settings(best)
    tuned = fit(settings, files.BEST)
    plain = fit({}, files.START)
    assert tuned.evaluation_ is not None
    assert plain.evaluation_ is not None
    same = tuned.fitted_.settings.to_json() == plain.fitted_.settings.to_json()
    return Tuning(
        model=tuned,
        start=plain,
        settings=settings,
        trials=going.records(),
        space=going.search.space,
        metric=going.metric,
        differences=()
        if same
        else differences(tuned.evaluation_.predictions, plain.evaluation_.predictions),
        folder=folder,
    )


def _fit_or_load(
    model: Forecaster, prepared: Prepared, out: Path | None, *, progress: bool, source: str | None
) -> Forecaster:
    """Fit into a run folder, or take the run that is there already, finished first if need be."""
    own = prepared_to_fit(model, prepared.given)
    if out is None:
        return model.fit(own, progress=progress)
    try:
        run = Run.open(out)
    except FileError:
        run = None
    if run is not None and run.failure is None:
        kept = run.unfinished() or run
        same = kept.config["data"]["sha256"] == prepared.identity["sha256"]
        if same and kept.config["settings"] == model.to_json():
            return Forecaster.resume(out, own, progress=progress)
    return model.fit(own, out=out, overwrite=True, progress=progress, source=source)


def _found(result: Tuning) -> dict[str, Any]:
    """Return what tuning.json says at the end."""
    evaluation = result.model.evaluation_
    assert evaluation is not None
    return {
        "trials": len(result.trials),
        "best": {"trial": result.best.number + 1, "score": result.best.score},
        "settings": result.settings,
        "part": evaluation.part,
        "sentences": list(result.sentences),
    }


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "none" if value is None else str(value)


def _spelt(name: str) -> str:
    return name.replace("_", " ")


def _silent(_: str) -> None:
    """Say nothing."""
