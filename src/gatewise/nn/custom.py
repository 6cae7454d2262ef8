"""A module for any registered cell that torch does not have: the equations are all it needs.

Sizes: I inputs, H hidden units, G blocks.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import Parameter

from gatewise.cells import CELLS, CellSpec
from gatewise.engines.fused import PASSES
from gatewise.errors import OptionError, nearest
from gatewise.nn.modules import GatedModule


class Recurrent(GatedModule, torch.nn.RNNBase):
    """Layers of a registered cell that torch does not have, on the reference engine.

    Takes the cell's name and then the LSTM's arguments without `proj_size`. Parameters are named
    and stacked as torch's, one block of H rows for each entry of the spec's packing, and `forward`
    is the LSTM's. Raises OptionError for an unknown cell and for one that has its own class.
    """

    def __init__(  # noqa: PLR0917 - torch's arguments are positional
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = "auto",
    ) -> None:
        spec = _find(cell)
        # torch knows the sizes of its own modes only: take its checks and names, then replace each
        # parameter (on the meta device until then, so nothing is drawn or allocated twice).
        super().__init__(
            "RNN_TANH",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device="meta",
            engine=engine,
        )
        self.mode = spec.name
        rows = len(spec.packing) * hidden_size
        for name, old in list(self.named_parameters()):
            shape = (rows, *old.shape[1:])
            setattr(self, name, Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def flatten_parameters(self) -> None:
        """Do nothing: there is no fused pass to flatten for."""

    def check_forward_args(
        self, input: torch.Tensor, hidden: Any, batch_sizes: torch.Tensor | None
    ) -> None:
        """Check sizes and types as torch does, for one state or several."""
        for state in hidden if isinstance(hidden, tuple) else (hidden,):
            super().check_forward_args(input, state, batch_sizes)

    def extra_repr(self) -> str:
        """Return the cell's name, and then torch's description."""
        return f"{self.mode!r}, {super().extra_repr()}"


def _find(cell: str) -> CellSpec:
    if cell in PASSES:
        raise OptionError(f"cell {cell!r} has its own module: use gatewise.nn.LSTM, GRU or RNN")
    if cell not in CELLS:
        raise OptionError(
            f"no cell {cell!r} is registered; there are {', '.join(CELLS)}.{nearest(cell, CELLS)}"
        )
    return CELLS[cell]
