"""The cost of batches of windows: gather and copy against the training step that uses them.

The real loop trains on windows that note when they are asked for; a step lasts from one request to
the next, loading included.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.against_peers import machine, milliseconds
from gatewise.data.tables.windows import Windows
from gatewise.estimators.heads import PointHead
from gatewise.estimators.network import RecurrentNetwork
from gatewise.training.inference import gathered
from gatewise.training.loop import train
from gatewise.training.losses import per_row, squared_error
from gatewise.training.options import TrainingOptions
from gatewise.training.order import Part
from gatewise.training.randomness import seeded
from gatewise.training.task import Task

BATCH, LOOKBACK, COLUMNS, HIDDEN = 256, 365, 7, 64
ROWS, EPOCHS = 3650, 3
ALLOWED = 0.10


class Noted:
    """Windows that note when each batch is asked for."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self.asked: list[float] = []
        self.full: list[bool] = []

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Which inputs are measured values."""
        return self.windows.measured

    def __len__(self) -> int:
        return len(self.windows)

    def gather(self, picks: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Note the time and return the batch."""
        self.asked.append(time.perf_counter())
        self.full.append(len(picks) == BATCH)
        return self.windows.gather(picks)

    def steps(self) -> list[float]:
        """Return the seconds of every step on a full batch that another step of its epoch follows."""
        later = zip(self.asked, self.asked[1:], self.full, strict=False)
        return [after - before for before, after, full in later if full]


def main() -> int:
    windows = _windows()
    picks = np.random.default_rng(0).permutation(len(windows))[:BATCH]
    loading = []
    for _ in range(50):
        begun = time.perf_counter()
        gathered(windows, Part(picks), torch.device("cpu"))
        loading.append(time.perf_counter() - begun)
    steps = _step_times(windows)
    share = statistics.median(loading) / statistics.median(steps)
    print(machine())
    print(f"B={BATCH}, lookback {LOOKBACK}, {COLUMNS} columns, LSTM H={HIDDEN}; ms, median (range)")
    print(
        f"loading {milliseconds(loading)}, training step {milliseconds(steps)}: {share:.2%} of it"
    )
    return 0 if share < ALLOWED else 1


def _windows() -> Windows:
    numbers = np.random.default_rng(0)
    return Windows(
        features=numbers.standard_normal((ROWS, COLUMNS)).astype(np.float32),
        targets=numbers.standard_normal((ROWS, 1)).astype(np.float32),
        origins=np.arange(LOOKBACK - 1, ROWS),
        lookback=LOOKBACK,
        horizon=0,
        names=tuple(f"column {number}" for number in range(COLUMNS)),
        known_ahead=np.zeros(COLUMNS, dtype=np.bool_),
    )


def _step_times(windows: Windows) -> list[float]:
    with seeded(0):
        network = RecurrentNetwork(
            cell="lstm",
            input_size=COLUMNS,
            hidden_size=HIDDEN,
            num_layers=1,
            dropout=0.2,
            forget_bias=1.0,
            engine="auto",
            head=PointHead(HIDDEN, 1),
            steps=1,
        )
    noted = Noted(windows)
    options = TrainingOptions(epochs=EPOCHS, patience=EPOCHS, batch_size=BATCH, learning_rate=1e-3)
    train(Task(network, noted, None, per_row(squared_error)), options, progress=False)
    return noted.steps()


if __name__ == "__main__":
    sys.exit(main())
