"""The tests of this folder on the made-up device of `pretend.py`, where there is no GPU.

What only CUDA has (autocast's kernels, compilers, files read into its memory) is left to a GPU.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
LEFT_OUT = "not autocast and not compiled and not read_at_once and not fit_into_the_memory"
QUICK = "costs or (lengths_may and host) or (recorded and all and ours)"


def _run(words: str, tmp_path: Path, *files: str) -> None:
    """Run the tests that `words` choose in a process of its own, and show what failed."""
    given = ["-q", "-p", "tests.cuda.pretend", "--pretend", "-p", "no:cacheprovider", "-k", words]
    given += ["--ignore", __file__]
    places = [str(FOLDER / file) for file in files] or [str(FOLDER)]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", *places, *given, "--basetemp", str(tmp_path / "base")],
        cwd=FOLDER.parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert found.returncode == 0, found.stdout[-8000:] + found.stderr[-2000:]
    assert " passed" in found.stdout


def test_some_of_each_kind(tmp_path: Path) -> None:
    _run(QUICK, tmp_path, "test_modules.py", "test_tracing.py")


@pytest.mark.full
def test_all_of_them(tmp_path: Path) -> None:
    _run(LEFT_OUT, tmp_path)
