"""The state of an unfinished training run in one file: safetensors with JSON in its metadata.

Tensors: `network.*` (weights after the last epoch), `best.*` (those kept so far), `average.*`
(where an average is kept) and `optimizer.N.*` (the optimizer's state of parameter N). No pickle.
Files appear whole, so a run killed at any moment leaves the checkpoint of an earlier epoch.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from gatewise.errors import FileError, cause
from gatewise.files import Envelope, atomic_write_bytes, sealed
from gatewise.training.average import averaged_from
from gatewise.training.options import TrainingOptions

ENVELOPE = Envelope("gatewise-checkpoint", 2, "checkpoint", "fit anew")


@dataclass
class RoundsDone:
    """How far a run has come: the rounds done, their losses and rates, and which was best."""

    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    kept_epoch: int = 0  # whose weights are kept, counted from 1; 0 before the first
    seconds: float = 0.0
    finished: bool = False

    @property
    def judged(self) -> list[float]:
        """The losses by which rounds are judged: of the validation part, where there is one."""
        return self.validation or self.train

    @property
    def epochs(self) -> int:
        """The number of rounds done, which are epochs where those are counted."""
        return len(self.train)


@dataclass(frozen=True)
class Checkpoint:
    """What a run needs to go on as if it had never stopped."""

    options: TrainingOptions
    windows: tuple[int, int]  # of the training and the validation part
    record: RoundsDone
    tensors: dict[str, Tensor]

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        state = {
            "options": asdict(self.options),
            "windows": self.windows,
            "record": asdict(self.record),
        }
        tensors = {name: tensor.detach().cpu() for name, tensor in self.tensors.items()}
        return sealed(safetensors.torch.save(tensors, ENVELOPE.metadata(state)))

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors `prefix.name` by their names."""
        start = f"{prefix}."
        return {
            name.removeprefix(start): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(start)
        }

    def check(
        self,
        options: TrainingOptions,
        windows: tuple[int, int],
        weights: Mapping[str, Tensor],
        path: Path,
        noun: str = "windows",
    ) -> None:
        """Raise `FileError` unless the checkpoint at `path` is of this very run."""
        # the first difference by name: going on with other options would give neither run's weights
        for option in fields(options):
            was, now = getattr(self.options, option.name), getattr(options, option.name)
            if was != now:
                raise FileError(
                    f"the checkpoint {path} was made with {option.name}={was!r}, this run has "
                    f"{now!r}: resume with the options it had, or fit anew"
                )
        if self.windows != windows:
            raise FileError(
                f"the checkpoint {path} was made from {self.windows[0]} training and "
                f"{self.windows[1]} validation {noun}, this run has {windows[0]} and "
                f"{windows[1]}: resume with the data it had, or fit anew"
            )
        if not self._fits(_shapes(weights)):
            raise FileError(
                f"the checkpoint {path} holds the weights of another network: "
                "resume with the options it had, or fit anew"
            )

    def _fits(self, wanted: dict[str, tuple[int, ...]]) -> bool:
        """Tell whether every set of weights, and the optimizer's state, has these shapes."""
        averaged = averaged_from(self.options, self.record.judged) is not None
        parts = ["network", "best", *(["average"] if averaged else [])]
        if any(_shapes(self.part(part)) != wanted for part in parts):
            return False
        state = _shapes(self.part("optimizer"))
        if self.options.optimizer == "sgd":
            return not state
        numbers = range(len(wanted))
        moments = [
            [state.get(f"{number}.{key}", ()) for number in numbers]
            for key in ("exp_avg", "exp_avg_sq")
        ]
        steps = all(state.get(f"{number}.step") == () for number in numbers)
        whole = len(state) == 3 * len(wanted) and steps and moments[0] == moments[1]
        return whole and sorted(moments[0]) == sorted(wanted.values())


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def read_bytes(path: Path) -> bytes | None:
    """Return a checkpoint file's content, None where there is no file."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise FileError(
            f"the checkpoint {path} is a pipe or a device, which may never end: fit anew"
        )
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError(f"the checkpoint {path} cannot be read: {cause(error)}") from error


def from_bytes(data: bytes, path: Path) -> Checkpoint:
    """Return the checkpoint that `path` holds; `FileError` where it is truncated or foreign."""
    with ENVELOPE.reading(path):
        state = ENVELOPE.about(io.BytesIO(data), path)
        held = safetensors.torch.load(data)
        # views into the file's bytes, not aligned as torch's own memory is: see inference.gathered
        tensors = {name: tensor.clone() for name, tensor in held.items()}
        windows = (state["windows"][0], state["windows"][1])
        return Checkpoint(
            options=TrainingOptions(**state["options"]),
            windows=windows,
            record=_record(state["record"], validated=windows[1] > 0),
            tensors=tensors,
        )


def _record(saved: dict[str, Any], *, validated: bool) -> RoundsDone:
    """Return the record that was saved; TypeError or ValueError where it cannot be one."""
    record = RoundsDone(**saved)
    for losses in (record.train, record.validation, record.learning_rate):
        if not isinstance(losses, list) or any(type(loss) is not float for loss in losses):
            raise TypeError("its losses are no numbers")
    whole = type(record.kept_epoch) is int and type(record.finished) is bool
    if not whole or type(record.seconds) not in (int, float):
        raise TypeError("its record of epochs has other types")
    same = len(record.learning_rate) == record.epochs
    if not same or len(record.validation) != (record.epochs if validated else 0):
        raise ValueError("its losses are not of the same epochs")
    if not min(record.epochs, 1) <= record.kept_epoch <= record.epochs:
        raise ValueError(f"epoch {record.kept_epoch} of {record.epochs} is kept")
    return record


def write(checkpoint: Checkpoint, path: Path) -> None:
    """Put the checkpoint in place of the one before it, whole."""
    atomic_write_bytes(path, checkpoint.to_bytes())


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state by name, `optimizer.N.key`, exactly as it is."""
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{number}.{key}": value
        for number, values in state.items()
        for key, value in values.items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` returned, its names without `optimizer.`."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, key = name.split(".", 1)
        state.setdefault(int(number), {})[key] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
