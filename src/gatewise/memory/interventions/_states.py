"""Taking the state of every layer at a step, and running on from another one.

Sizes: B rows, T steps, H hidden units.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gatewise.cells import State
from gatewise.errors import InputError
from gatewise.memory.interventions._intervene import Cut, Place
from gatewise.memory.interventions.arguments import Arguments
from gatewise.memory.interventions.subject import Subject
from gatewise.nn.structure import spec_of
from gatewise.typing import Array

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
        self._names = {path: spec_of(part).states for path, part in subject.chosen(module).items()}
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
            pairs = zip(self._names[place.module], states[place], state, strict=True)
            return tuple(new if name in kinds else old for name, new, old in pairs)

        return self._run(Cut(self._at, change))

    def filled(self, replace: str) -> States:
        """Return states of zeros, or of the mean over rows."""

        def of(state: Tensor) -> Tensor:
            if replace == "zero":
                return torch.zeros_like(state)
            return state.mean(dim=1, keepdim=True).expand_as(state).contiguous()

        return {place: tuple(map(of, state)) for place, state in self.states.items()}

    def _take(self, place: Place, state: State) -> State:
        self.states[place] = state
        return state

    def _run(self, cut: Cut) -> Array:
        answers = self._subject.answers(
            arguments=self._arguments, intervention=cut, module=self._module
        )
        return self._subject.last(answers)
