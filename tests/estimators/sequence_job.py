"""Fits a classifier, or a language model, in a process of its own, or in those of torchrun.

`sequence_job.py RUN [slowly | language]`.
"""

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


def text() -> str:
    """Return a text that makes five streams, which two processes cannot share evenly."""
    rng = np.random.default_rng(0)
    return "".join(rng.choice(list("abc de\n"), 900))


def main(run: str, how: str = "") -> None:
    """Fit into a run folder; slowly, so that somebody may kill it halfway."""

    def wait(status: object) -> None:
        time.sleep(0.02)

    if how == "language":
        gw.LanguageModel(**LANGUAGE).fit(text(), out=run, progress=False)
        return
    gw.Classifier(**OPTIONS).fit(*data(), out=run, progress=wait if how else False)


if __name__ == "__main__":
    main(*sys.argv[1:])
