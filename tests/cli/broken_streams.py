"""Commands whose stdout or stderr is closed, full or a pipe without a reader, each in a fork.

Runs as a program, `python broken_streams.py '[[stream, trouble, words], ...]'`, and prints as JSON what
each command ended with and what it wrote to the other stream.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.cli.alone import import_once, run_alone

Case = tuple[str, str, list[str]]


def trouble_at(number: int, trouble: str) -> None:
    """Spoil the stream with that number."""
    if trouble == "closed":
        os.close(number)
        setattr(sys, {1: "stdout", 2: "stderr"}[number], None)  # as Python finds it
        return
    if trouble == "full":
        end = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, end = os.pipe()
        os.close(reader)
    os.dup2(end, number)
    os.close(end)


def forked(stream: str, trouble: str, words: list[str]) -> dict[str, Any]:
    """Run the command line in a fork; return its exit code and what the other stream has."""
    number = {"stdout": 1, "stderr": 2}[stream]
    with tempfile.TemporaryFile() as other:
        child = os.fork()
        if child == 0:
            os.dup2(other.fileno(), 3 - number)
            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
            trouble_at(number, trouble)
            sys.argv = ["gatewise", *words]
            code: Any = 99
            try:
                main.main()
            except SystemExit as ended:
                code = ended.code
            for rest in (sys.stdout, sys.stderr):
                rest.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        other.seek(0)
        text = other.read().decode()
    return {"code": os.waitstatus_to_exitcode(status), "other": text}


def outcomes(folder: Path, cases: list[Case]) -> list[dict[str, Any]]:
    """Run all cases in a process of their own, in `folder`."""
    return run_alone(__file__, cases, folder)


if __name__ == "__main__":
    main = importlib.import_module("gatewise.__main__")
    import_once()
    sentences = importlib.import_module("gatewise.cli.sentences")
    sentences.explained = lambda *_, **__: None  # takes seconds, and prints nothing of its own
    print(json.dumps([forked(*case) for case in json.loads(sys.argv[1])]))
