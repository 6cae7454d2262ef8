"""Memory for the arrays of a pass, used again from call to call.

Where torch's allocator gives a large array back to the system, each pass pays again for every page: a
third of the time of a training pass that saves its gates.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from itertools import starmap
from math import prod
from typing import Any

import torch
from torch import Tensor

from gatewise.engines.plan import Arrays

# By name, because the tools that watch over imports see no module in a compiled file.
core: Any = import_module("gatewise._native")

LEAST_KEPT = 1 << 17
"""Bytes from which memory is used again: malloc's own bound, from which it may give an array back to the
system. With 1 MiB here, a training step at 100,32,16,64 met 420 page faults in some processes."""


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Return an unfilled tensor; a large one in memory that calls before it have used."""
    count = prod(shape)
    if count * dtype.itemsize < LEAST_KEPT:
        return torch.empty(shape, dtype=dtype, device="cpu")
    memory = core.Memory(count * dtype.itemsize)
    return torch.frombuffer(memory, dtype=dtype, count=count).resize_(shape)  # keeps its memory


def empty_arrays(described: Arrays) -> Arrays:
    """Return the arrays of a forward pass, unfilled, of the shapes and types that stand for them."""
    sized: Any = described
    return Arrays(
        empty(*sized.out),
        [*starmap(empty, sized.states)],
        [*starmap(empty, sized.below)],
        [*starmap(empty, sized.kept)],
    )


def empty_like(tensor: Tensor) -> Tensor:
    """Return an unfilled tensor laid out as `tensor` is."""
    if tensor.is_contiguous():
        return empty(tensor.shape, tensor.dtype)
    return torch.empty_like(tensor)


def release() -> None:
    """Give the memory that is kept for later passes back to the system."""
    core.release_memory()
