"""All tests marked `cuda` and the timings on a GPU, with a table: `make test-cuda`.

`python -m tests.cuda [FOLDER]` writes `table.md` into FOLDER, build/cuda by default.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import torch

from gatewise.engines.devices import why_not_here

TESTS = Path(__file__).parents[1]
LIMIT = 180
"""Seconds that both parts may take together."""


def marked_files() -> list[Path]:
    """Return the test files that use the mark: the others may need what a GPU's machine has not."""
    uses = re.compile(r"mark\.cuda\b|\bon_cuda\b|\bON_CUDA\b")
    return [
        path
        for path in sorted(TESTS.rglob("test_*.py"))
        if path.parent.name == "cuda" or uses.search(path.read_text())
    ]


def _run(words: list[str], left: float) -> tuple[int, str, float]:
    """Run a program and show its lines as they come; return its code, its lines and its seconds."""
    begun, lines = time.monotonic(), []
    with subprocess.Popen(
        [sys.executable, *words],
        cwd=TESTS.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            print(line, end="", flush=True)
            lines.append(line)
            if time.monotonic() - begun > left:
                running.kill()
                lines.append(f"stopped after {left:.0f} s\n")
                break
    return running.returncode, "".join(lines), time.monotonic() - begun


def main(folder: Path) -> int:
    """Run both parts and write the table; return 0 where all is well, 2 without a GPU."""
    reason = why_not_here("cuda")
    if reason:
        print(f"make test-cuda: device='cuda' cannot be used here: {reason}", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    files = [str(path) for path in marked_files()]
    tests, told, seconds = _run(["-m", "pytest", "-q", "-m", "cuda", *files], LIMIT)
    times, figures, more = _run(["-m", "benchmarks.cuda"], max(30.0, LIMIT - seconds))
    summary = told.strip().splitlines()[-1] if told.strip() else "no output"
    card = torch.cuda.get_device_name(0)
    parts = [
        f"# {card}, torch {torch.__version__}, CUDA {torch.version.cuda}",
        f"Tests marked `cuda`: {summary}",
        f"Timings (`python -m benchmarks.cuda`, {more:.0f} s):",
        f"```\n{figures.strip()}\n```",
    ]
    (folder / "table.md").write_text("\n\n".join(parts) + "\n")
    print(f"== {folder / 'table.md'}: tests {seconds:.0f} s, timings {more:.0f} s")
    return 1 if tests or times else 0


if __name__ == "__main__":
    sys.exit(main(Path(*sys.argv[1:2] or ["build/cuda"])))
