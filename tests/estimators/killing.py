"""Trainings killed by SIGKILL and resumed, each in a fork of one process that has imported everything.

Runs as a program, so that nothing of the tests' own threads is forked: `python killing.py '[...]'` takes
a list of steps and prints what it saw of each as JSON. A step is a job of `toy.py`; with `share` it is
killed after its next checkpoint, when that share of the seconds of the first step has gone by.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from tests.cli.alone import run_alone
from tests.estimators import toy


def trained(job: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Run a job in a child; return its exit code (negative: the signal that ended it) and its stderr.

    `seconds` is what the first step took from its first checkpoint to its end.
    """
    share = job.pop("share", None)
    state = Path(job["checkpoint"])
    state.parent.mkdir(exist_ok=True)
    before, code = stamp(state), None
    with tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            train(job, errors.fileno())
        while stamp(state) == before and code is None:
            code = ended(child)
            time.sleep(0.002)
        wrote = time.monotonic()
        if share is not None and code is None:
            time.sleep(share * seconds)
            os.kill(child, signal.SIGKILL)
        if code is None:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        errors.seek(0)
        return {
            "code": code,
            "errors": errors.read().decode(),
            "seconds": time.monotonic() - wrote,
            "parts": len([path for path in state.parent.iterdir() if path.suffix == ".part"]),
        }


def train(job: dict[str, Any], errors: int) -> None:
    """Do a job in this process and end it."""
    os.dup2(errors, 2)
    try:
        toy.main(job)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    sys.stderr.flush()
    os._exit(0)


def stamp(state: Path) -> int | None:
    """Return when a checkpoint was written; None where there is none."""
    return state.stat().st_mtime_ns if state.exists() else None


def ended(child: int) -> int | None:
    """Return the exit code of a child that has ended; None while it runs."""
    pid, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if pid else None


def watched(folder: Path, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take the steps in a process of their own; return what it saw of each."""
    return run_alone(__file__, steps, folder)


if __name__ == "__main__":
    importlib.import_module("torch._dynamo")  # which an optimizer imports
    seen: list[dict[str, Any]] = []
    for step in json.loads(sys.argv[1]):
        seen.append(trained(step, seen[0]["seconds"] if seen else 0.0))
    print(json.dumps(seen))
