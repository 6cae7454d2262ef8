"""A network forward and backward as operators of torch: `gatewise::forward`, `gatewise::backward`.

What runs them on a type of device registers with `implement`, as the native core does for the CPU.
Each is a whole network. They have no effect but their results, which share memory neither with each
other nor with what was given; with their fake kernels torch.compile and torch.export take them as they
are. The forward operator is differentiable twice: a gradient that is to be differentiated again is
computed by the reference engine.

`run` is how the engine calls them: past the dispatcher where nobody is there to see the call, which
saves some 15 microseconds each way.

Their arguments are tensors (`rows`: none, or count, order and where each step begins in packed data;
`parameters`: of each layer and direction in torch's order) and then the fields of a Plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gatewise.cells import Parameters
from gatewise.engines import flops, reference
from gatewise.engines.inplace import Watched
from gatewise.engines.layout import Network, Rows
from gatewise.engines.onlookers import PLAIN, is_exporting, is_for_onnx
from gatewise.engines.plan import (
    FOR_BACKWARD,
    FOR_RECORD,
    NOTHING,
    TYPES,
    Arrays,
    Given,
    Plan,
    Sizes,
    allocate,
    allocate_gradients,
    check_places,
    check_plan,
    count_below,
    count_states,
    saved_types,
)
from gatewise.errors import EngineError

_TENSORS = "Tensor x, Tensor[] states, Tensor[] parameters, Tensor[] masks, Tensor[] rows"
_PLAN = (
    "str cell, str type, int directions, bool bias, bool projected, bool packed, int save, "
    "SymInt segment, int heads=1"
)

_LIBRARY: Any = torch.library.Library("gatewise", "DEF")  # type: ignore[no-untyped-call]
_LIBRARY.define(f"forward({_TENSORS}, {_PLAN}) -> Tensor[]")
_LIBRARY.define(
    f"backward({_TENSORS}, Tensor[] results, Tensor?[] gradients, bool[] needs, {_PLAN}) -> Tensor[]"
)

FORWARD = torch.ops.gatewise.forward.default
BACKWARD = torch.ops.gatewise.backward.default

Tensors = Sequence[Tensor]


class Kernels(NamedTuple):
    """What runs both operators on tensors of one type of device."""

    forward: Callable[[Plan, Given], Arrays]
    backward: Callable[..., list[Tensor]]  # (plan, given, results, gradients, needs)


_KERNELS: dict[str, Kernels] = {}


def implement(device: str, kernels: Kernels) -> None:
    """Let `kernels` run the operators on tensors of the type of device `device`: "cpu", "cuda"."""

    def forward(*arguments: Any) -> list[Tensor]:
        return kernels.forward(Plan(*arguments[5:]), Given(*arguments[:5])).flat()

    def backward(*arguments: Any) -> list[Tensor]:
        plan, given = Plan(*arguments[8:]), Given(*arguments[:5])
        return kernels.backward(plan, given, *arguments[5:8])

    _KERNELS[device] = kernels
    _LIBRARY.impl("forward", forward, device.upper())
    _LIBRARY.impl("backward", backward, device.upper())


def _kernels_of(x: Tensor) -> Kernels:
    # The name of a device's type is made anew each time, which takes half a microsecond.
    return _KERNELS["cpu" if x.is_cpu else x.device.type]


def _unflat(tensors: Tensors, counts: Sequence[int]) -> tuple[Given, list[Tensor]]:
    """Undo `Given.flat`; also return the tensors that follow."""
    fields, place = [], 1
    for count in counts:
        fields.append(tensors[place : place + count])
        place += count
    return Given(tensors[0], *fields), list(tensors[place:])


def run(plan: Plan, given: Given) -> list[Tensor]:
    """Return what the forward operator returns, differentiably."""
    if not _is_unseen(given):
        found: list[Tensor] = FORWARD(*given, *plan)
        return found
    if plan.save and not (torch.is_grad_enabled() and given.requires_grad()):
        return _kernels_of(given.x).forward(plan, given).flat()
    return run_unseen(plan, given)


def run_unseen(plan: Plan, given: Given) -> list[Tensor]:
    """Do the same where nobody sees the call, and something needs a gradient if `plan` saves for it."""
    if plan.save:
        return _applied(None, plan, given)
    return _kernels_of(given.x).forward(plan, given).flat()


def is_alone() -> bool:
    """Tell whether nothing records, compiles, transforms, casts or replaces the running call."""
    return not (
        torch.compiler.is_compiling()
        or is_exporting()
        or torch._C._get_tracing_state() is not None
        or torch._C._is_any_autocast_enabled()
        or torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack() > 0
        or torch.autograd.forward_ad._current_level >= 0
    )


def _is_unseen(given: Given) -> bool:
    """Tell whether nothing records or replaces the call of an operator: plain tensors, no mode."""
    return (
        not torch.compiler.is_compiling()
        and torch._C._len_torch_dispatch_stack() == 0
        and torch._C._get_tracing_state() is None
        and not torch._C._are_functorch_transforms_active()
        and (given.x.is_cpu or given.x.device.type in _KERNELS)
        and all(type(tensor) in PLAIN for tensor in given.flat())
    )


def _forward_fake(*arguments: Any) -> list[Tensor]:
    plan, given = Plan(*arguments[5:]), Given(*arguments[:5])
    check_plan(plan)
    check_places(plan, given)
    if is_for_onnx():  # some of the exporter's ways do not let the choice of an engine see that
        raise EngineError(
            "ONNX has no operator for the native core; use engine='auto', or gw.restore(model)"
        )
    empty = partial(torch.empty, device=given.x.device)
    return allocate(plan, Sizes.of(plan, given), empty).flat()


def _backward_fake(*arguments: Any) -> list[Tensor]:
    plan, given = Plan(*arguments[8:]), Given(*arguments[:5])
    check_plan(plan)
    check_places(plan, given, (*arguments[5], *arguments[6]))
    d_x, d_states, d_parameters = allocate_gradients(given, arguments[7])
    return [*([] if d_x is None else [d_x]), *d_states, *d_parameters]


def _forward_autograd(keys: Any, *arguments: Any) -> list[Tensor]:
    plan, given = Plan(*arguments[5:]), Given(*arguments[:5])
    if torch.is_grad_enabled() and given.requires_grad():
        return _applied(keys, plan, given)
    return _below_autograd(keys, plan, given)


def _applied(keys: Any, plan: Plan, given: Given) -> list[Tensor]:
    apply: Any = _Pass.apply
    return list(apply(keys, plan, given, *given.flat()))


def _below_autograd(keys: Any, plan: Plan, given: Given) -> list[Tensor]:
    with torch._C._AutoDispatchBelowAutograd():
        found: list[Tensor] = FORWARD.redispatch(
            keys & torch._C._after_autograd_keyset, *given, *plan
        )
    return found


class _Pass(torch.autograd.Function):
    """The forward operator with its gradient; `keys` None: past the dispatcher."""

    @staticmethod
    def forward(
        ctx: Any, keys: Any, plan: Plan, given: Given, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        unseen, is_silent = keys is None, plan.save == NOTHING
        ctx.counts = given.counts()
        if is_silent:  # recorded by a graph that did not know of the gradients asked for now
            plan = plan._replace(save=FOR_BACKWARD)
        if unseen:
            found = _kernels_of(given.x).forward(plan, given).flat()
        else:
            given, _ = _unflat(tensors, ctx.counts)
            found = _below_autograd(keys, plan, given)
        returned = 1 + count_states(plan)
        ctx.plan, ctx.unseen = plan, unseen
        ctx.set_materialize_grads(False)
        kept = [found[0], *found[returned:]]
        handed_out = len(kept) if plan.save == FOR_RECORD else 1
        ctx.watched = Watched(kept[:handed_out])
        ctx.save_for_backward(*tensors, *ctx.watched.unguarded(), *kept[handed_out:])
        if plan.save == FOR_RECORD:
            return tuple(found)
        if is_silent or unseen:  # past the dispatcher nobody asks for what is kept
            return tuple(found[:returned])
        ctx.mark_non_differentiable(*found[returned:])
        return tuple(found)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        plan: Plan = ctx.plan
        given, results = _unflat(ctx.saved_tensors, ctx.counts)
        results[:0] = ctx.watched.held
        gradients += (None,) * (len(results) + count_states(plan) - len(gradients))
        wanted = ctx.needs_input_grad[3:]
        if torch.is_grad_enabled() or any(map(_is_batched, gradients)):
            return (None, None, None, *_twice_differentiable(plan, given, wanted, gradients))
        first, second = 1 + len(given.states), 1 + len(given.states) + len(given.parameters)
        needs = [wanted[0], any(wanted[1:first]), any(wanted[first:second])]
        results = _as_returned(plan, given, results, ctx.watched.changed())
        if ctx.unseen and _is_unseen(given):
            computed = _kernels_of(given.x).backward(plan, given, results, gradients, needs)
        else:
            computed = BACKWARD(*given, results, gradients, needs, *plan)
        found = iter(computed)
        every: list[Tensor | None] = [next(found) if needs[0] else None]
        every += [next(found) if needs[1] else None for _ in given.states]
        every += [next(found) if needs[2] else None for _ in given.parameters]
        every += [None] * (len(given.masks) + len(given.rows))
        return (None, None, None, *every)


def _as_returned(
    plan: Plan, given: Given, results: list[Tensor], changed: Sequence[bool]
) -> list[Tensor]:
    """Return `results` as the forward pass gave them, run again if they were `changed` in place."""
    if not any(changed):
        return results
    with torch.no_grad():
        if any(changed[1:]):  # a gate: all are needed, and all are there again
            found = run(plan, given)
            return [found[0], *found[1 + count_states(plan) :]]
        return [run(plan._replace(save=NOTHING, segment=0), given)[0], *results[1:]]


def _is_batched(gradient: Tensor | None) -> bool:
    """Tell whether a gradient stands for many, as with `torch.autograd.grad(is_grads_batched=)`."""
    return gradient is not None and (
        torch._C._functorch.is_batchedtensor(gradient)
        or torch._C._functorch.is_legacy_batchedtensor(gradient)
    )


def _twice_differentiable(
    plan: Plan, given: Given, wanted: Sequence[bool], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """Return the gradients of `given.flat()` by the reference engine, in a graph of their own."""
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        # Aliases, so that what these tensors were made of is not followed.
        flat = [tensor.view_as(tensor) for tensor in given.flat()]
        outputs = _by_reference(plan, _unflat(flat, given.counts())[0])
        pairs = [
            (output, gradient)
            for output, gradient in zip(outputs, gradients, strict=True)
            if output is not None and gradient is not None
        ]
        every: list[Tensor | None] = [None] * len(flat)
        if pairs:
            places = [i for i, is_wanted in enumerate(wanted) if is_wanted]
            found = torch.autograd.grad(
                [output for output, _ in pairs],
                [flat[i] for i in places],
                [gradient for _, gradient in pairs],
                create_graph=create_graph,
                allow_unused=True,
            )
            for i, gradient in zip(places, found, strict=True):
                every[i] = gradient
    return every


def _by_reference(plan: Plan, given: Given) -> list[Tensor | None]:
    """Return what the forward operator does, from the reference engine; None for what is not seen."""
    # In the type of the core's sums, in which it computes too whatever the tensors are stored in.
    stored, real = TYPES[plan.type]
    sizes = Sizes.of(plan, given)
    parameters = [parameter.to(real) for parameter in given.parameters]
    row_map = Rows(plan.packed, given.rows[1], given.rows[0]) if given.rows else None
    masks = list(given.masks)
    if row_map is not None and plan.packed:
        masks = [row_map.unpack(mask) for mask in masks]
    result = reference.run(
        Network(plan.spec, layers_of(plan, parameters), 0.0),
        given.x.to(real),
        tuple(state.to(real) for state in given.states) or None,
        row_map,
        gates=True,
        masks=masks,
    )
    assert result.gates is not None
    outputs: list[Tensor | None] = [result.output.to(stored), *result.states]
    if count_below(plan, sizes):
        hidden = result.gates["hidden"][:-1].permute(0, 2, 3, 1, 4).flatten(3)
        if row_map is not None and plan.packed:
            hidden = torch.stack([row_map.pack(layer) for layer in hidden])
        outputs.append(hidden.to(stored))
    if plan.segment:
        return [*outputs, *[None] * count_states(plan)]
    for name, dtype in zip(plan.saved, saved_types(plan), strict=True):
        gate = result.gates.get(name) if plan.save == FOR_RECORD else None
        outputs.append(None if gate is None else gate.to(dtype))
    return outputs


def layers_of(plan: Plan, parameters: Tensors) -> tuple[tuple[Parameters, ...], ...]:
    """Return flat parameters as the layers and directions of a network."""
    every = []
    for i in range(0, len(parameters), plan.per_direction):
        tensors = list(parameters[i : i + plan.per_direction])
        biases: list[Any] = tensors[2:4] if plan.bias else [None, None]
        last = tensors[-1] if plan.projected else None
        every.append(Parameters(tensors[0], tensors[1], biases[0], biases[1], last))
    depth = plan.directions
    return tuple(tuple(every[i : i + depth]) for i in range(0, len(every), depth))


_LIBRARY.impl("forward", _forward_autograd, "Autograd", with_keyset=True)
torch.library.register_fake("gatewise::forward", _forward_fake, lib=_LIBRARY)
torch.library.register_fake("gatewise::backward", _backward_fake, lib=_LIBRARY)
flops.register()
