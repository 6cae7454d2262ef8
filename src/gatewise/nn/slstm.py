"""The sLSTM as a module, with its states as they are published.

Sizes: T steps, B rows, I inputs, H hidden units, D units a head, L layers.
"""

from __future__ import annotations

import math
from typing import Literal

import torch

from gatewise.cells import State
from gatewise.errors import InputError, OptionError, nearest
from gatewise.nn.custom import Recurrent

Forget = Literal["sigmoid", "clamped", "exponential"]
CELLS_BY_FORGET = {
    "sigmoid": "slstm",
    "clamped": "slstm_clamped",
    "exponential": "slstm_exponential",
}
"""The registered cell by the kind of its forget gate."""


class Published:
    """The states as they are published: h, and c, n and m, of which c / n and m + log n count.

    A unit with n = 0 holds nothing, whatever else it is given, so zeros are the same as no states.
    Those handed out have n = 1, or 0 where nothing was ever written: that means the same, and stays
    finite. n is a constant there, and no gradient passes through it.
    """

    names = ("h", "c", "n", "m")

    def take_in(self, states: State) -> State:
        """Return `(h, c / n, m + log n)`, 0 and minus infinity where n is 0; raises InputError."""
        self._check(states)
        h, c, n, m = states
        holds = n > 0
        divisor = torch.where(holds, n, 1.0)
        level = torch.where(holds, m + divisor.log(), -math.inf)
        return h, torch.where(holds, c / divisor, 0.0), level

    def hand_out(self, states: State) -> State:
        """Return `(h, c, 1, m)`; all but h are 0 where nothing was written."""
        h, cell, level = states
        holds = level > -math.inf
        return (
            h,
            torch.where(holds, cell, 0.0),
            holds.to(cell.dtype),
            torch.where(holds, level, 0.0),
        )

    def _check(self, states: State) -> None:
        """Raise InputError unless all have one shape and no n is below 0."""
        if len({tuple(one.shape) for one in states}) > 1:
            shapes = (f"{k} {list(v.shape)}" for k, v in zip(self.names, states, strict=True))
            raise InputError(f"SLSTM: the states must have one shape; got {', '.join(shapes)}")
        n = states[2]
        if not torch.compiler.is_compiling() and not n.is_meta and bool((n < 0).any()):
            raise InputError(
                "SLSTM: n is a sum of weights and cannot be below 0; are the states mixed up?"
            )


class SLSTM(Recurrent):
    """Layers of sLSTM (Beck et al. 2024): exponential gates, a normaliser, and heads.

    Takes the LSTM's arguments without `proj_size`, and `heads`: the units of each head see the old state
    of that head alone. `forget` is the kind of the forget gate: "sigmoid", "clamped" (its pre-activation
    is at most 15, as in tirex-ts) or "exponential". `weight_ih_l0` is `[4*H, I]` and `weight_hh_l0`
    `[4*H, D]`, D = H / heads, stacked input, forget, candidate, output gate. Gates: `keep`, `write`
    (1 - keep), `candidate`, `output`, `cell` (the normalised memory c / n), `level` (m + log n),
    `hidden`. States are `(h, c, n, m)`, `[L*D, B, H]` each, as published (`Published`); zeros are the
    same as none. Equations: `cells/slstm.py`. Raises OptionError for an unknown `forget` and for heads
    that do not divide `hidden_size`.
    """

    state_form = Published()

    def __init__(  # noqa: PLR0917 - torch's arguments are positional
        self,
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
        forget: Forget = "sigmoid",
        engine: str = "auto",
    ) -> None:
        if forget not in CELLS_BY_FORGET:
            kinds = ", ".join(map(repr, CELLS_BY_FORGET))
            raise OptionError(
                f"forget must be one of {kinds}; got {forget!r}."
                f"{nearest(str(forget), CELLS_BY_FORGET)}"
            )
        super().__init__(
            CELLS_BY_FORGET[forget],
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
            heads=heads,
            engine=engine,
        )

    def extra_repr(self) -> str:
        """Return torch's description, the heads and the kind of the forget gate, if not the usual."""
        _, _, text = super().extra_repr().partition(", ")
        kinds = {cell: forget for forget, cell in CELLS_BY_FORGET.items()}
        forget = kinds[self.mode]
        return text if forget == "sigmoid" else f"{text}, forget={forget!r}"
