"""The run folder: what a fit leaves on disk, and how an unfinished one is recognised.

RUN/config.json              settings, data source and fingerprint, status (written first and last)
RUN/checkpoints/             one file per member while training; gone when the run is complete
RUN/model.safetensors        the portable model
RUN/metrics.json             scores beside the baselines'
RUN/predictions.csv          the scored part: truth, prediction, bands (or .parquet)
RUN/report.html              the page (written by the command line)
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gatewise.data.files import atomic_write_text
from gatewise.errors import FileError
from gatewise.models.settings import ForecasterSettings

FORMAT = "gatewise-run"
FORMAT_VERSION = 1
CONFIG = "config.json"
MODEL = "model.safetensors"
METRICS = "metrics.json"
REPORT = "report.html"
_RESULTS = (MODEL, METRICS, "predictions.csv", "predictions.parquet", REPORT)


@dataclass(frozen=True)
class Run:
    """A run folder. `config` is what its config.json holds, as read or written through this object."""

    path: Path
    config: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open an existing run folder; `FileError` where there is none."""
        folder = Path(path)
        if not folder.exists():
            raise FileError(f"there is no run folder {folder}")
        if not folder.is_dir():
            raise FileError(f"{folder} is not a run folder but a file")
        config = _read_config(folder)
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
        folder = Path(path)
        if folder.exists():
            _check_existing(folder, overwrite)
            parent = folder
        else:
            parent = next(place for place in folder.absolute().parents if place.exists())
        if not parent.is_dir():
            raise FileError(f"the run folder {folder} cannot be made: {parent} is a file")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise FileError(f"the run folder {folder} cannot be written: no permission in {parent}")
        return folder

    @classmethod
    def begin(
        cls, folder: Path, config: dict[str, Any], prepare: Callable[[Run], None] | None = None
    ) -> Run:
        """Make the folder and its config.json with status "training"; earlier results go.

        `prepare` may put files among the checkpoints that `resume` will need: it comes before the
        config, so that a run which can be seen can be resumed.
        """
        config = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "status": "training",
            **config,
        }
        run = cls(folder, config)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if (_read_config(folder) or {}).get("status") == "training":
                (folder / CONFIG).unlink()  # it would take the new checkpoints for its own
            run.drop_checkpoints()
            run.checkpoints.mkdir()
            if prepare is not None:
                prepare(run)
            run._write_config(status="training")
            run.sweep()
            for name in _RESULTS:
                (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise FileError(
                f"the run folder {folder} cannot be written: {error.strerror}"
            ) from error
        return run

    @property
    def complete(self) -> bool:
        """Whether the fit behind this run was finished."""
        return bool(self.config["status"] == "complete")

    @property
    def title(self) -> str | None:
        """The title that its page was given, if any."""
        title: str | None = self.config.get("title")
        return title

    def set_title(self, title: str) -> None:
        """Keep the title of the page, for every page that is written of this run from now on."""
        self._write_config(title=title)

    @property
    def checkpoints(self) -> Path:
        """The folder of the members' checkpoints."""
        return self.path / "checkpoints"

    def checkpoint(self, member: int) -> Path:
        """Return the checkpoint file of one member."""
        return self.checkpoints / f"member-{member}.safetensors"

    def finish(self) -> None:
        """Mark the run complete, then drop the checkpoints and what a killed process left."""
        self._write_config(status="complete")
        self.drop_checkpoints()
        self.sweep()

    def sweep(self) -> None:
        """Delete the hidden files that a process killed while writing leaves behind."""
        for rest in self.path.glob(".*.part"):
            rest.unlink(missing_ok=True)

    def drop_checkpoints(self) -> None:
        """Delete the checkpoints, if there are any."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def model_file(self) -> Path:
        """Return the model file of a complete run; `FileError` for an unfinished one."""
        if not self.complete:
            raise FileError(
                f"the run {self.path} is not finished: `gatewise resume {self.path}` goes on with it"
            )
        return self.path / MODEL

    def _write_config(self, **changes: Any) -> None:
        text = json.dumps({**self.config, **changes}, indent=2, ensure_ascii=False)
        atomic_write_text(self.path / CONFIG, text + "\n")
        self.config.update(changes)


def check_config(config: dict[str, Any], place: Path) -> None:
    """Raise FileError unless `config`, which claims to be a run's config.json, is whole.

    `place` is the run folder or the file, for the message.
    """
    made_by = config.get("format_version")
    if type(made_by) is int and made_by > FORMAT_VERSION:
        raise FileError(
            f"{place} was made by a newer gatewise ({config.get('gatewise')}): update gatewise"
        )
    for name, (allowed, wanted) in _ENTRIES.items():
        if name not in config and name not in _OPTIONAL:
            raise FileError(_damaged(place, f"{CONFIG} lacks {name!r}"))
        if not allowed(config.get(name)):
            raise FileError(_damaged(place, f"{name!r} in {CONFIG} must be {wanted}"))
    known = {field.name for field in fields(ForecasterSettings)}
    for name in config["settings"]:
        if name not in known:
            raise FileError(_damaged(place, f"{CONFIG} has the unknown setting {name!r}"))


_ENTRIES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "format_version": (lambda value: type(value) is int, "a whole number"),
    "status": (lambda value: value in ("training", "complete"), "'training' or 'complete'"),
    "settings": (lambda value: isinstance(value, dict), "names and values"),
    "source": (lambda value: value is None or isinstance(value, str), "a path, a set or null"),
    "data": (
        lambda value: isinstance(value, dict) and isinstance(value.get("sha256"), str),
        "names and values, 'sha256' among them",
    ),
    "continued": (lambda value: isinstance(value, bool), "true or false"),
    "predictions": (lambda value: value in ("csv", "parquet"), "'csv' or 'parquet'"),
    "title": (lambda value: value is None or isinstance(value, str), "text"),
    "engine": (lambda value: value in ("native", "torch", None), "'native' or 'torch'"),
}
"""What the rest of gatewise reads of config.json: each entry, what it may be, and that in words."""
_OPTIONAL = ("title", "engine")


def _damaged(place: Path, reason: str) -> str:
    kind = "run folder" if place.is_dir() else "run's file"
    return f"{place} is a damaged gatewise {kind}: {reason}"


def _read_config(folder: Path) -> dict[str, Any] | None:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return config if isinstance(config, dict) and config.get("format") == FORMAT else None


def _is_remains(name: str) -> bool:
    """Tell whether a file may be left by a run that was killed before it had a config.json."""
    return name in {*_RESULTS, "checkpoints"} or (name.startswith(".") and name.endswith(".part"))


def _check_existing(folder: Path, overwrite: bool) -> None:
    if not folder.is_dir():
        raise FileError(f"{folder} is a file: name a folder for the run")
    config = _read_config(folder)
    if config is None:
        if not all(_is_remains(path.name) for path in folder.iterdir()):
            raise FileError(
                f"the folder {folder} exists and is not a gatewise run: name a new one for the run"
            )
        return
    if overwrite:
        return
    check_config(config, folder)
    if config["status"] == "training":
        raise FileError(
            f"{folder} holds an unfinished run: `gatewise resume {folder}` goes on with it, "
            "or --overwrite (overwrite=True) starts again"
        )
    raise FileError(
        f"the run folder {folder} exists: name another, or replace it with --overwrite (overwrite=True)"
    )
