"""Passes timed in turns in one process, after their results were compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

Pass = Callable[[Any], Tensor]

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
"""What is measured: how long a pass takes, or the processor time that it spends, on a machine in use."""

chosen = "wall"


def infer(run: Pass, x: Tensor) -> Tensor:
    """Run a pass without gradients."""
    with torch.no_grad():
        return run(x)


def train(run: Pass, x: Tensor) -> Tensor:
    """Run a pass and go backward to its weights and to its input; return the latter's gradient.

    Of a sum with random weights: behind a norm the sum of squares does not change at all, and weights
    that neighbours share next to nothing, so that what is left of the gradient would be rounding.
    """
    own = x.clone().requires_grad_()
    output = run(own)
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(2))
    (output * weights).sum().backward()  # type: ignore[no-untyped-call]
    assert own.grad is not None
    return own.grad


def medians(
    passes: Mapping[str, Pass],
    work: Callable[..., Tensor],
    x: Tensor,
    times: int,
    loose: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return the median milliseconds of each pass, taken in turns; results are compared before.

    With the first of `passes`; `loose` names those that round more, and how far apart they may be as a
    part of the largest value.
    """
    first = next(iter(passes))
    expected = work(passes[first], x)
    size = float(expected.abs().max())
    for name, run in passes.items():
        most = (loose or {}).get(name, 2e-3) * size
        torch.testing.assert_close(
            work(run, x), expected, rtol=0, atol=most, msg=f"{name} differs from {first}"
        )
    clock = CLOCKS[chosen]
    spent: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(times):
        for name, run in passes.items():
            begun = clock()
            work(run, x)
            spent[name].append(1e3 * (clock() - begun))
    return {name: statistics.median(each) for name, each in spent.items()}
