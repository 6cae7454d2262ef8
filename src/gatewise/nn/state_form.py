"""The form in which a module takes and returns its states, where that is not the cell's own."""

from __future__ import annotations

from typing import Protocol

import torch

from gatewise.cells import State


class StateForm(Protocol):
    """Another form of a cell's states; a module has one as its attribute `state_form`."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return what the states are called in this form."""

    def take_in(self, states: State) -> State:
        """Return the cell's own states of those given, or raise InputError."""

    def hand_out(self, states: State) -> State:
        """Return the cell's own states in this form."""


def form_of(module: torch.nn.Module) -> StateForm | None:
    """Return the form of a module's states; None where it is that of its cell."""
    found: StateForm | None = getattr(module, "state_form", None)
    return found
