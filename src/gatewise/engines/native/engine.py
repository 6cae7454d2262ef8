"""The native core in C++ on the CPU: whole networks in one operator, gates at no extra cost.

What it covers, how its results become those of every engine, and how much it keeps for the backward
pass. Sizes are those of `engines.plan`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from gatewise.cells import CELLS, CellSpec, State
from gatewise.engines import plan as plans
from gatewise.engines.engine import Engine, Plain
from gatewise.engines.layout import Network, PassResult, Rows, dropout_masks
from gatewise.engines.onlookers import is_for_onnx, recorder, why_unfollowed
from gatewise.engines.segments import MaxMemory, segment_for
from gatewise.errors import InputError

try:
    import_module("gatewise._native")
except ImportError as error:
    NOT_BUILT = f"the native core is not built: {error}"
else:
    NOT_BUILT = ""
    from gatewise.engines import operators as ops
    from gatewise.engines.native import core
    from gatewise.engines.native.backward import run_backward
    from gatewise.engines.native.forward import run_forward

    ops.implement("cpu", ops.Kernels(run_forward, run_backward))

_NAMES = frozenset(name for name, spec in CELLS.items() if spec.saved is not None)
"""The cells that came with the library: one that `replace` made of them has equations of its own."""

_TYPES = {torch.float32: "f32", torch.float64: "f64", torch.bfloat16: "bf16"}

_EXACT = ("f32", "f64")
"""The core's types whose states are of the type of the output, as torch returns them."""


def why_not(spec: CellSpec, like: Tensor, weights: Iterable[Tensor] = ()) -> str:
    """Return why the core does not run a cell on tensors such as `like`, or an empty string.

    Of the `weights` the class counts, which may be one that replaces operators.
    """
    if NOT_BUILT:
        return NOT_BUILT
    if spec.name not in _NAMES:
        return f"the native core does not have the cell {spec.name!r}"
    if like.device.type not in ("cpu", "meta"):
        return f"the native core runs on the CPU, not on {like.device.type!r}"
    if like.dtype not in _TYPES:
        return f"the native core has no {like.dtype}"
    if torch.is_autocast_enabled("cpu"):
        to = torch.get_autocast_dtype("cpu")
        if to is not torch.bfloat16 or like.dtype is torch.float64:
            return f"the native core does not run {like.dtype} under autocast to {to}"
    if torch._C._are_functorch_transforms_active():
        return "the native core does not run inside torch.func's transforms"
    if torch.autograd.forward_ad._current_level >= 0:
        return "the native core has no forward-mode derivatives"
    if recorder() and is_for_onnx():
        return "ONNX has no operator for the native core"
    return why_unfollowed((like, *weights))


def run(
    network: Network,
    x: Tensor,
    states: State | None,
    rows: Rows | None,
    *,
    gates: bool,
    max_memory: MaxMemory = None,
) -> PassResult:
    """Run `x [T, B, I]` or packed `[N, I]` on the native core.

    `states [L*D, B, *]` are the first ones (None: zeros) and `rows` says which steps are valid
    (None: all). `max_memory` bounds what is kept for the backward pass: see `engines.segments`.
    The caller has made sure that the core covers the call: see `why_not`. Raises RuntimeError for
    states of another type than the input's, and InputError for a `max_memory` that is too little.
    """
    types = _Types.of(network, x, states, rows)
    flat = [tensor for layer in network.parameters for one in layer for tensor in one.flat()]
    layout = [] if rows is None else [rows.count, rows.order, rows.first]
    masks = dropout_masks(network, x, rows, plans.TYPES[types.core][0])
    given = plans.Given(x, states or (), flat, masks, layout)
    save = plans.NOTHING
    if gates:
        save = plans.FOR_RECORD
    elif torch.is_grad_enabled() and given.requires_grad() and not recorder():
        # What is recorded may run with gradients or without: the operator sees which.
        save = plans.FOR_BACKWARD
    one = network.parameters[0][0]
    plan = plans.Plan(
        cell=network.spec.name,
        type=types.core,
        directions=network.directions,
        bias=one.b_ih is not None,
        projected=one.W_hr is not None,
        packed=rows is not None and rows.packed,
        save=save,
        segment=0,
        heads=network.heads,
    )
    _check_types(plan, given)
    if max_memory is not None and gates:
        raise InputError("max_memory: a record of gates keeps every gate; leave one of them out")
    if max_memory is not None and save and plan.saved and x.numel():
        costs = core.costs_of(plan, given)
        plan = plan._replace(segment=segment_for(max_memory, costs))
    return _result(network, plan, types, ops.run(plan, given), rows)


class _Types:
    """The core's type for a call, and the types in which torch returns its results."""

    def __init__(
        self, core: torch.dtype, output: torch.dtype, states: Sequence[torch.dtype]
    ) -> None:
        self.core = _TYPES[core]
        self.output = output
        self.states = tuple(states)

    @classmethod
    def of(cls, network: Network, x: Tensor, states: State | None, rows: Rows | None) -> _Types:
        """Find the types for a call; under autocast they depend on the kernel that torch picks."""
        count = len(network.spec.states)
        if not torch.is_autocast_enabled("cpu"):
            for state in states or ():
                if state.dtype != x.dtype:
                    raise RuntimeError(  # as torch's own pass does
                        f"the initial states are {state.dtype} and the input is {x.dtype}; "
                        "give both in one type"
                    )
            return cls(x.dtype, x.dtype, (x.dtype,) * count)
        low = torch.bfloat16
        if network.spec.name.startswith("rnn"):
            return cls(low, low, (low,))
        kept = torch.promote_types(low, x.dtype if states is None else states[-1].dtype)
        if network.parameters[0][0].W_hr is not None:
            return cls(low, low, (low, kept))
        if network.spec.name == "lstm" and rows is None:
            return cls(low, low, (low, low))
        return cls(kept, kept, (kept,) * count)


def _check_types(plan: plans.Plan, given: plans.Given) -> None:
    """Raise InputError for a parameter of another type than the input's: autocast alone mixes them."""
    if torch.is_autocast_enabled("cpu"):
        return
    dtype = given.x.dtype
    for i, tensor in enumerate(given.parameters):
        if tensor.dtype is not dtype:
            raise InputError(
                f"{plans.parameter_name(plan, i)} is {tensor.dtype} and the input is {dtype}; give "
                "both in one type"
            )


def _result(
    network: Network, plan: plans.Plan, types: _Types, found: Sequence[Tensor], rows: Rows | None
) -> PassResult:
    """Return the operator's results as an engine's, in torch's types."""
    kinds = plans.count_states(plan)
    output, kept = found[0], found[1 + kinds :]
    states = tuple(map(_in_type, found[1 : 1 + kinds], types.states))
    gates = None
    if plan.save == plans.FOR_RECORD:
        below = len(network.parameters) > 1
        record = dict(zip(plan.saved, kept[below:], strict=True))
        record["hidden"] = _hidden(network, output, kept[0] if below else None, rows)
        gates = {name: record[name].to(types.output) for name in network.spec.recorded}
    return PassResult(_in_type(output, types.output), states, gates)


def _in_type(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    # A conversion that does nothing costs a microsecond.
    return tensor if tensor.dtype is dtype else tensor.to(dtype)


def _hidden(network: Network, output: Tensor, below: Tensor | None, rows: Rows | None) -> Tensor:
    """Return the outputs of all layers as `[L, D, T, B, P]`, NaN past each row's end.

    That of a single layer without padding is a view of the output.
    """
    layers, directions = len(network.parameters), network.directions
    every = output[None] if below is None else torch.cat([below, output[None]])
    if rows is not None:
        if rows.packed:
            every = torch.stack([rows.unpack(layer, torch.nan) for layer in every])
        else:
            every = every.masked_fill(~rows.valid()[:, :, None], torch.nan)
    steps, batch, width = every.shape[1:]
    split = every.view(layers, steps, batch, directions, width // directions)
    return split.permute(0, 3, 1, 2, 4)


def run_plain(
    call: Plain, x: Tensor, states: State | None, weights: Sequence[Tensor], batch_sizes: Any
) -> tuple[Tensor, Sequence[Tensor]] | None:
    """Run a plain call of padded rows without dropout; None for any other."""
    kind = _TYPES.get(x.dtype)
    if NOT_BUILT or kind not in _EXACT or batch_sizes is not None:
        return None
    if call.dropout and call.training and call.layers > 1:
        return None
    for weight in weights:
        if weight.dtype is not x.dtype:
            return None
    directions = 2 if call.bidirectional else 1
    save = plans.FOR_BACKWARD if call.needs_gradient else plans.NOTHING
    plan = plans.Plan(
        call.cell, kind, directions, call.bias, call.proj_size > 0, False, save, segment=0
    )
    if call.batch_first:
        x = x.transpose(0, 1)
    out, *rest = ops.run_unseen(plan, plans.Given(x, states or (), weights, (), ()))
    ends = rest[: plans.count_states(plan)]
    return out.transpose(0, 1) if call.batch_first else out, ends


ENGINE = Engine(
    "native",
    run,
    why_not,
    instead="use engine='auto', or gw.restore(model) for torch's module",
    run_plain=run_plain,
    takes_max_memory=True,
    checks_tensors=True,
)
