"""What `gw.patch()` does to short calls: `python -m benchmarks.patched_calls`.

A patched operator goes through Python. Calls that the engine takes have to win that back, and calls
that are left to torch pay for it. Each line is the shortest of many times, in microseconds, one thread.
Sizes: T steps, B rows, H units and inputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext

import torch

import gatewise as gw

MODULES = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU, "RNN": torch.nn.RNN}
SIZES = ((1, 1, 8), (1, 1, 64), (1, 1, 256), (4, 1, 64), (16, 1, 64), (16, 16, 64))
ROUNDS, CALLS = 200, 20


def microseconds(call: Callable[[], object]) -> float:
    """Return the shortest mean time of a few calls in a row."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        best = min(best, (time.perf_counter() - start) / CALLS)
    return best * 1e6


def main() -> None:
    """Print a table of calls without gradients and with them, forward alone."""
    torch.set_num_threads(1)
    print(f"{'module':6} {'T,B,H':>10} {'gradients':>9} {'torch':>8} {'patched':>8} {'more':>7}")
    for name, kind in MODULES.items():
        for steps, rows, units in SIZES:
            model, x = kind(units, units), torch.randn(steps, rows, units)
            for gradients in (False, True):
                times = []
                with torch.set_grad_enabled(gradients):
                    for hold in (nullcontext, gw.patch):
                        with hold():
                            times.append(microseconds(lambda: model(x)))  # noqa: B023 - called at once
                size = f"{steps},{rows},{units}"
                more = times[1] - times[0]
                told = "yes" if gradients else "no"
                print(f"{name:6} {size:>10} {told:>9} {times[0]:8.1f} {times[1]:8.1f} {more:+7.1f}")


if __name__ == "__main__":
    main()
