"""A run that is to replace another is made beside it and takes its place when it is whole.

It is made in RUN/replacement, whose config.json turns "complete" in one step once everything else of it
lies there. That step decides: before it the earlier run stands, after it the new one. Then the files
move into RUN, config.json last. A process that dies on the way leaves files in both folders, and the
next command on RUN moves the rest. Whatever else lies in RUN stays.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewise.errors import FileError, cause
from gatewise.estimators.run.config import (
    CHECKPOINTS,
    CONFIG,
    METRICS,
    MODEL,
    REPLACEMENT,
    RESULTS,
    is_remains,
    read_config,
)
from gatewise.estimators.run.lock import LOCK, PATIENCE, is_locked_here, locked
from gatewise.files import flush_folder, is_part, remove_dead_parts


@contextmanager
def writing(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of a run folder, and put in order first what a killed process left there.

    Raises BusyError where another process writes to it, FileError where it cannot be written.
    """
    with locked(folder, patience):
        try:
            tidy(folder)
        except FileError:
            raise
        except OSError as error:
            raise FileError(f"the run folder {folder} cannot be written: {cause(error)}") from error
        yield


def needs_tidying(folder: Path) -> bool:
    """Return whether a killed process left something in the run folder that `tidy` would take up."""
    names = {path.name for path in folder.iterdir()}
    if any(is_part(name) for name in names) or (LOCK in names and not is_locked_here(folder)):
        return True
    status = _status(folder)
    if status == "complete" and CHECKPOINTS in names:
        return True
    return REPLACEMENT in names and is_replacement(folder) and _status_beside(folder) != "training"


def tidy(folder: Path) -> None:
    """Finish or drop what a killed process left; the caller holds the lock, so nobody is at it."""
    beside = folder / REPLACEMENT
    if is_replacement(folder):
        if _status(beside) == "complete":
            take_place(folder)
        elif _status(beside) != "training":
            shutil.rmtree(beside)
    for place in (folder, folder / CHECKPOINTS, beside, beside / CHECKPOINTS):
        if place.is_dir():
            remove_dead_parts(place)
    if _status(folder) == "complete":
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)


def take_place(folder: Path) -> None:
    """Move the complete run in RUN/replacement, or what is left of it there, into RUN."""
    beside = folder / REPLACEMENT
    config = read_config(beside) or {}
    new = {MODEL, METRICS, f"predictions.{config.get('predictions')}"}
    for name in RESULTS:
        if (beside / name).exists():
            (beside / name).replace(folder / name)
        elif name not in new:
            (folder / name).unlink(missing_ok=True)
    flush_folder(beside)
    flush_folder(folder)
    (beside / CONFIG).replace(folder / CONFIG)
    flush_folder(folder)
    shutil.rmtree(beside)


def is_replacement(folder: Path) -> bool:
    """Return whether RUN/replacement is there and holds nothing but a run, or the beginning of one."""
    beside = folder / REPLACEMENT
    if not beside.is_dir() or beside.is_symlink():
        return False
    known = {CONFIG, *RESULTS}
    return all(path.name in known or is_remains(path.name) for path in beside.iterdir())


def run_folder(path: Path) -> Path:
    """Return the run folder that `path` belongs to: RUN for RUN/replacement too."""
    place = path.absolute()
    if place.name == REPLACEMENT and read_config(place.parent) is not None:
        return path.parent if path.name == REPLACEMENT else place.parent
    return path


def _status(folder: Path) -> object:
    return (read_config(folder) or {}).get("status")


def _status_beside(folder: Path) -> object:
    return _status(folder / REPLACEMENT)
