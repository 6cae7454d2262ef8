"""Peak memory: of a training step against torch's, and of a very long sequence within a budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple

from benchmarks.against_peers.children import run_child
from benchmarks.against_peers.peers import TORCH
from benchmarks.against_peers.records import OURS, Measurement, Side
from benchmarks.against_peers.rows import Row, flops
from benchmarks.against_peers.setting import Setting

BUDGET = 256 * 2**20
"""Bytes that the long sequence may keep for its backward pass."""


def step(setting: Setting, cell: str, row: Row) -> Iterator[Measurement]:
    """Measure how far a training step raises the resident set, ours and torch's in own processes."""
    sides = []
    for name, engine in ((OURS, setting.engine), (TORCH, None)):
        found = run_child(
            task="step", threads=setting.threads, engine=engine, cell=cell, row=astuple(row)
        )
        sides.append(Side(name, tuple(map(float, found["bytes"]))))
    yield Measurement("memory", cell, row, tuple(sides), unit="bytes")


def long(setting: Setting, cell: str, row: Row) -> Iterator[Measurement]:
    """Measure a very long sequence: time, peak of the whole process, and whether budgets matter."""
    # A process for each budget: the high-water mark of one process never falls.
    found = {
        budget: run_child(
            task="long",
            threads=setting.threads,
            engine=setting.engine,
            cell=cell,
            row=astuple(row),
            max_memory=budget,
        )
        for budget in (BUDGET, "sqrt", None)
    }
    first = found[BUDGET]
    notes = {
        "max_memory": BUDGET,
        "peak_bytes": max(found[BUDGET]["bytes"], found["sqrt"]["bytes"]),
        "peak_bytes_without": found[None]["bytes"],
        "seconds_sqrt": found["sqrt"]["seconds"],
        "seconds_without": found[None]["seconds"],
        "equal": len({each["digest"] for each in found.values()}) == 1,
        "finite": all(each["finite"] for each in found.values()),
    }
    yield Measurement(
        "long",
        cell,
        row,
        (Side(OURS, (first["seconds"],)),),
        flops=flops(cell, row, training=True),
        peak=f"f32@{setting.threads}",
        notes=notes,
    )
