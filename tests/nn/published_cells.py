"""Cells of the shape that xlstm 2.0 and tirex-ts 1.4 publish, written anew from the equations.

Beck et al. 2024, equations 8 to 17, with the stabiliser; the packages' own parameter names and layouts.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

GATES = 4


def recurrence(x: Tensor, R: Tensor, bias: Tensor, state: Tensor, clamp: float | None) -> tuple:
    """Run `x [B, T, G, heads, D]` with `R [heads, D seen, G, D]`, `bias [G, heads, D]`."""
    batch, steps, _, heads, units = x.shape
    h, c, n, m = (part.view(batch, heads, units) for part in state)
    outputs = []
    for t in range(steps):
        pre = x[:, t] + torch.einsum("bkd,kdge->bgke", h, R) + bias
        i, f, z, o = pre.unbind(1)
        kept = m + logsigmoid(f if clamp is None else f.clamp(max=clamp))
        first = t == 0 and bool((n == 0).all())  # a rule over the whole batch, as published
        m = i if first else torch.maximum(i, kept)
        written, left = (i - m).exp(), (kept - m).exp()
        c, n = left * c + written * z.tanh(), left * n + written
        h = o.sigmoid() * c / n
        outputs.append(h)
    ends = torch.stack([part.reshape(batch, -1) for part in (h, c, n, m)])
    return torch.stack(outputs, 2), ends  # [B, heads, T, D]


class _Cell(torch.nn.Module):
    clamp: float | None = None

    def __init__(self, units: int, heads: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.config = SimpleNamespace(num_heads=heads)
        self.units, self.head = units, units // heads
        kernel = 0.5 * torch.randn(self.kernel_shape(heads), dtype=dtype)
        self._recurrent_kernel_ = torch.nn.Parameter(kernel)
        self._bias_ = torch.nn.Parameter(torch.randn(GATES * units, dtype=dtype))

    def kernel_shape(self, heads: int) -> tuple[int, ...]:
        raise NotImplementedError

    def in_order(self) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def forward(self, input: Tensor, state: Tensor | None = None, lengths: None = None) -> tuple:
        batch, heads = len(input), self.config.num_heads
        if state is None:
            state = input.new_zeros(4, batch, self.units)
        x = input.view(batch, -1, GATES, heads, self.head)
        return recurrence(x, *self.in_order(), state, self.clamp)


class sLSTMCell(_Cell):  # noqa: N801 - the package's own name
    """tirex-ts: R `[heads, D seen, G*D]`, bias flat from `[heads, G, D]`, forget clamped at 15."""

    __module__ = "tirex.models.slstm.cell"
    clamp = 15.0
    backend = "torch"

    def __init__(self, units: int, heads: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__(units, heads, dtype)
        self.config.embedding_dim = units

    def kernel_shape(self, heads: int) -> tuple[int, ...]:
        return heads, self.head, GATES * self.head

    def in_order(self) -> tuple[Tensor, Tensor]:
        heads = self.config.num_heads
        R = self._recurrent_kernel_.view(heads, self.head, GATES, self.head)
        return R, self._bias_.view(heads, GATES, self.head).transpose(0, 1)


class sLSTMCell_vanilla(_Cell):  # noqa: N801 - the package's own name
    """xlstm: R `[heads, G*D, D seen]`, bias flat from `[G, heads, D]`."""

    __module__ = "xlstm.blocks.slstm.cell"

    def __init__(self, units: int, heads: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__(units, heads, dtype)
        shapes = {"input_shape": "BSGNH", "output_shape": "BNSH"}
        vars(self.config).update(hidden_size=units, function="slstm", **shapes)

    def kernel_shape(self, heads: int) -> tuple[int, ...]:
        return heads, GATES * self.head, self.head

    def in_order(self) -> tuple[Tensor, Tensor]:
        heads = self.config.num_heads
        R = self._recurrent_kernel_.view(heads, GATES, self.head, self.head).permute(0, 3, 1, 2)
        return R, self._bias_.view(GATES, heads, self.head)


class Layer(torch.nn.Module):
    """A layer around a cell: the four projections by head, the two names swapped, and the sum."""

    def __init__(self, cell: torch.nn.Module, units: int) -> None:
        super().__init__()
        self.fgate, self.igate, self.zgate, self.ogate = (
            torch.nn.Linear(units, units, bias=False, dtype=torch.float64) for _ in range(4)
        )
        self.slstm_cell = cell

    def forward(self, x: Tensor) -> Tensor:
        gates = [gate(x) for gate in (self.fgate, self.igate, self.zgate, self.ogate)]
        out, _ = self.slstm_cell(torch.cat(gates, -1), None)
        return x + out.transpose(1, 2).flatten(2)
