"""What the record of a recurrence costs, and what share of the processor's multiply-adds it reaches.

Sizes: T steps, B rows, H units of all heads, D units a head.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.descendants.cells import ADAPTER, GATES, Held, Pass, Size
from benchmarks.descendants.timing import infer, medians, train
from gatewise._native import peak_gflops
from gatewise.nn.adapters.products import Products

PEAKS = 30
"""How often the peak is measured: on a machine in use the best of many."""
HEADER = "steps x rows, heads x units | pass | native, ms | share of the peak | with every gate, x"


def rows_of_table(sizes: list[Size], times: int) -> Iterator[str]:
    """Return a row for each size and pass."""
    for size in sizes:
        x = torch.randn(
            size.steps, size.rows, GATES * size.units, generator=torch.Generator().manual_seed(1)
        )
        for work in (infer, train):
            found = medians(_passes(size), work, x, times)
            peak = max(peak_gflops("f32", torch.get_num_threads()) for _ in range(PEAKS))
            share = _products(size, trained=work is train) / (1e6 * found["plain"]) / peak
            name = (
                f"{size.what} {size.steps} x {size.rows}, {size.heads} x {size.units // size.heads}"
            )
            yield (
                f"| {name} | {work.__name__} | {found['plain']:.2f} | {100 * share:.0f} % | "
                f"{found['recorded'] / found['plain']:.2f} |"
            )


def _passes(size: Size) -> dict[str, Pass]:
    """Return the pass as it is, and with its gates returned."""
    module = Products(Held(size), ADAPTER)
    module.engine = "native"

    def recorded(x: Tensor) -> Tensor:
        output, _, gates = module(x, return_gates=True)
        assert gates.keep.shape[-1] == size.units
        found: Tensor = output
        return found

    return {"plain": lambda x: module(x)[0], "recorded": recorded}


def _products(size: Size, *, trained: bool) -> int:
    """Return the operations of the recurrent products: h's gradient and R's are as dear as the step."""
    step = 2 * GATES * size.units * (size.units // size.heads)
    return step * size.steps * size.rows * (3 if trained else 1)
