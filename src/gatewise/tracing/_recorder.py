"""The recorder that a trace writes to: records, the calls of cells step by step, and the budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.tracing._budget import CallSizes, check_budget
from gatewise.tracing._fingerprint import Weights
from gatewise.tracing._host import HostCopies
from gatewise.tracing._options import Kept, TraceOptions
from gatewise.tracing._recordings import RecordedCall, RecordedModule
from gatewise.tracing._selection import Tensors


@dataclass
class _Open:
    """The record of a cell to which the next step may still belong."""

    like: object  # what the next step must be like
    call: RecordedCall


class Recorder:
    """The records of the modules, while they are written."""

    def __init__(self, kept: Mapping[str, Kept], options: TraceOptions) -> None:
        self.modules = {name: RecordedModule(wanted) for name, wanted in kept.items()}
        self._options = options
        self.copies = HostCopies()
        self._open: dict[str, _Open] = {}  # of cells; what is absent begins a new record
        self._used = 0
        self._pending: dict[str, int] = {}  # bytes reserved for calls that have not ended

    def begin(self) -> None:
        """Note that a new call of the model begins."""
        self._open.clear()

    def reserve(self, name: str, sizes: CallSizes, steps: range) -> None:
        """Take the bytes of a call from the budget; raises InputError where it exceeds the rest."""
        limit, kept = self._options.max_bytes, self.modules[name].kept
        if limit is not None:
            self._used -= self._pending.pop(name, 0)  # of a call that has failed
            left = {"dtype": self._options.dtype, "free": limit - self._used}
            needed = check_budget(name, kept, sizes, steps, **left)  # type: ignore[arg-type]
            self._used += needed
            self._pending[name] = needed

    def add_call(self, name: str, call: RecordedCall) -> None:
        """Store one call of a module."""
        self._pending.pop(name, None)
        self.modules[name].calls.append(call)

    def weights_of(self, name: str, module: torch.nn.Module) -> Weights:
        """Return what a call of a module was made with; those of the call before are read first.

        So no more than one copy of each module's weights waits on the host, and a GPU has the present
        call to do meanwhile.
        """
        if self.modules[name].calls:
            self.modules[name].calls[-1].weights.digest()
        return Weights.of(module, self.copies)

    def finish(self) -> None:
        """Wait for all that is on its way to the host."""
        self.copies.wait()
        for module in self.modules.values():
            if module.calls:
                module.calls[-1].weights.digest()

    def next_step(self, name: str, module: torch.nn.Module, hidden: Tensor) -> int:
        """Count one more step of a cell that returned `hidden [..., H]`; return which it was.

        It begins a new record where the batch is another than that of the step before.
        """
        like = (hidden.shape, hidden.dtype, hidden.device)
        begun = self._open.get(name)
        if begun is None or begun.like != like:
            where = self._options.device or hidden.device
            lengths = torch.zeros(hidden.shape[:-1], dtype=torch.int64, device=where)
            kind = self.modules[name].kept.cell
            weights = self.weights_of(name, module)
            call = RecordedCall([], lengths, range(0), 0, weights, kind, self.copies)
            begun = self._open[name] = _Open(like, call)
            self.modules[name].calls.append(call)
        step = begun.call.total
        begun.call.total += 1
        return step

    def add_step(self, name: str, tensors: Tensors) -> None:
        """Store the step of a cell that was counted last, as `[1, 1, 1, ...]`."""
        self._pending.pop(name, None)
        call, kept = self._open[name].call, self.modules[name].kept
        call.lengths = call.lengths + 1
        asked = kept.steps or range(call.total)
        call.steps = range(asked.start or 0, call.total, asked.step or 1)
        call.add({key: value[None, None, None] for key, value in tensors.items()})
