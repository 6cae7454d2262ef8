"""The time of a process and those that it started, and of a stage that lines on stderr mark.

Of the processor, unless it is asked for by the clock on the wall: on one thread they are the same while
nothing else runs, and the former stays what it is beside other work. Of several threads, processor time
is the sum, in which waiting for one another counts.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Taken(NamedTuple):
    """The seconds of a run, and those of its stage (0 where none is marked)."""

    whole: float
    stage: float


class ProgramError(Exception):
    """A program that did not end well; the message has its last lines."""


def run(
    words: Sequence[str],
    stage: tuple[str, str] | None = None,
    folder: Path | None = None,
    threads: int = 1,
    *,
    by_wall: bool = False,
) -> Taken:
    """Run a command in the checkout and return what it took. Raises ProgramError where it fails."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    if threads == 1 and not by_wall:
        environment["GATEWISE_REPORT_CLOCK"] = "thread"
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    )
    begun = time.perf_counter()
    child = subprocess.Popen(
        words,
        cwd=folder or ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    assert child.stderr is not None
    lines, marks = [], [0.0, 0.0]
    for line in child.stderr:
        lines.append(line.rstrip())
        for place, word in enumerate(stage or ()):
            if word in line:
                marks[place] = time.perf_counter() if by_wall else _so_far(child.pid)
    child.stderr.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise ProgramError(f"{' '.join(map(str, words))}: " + " / ".join(lines[-3:]))
    elapsed = time.perf_counter() - begun
    whole = elapsed if by_wall else usage.ru_utime + usage.ru_stime
    return Taken(whole, marks[1] - marks[0])


def _so_far(process: int) -> float:
    """Return the processor time of a running process, all its threads together."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
