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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.data.files import atomic_write_text
from gatewise.errors import FileError

FORMAT = "gatewise-run"
FORMAT_VERSION = 1
CONFIG = "config.json"
MODEL = "model.safetensors"
METRICS = "metrics.json"
REPORT = "report.html"
_RESULTS = (MODEL, METRICS, "predictions.csv", "predictions.parquet", REPORT)


@dataclass(frozen=True)
class Run:
    """A run folder. `config` is what config.json held when the run was opened or begun."""

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
        if config["format_version"] > FORMAT_VERSION:
            raise FileError(
                f"{folder} was made by a newer gatewise ({config.get('gatewise')}): update gatewise"
            )
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
    def begin(cls, folder: Path, config: dict[str, Any]) -> Run:
        """Make the folder and its config.json with status "training"; earlier results go."""
        config = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "status": "training",
            **config,
        }
        run = cls(folder, config)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            run.drop_checkpoints()  # before the new config: they belong to the earlier run
            run._write_config("training")
            run.sweep()
            for name in _RESULTS:
                (folder / name).unlink(missing_ok=True)
            run.checkpoints.mkdir(exist_ok=True)
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
    def checkpoints(self) -> Path:
        """The folder of the members' checkpoints."""
        return self.path / "checkpoints"

    def checkpoint(self, member: int) -> Path:
        """Return the checkpoint file of one member."""
        return self.checkpoints / f"member-{member}.safetensors"

    def finish(self) -> None:
        """Mark the run complete, then drop the checkpoints and what a killed process left."""
        self._write_config("complete")
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

    def _write_config(self, status: str) -> None:
        text = json.dumps({**self.config, "status": status}, indent=2, ensure_ascii=False)
        atomic_write_text(self.path / CONFIG, text + "\n")


def _read_config(folder: Path) -> dict[str, Any] | None:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        return None
    return config if isinstance(config.get("format_version"), int) else None


def _check_existing(folder: Path, overwrite: bool) -> None:
    if not folder.is_dir():
        raise FileError(f"{folder} is a file: name a folder for the run")
    config = _read_config(folder)
    if config is None:
        if any(folder.iterdir()):
            raise FileError(
                f"the folder {folder} exists and is not a gatewise run: name a new one for the run"
            )
        return
    if overwrite:
        return
    if config["status"] == "training":
        raise FileError(
            f"{folder} holds an unfinished run: `gatewise resume {folder}` goes on with it, "
            "or --overwrite (overwrite=True) starts again"
        )
    raise FileError(
        f"the run folder {folder} exists: name another, or replace it with --overwrite (overwrite=True)"
    )
