"""Ours against torch and the other peers: training, inference, packed sequences, bfloat16."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.against_peers.agreement import BFLOAT16, FLOAT32
from benchmarks.against_peers.contenders import Contender, inference, training
from benchmarks.against_peers.peers import PEERS, TORCH
from benchmarks.against_peers.problem import Problem, make_problem
from benchmarks.against_peers.records import OURS, Measurement, Side
from benchmarks.against_peers.rows import Row, flops
from benchmarks.against_peers.setting import Setting, attempt, compare

BFLOAT16_TORCH, FLOAT32_TORCH = "torch bf16", "torch f32"


def train(setting: Setting, cell: str, row: Row) -> Iterator[Measurement]:
    """Measure a training step on dense input."""
    yield _against(setting, make_problem(cell, row), "train")


def infer(setting: Setting, cell: str, row: Row) -> Iterator[Measurement]:
    """Measure a forward pass on dense input."""
    yield _against(setting, make_problem(cell, row), "infer")


def packed(setting: Setting, cell: str, row: Row) -> Iterator[Measurement]:
    """Measure a training step on a packed batch with lengths from T/4 to T."""
    yield _against(setting, make_problem(cell, row, packed=True), "packed")


def bf16(setting: Setting, cell: str, row: Row) -> Iterator[Measurement]:
    """Measure a training step under bfloat16 autocast against torch's in both types."""
    problem = make_problem(cell, row)
    contenders = (
        training(OURS, problem.module(setting.engine), problem, bfloat16=True),
        training(BFLOAT16_TORCH, problem.stock(), problem, bfloat16=True),
        training(FLOAT32_TORCH, problem.stock(), problem),
    )
    sides = compare(contenders, contenders[-1].results(), setting.effort, allowed=BFLOAT16)
    yield _record(setting, problem, "bf16", sides)


def _against(setting: Setting, problem: Problem, mode: str) -> Measurement:
    timed = inference if mode == "infer" else training
    stock = timed(TORCH, problem.stock(), problem)
    contenders: list[Contender | Side] = [
        timed(OURS, problem.module(setting.engine), problem),
        stock,
    ]
    for name in setting.peers:
        peer = PEERS[name]
        if mode in peer.modes:
            contenders.append(attempt(name, lambda p=peer: p.make(problem, mode, setting.threads)))  # type: ignore[misc]
    sides = compare(contenders, stock.results(), setting.effort, allowed=FLOAT32)
    return _record(setting, problem, mode, sides)


def _record(setting: Setting, problem: Problem, mode: str, sides: tuple[Side, ...]) -> Measurement:
    operations = flops(problem.cell, problem.row, training=mode != "infer", steps=problem.steps)
    peak = f"{'bf16' if mode == 'bf16' else 'f32'}@{setting.threads}"
    return Measurement(mode, problem.cell, problem.row, sides, flops=operations, peak=peak)
