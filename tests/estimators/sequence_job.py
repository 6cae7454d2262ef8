"""Fits a classifier in a process of its own: `sequence_job.py RUN [slowly]`, or under torchrun."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

import gatewise as gw
from gatewise.typing import Array32, Indices

OPTIONS: dict[str, Any] = {
    "hidden_size": 5,
    "num_layers": 2,
    "dropout": 0.3,
    "read": "attention",
    "batch_size": 16,
    "epochs": 6,
    "learning_rate": 0.02,
    "baselines": ["majority"],
    "class_weights": "balanced",
}


def data() -> tuple[list[Array32], Indices]:
    """Return sequences of 1 to 12 steps and their labels; the last batch is one sequence alone."""
    rng = np.random.default_rng(0)
    rows = [rng.standard_normal((rng.integers(1, 13), 2)).astype(np.float32) for _ in range(142)]
    return rows, np.array([int(row[0, 0] > 0.4) for row in rows])


def main(run: str, *slowly: str) -> None:
    """Fit into a run folder; slowly, so that somebody may kill it halfway."""

    def wait(status: object) -> None:
        time.sleep(0.02)

    gw.Classifier(**OPTIONS).fit(*data(), out=run, progress=wait if slowly else False)


if __name__ == "__main__":
    main(*sys.argv[1:])
