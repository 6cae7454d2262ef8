"""Paired timings: the sides take turns in one process, and medians and their ratio are reported."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch


def alternate(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return `rounds` times in seconds of each side; one round each goes before, uncounted."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for run in range(rounds + 1):
        for name, work in sides.items():
            begun = time.perf_counter()
            work()
            if run:
                times[name].append(time.perf_counter() - begun)
    return times


def milliseconds(times: list[float]) -> str:
    """Return the median and the range of some times, such as "4.10 (3.95-4.60)"."""
    low, middle, high = min(times), statistics.median(times), max(times)
    return f"{middle * 1e3:.2f} ({low * 1e3:.2f}-{high * 1e3:.2f})"


def ratio(one: list[float], other: list[float]) -> float:
    """Return the median over the rounds of one side's time as a share of the other's."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def machine() -> str:
    """Return the machine, threads and versions that figures depend on, in one line."""
    return (
        f"{_processor()}, {os.cpu_count()} CPUs, {torch.get_num_threads()} torch threads; torch "
        f"{torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
