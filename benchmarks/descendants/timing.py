"""Passes timed in turns in one process, after their results were compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

Pass = Callable[[Any], Tensor]


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
    spent: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(times):
        for name, run in passes.items():
            begun = time.perf_counter()
            work(run, x)
            spent[name].append(1e3 * (time.perf_counter() - begun))
    return {name: statistics.median(each) for name, each in spent.items()}
