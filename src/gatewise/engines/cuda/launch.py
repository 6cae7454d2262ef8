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
from math import inf
from typing import Any, NamedTuple, Protocol

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


TILES = (
    (1024, Tile(64, 16, 4), Tile(64, 16, 4)),
    (4096, Tile(16, 16, 1), Tile(16, 16, 1)),
    (inf, Tile(32, 16, 4), Tile(8, 16, 1)),
)
"""Up to how many sequences, and the tiles of the LSTM's ways forward and back: of fifteen shapes, the
fastest on an H200 for the rows of benchmarks/cuda.py. Where there are few sequences, more steps at a
time keep the GPU busy; one warp has all steps of a sequence in its registers."""

SIZE = 1024
"""The elements of a program that works element by element."""


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
        import_module("gatewise.engines.cuda.rows")
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
    biases: tuple[Tensor | None, Tensor | None],
    begun: Tensor | None,
    first_cell: Tensor | None,
    lengths: Tensor | None,
    filled: Sequence[Tensor],
    *,
    reverse: bool,
) -> None:
    """Fill the gates i, f, g, o and the cell of one direction, `[T, B, H]` each, NaN outside rows.

    `pre [T, B, 4H]` are the summed products, to which `biases [4H]` and, at each row's first step,
    `begun [B, 4H]` come; that and `first_cell` go together.
    `lengths [B]` are integers on the device (None: all rows have T steps).
    """
    steps, batch, units = filled[0].shape
    tile = next(forward for most, forward, _ in TILES if batch * units <= most)
    _kernels().lstm_forward[(-(-batch * units // tile.sequences),)](
        pre,
        _or(biases[0], pre),
        _or(biases[1], pre),
        _or(begun, pre),
        _or(first_cell, pre),
        _or(lengths, pre),
        *filled,
        steps,
        batch,
        units,
        HAS_BIAS=biases[0] is not None,
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
    tile = next(back for most, _, back in TILES if batch * units <= most)
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


def gru_forward(  # noqa: PLR0917 - the order of the kernel
    from_x: Tensor,
    from_h: Tensor,
    biases: tuple[Tensor | None, Tensor | None],
    begun: Tensor | None,
    lengths: Tensor | None,
    filled: Sequence[Tensor],
    *,
    reverse: bool,
) -> None:
    """Fill r, z and n of one direction, `[T, B, H]` each, NaN outside rows, and what r multiplies.

    The products `from_x` and `from_h [T, B, 3H]` come without `biases`; `begun [B, 3H]` comes to each
    row's first step.
    """
    steps, batch, units = filled[0].shape
    _kernels().gru_forward[(-(-filled[0].numel() // SIZE),)](
        from_x,
        from_h,
        _or(biases[0], from_x),
        _or(biases[1], from_x),
        _or(begun, from_x),
        _or(lengths, from_x),
        *filled,
        *(() if len(filled) > 3 else (from_x,)),
        steps,
        batch,
        units,
        HAS_BIAS=biases[0] is not None,
        HAS_STATE=begun is not None,
        HAS_LENGTHS=lengths is not None,
        HAS_INNER=len(filled) > 3,
        REVERSE=reverse,
        **_types(from_x.dtype, with_tanh=True),
        SIZE=SIZE,
    )


def gru_backward(
    gates: Sequence[Tensor],
    lengths: Tensor | None,
    arriving: Sequence[Tensor | None],
    on_x: Tensor,
    on_h: Tensor,
) -> None:
    """Fill the gradients `[T, B, 3H]` of both products from those `arriving` at r, z and n."""
    steps, batch, units = gates[0].shape
    _kernels().gru_backward[(-(-gates[0].numel() // SIZE),)](
        *gates,
        _or(lengths, on_x),
        *(_or(gradient, on_x) for gradient in arriving),
        on_x,
        on_h,
        steps,
        batch,
        units,
        *(gradient is not None for gradient in arriving),
        HAS_LENGTHS=lengths is not None,
        **_types(on_x.dtype),
        SIZE=SIZE,
    )


@cache
def _kernels() -> Any:
    return import_module("gatewise.engines.cuda.kernels")


def _or(tensor: Tensor | None, stand_in: Tensor) -> Tensor:
    """Return `tensor`, or for none a pointer that the kernel does not follow."""
    return stand_in if tensor is None else tensor


def _types(dtype: torch.dtype, *, with_tanh: bool = False) -> dict[str, Any]:
    """Return the type that a kernel computes in, and from where on its tanh may subtract."""
    is_double = dtype is torch.float64
    real = {"REAL": _language().float64 if is_double else _language().float32}
    return real | {"SMALL": 1e-3 if is_double else 0.25} if with_tanh else real


@cache
def _language() -> Any:
    return import_module("triton.language")


class Frame(Protocol):
    """Where rows are in packed data, and where they end: see `cuda.rows`."""

    first: Tensor | None
    ends: Tensor
    place: Tensor | None
    steps: int
    batch: int


def spread(data: Tensor, padded: Tensor, frame: Frame, *, turned: bool, back: bool) -> None:
    """Fill `padded [T, B, C + marks]` from `data [N, C]` or `[T, B, C]`; with `back` the other way."""
    channels, width = data.shape[-1], padded.shape[-1]
    rows, columns = _block(width)
    grid = (-(-frame.steps * frame.batch // rows), -(-width // columns))
    _rows().spread[grid](
        data,
        padded,
        _or(frame.first, frame.ends),
        frame.ends,
        _or(frame.place, frame.ends),
        frame.steps,
        frame.batch,
        channels,
        width,
        IS_PACKED=data.dim() == 2,
        HAS_PLACE=frame.place is not None,
        TURNED=turned,
        BACK=back,
        ROWS=rows,
        COLUMNS=columns,
    )


def collect(
    out: Tensor, data: Tensor | None, last: Tensor | None, frame: Frame, *, side: int, back: bool
) -> None:
    """Fill a direction's part of `data`, and `last [B, P]`, from `out [T, B, P]`.

    With `back` fill `out` from their gradients, of which either may be missing.
    """
    units = out.shape[-1]
    rows, columns = _block(units)
    grid = (-(-frame.steps * frame.batch // rows), -(-units // columns))
    _rows().collect[grid](
        out,
        _or(data, out),
        _or(last, out),
        _or(frame.first, frame.ends),
        frame.ends,
        _or(frame.place, frame.ends),
        frame.steps,
        frame.batch,
        units,
        units if data is None else data.shape[-1],
        side * units,
        IS_PACKED=data is not None and data.dim() == 2,
        HAS_PLACE=frame.place is not None,
        TURNED=side == 1,
        BACK=back,
        HAS_DATA=data is not None,
        HAS_LAST=last is not None,
        ROWS=rows,
        COLUMNS=columns,
    )


def _block(width: int) -> tuple[int, int]:
    """Return how many rows and columns a program moves."""
    columns = min(128, max(4, 1 << (width - 1).bit_length()))
    return max(1, 2048 // columns), columns


@cache
def _rows() -> Any:
    return import_module("gatewise.engines.cuda.rows")
