"""The sLSTM against what else runs it on a CPU: `python -m benchmarks.descendants`.

What is timed is the recurrence of one layer from the products W x on, the same for all: gatewise's
native engine, its reference engine, a plain loop in torch with one batched product a step, and, where
xlstm is installed (`pip install --no-deps xlstm`), its own cell with the backend "vanilla". All get the
same weights, and no time is reported unless their results agree. The contestants alternate in one
process; the figures are medians, and ratios are to the native engine. Run it while nothing else runs.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
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


def published(held: Held, size: Size) -> Pass | None:
    """Return the pass of xlstm's own cell; None where the package is not installed."""
    try:
        module = import_module("xlstm.blocks.slstm.cell")
    except ImportError:
        return None
    options = {"backend": "vanilla", "dtype": "float32", "enable_automatic_mixed_precision": False}
    config = module.sLSTMCellConfig(hidden_size=size.units, num_heads=size.heads, **options)
    cell = module.sLSTMCell_vanilla(config)
    with torch.no_grad():
        cell._recurrent_kernel_.copy_(held.R.permute(0, 2, 3, 1).flatten(1, 2))
        cell._bias_.copy_(held.b.flatten())
    return lambda x: cell(x.transpose(0, 1))[0].permute(2, 0, 1, 3).flatten(2)


def contestants(size: Size) -> dict[str, Pass]:
    """Return every pass by name, the native one first."""
    held = Held(size)
    found = {"native": ours(held, "native"), "reference": ours(held, "reference")}
    found["torch loop"] = loop(held)
    theirs = published(held, size)
    return found if theirs is None else {**found, "xlstm": theirs}


def infer(run: Pass, x: Tensor) -> Tensor:
    """Run a pass without gradients."""
    with torch.no_grad():
        return run(x)


def train(run: Pass, x: Tensor) -> Tensor:
    """Run a pass and go backward to its weights and to its input; return the latter's gradient."""
    own = x.clone().requires_grad_()
    run(own).square().sum().backward()  # type: ignore[no-untyped-call]
    assert own.grad is not None
    return own.grad


def medians(
    passes: dict[str, Pass], work: Callable[..., Tensor], x: Tensor, times: int
) -> dict[str, float]:
    """Return the median milliseconds of each pass, taken in turns; results are compared before."""
    expected = work(passes["reference"], x)
    for name, run in passes.items():
        torch.testing.assert_close(
            work(run, x), expected, rtol=2e-3, atol=2e-3, msg=f"{name} differs"
        )
    spent: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(times):
        for name, run in passes.items():
            begun = time.perf_counter()
            work(run, x)
            spent[name].append(1e3 * (time.perf_counter() - begun))
    return {name: statistics.median(each) for name, each in spent.items()}


def row_of(size: Size, work: Callable[..., Tensor], times: int) -> str:
    """Return a row of the table: milliseconds natively, and how many times longer the others take."""
    x = torch.randn(
        size.steps, size.rows, GATES * size.units, generator=torch.Generator().manual_seed(1)
    )
    found = medians(contestants(size), work, x, times)
    native = found.pop("native")
    shape = f"{size.what} {size.steps} x {size.rows}, {size.heads} x {size.units // size.heads}"
    ratios = " | ".join(f"{value / native:.1f}" for value in found.values())
    return f"| {shape} | {work.__name__} | {native:.2f} | {ratios} |"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=7, help="how often each pass is timed")
    parser.add_argument("--quick", action="store_true", help="one tiny size: whether it runs")
    parser.add_argument("--threads", type=int, help="torch's threads; as torch has them by default")
    given = parser.parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    names = [*contestants(QUICK[0])][1:]
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.processor() or 'cpu'}"
    )
    print(
        f"\n| steps x rows, heads x units | pass | native, ms | {' | '.join(f'{n}, x' for n in names)} |"
    )
    print(f"|{'---|' * (3 + len(names))}")
    for size in QUICK if given.quick else SIZES:
        for work in (infer, train):
            print(row_of(size, work, given.times), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
