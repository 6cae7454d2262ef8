"""The names of the files in a run folder, and its config.json: read, and refused where it is damaged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gatewise.data.catalog import DATASET
from gatewise.errors import FileError
from gatewise.estimators.run.known import FIRST, known_settings
from gatewise.estimators.run.lock import LOCK
from gatewise.files import check_version, is_part

FORMAT = "gatewise-run"
FORMAT_VERSION = 1
CONFIG = "config.json"
MODEL = "model.safetensors"
METRICS = "metrics.json"
REPORT = "report.html"
PICTURE = "report.png"
CHECKPOINTS = "checkpoints"
REPLACEMENT = "replacement"
"""The folder, in that of a finished run, where the run that is to replace it is made."""
SCORES_BY_SERIES = "scores_by_series.csv"
RESULTS = (
    *(MODEL, METRICS, SCORES_BY_SERIES, REPORT, PICTURE),
    *("predictions.csv", "predictions.parquet", "forecast.csv", "forecast.parquet"),
)


def check_config(config: dict[str, Any], place: Path) -> None:
    """Raise FileError unless `config`, which claims to be a run's config.json, is whole.

    `place` is the run folder or the file, for the message.
    """
    made_by = config.get("format_version")
    if type(made_by) is int:
        check_version(made_by, FORMAT_VERSION, place, str(config.get("gatewise")))
    for name, (allowed, wanted) in _ENTRIES.items():
        if name not in config and name not in _OPTIONAL:
            raise FileError(_damaged(place, f"{CONFIG} lacks {name!r}"))
        if not allowed(config.get(name)):
            raise FileError(_damaged(place, f"{name!r} in {CONFIG} must be {wanted}"))
    known = known_settings(config.get("estimator", FIRST))
    for name in config["settings"]:
        if known is not None and name not in known:
            raise FileError(_damaged(place, f"{CONFIG} has the unknown setting {name!r}"))


_ENTRIES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "format_version": (lambda value: type(value) is int, "a whole number"),
    "status": (
        lambda value: value in ("training", "complete", "failed"),
        "'training', 'complete' or 'failed'",
    ),
    "settings": (lambda value: isinstance(value, dict), "names and values"),
    "settled": (lambda value: value is None or isinstance(value, dict), "names and values"),
    "source": (lambda value: value is None or isinstance(value, str), "a path, a set or null"),
    "labels": (lambda value: value is None or isinstance(value, str), "a path or null"),
    "data": (
        lambda value: isinstance(value, dict) and isinstance(value.get("sha256"), str),
        "names and values, 'sha256' among them",
    ),
    "estimator": (lambda value: value is None or isinstance(value, str), "text"),
    "continued": (lambda value: isinstance(value, bool), "true or false"),
    "predictions": (lambda value: value in ("csv", "parquet"), "'csv' or 'parquet'"),
    "title": (lambda value: value is None or isinstance(value, str), "text"),
    "by": (
        lambda value: value in (None, "season", "month", "series"),
        "'season', 'month' or 'series'",
    ),
    "engine": (
        lambda value: value in ("native", "torch", "reference", None),
        "'native', 'torch' or 'reference'",
    ),
    "model_sha256": (lambda value: value is None or isinstance(value, str), "hexadecimal digits"),
    "failure": (lambda value: value is None or isinstance(value, str), "text"),
}
"""What the rest of gatewise reads of config.json: each entry, what it may be, and that in words."""
_OPTIONAL = ("settled", "labels", "estimator", "title", "by", "engine", "model_sha256", "failure")


def settings_digest(settings: dict[str, Any]) -> str:
    """Return the SHA-256 of settings as JSON, by which a run that is resumed knows its own again."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def check_settings(config: dict[str, Any], place: Path) -> None:
    """Raise FileError unless the settings are those that the run began with."""
    found = settings_digest(config["settings"])
    if config.get("settings_sha256", found) != found:  # runs from before there was one have none
        raise FileError(
            _damaged(place, f"the settings in {CONFIG} are not those that it began with: fit anew")
        )


def _damaged(place: Path, reason: str) -> str:
    kind = "run folder" if place.is_dir() else "run's file"
    return f"{place} is a damaged gatewise {kind}: {reason}"


def read_config(folder: Path) -> dict[str, Any] | None:
    """Return what the config.json in `folder` holds, None where it is not that of a run."""
    if not (folder / CONFIG).is_file():  # a pipe in its place would never end
        return None
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return config if isinstance(config, dict) and config.get("format") == FORMAT else None


def is_remains(name: str) -> bool:
    """Tell whether a file may be left by a run that was killed before it had a config.json."""
    return name in {CHECKPOINTS, LOCK} or is_part(name)


def source_of(place: str | Path | None) -> str | None:
    """Return where data can be read again: an absolute path or a bundled set's name."""
    if place is None or str(place).startswith(DATASET):
        return place if place is None else str(place)
    return str(Path(place).resolve())
