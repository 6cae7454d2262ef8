"""`gatewise run PROGRAM [ARGS...]`: finds the program and becomes it.

The process is replaced by the program's, so that exit code, signals, streams, arguments and working
directory are the program's own. What is left of gatewise is the environment: a folder first on
Python's path, whose `sitecustomize` patches torch when the program imports it. Imports the standard
library alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Sequence
from typing import NamedTuple

SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "site")

HELP = """Usage: gatewise run [--report [FILE.json]] PROGRAM [ARGS...]
       gatewise run [--report [FILE.json]] -m MODULE [ARGS...]

Run a program with torch's LSTM, GRU and RNN on gatewise's engine; nothing else changes.

PROGRAM is a Python file or a command on the path. Its output, exit code and signals are its own, and
Python processes that it starts inherit the engine. What the engine does not take runs as ever.

--report            at the end, a table on stderr: which calls were taken, which were left and why
--report FILE.json  the same in a file, with those of the program's child processes

Example: gatewise run --report medaka inference calls.bam out.hdf
"""


class Asked(NamedTuple):
    """What stands before the program, and its command."""

    report: str  # a file; "-" for a table on stderr; "" for no report
    command: list[str]


def main(words: Sequence[str]) -> int:
    """Become the program; return 0 after the help, and 2 where there is no such program."""
    try:
        asked = parse(words)
        if asked is None:
            print(HELP, end="")
            return 0
        path, arguments = find(asked.command)
    except ValueError as error:
        return _complain(str(error))
    for name in ("SIGPIPE", "SIGXFSZ"):  # which Python ignores, and the program would inherit that
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execve(path, arguments, environment(asked.report))
    except OSError as error:
        return _complain(f"{path} cannot be run: {error.strerror}")


def parse(words: Sequence[str]) -> Asked | None:
    """Return what is asked for, None for help. Raises ValueError for an unknown option or no program."""
    rest, report = list(words), ""
    while rest and rest[0].startswith("-") and rest[0] != "-m":
        word = rest.pop(0)
        if word in ("-h", "--help"):
            return None
        name, _, value = word.partition("=")
        if name != "--report":
            raise ValueError(f"no option {word!r} before the program; see gatewise run --help")
        if not value and rest and rest[0].endswith(".json"):
            value = rest.pop(0)
        report = value or "-"
    if rest[:1] == ["-m"] and len(rest) < 2:
        raise ValueError("-m needs a module: gatewise run -m MODULE [ARGS...]")
    if not rest:
        raise ValueError("which program? gatewise run PROGRAM [ARGS...], or -m MODULE")
    return Asked(report, rest)


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
    path = shutil.which(program)
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


def environment(report: str) -> dict[str, str]:
    """Return the environment of the program, which its children inherit."""
    found = dict(os.environ)
    before = found.get("PYTHONPATH")
    entries = [SITE, *(before.split(os.pathsep) if before else [])]
    found["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(entries))
    found["GATEWISE_RUN"] = str(
        os.getpid()
    )  # the program's own too: it takes the place of this process
    found.pop("GATEWISE_TOLD", None)
    found.pop("GATEWISE_REPORT", None)
    if report:
        found["GATEWISE_REPORT"] = report if report == "-" else os.path.abspath(report)
    return found


def _complain(text: str) -> int:
    print(f"gatewise: error: run: {text}", file=sys.stderr)
    return 2
