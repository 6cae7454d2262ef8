"""A program on torch and under `gatewise run`: what it took, and whether its results are the same."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.programs.program import Program
from benchmarks.programs.timing import Taken, run


class Setting(NamedTuple):
    """How programs are measured."""

    repeats: int
    threads: int
    by_wall: bool = False


class Row(NamedTuple):
    """What was measured of a variant of a program; seconds are torch's and gatewise's."""

    name: str
    variant: str
    about: str
    same: str
    whole: tuple[float, float]
    stage: tuple[float, float]
    recurrent: tuple[float, float]
    left: (
        str  # why most of the calls that were left were left, and their share of the recurrent time
    )


def missing(program: Program, python: str) -> str:
    """Return which modules an interpreter lacks of those that a program needs, in words."""
    needed = (*program.imports, "gatewise")
    code = (
        "import sys; from importlib.util import find_spec; "
        "print(*[name for name in sys.argv[1:] if find_spec(name) is None], sep=', ')"
    )
    try:
        found = subprocess.run(
            [python, "-c", code, *needed], capture_output=True, text=True, check=True, cwd="/"
        )
    except (OSError, subprocess.CalledProcessError) as error:
        return f"{python} ({error})"
    return found.stdout.strip()


def measure(name: str, variant: str, python: str, folder: Path, setting: Setting) -> Row:
    """Run one variant of a program both ways in turn, and once more for the report.

    The least of the repeats counts: what else the machine does only adds to a run.
    """
    module: Any = import_module(f"benchmarks.programs.{name}")
    program: Program = module.PROGRAM
    enter = [python, "-m", "benchmarks.programs.enter", name]
    patched = [python, "-m", "gatewise", "run"]
    run([*enter, "prepare", str(folder), variant, "-"])

    def once(before: Sequence[str], out: str) -> Taken:
        file = folder / out
        words = _words(module, name, python, (folder, variant, file), before)
        taken = run(words, program.stage, threads=setting.threads, by_wall=setting.by_wall)
        run([*enter, "finish", str(folder), variant, str(file)])
        return taken

    theirs, ours = [], []
    for number in range(setting.repeats):
        theirs.append(once([], f"torch{number}"))
        ours.append(once(patched, f"gatewise{number}"))
    report = folder / "report.json"
    once([*patched, f"--report={report}"], "reported")
    recurrent, left = _told(json.loads(report.read_text()))
    return Row(
        name=name,
        variant=variant,
        about=program.about,
        same=compared(folder / "torch0", folder / "gatewise0"),
        whole=_least(theirs, ours, lambda taken: taken.whole),
        stage=_least(theirs, ours, lambda taken: taken.stage),
        recurrent=recurrent,
        left=left,
    )


def _words(
    module: Any, name: str, python: str, given: tuple[Path, str, Path], before: Sequence[str]
) -> list[str]:
    """Return the command of a program: its own, or a Python that does its work."""
    if hasattr(module, "command"):
        return [*before, *module.command(Path(python).parent, *given)]
    words = ["-m", "benchmarks.programs.enter", name, "work", *map(str, given)]
    return [*before, *words] if before else [python, *words]


def _least(
    theirs: Sequence[Taken], ours: Sequence[Taken], of: Callable[[Taken], float]
) -> tuple[float, float]:
    return min(map(of, theirs)), min(map(of, ours))


def compared(theirs: Path, ours: Path) -> str:
    """Say whether two files of results are the same, or by how much their numbers differ."""
    one, other = theirs.read_bytes(), ours.read_bytes()
    if one == other:
        return "the same bytes"
    if not one.startswith(b"\x93NUMPY"):
        return "NOT the same"
    first, second = np.load(theirs), np.load(ours)
    if first.shape != second.shape:
        return "NOT of one shape"
    apart = np.abs(first - second).max() / max(float(np.abs(first).max()), 1e-30)
    return f"to {apart:.0e}"


def _told(report: dict[str, Any]) -> tuple[tuple[float, float], str]:
    """Return the seconds of all recurrent calls, torch's and ours, and what most of those left were.

    torch's are estimated, as the report does, from the calls timed on it, NaN where some are not; a call
    that was left took what torch takes.
    """
    theirs = ours = 0.0
    reasons: dict[str, float] = {}
    for row in report["calls"]:
        ours += row["seconds"]
        if row["left"]:
            theirs += row["seconds"]
            reasons[row["left"]] = reasons.get(row["left"], 0.0) + row["seconds"]
        elif row["timed_seconds"] and row["torch_seconds"]:
            theirs += row["seconds"] * row["torch_seconds"] / row["timed_seconds"]
        else:  # with gradients torch is not timed
            theirs = math.nan
    if not reasons:
        return (theirs, ours), ""
    most = max(reasons, key=lambda why: reasons[why])
    return (theirs, ours), f"{reasons[most] / ours:.0%} left: {most}"
