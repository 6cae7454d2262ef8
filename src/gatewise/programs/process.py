"""What `gatewise run` notes of each process of a program, and what it leaves and tells at the end.

Every process has its own notes. As it ends, a child leaves its counts in a file beside those of the
others, and the program itself merges them and tells.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import util
from pathlib import Path
from typing import NamedTuple

from gatewise.files import atomic_write_text
from gatewise.programs.checking import Checker, told
from gatewise.programs.patching import observe
from gatewise.programs.recording import Recorder
from gatewise.programs.report import Ledger, merged, table


class Wanted(NamedTuple):
    """What is to be told of a program, as `gatewise run` leaves it in the environment."""

    report: str  # a file; "-" for a table on stderr; "" for no report
    check: bool
    trace: str  # a folder; "" for no trace
    trace_budget: int  # in bytes

    @classmethod
    def of_environment(cls) -> Wanted:
        """Read the environment of this process."""
        said = os.environ.get
        budget = int(said("GATEWISE_TRACE_BUDGET", "0"))
        return cls(
            said("GATEWISE_REPORT", ""),
            bool(said("GATEWISE_CHECK")),
            said("GATEWISE_TRACE", ""),
            budget,
        )


class Process:
    """What is noted of one process, and left at its end."""

    def __init__(self, wanted: Wanted, folder: Path, is_program: bool) -> None:
        self.wanted, self.folder, self.is_program = wanted, folder, is_program
        self.number = os.getpid()
        self.checker = Checker() if wanted.check else None
        self.recorder = None
        if wanted.trace:
            self.recorder = Recorder(Path(wanted.trace), wanted.trace_budget)
        self.ledger = Ledger([note for note in (self.checker, self.recorder) if note is not None])
        observe(self.ledger)

    def end(self) -> None:
        """Leave the counts of a child, or merge all and tell; what fails here ends no program."""
        if os.getpid() != self.number:  # a fork's, whose parent will tell
            return
        observe(None)
        steps: tuple[Callable[[], None], ...] = (self._report, self._trace)
        for do in steps:
            try:
                do()
            except Exception as error:
                with suppress(Exception):
                    print(f"gatewise: no {do.__name__.strip('_')}: {error}", file=sys.stderr)

    def _report(self) -> None:
        counts = self.ledger.as_dict()
        counts["checks"] = [] if self.checker is None else self.checker.found
        if not self.is_program:
            if self.folder.is_dir():
                atomic_write_text(self.folder / f"{self.number}.json", json.dumps(counts))
            return
        found = merged(counts, self.folder)
        target, lines = self.wanted.report, []
        if target not in ("", "-"):
            atomic_write_text(target, json.dumps(found, indent=1) + "\n")
        elif self.checker is not None:
            lines += told(found["checks"])
        if target == "-":
            lines.append(table(found))
        if lines:
            print("\n".join(lines), file=sys.stderr)

    def _trace(self) -> None:
        if self.recorder is not None:
            self.recorder.save()


def begin() -> None:
    """Note what this process does from now on, if anything is to be told of it."""
    wanted = Wanted.of_environment()
    if not (wanted.report or wanted.check or wanted.trace):
        return
    folder = os.environ.get("GATEWISE_REPORT_FOLDER")
    if folder is None:
        folder = os.environ["GATEWISE_REPORT_FOLDER"] = tempfile.mkdtemp(prefix="gatewise-run-")
    where = Path(folder)
    is_program = os.environ.get("GATEWISE_RUN") == str(os.getpid())
    process = Process(wanted, where, is_program)
    atexit.register(process.end)
    util.register_after_fork(process, lambda _: _begin_child(wanted, where))


def _begin_child(wanted: Wanted, folder: Path) -> None:
    """Note anew in a child that multiprocessing has forked, which runs no `atexit`."""
    process = Process(wanted, folder, is_program=False)
    util.Finalize(None, process.end, exitpriority=0)
