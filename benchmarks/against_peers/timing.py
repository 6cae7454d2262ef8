"""Paired timings: the sides take turns in one process; a call's time is the mean over its turn."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

Work = Callable[[], object]

SETTLE = 0.1
"""Seconds between turns. Thread pools spin after a call, ONNX Runtime's for some 75 ms, and the next
side must not pay for that: after 10 ms ours took 34 ms a call beside that pool, after 100 ms 18."""
SHORT = 0.1
"""Calls shorter than this, in seconds, are preceded by an uncounted one, which wakes the threads."""
LONGEST = 120.0
"""Seconds that the rounds of the slowest side may take together; fewer rounds must do, one at least."""


@dataclass(frozen=True)
class Effort:
    """How long to measure: at least `rounds` turns of each side and `seconds` in all of each."""

    rounds: int = 7
    seconds: float = 0.3


def alternate(
    sides: dict[str, Work], effort: Effort, known: Mapping[str, float] | None = None
) -> dict[str, list[float]]:
    """Return the seconds of a call of each side, one value per round; the number of rounds is odd.

    `known` has the seconds of a call that was made before, of sides that last too long to probe.
    """
    with _quiet():
        probes = {name: (known or {}).get(name) or _timed(work, 1) for name, work in sides.items()}
        rounds = _rounds(effort.rounds, max(probes.values()))
        calls = {
            name: max(1, math.ceil(effort.seconds / rounds / max(probe, 1e-9)))
            for name, probe in probes.items()
        }
        times: dict[str, list[float]] = {name: [] for name in sides}
        names = list(sides)
        for turn in range(rounds):
            first = turn % len(names)  # nobody is always the one after a certain other
            for name in names[first:] + names[:first]:
                time.sleep(SETTLE)
                if probes[name] < SHORT:
                    sides[name]()
                times[name].append(_timed(sides[name], calls[name]))
    return times


def milliseconds(times: Sequence[float]) -> str:
    """Return the median and the range of some times, such as "4.10 (3.95-4.60)"."""
    low, middle, high = min(times), statistics.median(times), max(times)
    return f"{middle * 1e3:.2f} ({low * 1e3:.2f}-{high * 1e3:.2f})"


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the median over the rounds of one side's value as a multiple of the other's."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def _rounds(wanted: int, longest: float) -> int:
    """Return the odd number of rounds that there is time for."""
    rounds = min(wanted + 1 - wanted % 2, max(1, int(LONGEST / max(longest, 1e-9))))
    return rounds - 1 + rounds % 2


def _timed(work: Work, calls: int) -> float:
    begun = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - begun) / calls


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the garbage collector out of the timings."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
