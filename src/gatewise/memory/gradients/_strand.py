"""One direction of one layer as the Jacobians need it: its equations, weights, gates and inputs.

Sizes: T steps, B rows of the batch, N samples (a row and a time), I inputs, H hidden units, P
projected units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from gatewise.cells import CellSpec, Parameters
from gatewise.engines import Gates
from gatewise.errors import InputError

StateChoice = Literal["cell", "full"]
Index = tuple[Tensor, Tensor]
"""Times and rows `[C, N]` each."""


class Reading(NamedTuple):
    """What one call of a module was given: the inputs of its first layer, and the initial states."""

    inputs: Tensor  # [T, B, I]
    states: tuple[Tensor, ...] | None  # [L*D, B, *] each; None: zeros


@dataclass(frozen=True)
class Strand:
    """One direction of one layer, its time running the way that the direction reads.

    Attributes:
        spec: The cell's equations.
        parameters: The weights, in float64 on the CPU.
        gates: Gates and states by name `[T, B, H]`, in the type they were recorded in, on the CPU;
            what lies past a row's end is arbitrary.
        lengths: int64 `[B]`.
        inputs: What the layer read, `[T, B, I]` on the CPU; None where no Jacobian asks for it.
        start: Its states before the first step, `[B, *]` each; None for zeros.
    """

    spec: CellSpec
    parameters: Parameters
    gates: dict[str, Tensor]
    lengths: Tensor
    inputs: Tensor | None = None
    start: tuple[Tensor, ...] | None = None

    @classmethod
    def of(  # noqa: PLR0917
        cls,
        spec: CellSpec,
        parameters: Parameters,
        gates: Gates,
        layer: int,
        direction: int,
        read: Reading | None = None,
    ) -> Strand:
        """Take one direction (0 forward, 1 reverse) of one layer out of a record of gates.

        `gates` are `[L, D, T, B, H]` each, or `[L, D, T, H]`; `read` is what the call was given.
        Raises InputError for a state that is not finite.
        """
        lengths = gates.lengths.reshape(-1).cpu()
        taken = {}
        for name, value in gates.items():
            one = value.detach()[layer, direction].cpu()
            taken[name] = one if one.dim() == 3 else one.unsqueeze(1)
        _check_finite(taken, spec.states, lengths)
        inputs, start = None, None
        if read is not None:
            inputs, start = _of_layer(read, gates, layer, direction)
        # from here on both directions run forwards, so that one recursion serves them
        if direction == 1:
            taken = {name: _turned(value, lengths) for name, value in taken.items()}
            inputs = None if inputs is None else _turned(inputs, lengths)
        exact = parameters.map(lambda weight: weight.detach().cpu().double())
        return cls(spec, exact, taken, lengths, inputs, start)

    @property
    def hidden_size(self) -> int:
        """Return H."""
        return len(self.parameters.W_hh) // len(self.spec.packing)

    @property
    def sizes(self) -> list[int]:
        """Return the units of each state: P for the hidden one, H for the others."""
        return [self.gates[name].shape[-1] for name in self.spec.states]

    @property
    def carrier(self) -> int:
        """Return which of the states is the one that keeps."""
        return self.spec.states.index(self.spec.carrier)

    def units(self, state: StateChoice) -> int:
        """Return the units of the carrier (`"cell"`) or of all states together (`"full"`)."""
        return self.sizes[self.carrier] if state == "cell" else sum(self.sizes)

    @cached_property
    def log_keep(self) -> Tensor | None:
        """Return the logarithm of what keeps the carrier, float64 `[T, B, H]`.

        That is the gate that keeps, or one minus the gate that writes; None for a cell without either.
        """
        keep, write = self.spec.keep_gate, self.spec.write_gate
        if keep is not None:
            return self.gates[keep].double().log()
        return None if write is None else (-self.gates[write].double()).log1p()


@dataclass(frozen=True)
class Samples:
    """The ends of the products: N pairs of a row and a time, and how far back each can be followed."""

    rows: Tensor  # int64 [N]
    times: Tensor  # int64 [N], in the strand's own direction

    def at(self, lag: Tensor) -> Index:
        """Return the index `(time, row)` of each sample at `lag [C, 1]` before its end, `[C, N]`."""
        return (self.times - lag).clamp(min=0), self.rows.expand(len(lag), -1)


def _check_finite(gates: Mapping[str, Tensor], states: Sequence[str], lengths: Tensor) -> None:
    """Raise InputError where a state `[T, B, H]` within its row is NaN or infinite."""
    valid = torch.arange(len(gates[states[0]]), device="cpu")[:, None] < lengths
    for name in states:
        bad = (valid & ~gates[name].isfinite().all(dim=-1)).nonzero()
        if len(bad):
            step, row = bad[0].tolist()
            raise InputError(
                f"the {name} state is not finite at step {step} of row {row}: the inputs hold such a "
                "value, or the network has diverged; leave the row out"
            )


def _of_layer(
    read: Reading, gates: Gates, layer: int, direction: int
) -> tuple[Tensor, tuple[Tensor, ...] | None]:
    """Return what one layer read `[T, B, I]` and the states that one direction of it began with."""
    inputs, hidden = read.inputs, gates["hidden"]
    if layer > 0:
        below = hidden.detach()[layer - 1]  # [D, T, B, P], or without B
        inputs = torch.cat(list(below if below.dim() == 4 else below.unsqueeze(2)), dim=-1)
    start = None
    if read.states is not None:
        place = layer * hidden.shape[1] + direction
        start = tuple(state.detach()[place].cpu() for state in read.states)
    return inputs.detach().cpu(), start


def _turned(value: Tensor, lengths: Tensor) -> Tensor:
    """Return `value [T, B, H]` with each row's valid steps in reverse; the rest is arbitrary."""
    index = (lengths - 1 - torch.arange(len(value), device="cpu")[:, None]).clamp(min=0)  # [T, B]
    return value[index, torch.arange(value.shape[1], device="cpu")]
