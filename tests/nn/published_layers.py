"""Layers of the shape that tirex-ts 1.4 and tirex-2 0.4 publish, written anew.

The projections named `fgate` and `igate` are swapped in both: the order of the stack says what is which.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from tests.nn.published_cells import GATES, recurrence, sLSTMCell
from torch import Tensor
from torch.nn.functional import group_norm

NAMES = ("fgate", "igate", "zgate", "ogate")


class LinearHeadwiseExpand(torch.nn.Module):
    """A linear map of each head's part of the input, to as many units."""

    def __init__(self, units: int, heads: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(
            torch.randn(heads, units // heads, units // heads, dtype=dtype)
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = x.unflatten(-1, (len(self.weight), -1))
        return torch.einsum("...hd,hod->...ho", parts, self.weight).flatten(-2)


class _Projecting(torch.nn.Module):
    def project(self, units: int, heads: int, dtype: torch.dtype) -> None:
        for name in NAMES:
            setattr(self, name, LinearHeadwiseExpand(units, heads, dtype))

    def products(self, x: Tensor) -> list[Tensor]:
        return [getattr(self, name)(x) for name in NAMES]


class sLSTMLayer(_Projecting):  # noqa: N801 - the package's own name
    """tirex-ts: a cell of its own, and torch's group norm with 1 + weight."""

    __module__ = "tirex.models.slstm.layer"

    def __init__(self, units: int, heads: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.project(units, heads, dtype)
        self.slstm_cell = sLSTMCell(units, heads, dtype)
        self.group_norm = _GroupNorm(units, heads, dtype)

    def forward(self, x: Tensor, slstm_state: Tensor | None = None) -> Tensor:
        y, _ = self.slstm_cell(torch.cat(self.products(x), -1), slstm_state)
        return self.group_norm(y).transpose(1, 2).flatten(2)


class _GroupNorm(torch.nn.Module):
    def __init__(self, units: int, heads: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.heads = heads
        self.weight = torch.nn.Parameter(torch.randn(units, dtype=dtype))

    def forward(self, y: Tensor) -> Tensor:  # [B, heads, T, D]
        flat = y.transpose(1, 2).flatten(0, 1).flatten(1)
        normed = group_norm(flat, self.heads, 1 + self.weight)
        return normed.view(y.shape[0], y.shape[2], self.heads, -1).transpose(1, 2)


class sLSTMFlashRNNLayer(_Projecting):  # noqa: N801 - the package's own name
    """tirex-2: the recurrence is a method; R `[heads, D seen, G, D]`, bias `[heads, G, D]`."""

    __module__ = "tirex2.model.component.flashrnn_slstm"

    def __init__(self, units: int, heads: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        head = units // heads
        form = {"recurrent_shape": "HPGD", "bias_shape": "HGD", "embedding_dim": units}
        self.config = SimpleNamespace(num_heads=heads, backend="vanilla", function="slstm", **form)
        self.project(units, heads, dtype)
        kernel = 0.5 * torch.randn(heads, head, GATES, head, dtype=dtype)
        self._recurrent_kernel_ = torch.nn.Parameter(kernel)
        self._bias_ = torch.nn.Parameter(torch.randn(heads, GATES, head, dtype=dtype))
        self.dropout = torch.nn.Dropout(0.0)
        self.group_norm = MultiHeadLayerNorm(units, dtype)

    def recurrence(self, products: Tensor, states: Tensor | None = None) -> Any:
        batch, _, _, heads, head = products.shape
        if states is None:
            states = products.new_zeros(4, batch, heads * head)
        R, bias = self._recurrent_kernel_, self._bias_.transpose(0, 1)
        output, ends = recurrence(products, R, bias, states, None)
        return output.transpose(1, 2)[None], ends

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        products = torch.stack(self.products(x), 2)
        heads = self.config.num_heads
        y, _ = self.recurrence(products.unflatten(-1, (heads, -1)))
        return self.group_norm(self.dropout(y[0]))


class MultiHeadLayerNorm(torch.nn.Module):
    """Each head centred and scaled, then a weight for each unit."""

    eps = 1e-6

    def __init__(self, units: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(units, dtype=dtype))

    def forward(self, y: Tensor) -> Tensor:  # [B, T, heads, D]
        centred = y - y.mean(-1, keepdim=True)
        scaled = centred * torch.rsqrt(y.var(-1, keepdim=True, unbiased=False) + self.eps)
        return scaled.flatten(2) * self.weight
