"""One recurrence of the sLSTM, as gatewise and a loop in torch compute it.

Sizes: T steps, B rows, H units of all heads, D units a head.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from gatewise.nn.adapters import Adapter
from gatewise.nn.adapters.products import Products

GATES = 4


class Size(NamedTuple):
    """One layer and its batch."""

    what: str
    steps: int  # T
    rows: int  # B
    heads: int
    units: int  # H, of all heads


TIREX = [Size("TiRex", 64, rows, 4, 512) for rows in (1, 8, 64, 256)]
SIZES = [
    *TIREX,
    Size("xlstm", 100, 32, 4, 128),
    Size("xlstm", 256, 16, 4, 512),
    Size("xlstm", 200, 64, 1, 64),
]
QUICK = [Size("quick", 8, 3, 2, 16)]

Pass = Callable[[Tensor], Tensor]
"""From the products `[T, B, 4*H]` to the outputs `[T, B, H]`."""


class Held(torch.nn.Module):
    """The weights that every contestant gets: R `[heads, D seen, 4, D]`, bias `[4, heads, D]`."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        head = size.units // size.heads
        generator = torch.Generator().manual_seed(0)
        R = torch.randn(size.heads, head, GATES, head, generator=generator) / head**0.5
        self.R = torch.nn.Parameter(R)
        self.b = torch.nn.Parameter(torch.randn(GATES, size.heads, head, generator=generator))


def _heads(held: Any) -> int:
    return int(held.R.shape[0])


def _weight(held: Any) -> Tensor:
    found: Tensor = held.R.permute(2, 0, 3, 1).flatten(0, 2)
    return found


def _bias(held: Any) -> Tensor:
    found: Tensor = held.b.flatten()
    return found


def _known(_: Any) -> str:
    return ""


ADAPTER = Adapter("benchmark", __name__, "Held", "slstm", _heads, _weight, _bias, _known)


def ours(held: Held, engine: str) -> Pass:
    """Return gatewise's pass on an engine."""
    module = Products(held, ADAPTER)
    module.engine = engine
    return lambda x: module(x)[0]


def loop(held: Held) -> Pass:
    """Return a loop in torch: the published equations with one batched product a step."""

    def run(x: Tensor) -> Tensor:
        steps, rows, _ = x.shape
        heads, head = held.R.shape[:2]
        blocks = held.R.flatten(2)  # [heads, D, 4*D]
        h, c, n, m = x.new_zeros(4, rows, heads, head)
        products = x.view(steps, rows, GATES, heads, head)
        outputs = []
        for t in range(steps):
            seen = torch.bmm(h.transpose(0, 1), blocks).view(heads, rows, GATES, head)
            i, f, z, o = (products[t] + seen.permute(1, 2, 0, 3) + held.b).unbind(1)
            kept = m + logsigmoid(f)
            m = i if t == 0 else torch.maximum(kept, i)
            written, left = (i - m).exp(), (kept - m).exp()
            c, n = left * c + written * z.tanh(), left * n + written
            h = o.sigmoid() * c / n
            outputs.append(h.flatten(1))
        return torch.stack(outputs)

    return run
