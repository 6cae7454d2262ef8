"""No argument ends the process, hangs it, or gives a number that the reference does not give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("hostile.py")


def run(seed: int, count: int, seconds: float) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT), str(seed), str(count)],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert done.returncode == 0, f"after {done.stdout[-300:]!r}: {done.stderr[-3000:]}"
    assert done.stdout.endswith(f"{4 * count} calls\n")


def test_hostile_calls() -> None:
    run(0, 40, 300)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(1, 9))
def test_many_hostile_calls(seed) -> None:
    run(seed, 1000, 3000)
