"""The folder of a search: what was asked, the study, and at the end the trials and the fitted runs.

OUT/tuning.json     what was asked, how to go on, and at the end what was found (written first and last)
OUT/study.journal   every trial that has ended, in Optuna's journal format
OUT/trials.csv      the same as a table, at the end
OUT/best/           the run folder of the best settings
OUT/start/          that of the settings that the search began with
OUT/.lock           while a process writes to the folder
"""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gatewise.errors import FileError, cause, is_line
from gatewise.estimators.run.lock import LOCK
from gatewise.estimators.tuning.study import JOURNAL
from gatewise.files import atomic_write_text, check_version, check_writable, is_part

ABOUT = "tuning.json"
TRIALS = "trials.csv"
BEST, START = "best", "start"
FORMAT, FORMAT_VERSION = "gatewise-tuning", 1


def is_tuning(folder: Path) -> bool:
    """Return whether `folder` is that of a search."""
    return os.path.isfile(folder / ABOUT)  # of a name that cannot be one, no


def check_folder(path: str | Path, asked: dict[str, Any], *, overwrite: bool) -> Path:
    """Raise FileError unless a search may be written to `path`, begun or gone on with.

    A search that asked for something else stands, and `overwrite` replaces it; anything else in the
    folder that is not a search's is refused. Nothing is written here.
    """
    if not is_line(str(path)):
        raise FileError(
            f"a folder's name must not be blank or have control characters: {str(path)!r}"
        )
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise FileError(f"{folder} is a file: name a folder")
    if not folder.exists():
        parent = next(place for place in folder.absolute().parents if place.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise FileError(f"the folder {folder} cannot be made: {parent} cannot be written")
        return folder
    found = [each.name for each in folder.iterdir() if each.name != LOCK and not is_part(each.name)]
    if found and not is_tuning(folder):
        raise FileError(
            f"{folder} holds other files, and no search of gatewise's: name another folder"
        )
    check_writable(folder / ABOUT)
    if found and not overwrite:
        known = read_about(folder).get("asked", {})
        if known != asked:
            names = sorted(
                name for name in known.keys() | asked if known.get(name) != asked.get(name)
            )
            raise FileError(
                f"{folder} holds a search that asked for something else ({', '.join(names)}): name "
                "another folder, or replace it with overwrite=True"
            )
    return folder


def read_about(folder: Path) -> dict[str, Any]:
    """Return what tuning.json says; FileError where it is damaged or of a newer gatewise."""
    place = folder / ABOUT
    try:
        about = json.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"cannot read {place}: {cause(error)}") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"{place} is damaged ({cause(error)[:100]})") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise FileError(f"{place} is not that of a search of gatewise's")
    made_by = about.get("format_version")
    if type(made_by) is not int:
        raise FileError(f"{place} is damaged: it has no format_version")
    check_version(made_by, FORMAT_VERSION, place, str(about.get("gatewise")))
    return about


def how_to_go_on(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings that a search began with, and the arguments of `tune` that go on with it.

    Raises FileError for a damaged file and for a search of before there was such a thing.
    """
    about = read_about(folder)
    asked, again = about.get("asked"), about.get("again")
    if not isinstance(asked, dict) or not isinstance(again, dict):
        raise FileError(
            f"{folder / ABOUT} does not say how to go on: give the command again that began it"
        )
    space = {
        name: (values["from"], values["to"]) if isinstance(values, dict) else values
        for name, values in asked["space"].items()
    }
    rest = {"space": space, "metric": asked["metric"], "prune": asked["prune"]}
    return asked["settings"], {**again, **rest}


def clear(folder: Path) -> None:
    """Delete the trials of an earlier search; its runs stand until others take their place.

    The study goes first, so that none is gone on with that was not asked for.
    """
    for name in (JOURNAL, ABOUT, TRIALS):
        (folder / name).unlink(missing_ok=True)


def write_about(folder: Path, asked: dict[str, Any], status: str, **found: Any) -> None:
    """Write tuning.json, whole or not at all."""
    about = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "status": status,
        "gatewise": version("gatewise"),
        "asked": asked,
        **found,
    }
    atomic_write_text(folder / ABOUT, json.dumps(about, indent=2, allow_nan=False) + "\n")
