"""The native core: `native/python`, compiled. Only `gatewise.engines` and streams use it.

It is private. Arrays are addresses (`tensor.data_ptr()`; 0: absent), strides count elements, and
shapes and types are the caller's to check, as `gatewise.engines.native.checks` does:
`native/include/gatewise/core.h` says what each one is. A wrong address ends the process. What can be
told without it is refused with ValueError: unknown names, sizes that no memory holds, rows that
contradict themselves, one bias without the other, absent arrays. Nothing is converted or copied.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

_Array: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[Any]]
_Type: TypeAlias = Literal["f32", "f64", "bf16"]

class Layer:
    """The sizes of one layer."""

    def __init__(
        self,
        cell: str,
        type: _Type,
        input: int,
        hidden: int,
        projection: int = 0,
        heads: int = 1,
        split: bool = False,
    ) -> None: ...

class Rows:
    """Which rows have which steps; `count`, `order` and `first` are addresses of int64, read here."""

    def __init__(
        self, steps: int, batch: int, count: int = 0, order: int = 0, first: int = 0
    ) -> None: ...
    @property
    def begin(self) -> int:
        """Return where the first step begins in packed data; 0 without `first`."""

    @property
    def end(self) -> int:
        """Return where the last step ends in packed data; 0 without `first`."""

class View:
    """A sequence of vectors."""

    def __init__(
        self, address: int = 0, step: int = 0, row: int = 0, packed: bool = False
    ) -> None: ...

class Weights:
    """Addresses of one direction's parameters."""

    def __init__(
        self, W_ih: int, W_hh: int, b_ih: int = 0, b_hh: int = 0, W_hr: int = 0
    ) -> None: ...

class Forward:
    """One direction of one layer, forward."""

    def __init__(
        self,
        *,
        reverse: bool,
        weights: Weights,
        x: View,
        out: View,
        h0: int = 0,
        c0: int = 0,
        l0: int = 0,
        h_n: int = 0,
        c_n: int = 0,
        l_n: int = 0,
        saved: Sequence[View] = (),
    ) -> None: ...

class Backward:
    """One direction of one layer, backward."""

    def __init__(
        self,
        *,
        reverse: bool,
        weights: Weights,
        x: View,
        out: View,
        h0: int = 0,
        c0: int = 0,
        l0: int = 0,
        saved: Sequence[View] = (),
        d_out: View = ...,
        d_saved: Sequence[View] = (),
        d_h_n: int = 0,
        d_c_n: int = 0,
        d_l_n: int = 0,
        d_x: View = ...,
        d_h0: int = 0,
        d_c0: int = 0,
        d_l0: int = 0,
        d_W_ih: int = 0,
        d_W_hh: int = 0,
        d_b_ih: int = 0,
        d_b_hh: int = 0,
        d_W_hr: int = 0,
        sums: int = 0,
        begin: bool = True,
        finish: bool = True,
    ) -> None: ...

class Memory:
    """A writable buffer of unfilled bytes, from blocks that are used again."""

    def __init__(self, bytes: int) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

def release_memory() -> None:
    """Give the blocks that are kept to be used again back to the system."""

class Stream:
    """A stack of layers in one direction, one step at a time, on arrays of its type and shapes."""

    def __init__(self, layers: Sequence[Layer], weights: Sequence[Weights], batch: int) -> None: ...
    def step(self, x: _Array, out: _Array) -> None: ...
    def reset(self) -> None: ...
    def get_state(
        self, layer: int, h: _Array, c: _Array | None, l: _Array | None = None
    ) -> None: ...
    def set_state(
        self, layer: int, h: _Array, c: _Array | None, l: _Array | None = None
    ) -> None: ...

def forward(layer: Layer, rows: Rows, directions: Sequence[Forward], threads: int) -> None:
    """Run one or two directions forward, without the interpreter's lock."""

def backward(layer: Layer, rows: Rows, directions: Sequence[Backward], threads: int) -> None:
    """Run one or two directions backward, without the interpreter's lock."""

def sums_bytes(layer: Layer) -> int:
    """Return the size of `Backward`'s sums."""

def chunk_steps(layer: Layer, batch: int) -> int:
    """Return the number of steps that segments are multiples of."""

def peak_gflops(type: _Type, threads: int) -> float:
    """Return the multiply-adds in registers that this machine does, in 1e9 operations a second."""

def cells() -> list[tuple[str, int, int, bool, bool]]:
    """Return each cell's name, gates and saved arrays, and whether it has a c and may be projected."""

def isa() -> str:
    """Return the instruction set in use; RuntimeError names the choices for a bad GATEWISE_ISA."""

def isas() -> list[str]:
    """Return the instruction sets that this machine can run, best first."""
