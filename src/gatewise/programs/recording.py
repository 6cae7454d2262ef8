"""`gatewise run --trace`: gates and states of some of the program's calls, within a budget.

Sizes: T steps, B rows, H units, L layers, D directions.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from gatewise.cells import CELLS
from gatewise.engines.aside import left_to_torch
from gatewise.programs.again import again, is_plain, steps_and_rows
from gatewise.programs.naming import Names
from gatewise.programs.taking import Call
from gatewise.tracing.joining import joined
from gatewise.tracing.record import trace
from gatewise.tracing.store import Trace


class Recorder:
    """Records calls 1, 2, 4, 8, ... of each module, each in at most a quarter of what is left.

    Of a call that is larger, the first rows are kept, and of a single row the first steps. The call is
    made again for it on those rows, without dropout.
    """

    def __init__(self, folder: Path, budget: int) -> None:
        self.folder = folder
        self.left = budget
        self.names = Names()
        self.counts: dict[str, int] = {}
        self.traces: dict[str, list[Trace]] = {}
        self._sizes: dict[str, list[list[int]]] = {}
        self.lock = threading.Lock()

    def __call__(self, operator: str, call: Call) -> None:
        """Record a call that has been made, if it is one of those."""
        if not is_plain(call):
            return
        name = self.names.of(operator)
        with self.lock:
            count = self.counts.get(name, 0) + 1
            self.counts[name] = count
            share = self.left // 4
        if count & (count - 1):
            return
        cell = operator.partition(".")[0]
        steps, rows = steps_and_rows(call)
        a_step = _bytes_of_a_step(cell, call)
        kept_rows = min(rows, max(1, share // (a_step * steps)))
        kept_steps = min(steps, share // (a_step * kept_rows))
        if kept_steps == 0:
            return
        made = again(cell, call, kept_rows, steps)
        with trace(made.module, steps=range(kept_steps)) as found:
            left_to_torch(made.module, *made.arguments)
        with self.lock:
            self.left -= found.nbytes
            self.traces.setdefault(self._key(name, call), []).append(found)

    def _key(self, name: str, call: Call) -> str:
        """Return the name, with its sizes where the same name stands for others already."""
        sizes = [list(weight.shape) for weight in call.weights]
        known = self._sizes.setdefault(name, sizes)
        return name if known == sizes else f"{name} {sizes[0][0]} x {sizes[0][1]}"

    def save(self) -> None:
        """Write this process's record, whole or not at all, if there is one."""
        if self.traces:
            joined(self.traces).save(self.folder / f"{os.getpid()}.safetensors")


def _bytes_of_a_step(cell: str, call: Call) -> int:
    """Return what a row takes in a step, at most: a projected state is narrower."""
    spec, second = CELLS[cell], call.weights[1]
    hidden = len(second) // len(spec.packing)
    sides = call.layers * (2 if call.bidirectional else 1)
    return sides * len(spec.recorded) * hidden * call.x.element_size()
