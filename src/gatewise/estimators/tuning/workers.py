"""Who computes the trials: this process, or several processes of their own with one thread each.

A process is started afresh (`worker.py`) and spoken to in lines of JSON, so that it works from a
notebook and a script without a guard, and nothing is pickled. It asks after each report whether to go
on, and ends when this process is gone.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol

import gatewise
from gatewise.errors import EngineError
from gatewise.estimators.tuning.trial import Job, Outcome, run_trial

HOME = Path(gatewise.__file__).parents[1]
Trial = Any
"""What the search calls a trial; nothing of it is looked at here."""


class Asking(Protocol):
    """What the workers ask of the search."""

    def ask(self) -> Trial:
        """Return the next trial."""

    def settings(self, trial: Trial) -> dict[str, Any]:
        """Return the settings of a trial that differ from the job's."""

    def report(self, trial: Trial, part: int, score: float) -> bool:
        """Enter a score on the way; return whether the trial is to stop."""


Ended = Callable[[Trial, Outcome], None]


def run_here(job: Job, search: Asking, ended: Ended, more: Callable[[int], bool]) -> None:
    """Compute one trial after the other in this process, while `more` wants another."""
    while more(0):
        trial = search.ask()
        ended(trial, run_trial(job, search.settings(trial), partial(search.report, trial)))


def run_beside(
    job: Job, search: Asking, ended: Ended, more: Callable[[int], bool], jobs: int
) -> None:
    """Compute trials in `jobs` processes, while `more`, given how many are under way, wants another.

    Raises EngineError where a process cannot be started; one that ends during a trial fails that trial.
    """
    with tempfile.TemporaryDirectory() as made, selectors.DefaultSelector() as ready:
        folder = Path(made)
        job.write(folder)
        workers: list[_Worker] = []

        def begin() -> None:
            """Give whoever is idle a trial, in processes started for it where there are too few."""
            while (busy := sum(worker.trial is not None for worker in workers)) < jobs and more(
                busy
            ):
                idle = next((worker for worker in workers if worker.trial is None), None)
                if idle is None:
                    idle = _Worker(folder)
                    workers.append(idle)
                    ready.register(idle.said, selectors.EVENT_READ, idle)
                trial = search.ask()
                idle.begin(trial, search.settings(trial))

        try:
            begin()
            while any(worker.trial is not None for worker in workers):
                for key, _ in ready.select():
                    worker: _Worker = key.data
                    trial, outcome = worker.trial, worker.heard(search)
                    if not worker.alive:
                        ready.unregister(worker.said)
                        workers.remove(worker)
                    if trial is not None and outcome is not None:
                        ended(trial, outcome)
                begin()
        finally:
            for worker in workers:
                worker.end()


class _Worker:
    """A process that computes trials, and the one that it is at."""

    def __init__(self, folder: Path) -> None:
        # As many threads as this process has would compete for the cores of the other trials.
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        path = os.pathsep.join(dict.fromkeys([str(HOME), *filter(None, sys.path)]))
        # In a file, as nobody reads along and a full pipe would stop the process.
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gatewise.estimators.tuning.worker", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, **threads, "PYTHONPATH": path},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.told: IO[bytes] = self.process.stdin
        self.said: IO[bytes] = self.process.stdout
        self.trial: Trial | None = None
        self.alive, self.greeted = True, False

    def begin(self, trial: Trial, changes: dict[str, Any]) -> None:
        """Have it compute a trial."""
        self.trial = trial
        self._tell({"changes": changes})

    def heard(self, search: Asking) -> Outcome | None:
        """Take in a line of it, and answer; return the outcome of its trial where it has ended."""
        line = self.said.readline()
        if not line.endswith(b"\n"):
            return self._gone()
        message = json.loads(line)
        if "ready" in message:
            self.greeted = True
            return None
        if "outcome" in message:
            self.trial = None
            return Outcome(**message["outcome"])
        self._tell({"stop": search.report(self.trial, message["part"], message["score"])})
        return None

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self._close()

    def _close(self) -> None:
        self.process.communicate()
        self.errors.close()

    def _tell(self, message: dict[str, Any]) -> None:
        with suppress(OSError):  # it is gone, which the next line that is not there tells
            self.told.write(json.dumps(message).encode() + b"\n")
            self.told.flush()

    def _gone(self) -> Outcome:
        """Return the outcome of the trial of a process that has ended."""
        self.process.wait()
        self.errors.seek(0)
        errors = self.errors.read().decode(errors="replace").strip()
        self._close()
        self.alive, self.trial = False, None
        last = (errors.splitlines() or ["without a word"])[-1]
        if not self.greeted:
            raise EngineError(f"a process for trials could not be started: {last[:200]}")
        code = self.process.returncode
        how = f"by signal {-code}" if code < 0 else f"with code {code}: {last[:200]}"
        return Outcome(failure=f"its process ended {how}")
