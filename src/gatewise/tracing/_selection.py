"""The selection of what is kept of a call: quantities, steps, units, precision, device."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gatewise.tracing._host import HostCopies, is_brought
from gatewise.tracing._options import Kept, TraceOptions

Tensors = dict[str, Tensor]


def selected(
    gates: Mapping[str, Tensor],
    kept: Kept,
    options: TraceOptions,
    *,
    steps: range | None,
    borrowed: set[int],
    copies: HostCopies,
) -> Tensors:
    """Return what is kept of gates `[L, D, T, ...]`, or of a cell's step `[..., H]` (`steps` None).

    What lies in memory that somebody else may write to (`borrowed`, see `memory_of`), and what would
    hold on to more memory than its own, is copied.
    """
    found = {}
    for name in kept.quantities:
        value = gates[name]
        if steps is not None:
            value = value[:, :, steps.start : steps.stop : steps.step]
        value = value[..., kept.index(name)]
        if options.with_grad:
            value = value.to(device=options.device, dtype=options.dtype)
        elif is_brought(value, options.device):  # into memory of its own, which may not be read yet
            found[name] = copies.move(value.detach(), options.device, options.dtype)
            continue
        else:
            value = value.to(device=options.device, dtype=options.dtype).detach()
        # a view would keep the whole array alive, and the caller may write into what it is of
        is_part = value.untyped_storage().nbytes() > value.numel() * value.itemsize
        if is_part or memory_of(value) in borrowed:
            value = value.clone(memory_format=torch.contiguous_format)
        found[name] = value
    return found


def memory_of(tensor: Tensor) -> int:
    """Return where the memory of a tensor begins, the same for all that share it."""
    return tensor.untyped_storage().data_ptr()


def kept_lengths(lengths: Tensor, steps: range) -> Tensor:
    """Return how many of the kept steps lie inside each row."""
    inside = (lengths - steps.start + steps.step - 1).div(steps.step, rounding_mode="floor")
    return inside.clamp(0, len(steps))
