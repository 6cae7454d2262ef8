"""One step at a time, the state carried on: `Stream`, our cell, torch's module at T=1, torch's cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import gatewise as gw
from benchmarks.against_peers.contenders import Contender
from benchmarks.against_peers.peers import TORCH
from benchmarks.against_peers.problem import Problem, make_problem
from benchmarks.against_peers.records import OURS, Measurement
from benchmarks.against_peers.rows import Row, flops
from benchmarks.against_peers.setting import Setting, compare

CALLS = 200
"""Steps in one timed call: a step is too short for the clock."""

OUR_CELL, TORCH_CELL = "gatewise cell", "torch cell"
CELLS: dict[str, tuple[Any, Any]] = {
    "lstm": (gw.LSTMCell, torch.nn.LSTMCell),
    "gru": (gw.GRUCell, torch.nn.GRUCell),
    "rnn": (gw.RNNCell, torch.nn.RNNCell),
}


def measure(setting: Setting, cell: str, row: Row) -> Iterator[Measurement]:
    """Measure a step; the row's T is of no account."""
    row = replace(row, T=1)
    problem = make_problem(cell, replace(row, T=CALLS))
    ours, stock = CELLS[cell]
    contenders = (
        _stream(problem, setting.engine),
        _cell(f"{OUR_CELL}, {setting.engine}", ours(row.I, row.H, engine=setting.engine), problem),
        _cell(f"{OUR_CELL}, auto", ours(row.I, row.H), problem),
        _module(TORCH, problem),
        _cell(TORCH_CELL, stock(row.I, row.H), problem),
    )
    with torch.inference_mode():
        expected = {"output": problem.stock()(problem.x)[0][-1].numpy()}
    sides = compare(contenders, expected, setting.effort)
    each = tuple(
        replace(side, values=tuple(value / CALLS for value in side.values)) for side in sides
    )
    yield Measurement("step", cell, row, each, flops=flops(cell, row, training=False), peak="f32@1")


def _stream(problem: Problem, engine: str) -> Contender:
    stream = gw.Stream(problem.module(engine), batch=problem.row.B)
    steps = list(problem.x.numpy())

    def work() -> Any:
        stream.reset()
        for x in steps:
            output = stream.step(x)
        return output

    return Contender(OURS, work, lambda: {"output": np.array(work())})


def _module(name: str, problem: Problem) -> Contender:
    module = problem.stock().eval()
    steps = list(problem.x.unsqueeze(1))

    def work() -> Any:
        state = None
        with torch.inference_mode():
            for x in steps:
                output, state = module(x, state)
        return output[0]

    return Contender(name, work, lambda: {"output": work().numpy()})


def _cell(name: str, cell: Any, problem: Problem) -> Contender:
    cell.load_state_dict({n.removesuffix("_l0"): w for n, w in problem.weights.items()})
    steps = list(problem.x)

    def work() -> Any:
        state = None
        with torch.inference_mode():
            for x in steps:
                state = cell(x, state)
        return state[0] if problem.cell == "lstm" else state  # type: ignore[index]

    return Contender(name, work, lambda: {"output": work().numpy()})
