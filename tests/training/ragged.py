"""Sequences of different lengths whose answers are known, and a small network that reads them.

Runs as a program too, for tests that need processes of their own: `python ragged.py FILE [JOB]`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

import gatewise as gw
from gatewise.training import loop
from gatewise.training.loop import train
from gatewise.training.losses import cross_entropy
from gatewise.training.options import TrainingOptions
from gatewise.training.progress import Status
from gatewise.training.randomness import seeded
from gatewise.training.sequences import SequenceBatches
from gatewise.training.task import Task, TrainableNetwork
from tests.estimators.toy import kill_in_write

CODES, LABELS, HIDDEN = 5, 3, 6


class Reader(TrainableNetwork):
    """Codes to scores of labels: of each sequence, by its last state, or of each step."""

    def __init__(self, *, per_step: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.per_step, self.dropout = per_step, dropout
        self.front = nn.Embedding(CODES, 4)
        self.layer = gw.LSTM(4, HIDDEN)
        self.head = nn.Linear(HIDDEN, LABELS)

    def forward(self, x: Tensor, lengths: Tensor, masks: list[Tensor] | None = None) -> Tensor:
        output, (last, _) = self.layer(self.front(x), lengths=lengths)
        read = output if self.per_step else last[0]
        return self.head(read if masks is None else read * masks[0])

    def draw_masks(
        self, generator: torch.Generator, steps: int, batch: int, rows: slice
    ) -> list[Tensor] | None:
        if not self.dropout:
            return None
        shape = (steps, batch, HIDDEN) if self.per_step else (batch, HIDDEN)
        mask = torch.empty(shape, dtype=torch.float32).bernoulli_(
            1 - self.dropout, generator=generator
        )
        return [mask[..., rows, :] / (1 - self.dropout)]


class Speaker(TrainableNetwork):
    """Codes to scores of the next one, from the state after the codes before."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Embedding(CODES, 4)
        self.layer = gw.LSTM(4, HIDDEN)
        self.head = nn.Linear(HIDDEN, CODES)

    def forward(
        self, x: Tensor, lengths: Tensor, state: tuple[Any, ...] | None = None
    ) -> Tensor | tuple[Tensor, Any]:
        before = state[0] if state else None
        output, after = self.layer(self.front(x), before, lengths=lengths)
        answer = self.head(output)
        return answer if state is None else (answer, (after,))


def speaker() -> Speaker:
    """Return a small network that reads on."""
    with seeded(0):
        return Speaker()


def text(steps: int, seed: int, rows: int = 3, window: int = 10, **changes: Any) -> SequenceBatches:
    """Return codes of which each follows from the two before, with noise, as streams."""
    numbers = np.random.default_rng(seed)
    codes = [0, 1]
    for surprise in numbers.random(steps - 1):
        rule = (codes[-1] + 2 * codes[-2]) % CODES
        codes.append(rule if surprise < 0.9 else int(numbers.integers(CODES)))
    held = np.array(codes)
    return SequenceBatches.streams(held[:-1], held[1:], rows, window, **changes)


def reader(*, per_step: bool = False, seed: int = 0, dropout: float = 0.0) -> Reader:
    """Return a small network, fresh from `seed`."""
    with seeded(seed):
        return Reader(per_step=per_step, dropout=dropout)


def draw(number: int, seed: int, *, per_step: bool = False, **changes: Any) -> SequenceBatches:
    """Return sequences of 1 to 30 codes; the label is the last code, or per step the last two's sum."""
    numbers = np.random.default_rng(seed)
    lengths = numbers.integers(1, 31, number)
    starts = np.cumsum(lengths) - lengths
    values = numbers.integers(0, CODES, lengths.sum())
    before = np.concatenate([[0], values[:-1]])
    before[starts] = 0
    truth = (values + before) % LABELS if per_step else values[starts + lengths - 1] % LABELS
    return SequenceBatches(values, starts, lengths, truth, per_step, **changes)


def options(**changes: Any) -> TrainingOptions:
    """Return options for a short run."""
    settings = {"epochs": 3, "patience": None, "batch_size": 8, "learning_rate": 0.02, **changes}
    return TrainingOptions(**settings)


def fitted(
    training: SequenceBatches,
    *,
    dropout: float = 0.0,
    validation: SequenceBatches | None = None,
    **changes: Any,
) -> Reader:
    """Return a network trained on the sequences."""
    made = reader(per_step=training.per_step, dropout=dropout)
    train(Task(made, training, validation, cross_entropy()), options(**changes), progress=False)
    return made


class StoppedError(Exception):
    """What ends a training in the middle, as a kill would: nothing is written any more."""


def stop_after(rounds: int) -> Callable[[Status], None]:
    """Return a display that ends a training once so many rounds are done."""

    def stop(status: Status) -> None:
        if status.epoch == rounds and status.done == 1:
            raise StoppedError

    return stop


def read_on(**more: Any) -> dict[str, Tensor]:
    """Return weights and losses of a training in steps, whose rounds end within passes."""
    # 65 steps of 3 rows, so that processes hold different numbers of them: 7 windows to a pass
    made = speaker()
    task = Task(made, text(65 * 3, 1, vary=True), text(50, 2, rows=1), cross_entropy())
    chosen = options(epochs=None, steps=59)  # rounds of 3 steps
    history = train(task, chosen, **{"progress": False, "checkpoint_seconds": 0.0} | more)
    losses = [*history.train, *history.validation, *history.learning_rate]
    return dict(made.state_dict()) | {"losses": torch.tensor(losses, dtype=torch.float64)}


def trained() -> dict[str, Tensor]:
    """Return weights and losses of trainings with dropout, weights, and labels of both kinds."""
    result = {}
    for per_step in (False, True):
        # 41 sequences in batches of 8: the last batch is one sequence, fewer than there are processes
        training, validation = draw(41, 1, per_step=per_step), draw(9, 2, per_step=per_step)
        weights = np.linspace(0.2, 2, 41, dtype=np.float32)
        training = replace(training, weights=weights)
        made = reader(per_step=per_step, dropout=0.3)
        task = Task(made, training, validation, cross_entropy())
        # plain descent follows the gradient's size too, which Adam divides by
        kind = {"optimizer": "sgd", "learning_rate": 1.0} if per_step else {}
        history = train(task, options(**kind), progress=False)
        result |= {f"{per_step}.{name}": value for name, value in made.state_dict().items()}
        losses = [*history.train, *history.validation]
        result[f"{per_step}.losses"] = torch.tensor(losses, dtype=torch.float64)
    return result


def launch(
    processes: int, out: Path, job: dict[str, Any] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run this file in so many processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *(launcher if processes > 1 else []), __file__, str(out)]
    return subprocess.run(
        command if job is None else [*command, json.dumps(job)],
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def surroundings() -> dict[str, str]:
    """Return an environment in which this file finds the tests."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


if __name__ == "__main__":
    job = json.loads(sys.argv[2]) if len(sys.argv) > 2 else None
    if job is None:
        found = trained()
    else:
        loop.CHECKPOINT_SHARE = 1e9  # on a slow disk too, every round leaves a checkpoint
        if "kill" in job and os.environ.get("RANK", "0") == "0":
            kill_in_write(job["kill"], "half")
        found = read_on(checkpoint=Path(job["checkpoint"]), resume=True)
    if os.environ.get("RANK", "0") == "0":
        safetensors.torch.save_file(found, sys.argv[1])
