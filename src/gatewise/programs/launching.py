"""`gatewise run PROGRAM [ARGS...]`: finds the program and becomes it.

The process is replaced by the program's, so that exit code, signals, streams, arguments and working
directory are the program's own. What is left of gatewise is the environment: a folder first on
Python's path, whose `sitecustomize` patches torch when the program imports it. Imports the standard
library alone.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import NamedTuple

SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "site")

HELP = """Usage: gatewise run [OPTIONS] PROGRAM [ARGS...]
       gatewise run [OPTIONS] -m MODULE [ARGS...]

Run a program with torch's LSTM, GRU and RNN on gatewise's engine; nothing else changes.

PROGRAM is a Python file or a command on the path. Its output, exit code and signals are its own, and
Python processes that it starts inherit the engine. What the engine does not take runs as ever.

--report            at the end, a table on stderr: which calls were taken, which were left and why
--report FILE.json  the same in a file, with those of the program's child processes
--check             compare the first call of each kind with torch and with float64; a line each on
                    stderr, or "checks" in the file of --report
--trace DIR         record gates and states of some calls there; then: gatewise inspect DIR
--trace-budget MB   megabytes that the record of a process may take; 256 unless given

Example: gatewise run --report medaka inference calls.bam out.hdf
"""


OURS = (
    "GATEWISE_RUN",
    "GATEWISE_TOLD",
    "GATEWISE_REPORT",
    "GATEWISE_REPORT_FOLDER",
    "GATEWISE_CHECK",
    "GATEWISE_TRACE",
    "GATEWISE_TRACE_BUDGET",
)
"""What a run leaves in the environment, and a run inside it begins without."""
BUDGET = "256"
"""Megabytes of a trace."""


class Asked(NamedTuple):
    """What stands before the program, and its command."""

    report: str  # a file; "-" for a table on stderr; "" for no report
    check: bool
    trace: str  # a folder; "" for no trace
    budget: int  # bytes of a trace
    command: list[str]


def main(words: Sequence[str]) -> int:
    """Become the program; return 0 after the help, and 2 where there is no such program."""
    try:
        asked = parse(words)
        if asked is None:
            print(HELP, end="")
            return 0
        path, arguments = find(asked.command)
        make_folder(asked)
    except ValueError as error:
        return _complain(str(error))
    for name in ("SIGPIPE", "SIGXFSZ"):  # which Python ignores, and the program would inherit that
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execve(path, arguments, environment(asked))
    except OSError as error:
        return _complain(f"{path} cannot be run: {error.strerror}")


def parse(words: Sequence[str]) -> Asked | None:
    """Return what is asked for, None for help. Raises ValueError for an unknown option or no program."""
    rest = list(words)
    given = {"--report": "", "--trace": "", "--trace-budget": BUDGET, "--check": ""}
    while rest and rest[0].startswith("-") and rest[0] != "-m":
        word = rest.pop(0)
        if word in ("-h", "--help"):
            return None
        name, _, value = word.partition("=")
        if name not in given or (name == "--check" and value):
            raise ValueError(f"no option {word!r} before the program; see gatewise run --help")
        takes_next = name in ("--trace", "--trace-budget") or (
            rest[:1] and rest[0].endswith(".json")
        )
        if not value and name != "--check" and takes_next:
            value = rest.pop(0) if rest else ""
        if not value and name.startswith("--trace"):
            raise ValueError(f"{name} needs a value; see gatewise run --help")
        given[name] = value or "-"
    budget = given["--trace-budget"]
    if not (budget.isascii() and budget.isdecimal() and int(budget) > 0):
        raise ValueError(
            f"--trace-budget is a whole number of megabytes, 1 or more, not {budget!r}"
        )
    if rest[:1] == ["-m"] and len(rest) < 2:
        raise ValueError("-m needs a module: gatewise run -m MODULE [ARGS...]")
    if not rest:
        raise ValueError("which program? gatewise run PROGRAM [ARGS...], or -m MODULE")
    return Asked(
        given["--report"], bool(given["--check"]), given["--trace"], int(budget) * 1_000_000, rest
    )


def make_folder(asked: Asked) -> None:
    """Make the folder of a trace. Raises ValueError where it cannot be, or holds something."""
    folder = asked.trace
    if not folder:
        return
    try:
        os.makedirs(folder, exist_ok=True)
        if os.listdir(folder):
            raise ValueError(f"--trace {folder} is not empty: name another folder")
    except OSError as error:
        raise ValueError(f"--trace {folder} cannot be made: {error.strerror}") from error


def find(command: Sequence[str]) -> tuple[str, list[str]]:
    """Return the file to execute and its arguments. Raises ValueError where there is none."""
    program, *rest = command
    if program == "-m":
        return sys.executable, [sys.executable, *command]
    if os.path.isdir(program):
        raise ValueError(
            f"{program} is a folder, not a program; for a run of gatewise: gatewise inspect {program}"
        )
    is_file = os.path.isfile(program)
    if is_file and _is_python(program):
        return sys.executable, [sys.executable, program, *rest]
    from shutil import which  # noqa: PLC0415 - it brings compression, which a script needs not wait for

    path = which(program)
    if path is not None:
        return path, [program, *rest]
    if is_file:
        raise ValueError(f"{program} is neither a Python file nor a program that may be executed")
    raise ValueError(
        f"no program {program!r}: no file of this name, and no command on the path (PATH)"
    )


def _is_python(path: str) -> bool:
    """Tell whether a file is for this Python, by its ending."""
    return path.endswith((".py", ".pyw", ".pyz", ".pyc"))


def environment(asked: Asked) -> dict[str, str]:
    """Return the environment of the program, which its children inherit."""
    found = {name: value for name, value in os.environ.items() if name not in OURS}
    before = found.get("PYTHONPATH")
    entries = [SITE, *(before.split(os.pathsep) if before else [])]
    found["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(entries))
    # the program's own number too: it takes the place of this process
    found["GATEWISE_RUN"] = str(os.getpid())
    if asked.report:
        is_file = asked.report != "-"
        found["GATEWISE_REPORT"] = os.path.abspath(asked.report) if is_file else "-"
    if asked.check:
        found["GATEWISE_CHECK"] = "1"
    if asked.trace:
        found["GATEWISE_TRACE"] = os.path.abspath(asked.trace)
        found["GATEWISE_TRACE_BUDGET"] = str(asked.budget)
    return found


def _complain(text: str) -> int:
    print(f"gatewise: error: run: {text}", file=sys.stderr)
    return 2
