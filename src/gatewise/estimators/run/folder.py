"""The run folder: what a fit leaves on disk, and how an unfinished one is recognised.

RUN/config.json              settings, data source and fingerprint, status (written first and last)
RUN/checkpoints/             one file per member while training; gone when the run is complete
RUN/model.safetensors        the portable model
RUN/metrics.json             scores beside the baselines'
RUN/predictions.csv          the scored part: truth, prediction, bands (or .parquet)
RUN/scores_by_series.csv     of a panel: the scores of each series
RUN/forecast.csv             of a forecaster, what comes after the data (or .parquet)
RUN/report.html              the page (written by the command line)
RUN/report.png               its first screen as a picture (where matplotlib is installed)
RUN/replacement/             an unfinished run that will take the place of this one (`run_replacement`)
RUN/.lock                    while a process writes to the folder (`run_lock`)

config.json and metrics.json hold the SHA-256 of the model that they belong to.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gatewise.errors import FileError, cause, is_line
from gatewise.estimators.run.config import (
    CHECKPOINTS,
    CONFIG,
    FORMAT,
    FORMAT_VERSION,
    METRICS,
    MODEL,
    REPLACEMENT,
    REPORT,
    RESULTS,
    check_config,
    is_remains,
    read_config,
)
from gatewise.estimators.run.known import FIRST
from gatewise.estimators.run.lock import BusyError
from gatewise.estimators.run.replacement import (
    is_replacement,
    needs_tidying,
    run_folder,
    take_place,
    writing,
)
from gatewise.files import atomic_write_text, flush_folder, remove_dead_parts
from gatewise.launch import is_main_process

__all__ = ["FORMAT", "METRICS", "MODEL", "REPORT", "Run", "check_config", "digest"]

T = TypeVar("T")

READ_SECONDS = 5.0
"""How long a reader waits for a run that is just taking the place of another."""


@dataclass(frozen=True)
class Run:
    """A run folder. `config` is what its config.json holds, as read or written through this object."""

    path: Path
    config: dict[str, Any]
    replaces: Path | None = None
    """The run folder whose place this run takes when it is whole."""

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open an existing run folder; `FileError` where there is none.

        What a killed process left is put in order first. RUN/replacement stands for RUN.
        """
        folder = run_folder(Path(path))
        if not os.path.exists(folder):
            raise FileError(f"there is no run folder {folder}")
        if not folder.is_dir():
            raise FileError(f"{folder} is not a run folder but a file")
        _put_in_order(folder)
        config = read_config(folder)
        if config is None:
            raise FileError(
                f"{folder} is not a gatewise run folder (it has no {CONFIG} of one); "
                "`gatewise fit ... --out FOLDER` makes one"
            )
        check_config(config, folder)
        return cls(folder, config)

    @classmethod
    def check_target(cls, path: str | Path, *, overwrite: bool) -> Path:
        """Raise `FileError` unless a run may be written to `path`; nothing is written here."""
        if not is_line(str(path)):
            raise FileError(
                f"a run folder's name must not be blank or have control characters: {str(path)!r}"
            )
        folder = run_folder(Path(path))
        try:
            if folder.exists():
                _check_existing(folder, overwrite)
                parent = folder
            else:
                parent = next(place for place in folder.absolute().parents if place.exists())
        except FileError:
            raise
        except OSError as error:
            raise FileError(f"the run folder {folder} cannot be made: {cause(error)}") from error
        if not parent.is_dir():
            raise FileError(f"the run folder {folder} cannot be made: {parent} is a file")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise FileError(f"the run folder {folder} cannot be written: no permission in {parent}")
        return folder

    @classmethod
    def begin(
        cls, folder: Path, config: dict[str, Any], prepare: Callable[[Run], None] | None = None
    ) -> Run:
        """Make a run with status "training": in `folder`, or beside the finished run that is there.

        A run that is not finished gives way at once. `prepare` may put files among the checkpoints that
        `resume` will need: it comes before the config, so that a run which can be seen can be resumed.
        """
        config = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "status": "training",
            **config,
        }
        earlier = read_config(folder)
        beside = earlier is not None and earlier.get("status") not in ("training", "failed")
        run = cls(folder / REPLACEMENT, config, folder) if beside else cls(folder, config)
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            # What is there goes in an order that leaves it resumable or nothing, and nothing of it is
            # taken for the new run's.
            for name in (*RESULTS, CONFIG):
                (run.path / name).unlink(missing_ok=True)
            remove_dead_parts(run.path)
            run.drop_checkpoints()
            run.checkpoints.mkdir()
            if prepare is not None:
                prepare(run)
            run._write_config(status="training")
            flush_folder(run.path.parent)
        except FileError:
            raise
        except OSError as error:
            raise FileError(f"the run folder {folder} cannot be written: {cause(error)}") from error
        return run

    @property
    def complete(self) -> bool:
        """Whether the fit behind this run was finished."""
        return bool(self.config["status"] == "complete")

    @property
    def folder(self) -> Path:
        """The run folder as its user knows it: that of the run that is replaced, if one is."""
        return self.path if self.replaces is None else self.replaces

    def unfinished(self) -> Run | None:
        """Return the run that `resume` goes on with: this one, or the one that is to replace it."""
        if self.config["status"] == "training":
            return self
        beside = self.path / REPLACEMENT
        config = read_config(beside) if is_replacement(self.path) else None
        if config is None or config.get("status") != "training":
            return None
        check_config(config, beside)
        return Run(beside, config, self.path)

    @property
    def title(self) -> str | None:
        """The title that its page was given, if any."""
        title: str | None = self.config.get("title")
        return title

    @property
    def failure(self) -> str | None:
        """Why the training behind this run could not be finished, if it broke down."""
        failure: str | None = self.config.get("failure")
        return failure if self.config["status"] == "failed" else None

    def set_title(self, title: str) -> None:
        """Keep the title of the page, for every page that is written of this run from now on."""
        self._write_config(title=title)

    @property
    def by(self) -> str | None:
        """Which windows its page also asks about apart ("season", "month", "series"), if any."""
        by: str | None = self.config.get("by")
        return by

    def set_by(self, by: str) -> None:
        """Keep what the page asks about apart, for every time that it is written anew."""
        self._write_config(by=by)

    @property
    def checkpoints(self) -> Path:
        """The folder of the members' checkpoints."""
        return self.path / CHECKPOINTS

    def checkpoint(self, member: int, *, whole: bool = False) -> Path:
        """Return the checkpoint file of one member, or of its refit on the whole data."""
        return self.checkpoints / f"{'refit' if whole else 'member'}-{member}.safetensors"

    def finish(self, model_sha256: str) -> None:
        """Mark the run of that model complete; where it replaces another, it takes its place."""
        self._write_config(status="complete", model_sha256=model_sha256)
        self.drop_checkpoints()
        if self.replaces is not None:
            try:
                take_place(self.replaces)
            except OSError as error:
                raise FileError(
                    f"the new run is whole, in {self.path}, but {self.replaces} cannot be written "
                    f"({cause(error)}): the next command on {self.replaces} puts it in place"
                ) from error

    def fail(self, failure: str) -> None:
        """Drop a run that cannot be finished; where it replaces none, its config.json says why."""
        if self.replaces is not None:
            with suppress(OSError):  # what stays goes with the next command
                (self.path / CONFIG).unlink()
                shutil.rmtree(self.path)
            return
        self._write_config(status="failed", failure=failure)
        self.drop_checkpoints()

    def drop_checkpoints(self) -> None:
        """Delete the checkpoints, if there are any."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    @property
    def kind(self) -> str:
        """The estimator that was fitted, such as "forecaster"."""
        kind: str = self.config.get("estimator") or FIRST
        return kind

    def check_kind(self, kind: str) -> None:
        """Raise `FileError` for the run of another estimator."""
        if self.kind != kind:
            raise FileError(f"the run {self.folder} is that of a {self.kind}, not of a {kind}")

    def model_file(self) -> Path:
        """Return the model file of a complete run; `FileError` for an unfinished one."""
        self.check_not_failed()
        if not self.complete:
            raise FileError(
                f"the run {self.path} is not finished: `gatewise resume {self.path}` goes on with it"
            )
        return self.path / MODEL

    def check_not_failed(self) -> None:
        """Raise `FileError` for a run whose training broke down."""
        if self.failure is not None:
            raise FileError(
                f"the run {self.path} has no model, for its {self.failure}; `gatewise fit ... --out "
                f"{self.path}` with other options starts again there"
            )

    def holds_its_model(self) -> bool:
        """Return whether the model file is the one that this config.json was written with."""
        known = self.config.get("model_sha256")
        return known is None or known == digest(self.path / MODEL)

    def _write_config(self, **changes: Any) -> None:
        text = json.dumps({**self.config, **changes}, indent=2, ensure_ascii=False)
        atomic_write_text(self.path / CONFIG, text + "\n")
        self.config.update(changes)


def model_in(folder: Path, kind: str, load: Callable[[Path], T]) -> T:
    """Return the model that config.json names, also while a new run takes the place of this one.

    `load` reads its file. Raises FileError for the run of another estimator than `kind`, for one that
    is not finished, and for a model that is not the run's.
    """
    for _ in range(3):
        run = Run.open(folder)
        run.check_kind(kind)
        loaded = load(run.model_file())
        if run.holds_its_model():
            return loaded
    model = run.model_file()
    raise FileError(
        f"{model} is not the model that its run was fitted with, as config.json tells: fit again, "
        f"or name the file itself ({model}) in place of the run"
    )


def digest(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _put_in_order(folder: Path) -> None:
    """Do as `tidy`, where it is needed and possible; wait for a run that is just taking its place."""
    deadline = time.monotonic() + READ_SECONDS
    while is_main_process() and _needs_tidying(folder):
        try:
            with writing(folder, patience=0):
                return
        except FileError as error:
            if (read_config(folder / REPLACEMENT) or {}).get("status") != "complete":
                return  # what is left harms nobody
            if not isinstance(error, BusyError) or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _needs_tidying(folder: Path) -> bool:
    try:
        return needs_tidying(folder)
    except OSError:  # a folder that cannot be listed, or that is changing
        return False


def _check_existing(folder: Path, overwrite: bool) -> None:
    if not folder.is_dir():
        raise FileError(f"{folder} is a file: name a folder for the run")
    if (folder / REPLACEMENT).exists() and not is_replacement(folder):
        raise FileError(
            f"{folder / REPLACEMENT} is in the way of the run that is to be made there: move it away"
        )
    config = read_config(folder)
    if config is None:  # what a killed process leaves before its config.json is nobody's loss
        if not all(is_remains(path.name) for path in folder.iterdir()):
            raise FileError(
                f"the folder {folder} exists and is not a gatewise run: name a new one for the run"
            )
        return
    if overwrite:
        return
    check_config(config, folder)
    if config["status"] == "failed":
        return
    if Run(folder, config).unfinished() is not None:
        raise FileError(
            f"{folder} holds an unfinished run: `gatewise resume {folder}` goes on with it, "
            "or --overwrite (overwrite=True) starts again"
        )
    raise FileError(
        f"the run folder {folder} exists: name another, or replace it with --overwrite (overwrite=True)"
    )
