"""The cost of gates: our module with and without them, and a loop of cells that collects cell states."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.against_peers.agreement import Results
from benchmarks.against_peers.contenders import Contender, inference, training
from benchmarks.against_peers.problem import Problem, make_problem
from benchmarks.against_peers.records import OURS, Measurement
from benchmarks.against_peers.rows import Row, flops
from benchmarks.against_peers.setting import Setting, compare

PLAIN, LOOP = "without gates", "loop of cells"


def measure(setting: Setting, cell: str, row: Row) -> Iterator[Measurement]:
    """Measure training and inference; the first side of a record is ours with gates."""
    problem = make_problem(cell, row)
    module = problem.module(setting.engine)
    # One module on both sides, so that nothing differs between them but the gates.
    contenders = (training(OURS, module, problem, gates=True), training(PLAIN, module, problem))
    expected = training("torch", problem.stock(), problem).results()
    sides = compare(contenders, expected, setting.effort)
    operations = flops(cell, row, training=True)
    yield Measurement(
        "gates train", cell, row, sides, flops=operations, peak=f"f32@{setting.threads}"
    )

    expected = inference("torch", problem.stock(), problem).results()
    plain = inference(PLAIN, module, problem)
    several = [
        inference(OURS, module, problem, gates=True),
        Contender(plain.name, plain.work, plain.results, compared=("output",)),
    ]
    if cell == "lstm":
        loop = _loop(problem)
        several.append(loop)
        expected |= loop.results()
    sides = compare(several, expected, setting.effort)
    operations = flops(cell, row, training=False)
    yield Measurement(
        "gates infer", cell, row, sides, flops=operations, peak=f"f32@{setting.threads}"
    )


def _loop(problem: Problem) -> Contender:
    """Collect every cell state the way that stock torch offers: one step at a time."""
    cell = torch.nn.LSTMCell(problem.row.I, problem.row.H)
    cell.load_state_dict({n.removesuffix("_l0"): w for n, w in problem.weights.items()})

    def work() -> list[Tensor]:
        h = c = problem.x.new_zeros(problem.row.B, problem.row.H)
        cells = []
        with torch.inference_mode():
            for x in problem.x:
                h, c = cell(x, (h, c))
                cells.append(c)
        return cells

    def results() -> Results:
        return {"cell": torch.stack(work()).numpy()}

    return Contender(LOOP, work, results, compared=("cell",))
