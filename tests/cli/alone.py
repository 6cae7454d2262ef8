"""Helper programs beside the tests: each runs in a process that nothing but the program uses.

They fork, which a process with the tests' own threads could not do safely.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run_alone(program: str, task: object, folder: Path) -> list[dict[str, Any]]:
    """Run a program with `task` as JSON, in `folder`; return the JSON that it prints."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, program, json.dumps(task)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


def import_once() -> None:
    """Import what every command needs, so that no fork has to."""
    for name in (
        "polars",
        "torch._dynamo",
        "gatewise.estimators.forecaster.estimator",
        "gatewise.report",
    ):
        importlib.import_module(name)
