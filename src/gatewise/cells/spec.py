"""What a cell is: its gates in packing order, its states, what is recorded, and its equations.

Sizes in shape comments: T steps, B rows, I inputs, H hidden units, P projected units, G blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.errors import OptionError, nearest


@dataclass(frozen=True)
class Parameters:
    """The parameters of one layer in one direction, under the papers' symbols."""

    W_ih: Tensor  # [G*H, I]
    W_hh: Tensor  # [G*H, P], P = H without projection
    b_ih: Tensor | None = None  # [G*H]
    b_hh: Tensor | None = None  # [G*H]
    W_hr: Tensor | None = None  # [P, H], the projection of the LSTM, else None

    def to(self, dtype: torch.dtype) -> Parameters:
        """Return the parameters in `dtype`, differentiably; themselves where they have it."""
        return self.map(lambda tensor: tensor.to(dtype))

    def map(self, function: Callable[[Tensor], Tensor]) -> Parameters:
        """Return what `function` makes of each parameter that there is."""
        every = (self.W_ih, self.W_hh, self.b_ih, self.b_hh, self.W_hr)
        return Parameters(*(None if tensor is None else function(tensor) for tensor in every))  # type: ignore[arg-type]  # the weights stay weights


State = tuple[Tensor, ...]
"""The states in the spec's order, the hidden one first: `[B, P]`, then `[B, H]` each."""

Step = Callable[[Tensor, Tensor, State, Parameters], tuple[State, dict[str, Tensor]]]
"""`step(wx, rh, state, parameters) -> (state, gates)`.

`wx = W_ih x + b_ih` and `rh = W_hh h + b_hh` are `[..., G*H]` and arrive unsummed, so that a cell
may gate `rh` alone (GRU). The gates are activated values, a tensor `[..., H]` per recorded name.
"""

# What a record of gates offers besides the gates themselves; a gate cannot have these names.
RESERVED = ("lengths", "detach", "get", "items", "keys", "values")


@dataclass(frozen=True)
class CellSpec:
    """One recurrent cell, as data and one pure function.

    Attributes:
        name: How the registry and `engine_choice()` call it.
        packing: The blocks of `W_ih`, `W_hh`, `b_ih` and `b_hh`, in the order in which they are
            stacked, H rows each. Code names a block and never numbers it.
        states: The states, the one that multiplies `W_hh` first and named `hidden`.
        recorded: The names that `return_gates=True` returns, in order.
        step: The equations.
        keep_gate: The gate that multiplies the old state; None where that factor is one minus the
            write gate, or where there is none.
        write_gate: The gate that multiplies the new content; None where that factor is one minus
            the keep gate, or where there is none. The new content itself is recorded as
            `candidate`.
        read_gate: The gate that multiplies tanh of the last state on its way out; None where that
            state is shown as it is.
    """

    name: str
    packing: tuple[str, ...]
    states: tuple[str, ...]
    recorded: tuple[str, ...]
    step: Step
    keep_gate: str | None = None
    write_gate: str | None = None
    read_gate: str | None = None

    def __post_init__(self) -> None:
        if not self.packing or not self.states or self.states[0] != "hidden":
            raise OptionError(
                f"cell {self.name!r}: packing must not be empty and states must begin with "
                f"'hidden'; got packing={self.packing}, states={self.states}"
            )
        for name in (*self.packing, *self.states, *self.recorded):
            if name in RESERVED or not name.isidentifier() or name.startswith("_"):
                raise OptionError(
                    f"cell {self.name!r}: {name!r} cannot name a gate; use an identifier that is "
                    f"none of {', '.join(RESERVED)} and has no leading underscore"
                )
        for gate in (self.keep_gate, self.write_gate, self.read_gate):
            if gate is not None and gate not in self.packing:
                raise OptionError(
                    f"cell {self.name!r}: gate {gate!r} is no block of packing={self.packing}"
                )

    def slice(self, block: str, hidden_size: int) -> slice:
        """Return the rows of `block` in a stacked weight or bias of `hidden_size` rows a block."""
        if block not in self.packing:
            raise OptionError(
                f"cell {self.name!r} has no block {block!r}; it has {', '.join(self.packing)}."
                f"{nearest(block, self.packing)}"
            )
        start = self.packing.index(block) * hidden_size
        return slice(start, start + hidden_size)

    def split(self, stacked: Tensor) -> dict[str, Tensor]:
        """Return the blocks of `stacked [..., G*H]` by name, each a view `[..., H]`."""
        return dict(zip(self.packing, stacked.chunk(len(self.packing), dim=-1), strict=True))
