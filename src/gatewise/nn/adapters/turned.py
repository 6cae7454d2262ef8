"""A cell of another package whose recurrence runs on gatewise's engines.

Sizes: B rows, T steps, G gates, H units, D units a head.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from gatewise.nn.adapters.adapter import Adapter
from gatewise.nn.adapters.products import Products
from gatewise.nn.derived import derive, origin


class Turned(torch.nn.Module):
    """Comes before the package's class, which keeps everything but what runs the recurrence."""

    child: ClassVar = "recurrence"
    """What it calls the layer that runs it; a trace records it under this name."""

    def _products(self) -> Products:
        found = self._modules[self.child]
        assert isinstance(found, Products)
        return found


class TurnedCell(Turned):
    """A cell whose forward takes the products W x of a whole sequence and a state."""

    def forward(
        self, input: Tensor, state: Tensor | None = None, *rest: Any, **options: Any
    ) -> Any:
        """Run `input [B, T, G*H]` from `state [states, B, H]`: outputs `[B, heads, T, D]`, and state.

        States are float32 inside whatever the package rounds to, and those handed out have n = 1
        (`gw.SLSTM`): the same state in another form. A call that gatewise does not take goes to the
        package: with further arguments, off the CPU, or from a state in which some units are fresh and
        others run, which the package treats by the whole batch.
        """
        recurrence = self._products()
        others = rest or any(value is not None for value in options.values())
        if others or input.dim() != 3 or not takes(recurrence, input, state):
            return super().forward(input, state, *rest, **options)
        output, end = run(recurrence, input, state)
        heads = split(output, recurrence.heads).transpose(1, 2)
        return heads.to(input.dtype), end.to(input.dtype)


def takes(
    recurrence: Products, input: Tensor, state: Tensor | None, least: float | None = None
) -> bool:
    """Tell whether gatewise runs a call; `least` is the least n of the package, if it has one."""
    if not input.is_cpu or input.shape[0] == 0 or input.shape[1] == 0:
        return False
    if state is None or recurrence.state_form is None:
        return True
    n = state[2]
    if bool((n == 0).all()):
        return True
    return bool((n != 0).all() if least is None else (n >= least).all())


def run(recurrence: Products, input: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
    """Run products `[B, T, G*H]` from `[states, B, H]`: the outputs `[B, T, H]` and the state."""
    dtype = recurrence._held_weights()[0].dtype
    hx = None if state is None else tuple(part[None] for part in state.to(dtype))
    output, ends = recurrence(input.to(dtype).transpose(0, 1), hx)
    return output.transpose(0, 1), torch.cat(ends)


def split(units: Tensor, heads: int) -> Tensor:
    """Return `[*, H]` as `[*, heads, D]`."""
    return units.reshape(*units.shape[:-1], heads, -1)


def turn(cell: torch.nn.Module, adapter: Adapter) -> None:
    """Let a cell run on gatewise's engines, in place."""
    kind: Any = adapter.turned or TurnedCell
    assert issubclass(kind, Turned)
    cell.add_module(kind.child, Products(cell, adapter))
    cell.__class__ = derive(type(cell), kind)


def turn_back(cell: Turned) -> None:
    """Undo `turn`."""
    kind: Any = origin(type(cell))
    del cell._modules[cell.child]
    cell.__class__ = kind
