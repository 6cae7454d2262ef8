"""An estimator's model in one portable safetensors file: weights of its members, arrays, and JSON.

No pickle: a file cannot run code, and one that is cut short or foreign is told before anything is used.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from gatewise.errors import FileError
from gatewise.files import Envelope, atomic_write_bytes, sealed
from gatewise.training.history import History
from gatewise.typing import Arrays

if TYPE_CHECKING:
    from torch import nn


def write_model(path: Path, envelope: Envelope, about: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a model to `path`, whole or not at all. Equal models give equal bytes."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    atomic_write_bytes(path, sealed(to_bytes(contiguous, envelope.metadata(dict(about)))))


def read_model(path: Path, envelope: Envelope) -> tuple[dict[str, Any], Arrays]:
    """Return the description and the arrays that `write_model` wrote.

    Raises FileError for a file that is missing, cut short, damaged, foreign, or from a newer version.
    """
    if not os.path.isfile(path):
        raise FileError(f"there is no run folder or model file {path}")
    with envelope.reading(path):
        content = path.read_bytes()
        return envelope.about(io.BytesIO(content), path), from_bytes(content)


def weights_of(networks: Iterable[nn.Module], name: str = "member") -> Arrays:
    """Return the weights of all members, under `NAME-N.`."""
    found: Arrays = {}
    for member, network in enumerate(networks):
        weights = {key: value.numpy(force=True) for key, value in network.state_dict().items()}
        found |= under(f"{name}-{member}", weights)
    return found


def histories_to_json(histories: Iterable[History]) -> list[dict[str, Any]]:
    """Return the losses without the seconds, so that equal models give equal bytes."""
    return [asdict(replace(history, seconds=0.0)) for history in histories]


def histories_from_json(saved: Iterable[Mapping[str, Any]]) -> tuple[History, ...]:
    """Return the losses that `histories_to_json` wrote."""

    def read(history: Mapping[str, Any]) -> History:
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in history.items()
        }
        return History(**values)

    return tuple(read(history) for history in saved)


def under(prefix: str, arrays: Arrays) -> Arrays:
    """Return arrays with `prefix.` before their names."""
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def within(prefix: str, arrays: Arrays) -> Arrays:
    """Return the arrays that `under` put there, by their names before."""
    start = f"{prefix}."
    return {name[len(start) :]: a for name, a in arrays.items() if name.startswith(start)}
