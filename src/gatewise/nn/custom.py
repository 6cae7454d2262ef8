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
from gatewise.nn.structure import suffixes_of


class Recurrent(GatedModule, torch.nn.RNNBase):
    """Layers of a registered cell that torch does not have, on the reference engine.

    Takes the cell's name and then the LSTM's arguments without `proj_size`. Parameters are named
    and stacked as torch's, one block of H rows for each entry of the spec's packing; those that the
    cell adds follow, `{name}_l0` and so on. `forward` is the LSTM's. Raises OptionError
    for an unknown cell and for one that has its own class.
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
        self._add_extra(spec, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter anew as torch does, but those that start from one value."""
        super().reset_parameters()
        if self.mode not in CELLS:  # torch's own class draws before the cell is known
            return
        with torch.no_grad():
            for extra in CELLS[self.mode].extra:
                if extra.start is not None:
                    for suffix in suffixes_of(self):
                        getattr(self, f"{extra.name}{suffix}").fill_(extra.start)

    def _add_extra(
        self, spec: CellSpec, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> None:
        """Make the parameters that the cell adds, after torch's of each layer and direction.

        torch keeps them all by name in two lists; what stands there is seen by `network_of`, and by
        whatever else in torch reads a module's weights.
        """
        directions = 2 if self.bidirectional else 1
        names = []
        # `_all_weights` has a list for each layer and direction, in the order of the suffixes.
        for place, suffix in enumerate(suffixes_of(self)):
            first = place < directions
            sizes = {
                "inputs": self.input_size if first else directions * self.hidden_size,
                "hidden": self.hidden_size,
                "outputs": self.hidden_size,
                "blocks": len(spec.packing),
            }
            for extra in spec.extra:
                empty = torch.empty(extra.sizes(**sizes), device=device, dtype=dtype)
                setattr(self, f"{extra.name}{suffix}", Parameter(empty))
            self._all_weights[place] += [f"{extra.name}{suffix}" for extra in spec.extra]
            names += self._all_weights[place]
        self._flat_weights_names = names
        self._init_flat_weights()

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
