"""A task whose answer is known, small enough to train in a test: a delay line.

The input is white noise, the truth its value `LAG` steps before the window's end. Runs as a program
too, for tests that need processes of their own: `python toy.py '{"out": "FILE", ...}'` trains members
one after the other and writes their weights and losses to `out`; of a list of jobs, one after the other.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from gatewise.estimators.heads import PointHead, QuantileHead
from gatewise.estimators.network import RecurrentNetwork
from gatewise.training import loop
from gatewise.training.loop import train
from gatewise.training.losses import per_row, pinball, squared_error
from gatewise.training.options import TrainingOptions
from gatewise.training.randomness import seeded
from gatewise.training.task import Task

STEPS, LAG, HIDDEN = 8, 2, 8
LEVELS = (0.1, 0.5, 0.9)
COSTS = {"write_cost": 0.3, "forget_cost": 0.05, "saturation_cost": 0.1}
STATEFUL = {"average": 0.9, "clip": 0.5, "weight_decay": 0.01, "noise": 0.05}


@dataclass(frozen=True)
class DelayLine:
    """Windows of white noise; `truth` replaces the delayed value where given."""

    x: NDArray[np.float32]  # [n, T, 1]
    y: NDArray[np.float32]  # [n, 1, 1]

    @classmethod
    def draw(cls, count: int, seed: int) -> DelayLine:
        x = np.random.default_rng(seed).standard_normal((count, STEPS, 1)).astype(np.float32)
        return cls(x, x[:, -1 - LAG, None, :].copy())

    @property
    def measured(self) -> NDArray[np.bool_]:
        return np.ones(self.x.shape[1:], dtype=bool)

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, picks: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.ascontiguousarray(self.x[picks].swapaxes(0, 1)), self.y[picks]


def network(seed: int = 0, *, quantiles: bool = False, **changes: Any) -> RecurrentNetwork:
    """Return a small network, fresh from `seed`."""
    settings = {"cell": "lstm", "num_layers": 1, "dropout": 0.0, "forget_bias": 1.0, **changes}
    with seeded(seed):
        head = QuantileHead(HIDDEN, 1, LEVELS) if quantiles else PointHead(HIDDEN, 1)
        return RecurrentNetwork(
            input_size=1, hidden_size=HIDDEN, engine="auto", head=head, steps=1, **settings
        )


def options(**changes: Any) -> TrainingOptions:
    """Return options for a short run."""
    settings = {"epochs": 4, "patience": 4, "batch_size": 16, "learning_rate": 0.01, **changes}
    return TrainingOptions(**settings)


def weights(of: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of a network's weights."""
    return {name: value.detach().clone() for name, value in of.state_dict().items()}


def equal(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> bool:
    """Return whether two sets of tensors are equal bit for bit."""
    return ours.keys() == theirs.keys() and all(
        torch.equal(value, theirs[name]) for name, value in ours.items()
    )


def kill_in_write(number: int, when: str) -> None:
    """Die by SIGKILL within checkpoint write `number`: "half" written, "whole", or once "renamed"."""
    flush = os.fsync
    calls = 0

    def deadly(handle: int) -> None:
        nonlocal calls
        calls += 1  # every write flushes the file, renames it, then flushes the folder
        if calls == 2 * number - (when != "renamed"):
            if when == "half":
                os.ftruncate(handle, os.fstat(handle).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        flush(handle)

    os.fsync = deadly


def members(job: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Train the members of a job; return their weights and losses by name."""
    result: dict[str, torch.Tensor] = {}
    for member in range(job.get("members", 1)):
        quantiles = job.get("quantiles", False)
        made = network(member, num_layers=2, dropout=0.3, quantiles=quantiles)
        task = Task(
            made,
            DelayLine.draw(job.get("windows", 129), seed=1),
            DelayLine.draw(33, seed=2),
            per_row(pinball(LEVELS) if quantiles else squared_error),
        )
        history = train(
            task,
            options(seed=member, **STATEFUL, **job.get("options", {})),
            checkpoint=Path(job["checkpoint"]) if "checkpoint" in job else None,
            resume=job.get("resume", False),
            checkpoint_seconds=0.0,
            label=f"member {member + 1}",
        )
        result |= {f"{member}.{name}": value for name, value in weights(made).items()}
        losses = [*history.train, *history.validation, *history.learning_rate]
        result[f"{member}.history"] = torch.tensor(losses, dtype=torch.float64)
    return result


def main(job: dict[str, Any]) -> None:
    """Do a job and leave its result; `kill` is [write, when] for process 0."""
    main_process = os.environ.get("RANK", "0") == "0"
    loop.CHECKPOINT_SHARE = 1e9  # on a slow disk too, every epoch leaves a checkpoint
    if "kill" in job and main_process:
        kill_in_write(*job["kill"])
    result = members(job)
    assert "rich" not in sys.modules, "stderr is no terminal here: rich has no business"
    if main_process:
        safetensors.torch.save_file(result, job["out"])


if __name__ == "__main__":
    jobs = json.loads(sys.argv[1])
    for each in jobs if isinstance(jobs, list) else [jobs]:
        main(each)
