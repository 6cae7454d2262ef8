"""A cell of another package whose recurrence runs on gatewise's engines.

Sizes: B rows, T steps, H units, D units a head, G gates.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.nn.adapters.adapter import Adapter
from gatewise.nn.adapters.products import Products
from gatewise.nn.derived import derive, origin

CHILD = "recurrence"
"""What a turned cell calls the layer that runs it; a trace records it under this name."""


class TurnedCell(torch.nn.Module):
    """Comes before the package's class, which keeps everything but `forward`."""

    def forward(
        self, input: Tensor, state: Tensor | None = None, *rest: Any, **options: Any
    ) -> Any:
        """Run `input [B, T, G*H]` from `state [states, B, H]`: outputs `[B, heads, T, D]`, and state.

        States are float32 inside whatever the package rounds to, and those handed out have n = 1
        (`gw.SLSTM`): the same state in another form. A call that gatewise does not take goes to the
        package: with further arguments, off the CPU, or from a state in which some units are fresh and
        others run, which the package treats by the whole batch.
        """
        recurrence = self._modules[CHILD]
        assert isinstance(recurrence, Products)
        weights = recurrence._held_weights()
        if (
            rest
            or any(value is not None for value in options.values())
            or not _takes(recurrence, input, state)
        ):
            return super().forward(input, state, *rest, **options)
        dtype = weights[0].dtype
        x = input.to(dtype).transpose(0, 1)
        hx = None if state is None else tuple(part[None] for part in state.to(dtype))
        output, ends = recurrence(x, hx)
        heads = output.unflatten(-1, (recurrence.heads, -1)).permute(1, 2, 0, 3)
        return heads.to(input.dtype), torch.cat(ends).to(input.dtype)


def _takes(recurrence: Products, input: Tensor, state: Tensor | None) -> bool:
    if not input.is_cpu or input.dim() != 3 or input.shape[1] == 0 or input.shape[0] == 0:
        return False
    if state is None or recurrence.state_form is None:
        return True
    fresh = state[2] == 0
    return bool(fresh.all()) or not bool(fresh.any())


def turn(cell: torch.nn.Module, adapter: Adapter) -> None:
    """Let a cell run on gatewise's engines, in place."""
    cell.add_module(CHILD, Products(cell, adapter))
    cell.__class__ = derive(type(cell), TurnedCell)


def turn_back(cell: torch.nn.Module) -> None:
    """Undo `turn`."""
    kind = origin(type(cell))
    assert kind is not None
    del cell._modules[CHILD]
    cell.__class__ = kind
