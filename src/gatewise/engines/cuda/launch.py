"""Whether the kernels can run, and their launches.

Triton comes with torch for CUDA; it is loaded with the first call that needs it, and where it is
missing or too old the gates come from plain torch, as on the CPU.
Sizes: T steps, B rows, H units.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gatewise.engines.onlookers import PLAIN, recorder

OLDEST = (3, 2)
"""The first version of Triton whose associative scan takes several arrays as these kernels need it."""


class Tile(NamedTuple):
    """How much a program works on at a time."""

    steps: int
    sequences: int
    warps: int


FEW = 1024
"""Up to so many sequences there is too little work for the whole GPU, and longer tiles are faster."""

TILES = (Tile(32, 32, 4), Tile(8, 32, 1))
"""For few sequences, and for more: with one warp a thread has all steps of its sequence, so that the
scan stays in its registers. Of six shapes, the fastest on an H200 by the rows of benchmarks/cuda.py."""


@cache
def missing() -> str:
    """Return why there are no kernels here, or an empty string; says nothing of a device."""
    try:
        found = version("triton")
    except PackageNotFoundError:
        return "Triton is not installed"
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST:
        return f"Triton {found} is older than {'.'.join(map(str, OLDEST))}"
    try:
        import_module("gatewise.engines.cuda.kernels")
    except ImportError as error:
        return f"Triton {found} cannot be loaded: {error}"
    return ""


def why_not(x: Tensor) -> str:
    """Return why the kernels do not run in a call with `x`, or an empty string."""
    if not x.is_cuda or torch.version.hip is not None:
        return f"the kernels run on CUDA, not on {x.device.type!r}"
    if reason := missing():
        return reason
    if torch.cuda.get_device_capability(x.device) < (7, 0):
        return "the kernels need a GPU of compute capability 7.0 or newer"
    if torch.compiler.is_compiling() or recorder():
        return "the call is compiled or recorded"
    if torch._C._are_functorch_transforms_active() or torch.autograd.forward_ad._current_level >= 0:
        return "the kernels know neither torch.func's transforms nor forward-mode derivatives"
    if type(x) not in PLAIN or torch._C._len_torch_dispatch_stack() > 0:
        return f"the kernels do not know tensors of the class {type(x).__name__}"
    return ""


def lstm_forward(  # noqa: PLR0917 - the order of the kernel
    pre: Tensor,
    bias: Tensor | None,
    begun: Tensor | None,
    first_cell: Tensor | None,
    lengths: Tensor | None,
    filled: Sequence[Tensor],
    *,
    reverse: bool,
) -> None:
    """Fill the gates i, f, g, o and the cell of one direction, `[T, B, H]` each, NaN outside rows.

    `pre [T, B, 4H]` are the summed products, to which `bias [4H]` and, at each row's first step,
    `begun [B, 4H]` come; that and `first_cell` go together.
    `lengths [B]` are integers on the device (None: all rows have T steps).
    """
    steps, batch, units = filled[0].shape
    tile = TILES[batch * units > FEW]
    _kernels().lstm_forward[(-(-batch * units // tile.sequences),)](
        pre,
        _or(bias, pre),
        _or(begun, pre),
        _or(first_cell, pre),
        _or(lengths, pre),
        *filled,
        steps,
        batch,
        units,
        HAS_BIAS=bias is not None,
        HAS_STATE=first_cell is not None,
        HAS_LENGTHS=lengths is not None,
        REVERSE=reverse,
        **_types(pre.dtype, with_tanh=True),
        TIME=tile.steps,
        UNITS=tile.sequences,
        num_warps=tile.warps,
    )


def lstm_backward(  # noqa: PLR0917 - the order of the kernel
    gates: Sequence[Tensor],
    first_cell: Tensor | None,
    lengths: Tensor | None,
    arriving: Sequence[Tensor | None],
    on_pre: Tensor,
    on_first_cell: Tensor | None,
    *,
    reverse: bool,
) -> None:
    """Fill the gradients of what `lstm_forward` was given, from those `arriving` at the five results.

    `on_pre [T, B, 4H]`, 0 outside each row, and `on_first_cell [B, H]` are filled.
    """
    steps, batch, units = gates[0].shape
    tile = TILES[batch * units > FEW]
    _kernels().lstm_backward[(-(-batch * units // tile.sequences),)](
        *gates,
        _or(first_cell, on_pre),
        _or(lengths, on_pre),
        *(_or(gradient, on_pre) for gradient in arriving),
        on_pre,
        _or(on_first_cell, on_pre),
        steps,
        batch,
        units,
        *(gradient is not None for gradient in arriving),
        HAS_STATE=first_cell is not None,
        HAS_LENGTHS=lengths is not None,
        REVERSE=reverse,
        **_types(on_pre.dtype),
        TIME=tile.steps,
        UNITS=tile.sequences,
        num_warps=tile.warps,
    )


def _kernels() -> Any:
    return import_module("gatewise.engines.cuda.kernels")


def _or(tensor: Tensor | None, stand_in: Tensor) -> Tensor:
    """Return `tensor`, or for none a pointer that the kernel does not follow."""
    return stand_in if tensor is None else tensor


def _types(dtype: torch.dtype, *, with_tanh: bool = False) -> dict[str, Any]:
    """Return the type that a kernel computes in, and from where on its tanh may subtract."""
    language = import_module("triton.language")
    is_double = dtype is torch.float64
    real = language.float64 if is_double else language.float32
    return {"REAL": real, "SMALL": 1e-3 if is_double else 0.25} if with_tanh else {"REAL": real}
