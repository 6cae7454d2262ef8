"""The plan of a pass, which the operators take: sizes, types, and the arrays that it fills.

Sizes: T steps, B rows, N valid steps of all rows together, I inputs, H hidden units, P projected
units, G blocks, L layers, D directions, S steps of a segment, K segments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, NoReturn

import torch
from torch import Tensor

from gatewise.cells import CELLS, CellSpec
from gatewise.engines.held import check_place
from gatewise.errors import InputError

TYPES: dict[str, tuple[torch.dtype, torch.dtype]] = {
    "f32": (torch.float32, torch.float32),
    "f64": (torch.float64, torch.float64),
    "bf16": (torch.bfloat16, torch.float32),
}
"""The core's types: that of sequences and weights, and that of states, sums and the cell."""

Shape = tuple[int, ...]

NOTHING, FOR_BACKWARD, FOR_RECORD = 0, 1, 2
"""What a pass saves. A record of gates is padded, with NaN past each row's end."""


class Plan(NamedTuple):
    """What a pass is, beside its tensors."""

    cell: str
    type: str
    directions: int
    bias: bool
    projected: bool
    packed: bool  # whether x and the output are [N, C], else they are [T, B, C]
    save: int  # NOTHING, FOR_BACKWARD or FOR_RECORD
    segment: int  # steps to recompute at a time in the backward pass; 0: nothing is recomputed
    heads: int = 1  # whose units see the old state of their own head alone

    @property
    def spec(self) -> CellSpec:
        """Return what the cell is."""
        return CELLS[self.cell]

    @property
    def saved(self) -> tuple[str, ...]:
        """Return the arrays that the core saves, in its own order."""
        return self.spec.saved or ()

    @property
    def per_direction(self) -> int:
        """Return how many parameters each direction of each layer has."""
        return 2 + 2 * self.bias + self.projected


class Given(NamedTuple):
    """The tensors of a pass."""

    x: Tensor
    states: Sequence[Tensor]
    parameters: Sequence[Tensor]
    masks: Sequence[Tensor]
    rows: Sequence[Tensor]

    def inputs(self, heads: int) -> tuple[int, bool]:
        """Return I, and whether `x` is split: then each head sees its own I numbers of it alone.

        Which it is says the width of W_ih. With none, `x` holds the products W_ih x already.
        """
        W_ih, width = self.parameters[0], self.x.shape[-1]
        columns = W_ih.shape[1] if W_ih.dim() == 2 else width
        is_split = heads > 1 and columns > 0 and columns * heads == width
        return (columns if is_split or columns == 0 else width), is_split

    def flat(self) -> list[Tensor]:
        """Return them as one list."""
        return [self.x, *self.states, *self.parameters, *self.masks, *self.rows]

    def requires_grad(self) -> bool:
        """Tell whether any of them is to get a gradient."""
        return (
            self.x.requires_grad
            or any(parameter.requires_grad for parameter in self.parameters)
            or any(state.requires_grad for state in self.states)
        )

    def counts(self) -> tuple[int, ...]:
        """Return how many tensors each field but the first has."""
        return len(self.states), len(self.parameters), len(self.masks), len(self.rows)


class Sizes(NamedTuple):
    """The sizes of a pass."""

    steps: int  # T
    batch: int  # B
    lead: tuple[int, ...]  # of sequences: (T, B), or (N,) where packed
    hidden: int  # H
    outputs: int  # P
    layers: int  # L
    directions: int  # D

    @classmethod
    def of(cls, plan: Plan, given: Given) -> Sizes:
        """Read the sizes off the tensors."""
        parameters, rows = given.parameters, given.rows
        lead = tuple(given.x.shape[:-1])
        stacked, seen = parameters[1].shape
        steps, batch = (rows[0].shape[0], rows[1].shape[0]) if rows else lead
        layers = len(parameters) // (plan.directions * plan.per_direction)
        hidden = stacked // len(plan.spec.packing)
        return cls(steps, batch, lead, hidden, seen * plan.heads, layers, plan.directions)


class Arrays(NamedTuple):
    """What a forward pass fills. As a flat list it is what the operator returns."""

    out: Tensor  # [*lead, D*P]
    states: list[Tensor]  # h_n [L*D, B, P], then [L*D, B, H] each: the LSTM's c_n
    below: list[Tensor]  # one [L-1, *lead, D*P], the outputs of all layers but the last, if kept
    kept: list[Tensor]  # saved arrays [L, D, T, B, H] or [L, D, N, H]; with segments the states
    # at which they start, [L, D, K, B, P] and then [L, D, K, B, H] each

    def flat(self) -> list[Tensor]:
        """Return the arrays as one list."""
        return [self.out, *self.states, *self.below, *self.kept]


def count_states(plan: Plan) -> int:
    """Return how many states the cell has."""
    return len(plan.spec.states)


def state_sizes(plan: Plan, sizes: Sizes) -> list[int]:
    """Return the width of each state: of the hidden one P, of the others H."""
    return [sizes.outputs, *[sizes.hidden] * (count_states(plan) - 1)]


def starts_of(plan: Plan) -> list[float]:
    """Return what each state begins with where none is given."""
    return [plan.spec.starts.get(name, 0.0) for name in plan.spec.states]


def count_below(plan: Plan, sizes: Sizes) -> int:
    """Return 1 where the outputs of the lower layers are kept, else 0."""
    return int(plan.save > 0 and sizes.layers > 1)


def saved_types(plan: Plan) -> list[torch.dtype]:
    """Return the type of each array that is saved: states are kept as exactly as they are computed."""
    stored, real = TYPES[plan.type]
    return [real if name in plan.spec.states else stored for name in plan.saved]


def allocate(plan: Plan, sizes: Sizes, empty: Callable[..., Tensor]) -> Arrays:
    """Return the arrays of a forward pass, unfilled; also for fake tensors."""
    stored, real = TYPES[plan.type]
    layers, directions = sizes.layers, sizes.directions
    width = directions * sizes.outputs
    widths = state_sizes(plan, sizes)
    states = [empty((layers * directions, sizes.batch, size), dtype=real) for size in widths]
    out = empty((*sizes.lead, width), dtype=stored)
    below = []
    if count_below(plan, sizes):
        below.append(empty((layers - 1, *sizes.lead, width), dtype=stored))
    kept = []
    if plan.segment:
        pieces = -(-sizes.steps // plan.segment)
        for size in widths:
            start = (layers, directions, pieces, sizes.batch, size)
            kept.append(empty(start, dtype=real))
    elif plan.save:
        lead = (sizes.steps, sizes.batch) if plan.save == FOR_RECORD else sizes.lead
        for dtype in saved_types(plan):
            shape = (layers, directions, *lead, sizes.hidden)
            kept.append(empty(shape, dtype=dtype))
    return Arrays(out, states, below, kept)


def is_adjacent(x: Tensor) -> bool:
    """Tell whether the elements of each vector stand side by side."""
    return x.stride(-1) == 1 or x.shape[-1] == 1


def allocate_gradients(
    given: Given, needs: Sequence[bool]
) -> tuple[Tensor | None, list[Tensor], list[Tensor]]:
    """Return the gradients of the input, of the states and of the parameters, unfilled.

    `needs` says which of the three are wanted; the others are absent. Also for fake tensors.
    """
    x, states, parameters = given[:3]
    d_x = None
    if needs[0]:  # laid out as x is, so that a transposed x gets its gradient without a copy
        d_x = torch.empty_like(x) if is_adjacent(x) else x.new_empty(x.shape)
    d_states = [state.new_empty(state.shape) for state in states] if needs[1] else []
    d_parameters = (
        [parameter.new_empty(parameter.shape) for parameter in parameters] if needs[2] else []
    )
    return d_x, d_states, d_parameters


STATES = ("the initial state h", "the initial state c", "the initial state l")
"""What messages call the states."""


def check_plan(plan: Plan) -> None:
    """Check what a plan says but its segments, which may be symbolic."""
    known = [name for name, spec in CELLS.items() if spec.saved is not None]
    if plan.cell not in known:
        refuse(f"cell must be one of {', '.join(known)}; got {plan.cell!r}")
    if plan.type not in TYPES:
        refuse(f"type must be one of {', '.join(TYPES)}; got {plan.type!r}")
    if plan.directions not in (1, 2):
        refuse(f"directions must be 1 or 2; got {plan.directions}")
    if plan.save not in (NOTHING, FOR_BACKWARD, FOR_RECORD):
        refuse(f"save must be 0, 1 or 2; got {plan.save}")
    if plan.projected and not plan.spec.projects:
        able = " and ".join(repr(name) for name in known if CELLS[name].projects)
        refuse(f"projected is for the cell {able} only; got {plan.cell!r}")
    if plan.heads < 1 or (plan.heads > 1 and plan.projected):
        refuse(f"heads must be at least 1, and 1 with a projection; got {plan.heads}")


def check_places(plan: Plan, given: Given, others: Sequence[Tensor | None] = ()) -> None:
    """Check that all tensors are on one device, `others` too; the rows may stay on the CPU."""
    named = [(parameter_name(plan, i), tensor) for i, tensor in enumerate(given.parameters)]
    named += zip(STATES, given.states, strict=False)
    named += [(f"mask {i}", tensor) for i, tensor in enumerate(given.masks)]
    named += [("a result or its gradient", tensor) for tensor in others if tensor is not None]
    named += [("one of the rows", tensor) for tensor in given.rows if tensor.device.type != "cpu"]
    for name, tensor in named:
        check_place(name, tensor, given.x)


def parameter_name(plan: Plan, index: int) -> str:
    """Return how torch's modules call the parameter at `index`: `weight_ih_l0_reverse`."""
    place, kind = divmod(index, plan.per_direction)
    layer, direction = divmod(place, plan.directions)
    names = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] * plan.bias), "weight_hr"]
    return f"{names[kind]}_l{layer}{'_reverse' * direction}"


@lru_cache(maxsize=256)
def parameter_shapes(
    plan: Plan, inputs: int, hidden: int, outputs: int, layers: int
) -> tuple[Shape, ...]:
    """Return the shapes of all parameters in order."""
    stacked = len(plan.spec.packing) * hidden
    wanted: list[Shape] = []
    for layer in range(layers):
        width = plan.directions * outputs if layer else inputs
        matrices: list[Shape] = [(stacked, width), (stacked, outputs // plan.heads)]
        one = [*matrices, *[(stacked,)] * (2 * plan.bias)]
        wanted += [*one, *[(outputs, hidden)] * plan.projected] * plan.directions
    return tuple(wanted)


def refuse(message: str) -> NoReturn:
    """Raise InputError."""
    raise InputError(f"native engine: {message}")
