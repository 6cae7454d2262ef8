"""Records made by plain NumPy loops, one row and step at a time: what the functions are tested on.

They share no code with the package. Rows may have any lengths; past its end a row is NaN. The
reverse direction starts at each row's own end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Record(dict[str, Any]):
    """Gates and states by name, which know of which cell they are."""

    def __init__(self, arrays: Mapping[str, Any], kind: str) -> None:
        super().__init__(arrays)
        self.kind = kind


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def record(
    cell: str,
    lengths: Sequence[int],
    *,
    units: int = 3,
    layers: int = 1,
    directions: int = 1,
    dtype: Any = np.float64,
    seed: int = 0,
    steps: int | None = None,
) -> tuple[Record, Array]:
    """Return the record `[L, D, T, B, H]` of a random network, and its initial states `[L, D, B, H]`."""
    rng = np.random.default_rng(seed)
    steps = max(lengths) if steps is None else steps
    names, step = CELLS[cell]
    shape = (layers, directions, steps, len(lengths), units)
    found = {name: np.full(shape, np.nan, dtype=dtype) for name in names}
    blocks = {"lstm": 4, "gru": 3, "rnn": 1}[cell]
    initial = rng.normal(size=(layers, directions, len(lengths), units)).astype(dtype)
    for layer in range(layers):
        for direction in range(directions):
            R = rng.normal(size=(blocks, units, units)).astype(dtype)
            for row, length in enumerate(lengths):
                state = initial[layer, direction, row]
                h = np.tanh(state) if cell == "lstm" else state
                own = range(length) if direction == 0 else range(length - 1, -1, -1)
                for t in own:
                    wx = rng.normal(size=(blocks, units)).astype(dtype)
                    h, state, gates = step(wx, R, h, state)
                    for name, value in gates.items():
                        found[name][layer, direction, t, row] = value
    return Record(found, "rnn_tanh" if cell == "rnn" else cell), initial


def lstm(wx: Array, R: Array, h: Array, c: Array) -> tuple[Array, Array, dict[str, Array]]:
    i, f, g, o = (wx[k] + R[k] @ h for k in range(4))
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * c + i * g
    h = o * np.tanh(c)
    return h, c, {"forget": f, "input": i, "candidate": g, "output": o, "cell": c, "hidden": h}


def gru(wx: Array, R: Array, h: Array, state: Array) -> tuple[Array, Array, dict[str, Array]]:
    r, z = sigmoid(wx[0] + R[0] @ h), sigmoid(wx[1] + R[1] @ h)
    n = np.tanh(wx[2] + r * (R[2] @ h))
    h = (1 - z) * n + z * h
    return h, h, {"reset": r, "update": z, "candidate": n, "hidden": h}


def rnn(wx: Array, R: Array, h: Array, state: Array) -> tuple[Array, Array, dict[str, Array]]:
    h = np.tanh(wx[0] + R[0] @ h)
    return h, h, {"hidden": h}


CELLS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "lstm": (("forget", "input", "candidate", "output", "cell", "hidden"), lstm),
    "gru": (("reset", "update", "candidate", "hidden"), gru),
    "rnn": (("hidden",), rnn),
}


def autoregression(rng: np.random.Generator, r: float, steps: int, rows: int, units: int) -> Array:
    """Return stationary first-order autoregressions of variance 1, `[T, B, H]`."""
    noise = rng.normal(size=(steps, rows, units))
    found = np.empty_like(noise)
    found[0] = noise[0]
    for t in range(1, steps):
        found[t] = r * found[t - 1] + np.sqrt(1 - r * r) * noise[t]
    return found
