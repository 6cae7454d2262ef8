"""Taking the state of every layer at a step, and running on from another one.

Sizes: B rows, T steps, H hidden units.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewise.cells import State
from gatewise.errors import InputError, OptionError
from gatewise.memory.interventions._intervene import Cut, Place
from gatewise.memory.interventions.arguments import Arguments
from gatewise.memory.interventions.subject import Subject
from gatewise.nn.structure import spec_of
from gatewise.typing import Array
from gatewise.wording import counted

States = dict[Place, State]
"""The state `[1, B, *]` of every layer and direction, by name of the cell's spec in its order."""


def kinds_of(subject: Subject, module: str | Sequence[str] | None) -> tuple[tuple[str, ...], ...]:
    """Return the sets of states to change: each alone and then all, `("cell",), ("hidden",), (both)`.

    Raises InputError for modules whose state cannot be changed.
    """
    names: list[str] = []
    for part in subject.chosen(module).values():
        names += [name for name in spec_of(part).states if name not in names]
    names = sorted(names)  # cell, hidden
    alone = tuple((name,) for name in names)
    return alone if len(names) == 1 else (*alone, tuple(names))


def label_of(kinds: Sequence[str]) -> str:
    """Return how a table calls a set of states."""
    return kinds[0] if len(kinds) == 1 else "both" if len(kinds) == 2 else "all"


class Boundary:
    """Runs a model in two parts, and changes the states that pass from the one into the other."""

    def __init__(
        self,
        subject: Subject,
        at: int,
        module: str | Sequence[str] | None,
        arguments: Arguments | None = None,
    ) -> None:
        self._subject, self._at, self._module, self._arguments = subject, at, module, arguments
        self._parts = subject.chosen(module)
        self._specs = {path: spec_of(part) for path, part in self._parts.items()}
        self.states: States = {}  # at the boundary, of the run as it is
        self.plain = self._run(Cut(at, self._take))
        if not self.states:
            raise InputError(
                f"{subject.caller}: no recurrent module has a step {at} within a call of the model; "
                "name one that has with module="
            )

    def with_states(self, kinds: Sequence[str], states: States) -> Array:
        """Return the answers after the states of these kinds are replaced by others."""

        def change(place: Place, state: State) -> State:
            pairs = zip(self._specs[place.module].states, states[place], state, strict=True)
            return tuple(new if name in kinds else old for name, new, old in pairs)

        return self._run(Cut(self._at, change))

    def filled(self, replace: str, head: int | None = None) -> States:
        """Return states as they are before the first step (zeros), or of the mean over rows.

        With `head` in the units of that head alone; the others are as they were.
        """
        filled = {}
        for place, state in self.states.items():
            units = self._units(place, head)
            made = []
            for name, one in zip(self._specs[place.module].states, state, strict=True):
                new = one.clone()
                start = self._specs[place.module].starts.get(name, 0.0)
                new[..., units] = (
                    start
                    if replace == "zero"
                    else one[..., units].mean(dim=1, keepdim=True).expand_as(one[..., units])
                )
                made.append(new)
            filled[place] = tuple(made)
        return filled

    def _units(self, place: Place, head: int | None) -> slice:
        """Return the units of a head, or all; raises OptionError where there is no such head."""
        part = self._parts[place.module]
        heads = getattr(part, "heads", 1)
        if head is None:
            return slice(None)
        if isinstance(head, bool) or not isinstance(head, int) or not 0 <= head < heads:
            raise OptionError(
                f"{self._subject.caller}: {place.module or 'the model'!r} has "
                f"{counted(heads, 'head')}, counted from 0; got head={head!r}"
            )
        width = int(part.hidden_size) // heads
        return slice(head * width, (head + 1) * width)

    def _take(self, place: Place, state: State) -> State:
        self.states[place] = state
        return state

    def _run(self, cut: Cut) -> Array:
        answers = self._subject.answers(
            arguments=self._arguments, intervention=cut, module=self._module
        )
        return self._subject.last(answers)
