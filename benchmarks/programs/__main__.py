"""`python -m benchmarks.programs [NAME...]`: a table of programs, on torch and under `gatewise run`.

Each program runs on `ENVIRONMENTS/NAME/bin/python` where there is one, else on the Python that runs
this. Seconds are of the processor, on one thread, unless told otherwise.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from benchmarks.programs.measuring import Row, Setting, measure, missing
from benchmarks.programs.program import Program
from benchmarks.programs.timing import ProgramError

NAMES = (
    "medaka",
    "stanza",
    "easyocr",
    "peptdeep",
    "neuralforecast",
    "sb3_contrib",
    "silero_vad",
    "scripted",
)


def main() -> None:
    """Measure the programs that are there, say of the others what they lack, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME")
    parser.add_argument("--environments", type=Path, help="folder of environments, by program")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--wall", action="store_true", help="seconds of the clock on the wall")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(asked.threads)  # commands have it among their words
    setting, rows = Setting(asked.repeats, asked.threads, asked.wall), []
    for name in asked.names or NAMES:
        program: Program = import_module(f"benchmarks.programs.{name}").PROGRAM
        python = python_of(name, asked.environments)
        lacks = missing(program, python)
        if lacks:
            print(f"skipped: {name}: {python} lacks {lacks}; {advice(name, program)}", flush=True)
            continue
        for variant in program.variants:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    rows.append(measure(name, variant, python, Path(folder), setting))
                except ProgramError as error:
                    print(f"skipped: {name} {variant}: {error}", flush=True)
                    continue
            print(line(rows[-1]), flush=True)
    print(f"\n{table(rows)}")


def python_of(name: str, environments: Path | None) -> str:
    """Return the interpreter of a program."""
    own = None if environments is None else environments / name / "bin" / "python"
    return str(own) if own is not None and own.exists() else sys.executable


def advice(name: str, program: Program) -> str:
    """Say how to make the environment of a program."""
    packages = " ".join(program.packages)
    return f"python -m venv ENVIRONMENTS/{name}; ENVIRONMENTS/{name}/bin/pip install gatewise {packages}"


def line(row: Row) -> str:
    """Return what was measured of a program, in a line, as soon as it is known."""
    return f"{row.name} {row.variant}: {row.same}; whole {_pair(row.whole)}; {row.left}"


def table(rows: list[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [
        "| program | what runs | results | recurrent part | whole | left to torch |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        name = f"**{row.name}**" + f" {row.variant}" * bool(row.variant)
        whole = _pair(row.whole)
        if row.stage[0]:
            whole += f"; its stage {_pair(row.stage)}"
        left = row.left or "nothing"
        lines.append(
            f"| {name} | {row.about} | {row.same} | {_pair(row.recurrent)} | {whole} | {left} |"
        )
    return "\n".join(lines)


def _pair(seconds: tuple[float, float]) -> str:
    theirs, ours = seconds
    if not ours:
        return "none"
    if math.isnan(theirs):
        return f"? → {ours:.3g} s"
    return f"{theirs:.3g} → {ours:.3g} s ({theirs / ours:.2f} ×)"


if __name__ == "__main__":
    main()
