"""Runs a study seed by seed, in a process for each core, and writes its result.

A seed that was measured is not measured again: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from typing import Any

import torch

from gatewise.errors import GatewiseError
from studies.catalog import find, folder_of
from studies.common.checks import Check, verdict_of
from studies.common.folder import StudyFolder
from studies.common.study import Figures, Study

Shown = Callable[[int, int], None]
"""Told after each seed: how many are measured, of how many."""


@dataclass(frozen=True)
class Result:
    """What a run of a study found."""

    study: Study
    full: bool
    figures: tuple[Figures, ...]
    checks: tuple[Check, ...]
    verdict: str
    seconds: float

    def to_json(self, command: str) -> dict[str, Any]:
        """Return the result as JSON values, with versions, machine and command."""
        return {
            "study": self.study.name,
            "verdict": self.verdict,
            "checks": [check.to_json() for check in self.checks],
            "form": form(full=self.full),
            "settings": dict(self.study.settings(full=self.full)),
            "seeds": list(self.figures),
            "seconds": round(self.seconds, 1),
            "command": command,
            "versions": {"gatewise": version("gatewise"), "torch": torch.__version__},
            "machine": f"{os.cpu_count()} CPUs, {platform.machine()}",
        }


def form(*, full: bool) -> str:
    """Return what the form of a run is called."""
    return "full" if full else "quick"


def run(
    study: Study,
    folder: StudyFolder,
    *,
    full: bool,
    seeds: int | None = None,
    overwrite: bool = False,
    processes: int | None = None,
    shown: Shown = lambda done, of: None,
) -> Result:
    """Measure all seeds that `folder` does not have yet, and judge. The caller writes page and result.

    `processes`: how many at once, by default one for each core. Raises FileError for a folder of another
    run, GatewiseError where one of them is stopped from outside, and whatever the experiment raises;
    what was measured by then stays.
    """
    count = study.seeds(full=full) if seeds is None else seeds
    folder.begin(_about(study, full=full, seeds=count), overwrite=overwrite)
    started = time.monotonic()
    waiting = [seed for seed in range(count) if folder.figures(seed) is None]
    shown(count - len(waiting), count)
    for done, (seed, figures) in enumerate(_measured(study, waiting, full, processes), 1):
        folder.keep(seed, figures)
        shown(count - len(waiting) + done, count)
    found = tuple(folder.figures(seed) or {} for seed in range(count))
    checks = tuple(study.judge(found, study.settings(full=full)))
    verdict = verdict_of(checks, corrected=bool(study.correction))
    seconds = _seconds(folder, found, time.monotonic() - started, len(waiting))
    return Result(study, full, found, checks, verdict, seconds)


def _seconds(folder: StudyFolder, found: Sequence[Figures], elapsed: float, measured: int) -> float:
    """Return how long a run took: by the clock where this process saw all of it, or an earlier one did.

    Of a run that was stopped and gone on with, the seeds' own times together.
    """
    if measured == len(found):
        return elapsed
    earlier = None if measured else folder.result()
    own = sum(float(figures["seconds"]) for figures in found)
    return own if earlier is None else float(earlier.get("seconds", own))


def measure(name: str, seed: int, full: bool) -> dict[str, Any]:
    """Measure one seed, on one thread, so that its figures do not depend on the machine's cores."""
    study = find(name)
    started, worked = time.monotonic(), time.process_time()
    with _one_thread():
        figures = study.measure(seed, study.settings(full=full))
    # The clock tells of whatever else the machine did; the processor's time of this seed alone.
    spent = {"seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - worked}
    return {"seed": seed, **figures, **{name: round(took, 2) for name, took in spent.items()}}


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _measured(
    study: Study, seeds: list[int], full: bool, processes: int | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each seed with its figures, as they are measured."""
    workers = min(len(seeds), processes or os.cpu_count() or 1)
    if workers <= 1:
        for seed in seeds:
            yield seed, measure(study.name, seed, full)
        return
    # Spawned, because a fork of a process in which torch has threads may hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(measure, study.name, seed, full): seed for seed in seeds}
        try:
            for job in as_completed(jobs):
                yield jobs[job], job.result()
        except BrokenProcessPool:
            raise GatewiseError(
                f"study {study.name}: a process that measured a seed was stopped, perhaps for want of "
                "memory; the seeds that are finished are kept, and the same command goes on"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _about(study: Study, *, full: bool, seeds: int) -> dict[str, Any]:
    """Return what a folder's seeds must have been made with to be gone on with."""
    source = hashlib.sha256()
    for part in sorted(folder_of(study.name).glob("*.py")):
        source.update(part.read_bytes())
    return {
        "study": study.name,
        "form": form(full=full),
        "seeds": seeds,
        "settings": dict(study.settings(full=full)),
        "gatewise": version("gatewise"),
        "source_sha256": source.hexdigest(),
    }
