"""A pass on the core beside its tensors, worked out once for all calls of the same sizes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, cast

from gatewise.engines.plan import Arrays, Plan, Sizes, allocate

# By name, because the tools that watch over imports see no module in a compiled file.
core: Any = import_module("gatewise._native")

Span = tuple[int, int]
"""The steps from the first up to the second, as they stand in the input."""


@dataclass(frozen=True)
class Frame:
    """Sizes, the core's descriptors of layers and rows, and the arrays that a forward pass fills."""

    sizes: Sizes
    layers: list[Any]
    work: list[int]  # multiplications for a step of a row in each layer, both directions together
    whole: list[Span]  # of all steps, for each direction
    rows: Any  # that have all steps each
    arrays: Arrays  # of a shape and a type in place of each tensor


@lru_cache(maxsize=256)
def frame_of(plan: Plan, sizes: Sizes, inputs: int, is_split: bool = False) -> Frame:
    """Return the frame of a pass over so many inputs, of each head where they are split."""
    width = sizes.directions * sizes.outputs
    projection = sizes.outputs if plan.projected else 0
    layers: list[Any] = []
    work: list[int] = []
    for size in (inputs, *[width] * (sizes.layers - 1)):
        split = is_split and not layers
        layers.append(
            core.Layer(plan.cell, plan.type, size, sizes.hidden, projection, plan.heads, split)
        )
        units = len(plan.spec.packing) * sizes.hidden * (size + sizes.outputs // plan.heads)
        work.append(units * sizes.directions)
    return Frame(
        sizes,
        layers,
        work,
        [(0, sizes.steps)] * sizes.directions,
        core.Rows(sizes.steps, sizes.batch),
        allocate(plan, sizes, cast(Any, lambda shape, dtype: (shape, dtype))),
    )
