"""Whole sequences through one recurrent layer: NumPy arrays and the native core.

Sizes: T steps, B sequences, F features, G blocks, H hidden units, D directions.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from gatewise.cells import CellSpec
from gatewise.errors import EngineError
from gatewise.runtime.stream import NAMES, TYPES, native_core, spec_of
from gatewise.typing import AnyArray, Indices

WORK_PER_THREAD = 400_000
"""Multiplications that a second thread has to take over to be worth waking, as for modules."""
REVERSE = "_reverse"


class Layer:
    """A layer of one direction or both, with its weights: sequences in, hidden states out.

    `weights` are under the names of torch's single layers: `weight_ih_l0`, `weight_ih_l0_reverse`.
    """

    def __init__(self, cell: str, weights: Mapping[str, AnyArray], *, heads: int = 1) -> None:
        self.spec: CellSpec = spec_of(cell)
        self._core = native_core()
        ways = ("", REVERSE) if f"weight_ih_l0{REVERSE}" in weights else ("",)
        # Held here: the core sees their addresses only.
        self._held = [
            [
                np.ascontiguousarray(weights[key])
                if (key := f"{name}_l0{way}") in weights
                else None
                for name in NAMES
            ]
            for way in ways
        ]
        unknown = [name for name in weights if name.split("_l0")[0] not in NAMES]
        if unknown:
            raise EngineError(f"the native core's {cell} has no {', '.join(unknown)}")
        first = self._held[0][0]
        assert first is not None
        self.dtype = first.dtype
        self.hidden = len(first) // len(self.spec.packing)
        self.inputs, self.directions = first.shape[1], len(ways)
        self._layer = self._core.Layer(
            cell, TYPES[self.dtype.name], self.inputs, self.hidden, 0, heads
        )
        self._weights = [
            self._core.Weights(*(0 if one is None else one.ctypes.data for one in each))
            for each in self._held
        ]
        units = len(first) * (self.inputs + self.hidden // heads)
        self._work = units * self.directions

    def run(self, x: AnyArray, lengths: Indices | None = None) -> AnyArray:
        """Return the hidden states `[T, B, D*H]` of `x [T, B, F]`, from a state of zeros.

        `lengths [B]` are the steps that each sequence has; past its end its hidden states are 0.
        """
        steps, batch = x.shape[:2]
        x = np.ascontiguousarray(x, dtype=self.dtype)
        out = np.empty((steps, batch, self.directions * self.hidden), dtype=self.dtype)
        if not out.size:
            return out
        held, rows = self._rows(steps, batch, lengths)
        each = [
            self._core.Forward(
                reverse=way == 1,
                weights=self._weights[way],
                x=_view(x),
                out=_view(out, way * self.hidden),
            )
            for way in range(self.directions)
        ]
        threads = max(1, min(usable_cores(), self._work * steps * batch // WORK_PER_THREAD))
        self._core.forward(self._layer, rows, each, threads)
        if held:
            out[np.arange(steps)[:, None] >= np.asarray(lengths)] = 0.0
        return out

    def _rows(
        self, steps: int, batch: int, lengths: Indices | None
    ) -> tuple[tuple[Indices, ...], Any]:
        """Describe which sequences have which steps; the arrays are to be held as long as it is."""
        if lengths is None:
            return (), self._core.Rows(steps, batch)
        order = np.argsort(-lengths, kind="stable").astype(np.int64)
        count = np.count_nonzero(lengths > np.arange(steps)[:, None], axis=1).astype(np.int64)
        first = (np.cumsum(count) - count).astype(np.int64)
        held = (count, order, first)
        return held, self._core.Rows(steps, batch, *(one.ctypes.data for one in held))


def _view(array: AnyArray, offset: int = 0) -> Any:
    """Describe `[T, B, C]` from channel `offset` on."""
    size = array.itemsize
    step, row, _ = array.strides
    return native_core().View(array.ctypes.data + offset * size, step // size, row // size)


def usable_cores() -> int:
    """Return how many processors this process may use; fewer where OMP_NUM_THREADS says so."""
    there = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(there, int(asked)) if asked.isdecimal() and int(asked) > 0 else there
