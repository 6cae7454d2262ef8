"""The cost of the native operators for `torch.utils.flop_counter`: the products alone.

As torch counts its own: two for each multiplication and addition of a matrix product, nothing for
what is done element by element.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils.flop_counter import register_flop_formula

from gatewise.engines.plan import Given, Plan, Sizes


def _forward(*arguments: Any, out_val: Any = None, **_: Any) -> int:
    plan, given = Plan(*arguments[5:]), Given(*arguments[:5])
    return 2 * _steps(plan, given) * sum(map(Tensor.numel, _matrices(given.parameters)))


def _backward(*arguments: Any, out_val: Any = None, **_: Any) -> int:
    given, needs, plan = Given(*arguments[:5]), arguments[7], Plan(*arguments[8:])
    sizes, steps = Sizes.of(plan, given), _steps(plan, given)
    inputs = recurrent = projections = 0
    for place in range(0, len(given.parameters), plan.per_direction):
        W_ih, W_hh, *rest = given.parameters[place : place + plan.per_direction]
        is_first = place < plan.directions * plan.per_direction
        inputs += 0 if is_first and not needs[0] else W_ih.numel()
        recurrent += W_hh.numel()
        projections += rest[-1].numel() if plan.projected else 0
    weights = sum(map(Tensor.numel, _matrices(given.parameters)))
    followed = steps if needs[1] else steps - sizes.batch  # the first states get no gradient
    multiplied = steps * (inputs + projections) + followed * recurrent
    multiplied += steps * weights if needs[2] else 0
    multiplied += steps * weights if plan.segment else 0  # recomputed
    return 2 * multiplied


def _matrices(parameters: Sequence[Tensor]) -> list[Tensor]:
    return [matrix for matrix in parameters if matrix.dim() == 2]


def _steps(plan: Plan, given: Given) -> int:
    """Return the steps of all rows that are valid; of tensors without values, all there may be."""
    if plan.packed:
        return given.x.shape[0]
    if given.rows and not isinstance(given.rows[0], FakeTensor) and not given.rows[0].is_meta:
        return int(given.rows[0].sum())
    return given.x.shape[0] * given.x.shape[1]


def register() -> None:
    """Make the formulas known to the counter."""
    register_flop_formula(torch.ops.gatewise.forward, get_raw=True)(_forward)
    register_flop_formula(torch.ops.gatewise.backward, get_raw=True)(_backward)
