"""What `gatewise study` does: list the studies, run them, print verdicts, write pages and gallery."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# The libraries of the extra `studies`, so that a missing one is told before any work.
import brotli  # type: ignore[import-untyped]  # noqa: F401
import scipy  # noqa: F401
import sklearn  # type: ignore[import-untyped]  # noqa: F401
import statsmodels  # noqa: F401

from gatewise.errors import OptionError
from gatewise.files import atomic_write_text
from gatewise.wording import counted
from studies.catalog import ALL, GALLERY, NAMES, find
from studies.common.checks import Check
from studies.common.folder import FIGURE, PAGE, StudyFolder
from studies.common.kept import kept
from studies.common.running import Result, Shown, form, run
from studies.gallery.drawing import write_figures
from studies.gallery.index import INDEX, write_gallery
from studies.gallery.page import Around, clock, curves_of, study_page


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
    if name == ALL:
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
    told = result.to_json(command)
    StudyFolder(out).finish(told)
    drawn = write_figures(result.study.title, curves_of(result.study, told), out / FIGURE)
    files = {f"Figure, {path.suffix[1:].upper()}": path.name for path in drawn}
    atomic_write_text(out / PAGE, study_page(result.study, told, Around(files)))
    return result


def is_gallery(name: str) -> bool:
    """Return whether the gallery is asked for, and no run of a study."""
    return name == GALLERY


def gallery(out: Path) -> list[str]:
    """Write the gallery of the full runs that there are, and return what to print."""
    unmeasured = write_gallery(out)
    said = [f"Gallery  {out / INDEX}"]
    if unmeasured:
        said.append(f"Without a full run yet: {', '.join(unmeasured)}")
    return said


def together(results: Sequence[Result], out: Path, *, full: bool) -> list[str]:
    """Keep the verdicts and times of several studies in one file, and return what to print of them."""
    seconds = {result.study.name: round(result.seconds, 1) for result in results}
    told = {
        "form": form(full=full),
        "seconds": round(sum(seconds.values()), 1),
        "verdicts": {result.study.name: result.verdict for result in results},
        "seconds_each": seconds,
    }
    path = out / f"all-{form(full=full)}.json"
    atomic_write_text(path, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    spent = sum(seconds.values())
    return [
        f"{counted(len(results), 'study', 'studies')} in {clock(spent)}",
        f"Verdicts and times  {path}",
    ]


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
        f"Time: {clock(result.seconds)}",
    ]


def _line(check: Check, width: int) -> str:
    return (
        f"  {check.word:<6}  {check.name:<{width}}  {check.measured}  (predicted: {check.bounds})"
    )


def _command(name: str, *, full: bool, seeds: int | None) -> str:
    """Return the command line of a run."""
    return f"gatewise study {name} --{form(full=full)}" + (f" --seeds {seeds}" if seeds else "")


def _last_verdict(name: str) -> str:
    """Return the verdict of the last full run, or that there was none."""
    found = kept(name)
    return "no full run yet" if found is None else str(found["verdict"])
