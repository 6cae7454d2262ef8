"""A network forward on the native core: what the operator does on the CPU.

Layers run one after the other, both directions of one together. Where the backward pass is to be in
segments, nothing is kept of the layers but their outputs and the states at which segments start.
Sizes are those of `engines.plan`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gatewise.engines.layout import dropped
from gatewise.engines.native.core import Core, adjacent, places, views
from gatewise.engines.native.frame import Span
from gatewise.engines.native.memory import empty_arrays, empty_like
from gatewise.engines.plan import FOR_RECORD, TYPES, Arrays, Given, Plan, starts_of


def run_forward(plan: Plan, given: Given) -> Arrays:
    """Run `given.x` from its states (none: zeros) and return what `allocate` says, filled."""
    core = Core(plan, given)
    arrays = empty_arrays(core.frame.arrays)
    x, states = given.x, given.states
    if not core.is_plain:
        stored, real = TYPES[plan.type]
        states = [adjacent(state, real).contiguous() for state in given.states]
    if x.numel() == 0:
        return _without_steps(plan, arrays, states, given.rows)
    if not core.is_plain:
        x = adjacent(x, stored)
    # The outputs of the lower layers are kept only where a backward pass is to read them.
    layers = core.sizes.layers
    for layer in range(layers):
        if layer == layers - 1:
            out = arrays.out
        else:
            out = arrays.below[0][layer] if arrays.below else empty_like(arrays.out)
        run = _in_segments if plan.segment else _whole
        run(core, _Layer(layer, x, out), states, arrays)
        if layer < layers - 1:
            x = dropped(out, given.masks, layer + 1)
    if given.rows:
        _fill_padding(plan, arrays, given.rows)
    return arrays


def _without_steps(
    plan: Plan, arrays: Arrays, states: Sequence[Tensor], rows: Sequence[Tensor]
) -> Arrays:
    """Fill the arrays of a pass that has no step in any row: the states stay as they were."""
    for i, (state, absent) in enumerate(zip(arrays.states, starts_of(plan), strict=True)):
        state.copy_(states[i] if states else state.new_full((), absent))
    if plan.segment:
        for start in arrays.kept:
            start.zero_()
    _fill_padding(plan, arrays, rows)
    return arrays


class _Layer(NamedTuple):
    """The layer that runs, its input and its output."""

    layer: int
    x: Tensor
    out: Tensor


def _whole(core: Core, place: _Layer, states: Sequence[Tensor], arrays: Arrays) -> None:
    """Run all steps of a layer."""
    begin, end, saved = [], [], []
    for d in range(core.sizes.directions):
        index = place.layer * core.sizes.directions + d
        begin.append(places(states, index))
        end.append(places(arrays.states, index))
        saved.append(views(arrays.kept, place.layer, d))
    core.forward(*place, spans=core.frame.whole, begin=begin, end=end, saved=saved)


def _in_segments(core: Core, place: _Layer, states: Sequence[Tensor], arrays: Arrays) -> None:
    """Run a layer, keeping the states at which segments start in `arrays.kept`."""
    directions = range(core.sizes.directions)
    starts = [[kept[place.layer, d] for kept in arrays.kept] for d in directions]  # [K, B, *] each
    absent = starts_of(core.plan)
    for d in directions:
        index = place.layer * core.sizes.directions + d
        for i, start in enumerate(starts[d]):
            start[0] = states[i][index] if states else absent[i]
    pieces = list(segments(core))
    for k, spans in enumerate(pieces):
        last = k == len(pieces) - 1
        core.forward(
            *place,
            spans=spans,
            begin=[places(starts[d], k) for d in directions],
            end=[
                places(arrays.states, place.layer * core.sizes.directions + d)
                if last
                else places(starts[d], k + 1)
                for d in directions
            ],
            saved=[[] for _ in directions],
        )


def segments(core: Core) -> Iterator[list[Span]]:
    """Return the segments in each direction's own order: the steps of each direction."""
    steps, segment = core.sizes.steps, core.plan.segment
    for start in range(0, steps, segment):
        stop = min(start + segment, steps)
        yield [(start, stop), (steps - stop, steps - start)][: core.sizes.directions]


def _fill_padding(plan: Plan, arrays: Arrays, rows: Sequence[Tensor]) -> None:
    """Write what stands past each row's end: 0 in the output, NaN in a record of gates."""
    is_record = plan.save == FOR_RECORD and len(arrays.kept) > 0
    if not rows or (plan.packed and not is_record):
        return
    step, row = padding(rows)
    if not plan.packed:
        arrays.out[step, row] = 0.0
    if is_record:
        for array in arrays.kept:
            array[:, :, step, row] = torch.nan


def padding(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the steps and the rows of all that stands past a row's end."""
    count, order, _ = rows
    step, place = (torch.arange(len(order), device="cpu") >= count[:, None]).nonzero(as_tuple=True)
    return step, order[place]
