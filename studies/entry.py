"""What `gatewise study` does: list the studies, run one or all, print verdicts and write pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.errors import FileError, OptionError
from studies.catalog import NAMES, find, folder_of
from studies.common.checks import Check
from studies.common.folder import StudyFolder
from studies.common.page import write
from studies.common.running import Result, Shown, form, run

EXPECTED = "expected.json"
"""In a study's folder: the result of the full run that the docs report."""

Printer = Callable[[str], None]


@dataclass(frozen=True)
class Listed:
    """One study in the list: its claim, and the verdict and date of its last full run."""

    name: str
    title: str
    verdict: str


def listed() -> list[Listed]:
    """Return all studies in the order of the chapter."""
    return [Listed(name, find(name).title, _last_verdict(name)) for name in NAMES]


def chosen(name: str) -> list[str]:
    """Return the names that are asked for, one or "all"; OptionError for an unknown study."""
    if name == "all":
        return list(NAMES)
    find(name)
    return [name]


def minutes(names: Sequence[str]) -> float:
    """Return how long the full runs of some studies take on two cores, as measured."""
    return sum(find(name).minutes for name in names)


def check_seeds(seeds: int | None) -> None:
    """Raise OptionError unless seeds is a number that a study can be judged by."""
    if seeds is not None and seeds < 2:
        raise OptionError(f"--seeds must be at least 2, because an interval needs two; got {seeds}")


def study(
    name: str, out: Path, *, full: bool, seeds: int | None, overwrite: bool, shown: Shown
) -> Result:
    """Run one study into the folder `out`, and write its result and page."""
    result = run(
        find(name), StudyFolder(out), full=full, seeds=seeds, overwrite=overwrite, shown=shown
    )
    command = _command(name, full=full, seeds=seeds)
    StudyFolder(out).finish(result.to_json(command))
    write(result, out, command)
    return result


def lines(result: Result) -> list[str]:
    """Return what is printed of a result: prediction, measurements and the verdict."""
    study_ = result.study
    width = max(len(check.name) for check in result.checks)
    return [
        f"{study_.name}: {study_.title}",
        f"Predicted: {study_.prediction}",
        *(_line(check, width) for check in result.checks),
        f"Verdict: {result.verdict}.",
        *([f"Correction: {study_.correction}"] if study_.correction else []),
    ]


def _line(check: Check, width: int) -> str:
    return f"  {check.outcome:<6}  {check.name:<{width}}  {check.measured}  (predicted: {check.bounds})"


def _command(name: str, *, full: bool, seeds: int | None) -> str:
    """Return the command line of a run."""
    return f"gatewise study {name} --{form(full=full)}" + (f" --seeds {seeds}" if seeds else "")


def _last_verdict(name: str) -> str:
    """Return the verdict of the last full run, or that there was none."""
    path = folder_of(name) / EXPECTED
    if not path.exists():
        return "no full run yet"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return str(found["verdict"])
    except (ValueError, KeyError, OSError):
        raise FileError(f"{path} is damaged: take it anew from the repository") from None
