"""Fits estimators of sequences in a process of its own, or in those of torchrun.

`sequence_job.py RUN JOB` fits one of `JOBS`; `sequence_job.py FOLDER killed` begins each of them, kills
it by SIGKILL after its second checkpoint, and leaves its run under its name.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import gatewise as gw
from gatewise.files import is_part
from gatewise.typing import Array32, Indices

OPTIONS: dict[str, Any] = {
    "hidden_size": 5,
    "num_layers": 2,
    "dropout": 0.3,
    "batch_size": 16,
    "epochs": 6,
    "learning_rate": 0.02,
}
CLASSES = {**OPTIONS, "read": "attention", "baselines": ["majority"], "class_weights": "balanced"}
RESTRAINTS = {"variational": True, "input_dropout": 0.1, "weight_drop": 0.2, "activation_cost": 0.1}
NUMBERS = {**OPTIONS, **RESTRAINTS, "quantiles": [0.1, 0.5, 0.9], "baselines": None, "members": 2}
STEPS = {**OPTIONS, "slowness_cost": 0.1, "crf": True, "piece": 5, "overlap": 2, "baselines": None}
LANGUAGE: dict[str, Any] = {
    "hidden_size": 6,
    "num_layers": 2,
    "embedding": 4,
    "dropout": 0.2,
    "weight_drop": 0.2,
    "window": 8,
    "batch_size": 5,
    "epochs": 3,
    "slowness_cost": 0.1,
}


def rows() -> list[Array32]:
    """Return sequences of 1 to 12 steps; in the last batch of a pass one is alone."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal((rng.integers(1, 13), 2)).astype(np.float32) for _ in range(142)]


def data() -> tuple[list[Array32], Indices]:
    """Return sequences and a label of each."""
    return rows(), np.array([int(row[0, 0] > 0.4) for row in rows()])


def numbers() -> tuple[list[Array32], list[float]]:
    """Return sequences and a number of each."""
    return rows(), [float(row.sum()) for row in rows()]


def steps() -> tuple[list[Array32], list[Indices]]:
    """Return sequences and a label of each step."""
    return rows(), [(row[:, 0].cumsum() > 0).astype(np.int64) for row in rows()]


def text() -> tuple[str]:
    """Return a text that makes five streams, which two processes cannot share evenly."""
    rng = np.random.default_rng(0)
    return ("".join(rng.choice(list("abc de\n"), 900)),)


JOBS: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "classifier": (gw.Classifier, CLASSES, data),
    "regressor": (gw.Regressor, NUMBERS, numbers),
    "tagger": (gw.Tagger, STEPS, steps),
    "language": (gw.LanguageModel, LANGUAGE, text),
}


def fit(job: str, out: Path, progress: Any = False) -> Any:
    """Fit one of the jobs into a run folder, and return the estimator."""
    kind, options, given = JOBS[job]
    return kind(**options).fit(*given(), out=out, progress=progress)


def killed(job: str, out: Path) -> None:
    """Begin a fit in a fork, and kill it when it has written a second checkpoint."""
    child = os.fork()
    if child == 0:
        fit(job, out, lambda status: time.sleep(0.02))  # so that it is killed on its way
        os._exit(0)
    written: set[int] = set()
    while len(written) < 2 and os.waitpid(child, os.WNOHANG) == (0, 0):
        try:
            found = [path for path in (out / "checkpoints").iterdir() if not is_part(path.name)]
            written |= {path.stat().st_mtime_ns for path in found}
        except FileNotFoundError:  # none yet, or one that was just replaced
            pass
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def main(run: str, how: str) -> None:
    """Fit one job, or begin all of them."""
    if how != "killed":
        fit(how, Path(run))
        return
    import torch._dynamo  # noqa: PLC0415, F401 - every optimizer does; once, and not in each fork

    for job in JOBS:
        killed(job, Path(run) / job)


if __name__ == "__main__":
    main(*sys.argv[1:])
