"""The bytes that the record of one call takes, and the message where they are too many.

Sizes: T steps, B rows, H units, P projected units, L layers, D directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.errors import InputError
from gatewise.tracing._options import Kept


@dataclass(frozen=True)
class CallSizes:
    """How large a call is."""

    sides: int  # L * D
    steps: int  # T
    batch: int  # B
    hidden: int  # H
    proj_size: int  # P, or 0 without a projection
    dtype: torch.dtype

    @classmethod
    def of(cls, module: torch.nn.Module, input: Any) -> CallSizes | None:
        """Read the sizes off a module and its input; None where the module will refuse it."""
        data = input.data if isinstance(input, PackedSequence) else input
        if not isinstance(data, Tensor):
            return None
        if isinstance(module, torch.nn.RNNCellBase):
            if data.dim() not in (1, 2):
                return None
            batch = len(data) if data.dim() == 2 else 1
            return cls(1, 1, batch, int(module.hidden_size), 0, data.dtype)
        assert isinstance(module, torch.nn.RNNBase)
        sides = module.num_layers * (2 if module.bidirectional else 1)
        rest = (int(module.hidden_size), int(module.proj_size), data.dtype)
        if isinstance(input, PackedSequence):
            return cls(sides, len(input.batch_sizes), int(input.batch_sizes[0]), *rest)
        if data.dim() == 2:
            return cls(sides, len(data), 1, *rest)
        if data.dim() != 3:
            return None
        steps, batch = data.shape[:2] if not module.batch_first else data.shape[1::-1]
        return cls(sides, steps, batch, *rest)

    def bytes_of(self, quantities: tuple[str, ...], units: int, steps: int, itemsize: int) -> int:
        """Return what so many units, steps and bytes a number take."""
        widths = [self.proj_size if q == "hidden" and self.proj_size else units for q in quantities]
        return self.sides * steps * self.batch * sum(widths) * itemsize


def bytes_needed(kept: Kept, sizes: CallSizes, steps: int, dtype: torch.dtype | None) -> int:
    """Return what the record of a call takes, of which `steps` are kept."""
    units = sizes.hidden if kept.units is None else len(kept.units)
    return sizes.bytes_of(kept.quantities, units, steps, (dtype or sizes.dtype).itemsize)


def check_budget(
    name: str,
    kept: Kept,
    sizes: CallSizes,
    steps: range,
    *,
    dtype: torch.dtype | None,
    free: int,
) -> int:
    """Return the bytes that a call's record takes; raises InputError where it exceeds `free`."""
    needed = bytes_needed(kept, sizes, len(steps), dtype)
    if needed > free:
        raise InputError(
            f"trace: this call of {name!r} needs {needed:,} bytes ({_sum(kept, sizes, steps, dtype)}) "
            f"and max_bytes leaves {free:,}; {_what_fits(kept, sizes, steps, dtype, free)}"
        )
    return needed


def _sum(kept: Kept, sizes: CallSizes, steps: range, dtype: torch.dtype | None) -> str:
    units = sizes.hidden if kept.units is None else len(kept.units)
    number = str(dtype or sizes.dtype).removeprefix("torch.")
    return (
        f"{len(kept.quantities)} quantities x {sizes.sides} layers and directions x {len(steps)} "
        f"steps x {sizes.batch} rows x {units} units in {number}"
    )


def _what_fits(
    kept: Kept, sizes: CallSizes, steps: range, dtype: torch.dtype | None, free: int
) -> str:
    """Say what each option alone would have to be."""
    units = sizes.hidden if kept.units is None else len(kept.units)
    itemsize = (dtype or sizes.dtype).itemsize
    needed = bytes_needed(kept, sizes, len(steps), dtype)
    ways = []
    if itemsize > 2 and sizes.bytes_of(kept.quantities, units, len(steps), 2) <= free:
        ways.append("dtype=torch.float16")
    # dropped from the end: what is named first is likely wanted most
    count = len(kept.quantities)
    while count and sizes.bytes_of(kept.quantities[:count], units, len(steps), itemsize) > free:
        count -= 1
    if count:
        ways.append(f"quantities={kept.quantities[:count]!r}")
    a_step = needed // len(steps)
    if len(steps) > 1 and a_step <= free:
        stop = steps[free // a_step - 1] + 1
        by = f", {steps.step}" if steps.step > 1 else ""
        ways.append(f"steps=slice({steps.start}, {stop}{by})")
    fixed = sizes.bytes_of(kept.quantities, 0, len(steps), itemsize)
    a_unit = (needed - fixed) // units
    if a_unit and (free - fixed) // a_unit > 0:
        ways.append(f"units=slice({(free - fixed) // a_unit})")
    alone = f"any of these fits: {', '.join(ways)}" if ways else "no single option is enough"
    return f"{alone}; or raise max_bytes by {needed - free:,}"
