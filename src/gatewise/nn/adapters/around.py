"""The layer of tirex-ts around a cell that was taken: its projections go through in the cell's pass.

Sizes: B rows, T steps, H units.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.nn.adapters.projected import through
from gatewise.nn.adapters.turned import TurnedCell, split
from gatewise.nn.derived import derive, origin


class Around(torch.nn.Module):
    """Comes before the class of a layer whose cell was taken; the layer holds nothing more."""


class _TirexLayer(Around):
    """tirex-ts's `sLSTMLayer`: projections, cell, and a norm by head."""

    slstm_cell: torch.nn.Module
    group_norm: torch.nn.Module

    def forward(self, x: Tensor, slstm_state: Tensor | None = None) -> Any:
        """Run `x [B, T, H]`: in one pass where nothing but the layer's output is asked for."""
        cell = self.slstm_cell
        if slstm_state is None and isinstance(cell, TurnedCell):
            recurrence = cell._products()
            y = through(recurrence, self, x)
            if y is not None:
                by_head = split(y, recurrence.heads).transpose(1, 2)  # as the package has it
                normed: Tensor = self.group_norm(by_head)  # [B, heads, T, D]
                return normed.transpose(1, 2).reshape(x.shape)
        return super().forward(x, slstm_state)


AROUND: dict[tuple[str, str], type[Around]] = {("tirex.", "sLSTMLayer"): _TirexLayer}
"""By how the name of a layer's module begins, and its class: what comes before it."""


def turn_around(model: torch.nn.Module) -> None:
    """Let the layers around cells that were taken use it, in place."""
    for part in model.modules():
        kind = type(part)
        for (module, name), ours in AROUND.items():
            if (
                kind.__name__ == name
                and kind.__module__.startswith(module)
                and not isinstance(part, Around)
                and isinstance(part._modules.get("slstm_cell"), TurnedCell)
            ):
                part.__class__ = derive(kind, ours)


def turn_around_back(model: torch.nn.Module) -> None:
    """Undo `turn_around`."""
    for part in model.modules():
        if isinstance(part, Around):
            kind: Any = origin(type(part))
            part.__class__ = kind
