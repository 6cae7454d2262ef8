"""The base of every estimator: fits into a run folder under a lock, resumed, replaced, saved, loaded.

An estimator derives from `Estimator` and its own options, and fills in `Hooks`: what its data is made
into, what is trained on it, what is kept of that and how it is scored. Seeds, members, engines,
checkpoints, processes under torchrun and the files of the run are dealt with here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, Self

from gatewise.errors import (
    BreakdownError,
    DataError,
    FileError,
    NotFittedError,
    OptionError,
    nearest,
    warn,
)
from gatewise.estimators.hooks import E, F, Hooks, P, Trained
from gatewise.estimators.run.config import check_settings, settings_digest, source_of
from gatewise.estimators.run.folder import METRICS, MODEL, Run, digest, model_in
from gatewise.estimators.run.known import FIRST
from gatewise.estimators.run.metrics import read_metrics, write_metrics
from gatewise.estimators.run.replacement import writing
from gatewise.files import path_of
from gatewise.launch import is_main_process
from gatewise.options import part_of
from gatewise.training.distributed import World, check_device, joined
from gatewise.training.history import History
from gatewise.training.loop import train
from gatewise.training.options import TrainingOptions
from gatewise.training.progress import Callback, label_of_member
from gatewise.training.randomness import seeded
from gatewise.training.schedule import Rounds
from gatewise.training.sequences import order_of
from gatewise.training.task import TrainableNetwork

TABLE_FORMATS = ("csv", "parquet")
START = "start.safetensors"
"""In a run's checkpoints: the model that training went on from."""


@dataclass(frozen=True)
class _Job(Generic[F]):
    """Where and how members are trained."""

    run: Run | None
    engine: str
    start: F | None
    resume: bool
    progress: bool | Callback

    def checkpoint(self, member: int, *, whole: bool) -> Path | None:
        """Return the checkpoint file of a member, which stays until the whole run is complete."""
        return None if self.run is None else self.run.checkpoint(member, whole=whole)


class Estimator(Hooks[P, F, E]):
    """A model of data; after a fit, `fitted_` is what it learnt and `evaluation_` how that is scored."""

    fitted_: F
    evaluation_: E | None

    @classmethod
    def resume(
        cls,
        run: str | Path,
        data: Any = None,
        *,
        progress: bool | Callback = True,
        device: str | None = None,
    ) -> Self:
        """Finish an interrupted fit; the result is the uninterrupted one's, bit for bit.

        Without `data` it is read again from where the run says it was. Raises DataError if it is not
        the same data. A run that is complete is loaded, and scored where its data is at hand. On
        another `device` than the fit began on, other noise and dropout are drawn from there on.
        """
        unfinished = Run.open(run).unfinished()
        if unfinished is None:
            model = cls.load(run, device=device or "cpu")
            data = cls._data_of(Run.open(run)) if data is None else data
            if data is not None:
                model.evaluation_ = model._scored_again(data)
            return model
        with writing(unfinished.folder) if is_main_process() else nullcontext():
            found = Run.open(run).unfinished()  # another process may have finished it before us
            if found is None:
                return cls.resume(run, data, progress=progress, device=device)
            found.check_kind(cls.kind)
            model = cls._begun(found, device)
            model.fitted_, model.evaluation_ = model._go_on(found, data, progress=progress)
        return model

    def save(self, path: str | Path) -> None:
        """Write the model to one safetensors file, whole or not at all."""
        fitted = self._fitted()
        target = path_of(path, "save")
        if not target.parent.is_dir():
            raise FileError(f"{target} cannot be written: there is no folder {target.parent}")
        self._save_model(fitted, target)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu") -> Self:
        """Load a model from a run folder or from the file that `save` wrote.

        `device` is where it computes from now on, wherever it was fitted. Of a run of sequences or
        texts `evaluation_` is that of the fit; a file and the run of a forecaster have no scores: it is
        None, and `evaluate` makes it anew. Raises FileError for a folder that is not a finished run and
        a file that is missing, cut short or foreign, InputError for what is no name of one, OptionError
        for a device that is not there.
        """
        check_device(device)
        place = path_of(path, "load")
        is_run = os.path.isdir(place)
        fitted = cls._load_run(place, device) if is_run else cls._load_model(place, device)
        model = cls(**cls._asked(fitted).get_params())
        model.fitted_ = fitted
        model.evaluation_ = cls._scores_of_run(place) if is_run else None
        return model

    @classmethod
    def prepare_resumed(cls, run: Run, data: Any = None, device: str | None = None) -> P:
        """Return the data that the unfinished `run` is resumed with; without `data` it is read again.

        Raises FileError for a damaged run, DataError where it is not the data that the run began with.
        """
        run.check_kind(cls.kind)
        check_settings(run.config, run.folder)
        model = cls._begun(run, device)
        model.check_options()
        check_device(model.device)
        start = cls._start_of(run)
        if data is None:
            data = cls._data_of(run)
            if data is None:
                raise DataError(
                    f"the run {run.folder} was fitted on a table in memory: pass the same data to resume"
                )
        prepared = model._prepare(data, start, progress=False)
        if prepared.identity["sha256"] != run.config["data"]["sha256"]:
            raise DataError(
                f"the data is not what the run {run.folder} began with (its SHA-256 differs): "
                "resume with the same data, or fit anew"
            )
        settled = run.config.get("settled")  # runs from before there was any have none
        now = model._settled(prepared).to_json()
        if settled is not None and settled | {"device": model.device} != now:
            raise FileError(
                f"the run {run.folder} began with other settings than the data would be given now: "
                "fit anew"
            )
        return prepared

    def _fit(
        self,
        data: Any,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        progress: bool | Callback = True,
        predictions: str = "csv",
        source: str | None = None,
        title: str | None = None,
        start: F | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> Self:
        """Fit from fresh weights or on from `start`, and score; every check comes before any work.

        `about` is what else config.json keeps, by which the data is read again.
        """
        self.check_options()
        check_device(self.device)
        if predictions not in TABLE_FORMATS:
            raise OptionError(
                f"predictions must be 'csv' or 'parquet', not {predictions!r}."
                f"{nearest(str(predictions), TABLE_FORMATS)}"
            )
        if out is None:
            found = self._fit_into(data, None, {}, start, progress=progress)
        else:
            folder = Run.check_target(out, overwrite=overwrite)
            with writing(folder) if is_main_process() else nullcontext():
                Run.check_target(
                    out, overwrite=overwrite
                )  # another process may have been there first
                kept = {
                    **(about or {}),
                    "source": source_of(data if isinstance(data, str | Path) else source),
                    "predictions": predictions,
                    "continued": start is not None,
                    **({} if title is None else {"title": title}),
                }
                found = self._fit_into(data, folder, kept, start, progress=progress)
        self.fitted_, self.evaluation_ = found
        return self

    def _fit_into(
        self,
        data: Any,
        folder: Path | None,
        about: Mapping[str, Any],
        start: F | None,
        *,
        progress: bool | Callback,
    ) -> tuple[F, E]:
        """Fit with options that are checked, into a `folder` that is ours, `about` in its config."""
        prepared = self._prepare(data, start, progress=bool(progress))
        engine = self._engine(prepared) if start is None else start.engine
        with joined(self.device) as world:
            world.wait()  # no process may look at the folder after another has begun to fill it
            run = None
            if folder is not None:
                config = {**self._config(prepared), **about, "engine": engine}
                run = self._begin(folder, config, start, world)
            return self._complete(
                prepared, run, world, engine, progress=progress, start=start, resume=False
            )

    def _go_on(self, run: Run, data: Any, *, progress: bool | Callback) -> tuple[F, E]:
        """Finish the unfinished `run`, which began with these options; the caller holds its lock."""
        prepared = self.prepare_resumed(run, data, self.device)
        engine = run.config.get("engine") or self.engine_before
        with joined(self.device) as world:
            return self._complete(
                *(prepared, run, world, engine),
                progress=progress,
                start=self._start_of(run),
                resume=True,
            )

    def _complete(
        self,
        prepared: P,
        run: Run | None,
        world: World,
        engine: str,
        *,
        progress: bool | Callback,
        start: F | None,
        resume: bool,
    ) -> tuple[F, E]:
        """Train the members, score them, and leave the results in the run folder, if there is one."""
        job = _Job(run, engine, start, resume, progress)
        try:
            fitted = self._learnt(prepared, self._trained(prepared, job))
            evaluation = self._evaluated(fitted, prepared)
            if self._settled(prepared).refit:
                again = self._trained(prepared, job, after=fitted.histories)
                fitted = self._with_refitted(prepared, fitted, again)
        except BreakdownError as error:
            failure = f"{error}{self._advice()}"
            if run is not None and world.main:
                with suppress(FileError):  # as on a full disk: what broke down comes first
                    run.fail(failure)
            raise BreakdownError(failure) from None
        if run is not None and world.main:
            self._write(run, prepared, fitted, evaluation)
        world.wait()  # the folder is complete for every process that goes on
        return fitted, evaluation

    def _trained(self, prepared: P, job: _Job[F], after: tuple[History, ...] = ()) -> Trained:
        """Train every member; with the histories of those that were scored, anew on all data."""
        members = []
        settled = self._settled(prepared)
        for member in range(settled.members):
            network = self._untrained(prepared, member, job, whole=bool(after))
            task = self._whole_task(prepared, network) if after else self._task(prepared, network)
            options = part_of(TrainingOptions, settled, seed=self.seed + member)
            stop = None
            if after:
                # the very steps that the kept weights had, at the very learning rates
                first = self._task(prepared, network).training
                steps = Rounds.of(options.closed(), order_of(first, options.closed()).count)
                options = replace(options, epochs=None, steps=steps.total, patience=None)
                stop = after[member].kept_steps
            history = train(
                task,
                options,
                checkpoint=job.checkpoint(member, whole=bool(after)),
                resume=job.resume,
                progress=job.progress,
                label=label_of_member(member, settled.members, whole=bool(after)),
                device=self.device,
                stop=stop,
            )
            members.append((network, history))
        networks, histories = zip(*members, strict=True)
        return Trained(networks, histories, job.engine)

    def _untrained(
        self, prepared: P, member: int, job: _Job[F], *, whole: bool
    ) -> TrainableNetwork:
        """Return a member's network with its first weights, which follow from its seed alone."""
        with seeded(self.seed + member):
            network = self._network(prepared, job.engine)
        if job.start is not None:
            before = job.start.answering if whole else job.start.networks
            network.load_state_dict(before[member].state_dict())
        return network

    def _write(self, run: Run, prepared: P, fitted: F, evaluation: E) -> None:
        """Write the model, its answers and its scores; the run counts as complete after that."""
        self._save_model(fitted, run.path / MODEL)
        model = digest(run.path / MODEL)
        scores = self._write_scores(run, prepared, fitted, evaluation)
        parameters = sum(weight.numel() for weight in fitted.networks[0].parameters())
        write_metrics(run, model, scores, fitted.histories, parameters)
        run.finish(model)

    def _begin(self, folder: Path, config: dict[str, Any], start: F | None, world: World) -> Run:
        """Make the run folder in the first process; the others wait for it."""
        run = Run(folder, config)
        if world.main:

            def keep_start(begun: Run) -> None:
                if start is not None:
                    self._save_model(start, begun.checkpoints / START)

            run = Run.begin(folder, config, keep_start)
        world.wait()
        return run

    def _config(self, prepared: P) -> dict[str, Any]:
        settings, settled = self.to_json(), self._settled(prepared).to_json()
        return {
            **({} if self.kind == FIRST else {"estimator": self.kind}),
            "gatewise": version("gatewise"),
            "settings": settings,
            "settings_sha256": settings_digest(settings),
            **({} if settled == settings else {"settled": settled}),
            "data": prepared.identity,
        }

    def _fitted(self) -> F:
        fitted: F | None = getattr(self, "fitted_", None)
        if fitted is None:
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")
        return fitted

    @classmethod
    def _begun(cls, run: Run, device: str | None) -> Self:
        """Return the estimator whose fit a run is, to go on with on `device` where that is named."""
        model = cls.from_saved(run.config["settings"])
        model.device = device or model.device
        return model

    @classmethod
    def _data_of(cls, run: Run) -> Any:
        """Return where the data of a run can be read again; None where it was in memory."""
        return run.config["source"]

    @classmethod
    def _start_of(cls, run: Run) -> F | None:
        return cls._load_model(run.checkpoints / START, "cpu") if run.config["continued"] else None

    @classmethod
    def _load_run(cls, folder: Path, device: str) -> F:
        """Return the model that config.json names, also while a new run takes the place of this one."""
        return model_in(folder, cls.kind, lambda file: cls._load_model(file, device))

    @classmethod
    def _scores_of_run(cls, folder: Path) -> E | None:
        """Return the scores of the fit; where they are damaged, None: the model is whole without."""
        if cls.scores_type is None:
            return None
        run = Run.open(folder)
        try:
            found: E = cls.scores_type.from_json(read_metrics(run))
            return found
        except (KeyError, TypeError, ValueError, AttributeError):
            told = f"{run.path / METRICS} is damaged: it holds no scores of a {cls.kind}"
        except FileError as error:
            told = str(error)
        warn(f"{told}; the model is loaded without its scores, `evaluate` makes them anew")
        return None
