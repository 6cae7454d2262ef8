"""Everything that a pass is given, checked before the core gets an address of it.

The core believes addresses. A module, either operator, and whoever calls these past the dispatcher
come through here, forward and backward, at every call: a few microseconds. Sizes are those of
`engines.plan`. Every check raises InputError.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NoReturn, cast

import torch
from torch import Tensor

from gatewise.engines.held import check_held, check_place, is_held
from gatewise.engines.plan import (
    FOR_BACKWARD,
    NOTHING,
    STATES,
    TYPES,
    Given,
    Plan,
    Shape,
    Sizes,
    allocate,
    check_plan,
    count_states,
    parameter_name,
    parameter_shapes,
    refuse,
    state_sizes,
)

FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
"""The types of input, states and parameters, which a pass brings into its own."""


def check_given(plan: Plan, given: Given) -> Sizes:
    """Check all that either pass is given but what its rows say, and return the pass's sizes."""
    sizes, wanted = _sizes(plan, given)
    x, states, parameters, masks, rows = given
    if not _fits(x, x.shape, FLOATS):
        _explain("the input", x, x, None, FLOATS)
    for i, (tensor, shape) in enumerate(zip(parameters, wanted, strict=True)):
        if not _fits(tensor, shape, FLOATS):
            _explain(parameter_name(plan, i), tensor, x, shape, FLOATS)
    if states:
        _check_states(plan, sizes, given)
    if masks:
        shape = (*sizes.lead, sizes.directions * sizes.outputs)
        _check_count("masks", masks, sizes.layers - 1)
        stored = TYPES[plan.type][:1]
        for i, tensor in enumerate(masks):
            if not _fits(tensor, shape, stored):
                _explain(f"mask {i}", tensor, x, shape, stored)
    if rows:
        lengths = (sizes.steps, sizes.batch, sizes.steps)
        for name, tensor, size in zip(("count", "order", "first"), rows, lengths, strict=True):
            if not _fits(tensor, (size,), _INTEGERS):
                _explain(f"{name} of the rows", tensor, x, (size,), _INTEGERS)
    return sizes


def all_fit(tensors: Sequence[Tensor]) -> bool:
    """Tell of an input and states whose shapes are known to fit whether all else does."""
    return all(_fits(tensor, tensor.shape, FLOATS) for tensor in tensors)


def check_results(
    plan: Plan,
    sizes: Sizes,
    results: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    needs: Sequence[bool],
) -> None:
    """Check what a backward pass is given beside what `check_given` has checked.

    `results` are the forward pass's without the states, `gradients` those arriving at all of them.
    """
    if plan.save == NOTHING:
        refuse("a pass with save=0 keeps nothing; there is nothing to go backward from")
    if len(needs) != 3:
        refuse(f"needs must be for input, states and parameters; got {list(needs)}")
    kept, filled = _filled(plan, sizes)
    _check_count("results", results, len(kept))
    _check_count("gradients", gradients, len(filled))
    for i, (tensor, (shape, dtypes)) in enumerate(zip(results, kept, strict=True)):
        if not _fits(tensor, shape, dtypes):
            _explain(f"result {i}", tensor, None, shape, dtypes)
    for i, (gradient, (shape, dtypes)) in enumerate(zip(gradients, filled, strict=True)):
        if gradient is not None and not _fits(gradient, shape, dtypes):
            _explain(f"the gradient of result {i}", gradient, None, shape, dtypes)


def _sizes(plan: Plan, given: Given) -> tuple[Sizes, Sequence[Shape]]:
    """Return the sizes of a pass and the shapes of its parameters, after a look at both."""
    x, parameters, rows = given.x, given.parameters, given.rows
    check_whole_plan(plan)
    each = plan.directions * plan.per_direction
    if not parameters or len(parameters) % each:
        refuse(f"there must be {each} parameters for each layer; got {len(parameters)}")
    if rows:
        _check_count("rows", rows, 3)
    shape = x.shape
    if len(shape) != (2 if plan.packed else 3) or (plan.packed and not rows):
        form = "[N, I] with its rows" if plan.packed else "[T, B, I]"
        refuse(f"the input must be {form}; got {list(shape)}")
    if rows and (rows[0].dim() != 1 or rows[1].dim() != 1):
        refuse("count and order of the rows must have one dimension")
    if parameters[1].dim() != 2:
        refuse(f"weight_hh_l0 must have two dimensions; got {list(parameters[1].shape)}")
    sizes = Sizes.of(plan, given)
    if rows and not plan.packed and sizes.lead != (sizes.steps, sizes.batch):
        refuse(
            f"the rows are {sizes.batch} of {sizes.steps} steps and the input is {list(x.shape)}"
        )
    inputs, _ = given.inputs(plan.heads)
    if inputs == 0:
        _check_products(plan, sizes, shape[-1])
    elif inputs < 1 or sizes.hidden < 1 or sizes.outputs < 1:
        refuse("there must be at least one input, one hidden unit and one output")
    # Without a projection there are as many outputs as units, whatever W_hh says.
    outputs = sizes.outputs if plan.projected else sizes.hidden
    if sizes.hidden % plan.heads:
        refuse(f"{sizes.hidden} units do not go into {plan.heads} heads")
    wanted = parameter_shapes(plan, inputs, sizes.hidden, outputs, sizes.layers)
    return sizes, wanted


def _check_products(plan: Plan, sizes: Sizes, width: int) -> None:
    """Check an input `[..., width]` that holds the products of a single layer's weights with its own."""
    wanted = len(plan.spec.packing) * sizes.hidden
    if sizes.layers != 1 or width != wanted or wanted == 0:
        refuse(
            f"weight_ih_l0 has no column, so the input must be the products of one layer, {wanted} for "
            f"a step; got {width} and {sizes.layers} layers"
        )


Filled = list[tuple[Shape, tuple[torch.dtype]]]
"""What a pass fills: the shape and the type of each array."""


@lru_cache(maxsize=256)
def _filled(plan: Plan, sizes: Sizes) -> tuple[Filled, Filled]:
    """Return all that a forward pass fills, without the states and with them."""
    every: Any = allocate(plan, sizes, cast(Any, lambda shape, dtype: (shape, (dtype,)))).flat()
    return [every[0], *every[1 + count_states(plan) :]], every


@lru_cache(maxsize=256)
def check_whole_plan(plan: Plan) -> None:
    """Check all that a plan says; each plan once."""
    check_plan(plan)
    if plan.segment < 0 or (plan.segment and plan.save != FOR_BACKWARD):
        refuse(f"segment={plan.segment} must be 0, or the steps of a segment where save=1")


def _check_states(plan: Plan, sizes: Sizes, given: Given) -> None:
    kinds = state_sizes(plan, sizes)
    _check_count("states", given.states, len(kinds))
    lead = (sizes.layers * sizes.directions, sizes.batch)
    for name, tensor, size in zip(STATES, given.states, kinds, strict=False):
        if not _fits(tensor, (*lead, size), FLOATS):
            _explain(name, tensor, given.x, (*lead, size), FLOATS)


_INTEGERS = (torch.int64,)


def _fits(tensor: Tensor, shape: Shape, dtypes: Sequence[torch.dtype]) -> bool:
    """Tell whether the memory of `tensor` on the CPU is there and what it is taken for."""
    try:
        return (
            tensor.is_cpu
            and tensor.dtype in dtypes
            and tensor.shape == shape
            and (
                (  # what most tensors are, at half the price
                    tensor.untyped_storage().nbytes() == tensor.nbytes
                    and tensor.is_contiguous()
                    and tensor.storage_offset() == 0
                )
                or is_held(tensor)
            )
        )
    except NotImplementedError:  # a sparse tensor has no storage
        return False


def _explain(
    name: str, tensor: Tensor, x: Tensor | None, shape: Shape | None, dtypes: Sequence[torch.dtype]
) -> NoReturn:
    """Raise InputError for a tensor that does not fit, saying in what."""
    if x is not None:
        check_place(name, tensor, x)
    if tensor.device.type != "cpu":
        refuse(f"{name} is on {tensor.device}; the native core runs on the CPU")
    if tensor.layout is not torch.strided:
        refuse(f"{name} is {tensor.layout}; it must be a dense, strided tensor")
    if shape is not None and tensor.shape != shape:
        refuse(f"{name} must have the shape {list(shape)}; got {list(tensor.shape)}")
    if tensor.dtype not in dtypes:
        refuse(f"{name} must be {' or '.join(map(str, dtypes))}; got {tensor.dtype}")
    check_held(name, tensor)
    refuse(f"{name} cannot be read")  # pragma: no cover - one of the above has raised


def _check_count(what: str, tensors: Sequence[Any], count: int) -> None:
    if len(tensors) != count:
        refuse(f"{what} must be {count} tensors; got {len(tensors)}")
