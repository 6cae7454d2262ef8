"""Which call of torch's operators the native core takes, and its pass: the one place that decides.

Whatever it leaves goes to torch's own kernel, which has the words for what is wrong. What it takes is
what torch would compute without complaint: it is decided by comparing the sizes with those that the
parameters ask for. Sizes: T steps, B rows, N packed steps, I inputs, H hidden units, P outputs,
L layers, D directions, G gates.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gatewise.cells import CELLS
from gatewise.engines import Network, Rows
from gatewise.engines import operators as ops
from gatewise.engines.aside import ASIDE
from gatewise.engines.by_size import takes
from gatewise.engines.layout import dropout_masks
from gatewise.engines.onlookers import PLAIN
from gatewise.engines.plan import FOR_BACKWARD, NOTHING, Given, Plan, count_states, parameter_shapes
from gatewise.errors import InputError

_PLAIN = frozenset(PLAIN)
_TYPES = {torch.float32: "f32", torch.float64: "f64"}
_shape_of = attrgetter("shape")

ASKED = "asked for by the caller"
WATCHED = "a tool of torch records, transforms, casts or watches the call"
TYPE = "its type is neither float32 nor float64"
CLASS = "a tensor is of a class with operators of its own"
MIXED = "its tensors are of several types"
FORM = "the sizes do not fit: torch says why"
SMALL = "torch is faster at this size"
MEMORY = "the memory of a tensor is not as the core reads it"
DROPOUT = "dropout outside 0 to 1: torch says why"


class Call(NamedTuple):
    """One call of an operator, with the arguments of both forms."""

    x: Tensor  # [T, B, I], or [B, T, I] with `batch_first`, or [N, I] where packed
    batch_sizes: Tensor | None  # int64 [T], where packed
    states: Sequence[Tensor]  # [L*D, B, P], and of the LSTM [L*D, B, H]
    weights: Sequence[Tensor]
    bias: bool
    layers: int
    dropout: float
    train: bool
    bidirectional: bool
    batch_first: bool

    @classmethod
    def of(cls, packed: bool, arguments: Sequence[Any]) -> Call:
        """Read the arguments of an operator."""
        if packed:
            x, batch_sizes, hx, *rest = arguments
            rest.append(False)
        else:
            x, hx, *rest = arguments
            batch_sizes = None
        return cls(x, batch_sizes, (hx,) if isinstance(hx, Tensor) else hx, *rest)


class Sizes(NamedTuple):
    """The sizes of a network."""

    inputs: int
    hidden: int
    outputs: int


def is_small(cell: str, packed: bool, arguments: Sequence[Any]) -> bool:
    """Tell of the arguments of an operator whether torch is faster at this size, whatever else they are.

    It comes before everything else, and looks at no more than it has to: such a call is short.
    """
    steps = 0
    if packed:
        x, batch_sizes, _, weights, _, layers, _, _, bidirectional = arguments
        batch_first, steps = False, len(batch_sizes)
    else:
        x, _, weights, _, layers, _, _, bidirectional, batch_first = arguments
    if type(x) is not Tensor or not weights or type(weights[0]) not in _PLAIN:
        return False
    may_train, first = torch.is_grad_enabled(), weights[0]
    trains = may_train and first.requires_grad
    options = (layers, bidirectional, batch_first, may_train, trains)
    return _is_small(cell, x.shape, steps, first.shape, *options)


@lru_cache(maxsize=4096)
def _is_small(  # noqa: PLR0917 - keywords make the call of a cached function slower
    cell: str,
    shape: torch.Size,
    steps: int,  # of packed data; else 0
    first: torch.Size,
    layers: int,
    bidirectional: bool,
    batch_first: bool,
    may_train: bool,  # whether gradients are on
    trains: bool,  # whether one is wanted for certain
) -> bool:
    """Do the same for what counts; false where this alone cannot tell."""
    if len(shape) != (2 if steps else 3) or len(first) != 2 or 0 in (*shape, *first) or layers < 1:
        return False
    if steps:
        rows = shape[0] - steps + 1  # at most: each step has one row or more
    else:
        steps, rows = shape[1::-1] if batch_first else shape[:2]
    network = (cell, first[1], first[0] // len(CELLS[cell].packing), layers, bidirectional)
    size = (steps, rows, len(shape) == 2)
    if not trains and takes(*network, False, *size):
        return False
    return not (may_train and takes(*network, True, *size))


def attempt(cell: str, call: Call) -> tuple[Tensor, ...] | str:
    """Return what the operator returns, or why the call is torch's."""
    if ASIDE.is_on:
        return ASKED
    if not ops.is_alone() or torch._C._len_torch_function_stack() > 0:
        return WATCHED
    x, dtype = call.x, call.x.dtype
    kind = _TYPES.get(dtype)
    if kind is None:
        return TYPE
    tensors = (x, *call.states, *call.weights)
    if not _PLAIN.issuperset(map(type, tensors)):
        return CLASS
    is_graded, needs_gradient = torch.is_grad_enabled(), False
    for tensor in tensors:
        if tensor.dtype is not dtype:
            return MIXED
        if is_graded and tensor.requires_grad:
            needs_gradient = True
    frame = _frame(cell, call)
    if frame is None:
        return FORM
    sizes, steps, rows = frame
    packed = call.batch_sizes is not None
    if not takes(
        cell,
        sizes.inputs,
        sizes.hidden,
        call.layers,
        call.bidirectional,
        needs_gradient,
        steps,
        rows,
        packed,
    ):
        return SMALL
    save = FOR_BACKWARD if needs_gradient else NOTHING
    depth = 2 if call.bidirectional else 1
    projected = sizes.outputs != sizes.hidden
    plan = Plan(cell, kind, depth, call.bias, projected, packed, save, segment=0)
    return _run(plan, call)


def _frame(cell: str, call: Call) -> tuple[Sizes, int, int] | None:
    """Return the sizes, T and B of a call whose tensors fit together; None for any other."""
    shape, states, count = call.x.shape, call.states, 2 if cell == "lstm" else 1
    if len(states) != count or call.layers < 1 or len(call.weights) < 2 or 0 in shape:
        return None
    widths = [state.shape[-1] if state.dim() == 3 else 0 for state in states]
    sizes = _sizes(
        cell,
        call.bias,
        call.layers,
        call.bidirectional,
        widths[0] != widths[-1],
        tuple(map(_shape_of, call.weights)),
    )
    if sizes is None or shape[-1] != sizes.inputs:
        return None
    if call.batch_sizes is None:
        if len(shape) != 3:
            return None
        steps, rows = shape[1::-1] if call.batch_first else shape[:2]
    else:
        found = _packed_sizes(call.batch_sizes, shape)
        if found is None:
            return None
        steps, rows = found
    lead = (call.layers * (2 if call.bidirectional else 1), rows)
    if states[0].shape != (*lead, sizes.outputs) or states[-1].shape != (*lead, widths[-1]):
        return None
    if count == 2 and widths[-1] != sizes.hidden:
        return None
    return sizes, steps, rows


@lru_cache(maxsize=1024)
def _sizes(  # noqa: PLR0917 - keywords make the call of a cached function slower
    cell: str,
    bias: bool,
    layers: int,
    bidirectional: bool,
    projected: bool,
    shapes: tuple[torch.Size, ...],
) -> Sizes | None:
    """Return the sizes of the network with parameters of these shapes; None if they make none."""
    if len(shapes[0]) != 2 or len(shapes[1]) != 2:
        return None
    gates = len(CELLS[cell].packing)
    hidden, outputs = shapes[1][0] // gates, shapes[1][1]
    inputs = shapes[0][1]
    if 0 in (hidden, outputs, inputs) or projected != (hidden != outputs):
        return None
    if projected and cell != "lstm":
        return None
    depth = 2 if bidirectional else 1
    plan = Plan(cell, "f32", depth, bias, projected, False, NOTHING, segment=0)
    if shapes != parameter_shapes(plan, inputs, hidden, outputs, layers):
        return None
    return Sizes(inputs, hidden, outputs)


def _packed_sizes(batch_sizes: Tensor, shape: torch.Size) -> tuple[int, int] | None:
    """Return T and B of packed data; None where `batch_sizes` and its shape contradict one another."""
    is_plain = type(batch_sizes) is Tensor and batch_sizes.is_cpu and batch_sizes.dim() == 1
    if not is_plain or batch_sizes.dtype is not torch.int64 or len(shape) != 2:
        return None
    counts = batch_sizes.tolist()
    falls = all(a >= b for a, b in pairwise(counts))
    if not counts or counts[-1] < 1 or not falls or sum(counts) != shape[0]:
        return None
    return len(counts), counts[0]


def _run(plan: Plan, call: Call) -> tuple[Tensor, ...] | str:
    """Return the results of a call that fits, laid out as torch's; or why torch has to take it."""
    x, states, weights = call.x, call.states, call.weights
    if call.batch_first:
        x = x.transpose(0, 1)
    rows = None
    if call.batch_sizes is not None:
        rows = Rows.from_batch_sizes(call.batch_sizes, None, x.device)
    masks: Sequence[Tensor] = ()
    before: Any = None
    if call.dropout != 0 and call.train and call.layers > 1:
        if not 0 <= call.dropout <= 1:
            return DROPOUT
        before = torch.get_rng_state()
        masks = _masks(plan, call, x, rows)
    layout = () if rows is None else (rows.count, rows.order, rows.first)
    try:
        out, *rest = ops.run_unseen(plan, Given(x, states, weights, masks, layout))
    except (InputError, NotImplementedError):
        if masks:  # torch will draw the same numbers
            torch.set_rng_state(before)
        return MEMORY
    if call.batch_first:
        out = _batch_first(plan, out)
    return (out, *rest[: count_states(plan)])


def _masks(plan: Plan, call: Call, x: Tensor, rows: Rows | None) -> tuple[Tensor, ...]:
    """Draw the dropout with the numbers that torch would draw."""
    layers = ops.layers_of(plan, call.weights)
    return dropout_masks(Network(plan.spec, layers, call.dropout), x, rows)


def _batch_first(plan: Plan, out: Tensor) -> Tensor:
    """Return the output as `[B, T, D*P]`: of torch's LSTM a view, of the others no view of anything."""
    if plan.cell == "lstm":
        return out.transpose(0, 1)
    if plan.save == NOTHING:
        return out.transpose_(0, 1)
    # In place, as a change that the backward pass need not know of: the memory stays as it is.
    with torch.autograd.grad_mode._unsafe_preserve_version_counter(out):
        return out.transpose_(0, 1)
