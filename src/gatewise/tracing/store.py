"""What a trace has recorded, by the names of the modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from gatewise.engines import Gates
from gatewise.errors import InputError, nearest


@dataclass
class _Module:
    """The calls of one module; those of a cell as lists of its steps."""

    calls: list[list[Gates]] = field(default_factory=list)
    in_steps: bool = False


class Trace:
    """The gates of each call of each recurrent module, by the module's name in the model.

    `trace["encoder.lstm"]` is the record of the last call, detached; `trace.calls(name)` all calls.
    A model that is a recurrent module itself has the name `""`. A module that the model holds under
    several names has one record, with the calls by all of them, and each name leads to it. The
    successive steps of a cell within one call of the model are one record
    `[1, 1, time, batch, hidden]`; it is split where the batch changes.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)  # every name, and the first name of the same module
        self._modules = {first: _Module() for first in self._names.values()}
        self._fresh = set(self._modules)  # cells whose next step begins a new record

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the modules that are recorded, in the model's order; the first of each."""
        return tuple(self._modules)

    def __getitem__(self, name: str) -> Gates:
        """Return the gates of the last call of the module `name`.

        Raises InputError for an unknown name and for a module that has not been called.
        """
        calls = self._calls_of(name)
        if not calls:
            raise InputError(
                f"trace: {name!r} has not been called; run the model inside the with block first"
            )
        return self._joined(name, calls[-1])

    def calls(self, name: str) -> tuple[Gates, ...]:
        """Return the gates of every call of the module `name`, none if it was not called.

        Raises InputError for an unknown name.
        """
        return tuple(self._joined(name, call) for call in self._calls_of(name))

    def begin(self) -> None:
        """Note that a new call of the model begins."""
        self._fresh = set(self._modules)

    def add_call(self, name: str, gates: Gates) -> None:
        """Store one call of a module."""
        self._modules[name].calls.append([gates])

    def add_step(self, name: str, gates: Gates) -> None:
        """Store one step of a cell."""
        module = self._modules[name]
        module.in_steps = True
        if name in self._fresh or not _alike(module.calls[-1][-1], gates):
            module.calls.append([])
            self._fresh.discard(name)
        module.calls[-1].append(gates)

    def _calls_of(self, name: str) -> list[list[Gates]]:
        if name not in self._names:
            raise InputError(
                f"trace: no recurrent module {name!r}; there are "
                f"{', '.join(map(repr, self.names))}.{nearest(name, self._names)}"
            )
        return self._modules[self._names[name]].calls

    def _joined(self, name: str, steps: list[Gates]) -> Gates:
        """Return one record of a call: a cell's steps `[B, H]` stacked into `[1, 1, T, B, H]`."""
        if not self._modules[self._names[name]].in_steps:
            return steps[0]
        tensors = {key: torch.stack([g[key] for g in steps])[None, None] for key in steps[0]}
        return Gates(tensors, torch.full_like(steps[0].lengths, len(steps)))


def _alike(one: Gates, other: Gates) -> bool:
    """Tell whether two steps of a cell can stand in one record."""
    mine, theirs = one["hidden"], other["hidden"]
    return (mine.shape, mine.dtype, mine.device) == (theirs.shape, theirs.dtype, theirs.device)
