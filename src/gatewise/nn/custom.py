"""A module for any registered cell that torch does not have: the equations are all it needs.

Sizes: I inputs, H hidden units, D units a head, G blocks.
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
    """Layers of a registered cell that torch does not have.

    Takes the cell's name and then the LSTM's arguments without `proj_size`. Parameters are named
    and stacked as torch's, one block of H rows for each entry of the spec's packing; those that the
    cell adds follow, `{name}_l0` and so on. `forward` is the LSTM's. With several `heads` the units of
    each see the old state of their own head alone: `weight_hh` is then `[G*H, D]`, D = H / heads. Raises
    OptionError for an unknown cell, for one that has its own class, and for heads that do not divide H.
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
        heads: int = 1,
        engine: str = "auto",
    ) -> None:
        spec = _find(cell)
        check_heads(heads, hidden_size)
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
        self.mode, self.heads = spec.name, heads
        rows = len(spec.packing) * hidden_size
        for name, old in list(self.named_parameters()):
            seen = (hidden_size // heads,) if name.startswith("weight_hh") else old.shape[1:]
            shape = (rows, *seen)
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
        heads = f", heads={self.heads}" if self.heads > 1 else ""
        return f"{self.mode!r}, {super().extra_repr()}{heads}"


def check_heads(heads: int, hidden_size: int) -> None:
    """Raise OptionError unless `hidden_size` units can be shared out to that many heads."""
    if isinstance(heads, bool) or not isinstance(heads, int) or heads < 1:
        raise OptionError(f"heads must be a whole number of at least 1; got {heads!r}")
    if isinstance(hidden_size, int) and hidden_size % heads:
        raise OptionError(
            f"heads must divide hidden_size, so that each has as many units: {hidden_size} units do "
            f"not go into {heads} heads"
        )


def _find(cell: str) -> CellSpec:
    if cell in PASSES:
        raise OptionError(f"cell {cell!r} has its own module: use gatewise.nn.LSTM, GRU or RNN")
    if cell not in CELLS:
        raise OptionError(
            f"no cell {cell!r} is registered; there are {', '.join(CELLS)}.{nearest(cell, CELLS)}"
        )
    return CELLS[cell]
