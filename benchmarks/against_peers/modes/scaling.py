"""Ours against itself: on all threads and on one, and at odd sizes against the next even ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from benchmarks.against_peers.contenders import Contender, inference, training
from benchmarks.against_peers.machine import torch_threads
from benchmarks.against_peers.problem import make_problem
from benchmarks.against_peers.records import OURS, Measurement, Side
from benchmarks.against_peers.rows import Row, flops, next_even
from benchmarks.against_peers.setting import Setting, compare
from benchmarks.against_peers.timing import alternate

ONE, EVEN = "one thread", "next even size"
TIMED = {"train": training, "infer": inference}


def threads(setting: Setting, cell: str, row: Row) -> Iterator[Measurement]:
    """Measure training and inference on all threads and on one."""
    problem = make_problem(cell, row)
    for kind, timed in TIMED.items():
        module = problem.module(setting.engine)
        contenders = (
            _on(setting.threads, timed(OURS, module, problem)),
            _on(1, timed(ONE, module, problem)),
        )
        with torch_threads(setting.threads):  # and back again, whoever was the last
            expected = timed("torch", problem.stock(), problem).results()
            sides = compare(contenders, expected, setting.effort)
        operations = flops(cell, row, training=kind == "train")
        peak = f"f32@{setting.threads}"
        yield Measurement(f"threads {kind}", cell, row, sides, flops=operations, peak=peak)


def odd(setting: Setting, cell: str, row: Row) -> Iterator[Measurement]:
    """Measure an odd size beside the next even one, whose time is scaled to the same operations."""
    even = next_even(row)
    problem, companion = make_problem(cell, row), make_problem(cell, even)
    for kind, timed in TIMED.items():
        is_training = kind == "train"
        odd_one = timed(OURS, problem.module(setting.engine), problem)
        next_one = timed(EVEN, companion.module(setting.engine), companion)
        expected = timed("torch", problem.stock(), problem).results()
        sides = compare((odd_one,), expected, replace(setting.effort, rounds=1, seconds=0.0))
        operations = flops(cell, row, training=is_training)
        if sides[0].refused is None:
            share = operations / flops(cell, even, training=is_training)
            times = alternate({OURS: odd_one.work, EVEN: next_one.work}, setting.effort)
            sides = (
                replace(sides[0], values=tuple(times[OURS])),
                Side(EVEN, tuple(value * share for value in times[EVEN])),
            )
        notes = {"even": str(even)}
        peak = f"f32@{setting.threads}"
        yield Measurement(f"odd {kind}", cell, row, sides, flops=operations, peak=peak, notes=notes)


def _on(count: int, contender: Contender) -> Contender:
    def on(work: Callable[[], object]) -> Callable[[], object]:
        def worked() -> object:
            if torch.get_num_threads() != count:
                torch.set_num_threads(count)
            return work()

        return worked

    return replace(contender, work=on(contender.work))
