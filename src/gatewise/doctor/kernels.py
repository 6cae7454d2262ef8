"""The native core beside the reference engine, on networks so small that it takes a moment."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from gatewise.nn import GRU, LSTM, RNN
from gatewise.wording import figure

SIZES = {"input_size": 3, "hidden_size": 17, "bidirectional": True}
STEPS, ROWS = 9, 5
BOUNDS = {torch.float32: 2e-5, torch.float64: 1e-12}
"""Largest difference of any value or gradient, in parts of the largest one: well above what another
order of sums gives, and far below what a wrong kernel does."""


def compare() -> tuple[dict[str, str], list[str]]:
    """Return the lines to be told, and what differs by more than rounding: empty where nothing does."""
    begun, worst, wrong = time.perf_counter(), 0.0, []
    for kind in (LSTM, GRU, RNN):
        for dtype, bound in BOUNDS.items():
            difference = _difference(kind, dtype)
            worst = max(worst, difference / bound)
            if not difference <= bound:  # NaN is wrong too
                wrong.append(f"{kind.__name__} in {str(dtype).removeprefix('torch.')}")
    seconds = time.perf_counter() - begun
    names = "LSTM, GRU and RNN, values and gradients, float32 and float64"
    verdict = "differ" if wrong else "agree with the reference engine"
    return {"run": f"{names}: {verdict} ({figure(seconds, 2)} s)"}, wrong


def _difference(kind: type[LSTM | GRU | RNN], dtype: torch.dtype) -> float:
    """Return how far results and gradients of the native core are from those of the oracle."""
    results = []
    for engine in ("native", "reference"):
        draws = torch.Generator().manual_seed(0)
        module = kind(**SIZES, engine=engine, dtype=torch.float64, device="cpu").to(dtype)
        with torch.no_grad():
            for parameter in module.parameters():
                drawn = torch.rand(
                    parameter.shape, generator=draws, dtype=torch.float64, device="cpu"
                )
                parameter.copy_(drawn - 0.5)
        x = torch.randn(STEPS, ROWS, 3, generator=draws, dtype=torch.float64, device="cpu")
        x = x.to(dtype).requires_grad_()
        output, _ = module(x)
        output.square().sum().backward()
        results.append([output.detach(), x.grad, *(one.grad for one in module.parameters())])
    return max(_apart(one, other) for one, other in zip(*results, strict=True))


def _apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max() / other.abs().max())
