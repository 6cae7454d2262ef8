"""The folder that a backtest leaves: whole or not at all.

OUT/backtest.json    bounds and scores of the folds, their means and spread, what was asked
OUT/scores.csv       every score of every fold and model
OUT/predictions.csv  every prediction with its truth
OUT/backtest.png     truth and predictions over time, where matplotlib is installed
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.data.files import write_frame
from gatewise.data.tables.output import frame_like
from gatewise.errors import FileError, OptionError, cause, is_line
from gatewise.estimators.forecaster.backtesting.result import Backtest
from gatewise.files import finite_json, flush_folder

FORMAT, FORMAT_VERSION = "gatewise-backtest", 1
ABOUT, SCORES, PREDICTIONS, PICTURE = (
    "backtest.json",
    "scores.csv",
    "predictions.csv",
    "backtest.png",
)


def check_folder(path: str | Path, *, overwrite: bool) -> Path:
    """Raise FileError unless a backtest may be written to `path`; nothing is written here.

    With `overwrite` an earlier backtest gives way; a folder with anything else in it stands.
    """
    if not is_line(str(path)):
        raise FileError(
            f"a folder's name must not be blank or have control characters: {str(path)!r}"
        )
    folder = Path(path)
    parent = next(place for place in folder.absolute().parents if place.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise FileError(f"the folder {folder} cannot be made: {parent} cannot be written")
    if not os.path.lexists(folder):
        return folder
    if not folder.is_dir():
        raise FileError(f"{folder} is a file: name a folder")
    others = {each.name for each in folder.iterdir()} - {ABOUT, SCORES, PREDICTIONS, PICTURE}
    if others or not (folder / ABOUT).is_file():
        raise FileError(f"{folder} holds other files, and no backtest alone: name another folder")
    if not overwrite:
        raise FileError(f"{folder} holds a backtest: name another folder, or use overwrite=True")
    return folder


def write_backtest(result: Backtest, folder: Path, settings: dict[str, Any]) -> bool:
    """Write a backtest to `folder`, in place of an earlier one there; return whether it has a picture.

    Everything is made beside the folder and then renamed. Raises FileError where it cannot be written.
    """
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent))
        try:
            drawn = _fill(made, result, settings)
            made.chmod(0o777 & ~_umask())
            if folder.exists():
                # Renamed and not deleted first: a kill between the two leaves both beside each other.
                earlier = made.with_name(f"{made.name}.earlier")
                folder.rename(earlier)
                made.rename(folder)
                shutil.rmtree(earlier)
            else:
                made.rename(folder)
            flush_folder(folder.absolute().parent)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise FileError(f"the folder {folder} cannot be written: {cause(error)}") from error
    return drawn


def _fill(made: Path, result: Backtest, settings: dict[str, Any]) -> bool:
    about = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "gatewise": version("gatewise"),
        "settings": settings,
        **result.to_dict(),
    }
    (made / ABOUT).write_text(json.dumps(finite_json(about), indent=2) + "\n", encoding="utf-8")
    write_frame(_score_frame(result), made / SCORES)
    write_frame(result.to_frame(), made / PREDICTIONS)
    try:
        figure = result.plot().get_figure(root=True)
    except OptionError:  # matplotlib is an extra
        return False
    assert figure is not None
    figure.savefig(made / PICTURE, dpi=150)
    return True


def _score_frame(result: Backtest) -> Any:
    """Return every score as a frame; what a model has no score for is NaN."""
    rows = result.score_rows()
    names = list(dict.fromkeys(name for row in rows for name in row))
    texts = ("test_from", "test_until", "model", "target")
    return frame_like(
        "polars",
        {
            name: np.array([row[name] for row in rows])
            if name in ("fold", *texts)
            else np.array([row.get(name, np.nan) for row in rows], dtype=np.float64)
            for name in names
        },
    )


def _umask() -> int:
    """Return the process's mask: a temporary folder is for its owner alone, what is made is not."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
