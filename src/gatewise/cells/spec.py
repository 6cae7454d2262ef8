"""What a cell is: its gates in packing order, its states, what is recorded, and its equations.

The one description of a cell. Engines, the trace, the memory figures, the page and the stream read
it; none of them keeps a list of cells or gates of its own. It needs no torch.

Sizes in shape comments: T steps, B rows, I inputs, H hidden units, P projected units, G blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from gatewise.cells.parameters import ExtraParameter, Parameters, State
from gatewise.errors import OptionError, nearest

if TYPE_CHECKING:
    from torch import Tensor

StepFunction: TypeAlias = (
    "Callable[[Tensor, Tensor, State, Parameters], tuple[State, dict[str, Tensor]]]"
)
"""`step(wx, rh, state, parameters) -> (state, gates)`.

`wx = W_ih x + b_ih` and `rh = W_hh h + b_hh` are `[..., G*H]` and arrive unsummed, so that a cell
may gate `rh` alone (GRU). The gates are activated values, a tensor `[..., H]` per recorded name.
"""

Term = tuple[str, Literal["itself", "rest", "tanh"]]
"""A recorded array by name, and what is meant of it: the values v, 1 - v, or tanh(v)."""

_BLOCKS = ("*",)

# What a record of gates offers besides the gates themselves; a gate cannot have these names.
RESERVED = ("kind", "lengths", "detach", "get", "items", "keys", "values")


@dataclass(frozen=True)
class CellSpec:
    """One recurrent cell, as data and one pure function.

    What a step does to memory is said by names: `carrier_t = keep * carrier_(t-1) + write * content`,
    where keep is `keep_gate`, or one minus `write_gate`, and the other way round. A cell whose state
    moves in another way names neither gate.

    Attributes:
        name: How the registry and `engine_choice()` call it.
        packing: The blocks of `W_ih`, `W_hh`, `b_ih` and `b_hh`, in the order in which they are
            stacked, H rows each. Code names a block and never numbers it.
        states: The states, the one that multiplies `W_hh` first and named `hidden`; the others
            have H units each.
        recorded: The names that `return_gates=True` returns, in order; all states are among them.
        step: The equations.
        keep_gate: The gate that multiplies the old state; None where that factor is one minus the
            write gate, or where there is none.
        write_gate: The gate that multiplies the new content; None where that factor is one minus
            the keep gate, or where there is none.
        read_gate: The gate that multiplies the carrier, or its tanh, on its way out; None where what
            is shown is not that product: it is then the hidden state itself.
        shows: Whether the read gate multiplies "tanh" of the carrier or the carrier "itself".
        content: The recorded array that is written.
        carrier: The state that keeps and is written to; by default the last one.
        starts: What a state begins with where none is given, by name, if it is not 0.
        fractions: The recorded arrays that lie between 0 and 1; by default the gates named above and
            the blocks of `packing`, but neither states nor content. An exponential gate is none.
        extra: The parameters that the cell has beside weights and biases. `step` finds them in
            `parameters.extra` by name; `gatewise.nn.Recurrent` makes and names them, and they are in
            `state_dict()`, in gradients and in every engine but torch's and the native one.
        adds_biases: Whether `step` adds `b_ih` and `b_hh` itself, because they come after something
            that it does to the products: `wx` and `rh` then come without them.
        projects: Whether the hidden state may be projected by `W_hr`.
        saved: The arrays that the native core saves for the backward pass, in its own order; None
            where the core does not have the cell.
        meanings: A phrase for each recorded array that the fields above do not explain, by name:
            `{"reset": "0 hides the past from the candidate"}`.
    """

    name: str
    packing: tuple[str, ...]
    states: tuple[str, ...]
    recorded: tuple[str, ...]
    step: StepFunction
    keep_gate: str | None = None
    write_gate: str | None = None
    read_gate: str | None = None
    content: str = "candidate"
    shows: Literal["tanh", "itself"] = "tanh"
    carrier: str = ""
    starts: Mapping[str, float] = field(default_factory=dict)
    fractions: tuple[str, ...] = _BLOCKS
    extra: tuple[ExtraParameter, ...] = ()
    adds_biases: bool = False
    projects: bool = False
    saved: tuple[str, ...] | None = None
    meanings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or not self.name.islower():
            raise OptionError(
                f"cell {self.name!r}: the name must be an identifier in lower case, such as 'my_cell'"
            )
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
            if gate is not None and gate not in self.recorded:
                raise OptionError(
                    f"cell {self.name!r}: gate {gate!r} is none of recorded={self.recorded}"
                )
        self._fill_in()
        self._check_names()

    def _fill_in(self) -> None:
        """Put the defaults that follow from the other fields."""
        if not self.carrier:
            object.__setattr__(self, "carrier", self.states[-1])
        if self.fractions is _BLOCKS:
            others = (*self.states, self.content)
            gates = (*self.packing, self.keep_gate, self.write_gate, self.read_gate)
            known = tuple(name for name in self.recorded if name in gates and name not in others)
            object.__setattr__(self, "fractions", known)

    def _check_names(self) -> None:
        """Raise OptionError for a name that stands for nothing, or for two things."""
        missing = [name for name in self.states if name not in self.recorded]
        if missing:
            raise OptionError(
                f"cell {self.name!r}: state {missing[0]!r} is none of recorded={self.recorded}; every "
                "state must be recorded, and returned with the gates"
            )
        if self.carrier not in self.states:
            raise OptionError(
                f"cell {self.name!r}: carrier {self.carrier!r} is none of states={self.states}"
            )
        strange = [name for name in self.starts if name not in self.states]
        if strange:
            raise OptionError(
                f"cell {self.name!r}: {strange[0]!r} of starts is none of states={self.states}"
            )
        unknown = [name for name in self.fractions if name not in self.recorded]
        if unknown:
            raise OptionError(
                f"cell {self.name!r}: {unknown[0]!r} of fractions is none of recorded={self.recorded}"
            )
        names = [one.name for one in self.extra]
        if len(set(names)) < len(names):
            raise OptionError(f"cell {self.name!r}: two extra parameters have one name in {names}")

    @property
    def with_bias(self) -> tuple[str, ...]:
        """The gates that keep or write and are blocks of the weights, so that a bias opens them."""
        return tuple(name for name in (self.keep_gate, self.write_gate) if name in self.packing)

    def terms(self, role: str) -> tuple[Term, ...]:
        """Return the recorded arrays whose product plays `role`; none where nothing does.

        Roles are "keep", "write", "state" and "read": what is kept, written, held and shown at a step.

            LSTM    keep f    write i * g          state c    read o * tanh(c)
            GRU     keep z    write (1 - z) * n    state h    read h
            RNN     has no gate: nothing is kept, each step writes the whole state h anew
        """
        if role == "state":
            return ((self.carrier, "itself"),)
        if role == "read":
            gate = self.read_gate
            return (
                ((gate, "itself"), (self.carrier, self.shows)) if gate else (("hidden", "itself"),)
            )
        if self.keep_gate is None and self.write_gate is None:
            return ()
        named, other = self.keep_gate, self.write_gate
        if role == "write":
            named, other = other, named
        factor: Term = (named, "itself") if named else (str(other), "rest")
        return (factor,) if role == "keep" else (factor, (self.content, "itself"))

    def meaning(self, name: str) -> str:
        """Return in a phrase what a recorded array says; its name where nothing is known of it."""
        state = "hidden state" if self.carrier == "hidden" else self.carrier
        last = {} if self.carrier == "hidden" else {self.carrier: "what is stored"}
        if self.keep_gate:
            lost = "erases" if self.write_gate else "replaces"
            last[self.keep_gate] = f"1 keeps the {state}, 0 {lost} it"
        if self.write_gate:
            both = f"1 lets the {self.content} in"
            alone = f"1 replaces the {state}, 0 keeps it"
            last[self.write_gate] = both if self.keep_gate else alone
        if self.read_gate:
            last[self.read_gate] = f"1 shows the {state} to the network"
        common = {self.content: "what would be written", "hidden": "what the network passes on"}
        return (common | last | dict(self.meanings)).get(name, name)

    def biases(self, parameters: Parameters) -> tuple[Tensor | None, Tensor | None]:
        """Return what is to be added to `W_ih x` and to `W_hh h` for `step`."""
        return (None, None) if self.adds_biases else (parameters.b_ih, parameters.b_hh)

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
