"""The sLSTM layer of tirex-2 0.4, whose recurrence is a function of flashrnn's.

The layer keeps its projections, of which the ones named `fgate` and `igate` are swapped, its norm and
its dropout. A whole sequence from no state goes through projections and recurrence in one pass; else
`recurrence` alone, from the projections to the outputs, runs on gatewise's engines. There n is at least
1, which it is after any step from a fresh state; a call from a state with less goes to the package.
Sizes: B rows, T steps, H units, G gates, D units a head.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from gatewise.nn.adapters.adapter import Adapter
from gatewise.nn.adapters.projected import norm_by_head, through
from gatewise.nn.adapters.turned import Turned, run, split, takes
from gatewise.nn.adapters.xlstm import GATES, heads_of, missing, unlike

LEAST = 1.0
"""The least n of a state that flashrnn hands out."""


class TurnedLayer(Turned):
    """A layer that hands the projections' outputs to its own `recurrence`."""

    child: ClassVar = "cell"  # `recurrence` is the package's name of a method
    dropout: torch.nn.Module
    group_norm: torch.nn.Module

    def forward(self, x: Tensor, **options: Any) -> Any:
        """Run `x [B, T, H]` to `[B, T, H]`."""
        products = self._products()
        y = through(products, self, x)
        if y is None:
            return super().forward(x, **options)
        y = self.dropout(y)
        normed = norm_by_head(self.group_norm, "MultiHeadLayerNorm", y, products.heads)
        return self.group_norm(split(y, products.heads)) if normed is None else normed

    def recurrence(self, Wx: Tensor, states: Tensor | None = None) -> Any:
        """Run `Wx [B, T, G, heads, D]` from `states [4, B, 1, heads, D]`.

        Returns the outputs as `[1, B, T, heads, D]`, where the package returns all four states of every
        step, of which its layer takes the first; and the states after the last step.
        """
        products = self._products()
        flat = None if states is None else states[:, :, 0].flatten(2)
        if not takes(products, Wx, flat, LEAST):
            return super().recurrence(Wx, states)  # type: ignore[misc]
        output, end = run(products, Wx.flatten(2), flat)
        outputs, ends = split(output, products.heads), split(end, products.heads)
        return outputs[None].to(Wx.dtype), ends[:, :, None].to(Wx.dtype)


def _why_not(layer: Any) -> str:
    wanted = {
        "backend": "vanilla",
        "function": "slstm",
        "recurrent_shape": "HPGD",
        "bias_shape": "HGD",
    }
    if lost := unlike(layer, wanted, "embedding_dim"):
        return lost
    heads = heads_of(layer)
    each = int(layer.config.embedding_dim) // heads
    return missing(layer, (heads, each, GATES, each), (heads, GATES, each))


def _weight_hh(layer: Any) -> Tensor:
    kernel = layer._recurrent_kernel_  # [heads, D seen, G, D]
    found: Tensor = kernel.permute(2, 0, 3, 1).flatten(0, 2)
    return found


def _bias(layer: Any) -> Tensor:
    found: Tensor = layer._bias_.transpose(0, 1).flatten()  # of [heads, G, D]
    return found


TIREX2 = Adapter(
    package="tirex-2",
    module="tirex2.",
    kind="sLSTMFlashRNNLayer",
    cell="slstm",
    heads=heads_of,
    weight_hh=_weight_hh,
    bias=_bias,
    why_not=_why_not,
    turned=TurnedLayer,
)
