"""Commands stopped at each of their file operations: by SIGKILL, by a full disk, by Ctrl-C.

Runs as a program, so that nothing of the tests' own threads is forked: `python killing.py '[...]'`
prints what it saw as JSON. Every step is a fork of a process that has torch loaded and not used.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.alone import import_once, run_alone

FILE_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
SCENARIOS: dict[str, dict[str, Any]] = {
    # before: commands that make what is there; command: the one that is stopped
    "fit": {"before": ["fit old"], "command": "fit new", "again": "fit new"},
    "continue": {"before": ["fit old"], "command": "continue", "again": None},
    "retrain": {"before": ["fit old"], "command": "retrain", "again": "retrain"},
    "resume": {"before": ["fit old", "stopped"], "command": "resume", "again": "resume"},
    "fresh": {"before": [], "command": "fit new", "again": "fit new"},
    "inspect": {"before": ["fit old"], "command": "inspect", "again": "inspect"},
    "predict": {"before": ["fit old"], "command": "predict", "again": "predict"},
    "demo": {"before": ["demo old"], "command": "demo new", "again": "demo new"},
}


def words(name: str) -> list[str]:
    """Return the command line of a step."""
    from tests.cli.tables import quick  # noqa: PLC0415

    fit = ["fit", "river.csv", *quick(epochs="1"), "--out", "run", "--quiet", "--overwrite"]
    new = ["--validation", "0.2", "--out", "run", "--quiet", "--overwrite", "--epochs", "1"]
    return {
        "fit old": fit,
        "fit new": [*fit, "--seed", "7", "--predictions", "parquet"],
        "stopped": [*fit, "--seed", "7"],
        "continue": ["continue", "run", "river.csv", *new],
        "retrain": ["retrain", "run", "river.csv", *new, "--seed", "7"],
        "resume": ["resume", "run", "--quiet"],
        "inspect": ["inspect", "run"],
        "predict": ["predict", "run", "river.csv", "--out", "out.csv", "--overwrite"],
        "demo old": ["demo", "--members", "1", "--out", "run", "--quiet"],
        "demo new": ["demo", "--members", "1", "--out", "run", "--quiet", "--seed", "7"],
    }[name]


def forked(act: Callable[[], int]) -> tuple[int, str]:
    """Run `act` in a child; return its exit code (negative: the signal that ended it) and its stderr."""
    with tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            os.dup2(errors.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os._exit(act())
        _, status = os.waitpid(child, 0)
        errors.seek(0)
        return os.waitstatus_to_exitcode(status), errors.read().decode()


def stop_at(number: int, how: str) -> list[int]:
    """Stop this process at its file operation `number`; return the list that counts them."""
    count = [0]

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not isinstance(path, str | bytes) or not flags & (os.O_WRONLY | os.O_RDWR):
                return
            if os.fsdecode(path).startswith("/dev/"):
                return
        elif event not in FILE_EVENTS:
            return
        count[0] += 1
        if count[0] == number:
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if how == "interrupt":
                raise KeyboardInterrupt
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sys.addaudithook(watch)
    return count


def call(step: str, number: int = 0, how: str = "kill") -> int:
    """Run a command in this process, stopped at file operation `number`; 0 prints their count."""
    from gatewise.cli import demo, run, sentences  # noqa: PLC0415
    from gatewise.training import loop  # noqa: PLC0415

    demo.SETTINGS |= {"lookback": 5, "hidden_size": 2, "epochs": 1}
    sentences.explained = lambda *_, **__: None  # takes seconds, and touches no file
    if step == "stopped":
        loop._Saver.save = _interrupted
    count = stop_at(number, how)
    code = run(words(step))
    if number == 0:
        print(f"\ncount={count[0]}", file=sys.stderr)
    return code


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def look() -> dict[str, str]:
    """Return every file of the working directory, and a word on its content."""
    import hashlib  # noqa: PLC0415

    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(Path().rglob("*"))
        if path.is_file()
    }


def predictions(data: str) -> tuple[int, str | None, str]:
    """Return what `predict` ends with, a word on the numbers that it gives, and its stderr."""
    from gatewise.cli import run  # noqa: PLC0415

    code, err = forked(lambda: run(["predict", "run", data, "--out", "seen.csv"]))
    seen = look().get("seen.csv")
    Path("seen.csv").unlink(missing_ok=True)
    return code, seen, err


def sweep(scenario: str, how: str, most: int | None) -> dict[str, Any]:
    """Stop the scenario's command at `most` points (None: all), each from the same beginning."""
    plan = SCENARIOS[scenario]
    from tests.cli.tables import table_text  # noqa: PLC0415

    data = "dataset:fulda" if scenario == "demo" else "river.csv"
    home = Path.cwd()
    start = home / f"{scenario} {how}"
    start.mkdir()
    os.chdir(start)
    Path("river.csv").write_text(table_text())
    if scenario == "predict":
        Path("out.csv").write_text("mine")
    for step in plan["before"]:
        code, err = forked(lambda step=step: call(step))  # type: ignore[misc]
        assert code == (130 if step == "stopped" else 0), (step, code, err)
    told: dict[str, Any] = {"old": predictions(data) if plan["before"] else None, "points": []}

    def fresh() -> None:
        os.chdir(home)
        shutil.rmtree("work", ignore_errors=True)
        shutil.copytree(start, "work")
        os.chdir("work")

    fresh()
    code, err = forked(lambda: call(plan["command"]))
    assert code == 0, err
    told["count"] = count = int(err.rsplit("count=", 1)[1])
    told["new"], told["files"] = predictions(data), look()
    few = count if most is None else most
    chosen = [1 + (2 * k + 1) * count // (2 * few) for k in range(few)]
    for number in chosen:
        fresh()
        code, err = forked(lambda number=number: call(plan["command"], number, how))  # type: ignore[misc]
        seen = {"number": number, "code": code, "err": err, "left": sorted(look())}
        seen["predict"], seen["then"] = predictions(data), sorted(look())
        ways = ["resume"] * (b"training" in _configs()) + [plan["again"]] * bool(plan["again"])
        for way in ways:
            seen[f"code {way}"], seen[f"err {way}"] = forked(lambda way=way: call(way))  # type: ignore[misc]
            seen[f"after {way}"], seen[f"files {way}"] = predictions(data), look()
        told["points"].append(seen)
    os.chdir(home)
    return told


def _configs() -> bytes:
    places = (Path("run/config.json"), Path("run/replacement/config.json"))
    return b"".join(path.read_bytes() for path in places if path.exists())


def watched(folder: Path, jobs: list[tuple[str, str, int | None]]) -> list[dict[str, Any]]:
    """Sweep scenarios in a process of their own; return what it saw."""
    return run_alone(__file__, jobs, folder)


if __name__ == "__main__":
    import_once()
    with contextlib.redirect_stdout(io.StringIO()):
        result = [sweep(*job) for job in json.loads(sys.argv[1])]
    print(json.dumps(result))
