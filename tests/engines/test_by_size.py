"""The table by which `auto` chooses between the core and torch's pass, and what it depends on."""

from __future__ import annotations

from itertools import pairwise, product
from math import inf

import pytest
import torch
from tests.nn.recurrent import STOCK

from benchmarks.against_peers.rows import MAIN
from gatewise.cells import CELLS
from gatewise.engines import by_size, choose
from gatewise.engines.by_size import PACKED_STEPS, RULES, Workload, weights_of
from gatewise.engines.fused import PASSES

LIKE = torch.zeros(1)


def engine(cell: str, steps: int, rows: int, weights: int, *, training: bool) -> str:
    return choose("auto", CELLS[cell], LIKE, Workload(steps, rows, weights, training)).name


@pytest.mark.parametrize(
    ("cell", "training", "sizes"),
    [
        # Slower on the core in measurement, or single rows of wide layers.
        ("gru", False, (1, 1, 256, 1024)),
        ("gru", False, (1, 1, 256, 512)),
        ("gru", False, (1, 32, 256, 512)),
        ("gru", True, (1, 1, 256, 1024)),
        ("gru", False, (1, 1, 16, 16)),
        ("lstm", False, (1, 1, 256, 512)),
        ("lstm", False, (16, 1, 256, 256)),
        ("lstm", True, (1, 1, 256, 256)),
        ("rnn_tanh", False, (1, 1, 16, 16)),
        ("rnn_tanh", False, (16, 1, 1024, 1024)),
        ("rnn_relu", True, (2, 1, 256, 256)),
    ],
)
def test_small_calls_of_wide_layers_are_torchs(cell, training, sizes) -> None:
    steps, rows, inputs, hidden = sizes
    weights = weights_of(cell, inputs, hidden, 1, 1)
    assert engine(cell, steps, rows, weights, training=training) == "torch"


@pytest.mark.parametrize("cell", RULES)
@pytest.mark.parametrize("row", MAIN, ids=str)
def test_the_main_rows_of_the_benchmark_are_the_cores(cell, row) -> None:
    weights = weights_of(cell, row.I, row.H, 1, 1)
    for training in (False, True):
        assert engine(cell, row.T, row.B, weights, training=training) == "native"


@pytest.mark.parametrize(("cell", "training"), [*product(RULES, (False, True))])
def test_both_sides_of_every_rule(cell, training) -> None:
    for rule, weights in zip(
        RULES[cell][training], weights_between(RULES[cell][training]), strict=True
    ):
        rows = max(rule.rows, -(-rule.row_steps // rule.steps))
        assert engine(cell, rule.steps, rows, weights, training=training) == "native"
        if rule.steps > 1:
            assert engine(cell, rule.steps - 1, 10_000, weights, training=training) == "torch"
        if rows > 1:
            assert engine(cell, rule.steps, rows - 1, weights, training=training) == "torch"


def weights_between(rules: tuple[by_size.Least, ...]) -> list[int]:
    """Return for each rule the most weights that it is for."""
    return [10**9 if rule.weights == inf else int(rule.weights) for rule in rules]


@pytest.mark.parametrize(("cell", "training"), [*product(RULES, (False, True))])
def test_the_rules_rise_and_the_last_has_no_bound(cell, training) -> None:
    rules = RULES[cell][training]
    assert all(one.weights < other.weights for one, other in pairwise(rules))
    assert rules[-1].weights == inf


def test_every_cell_of_the_core_that_torch_has_too_has_rules() -> None:
    assert set(RULES) == {name for name in PASSES if CELLS[name].saved is not None}


@pytest.mark.parametrize("cell", RULES)
@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (1, 2), (3, 1), (2, 2)])
def test_weights_are_those_of_torchs_module_on_the_mean(cell, layers, directions) -> None:
    options = {"nonlinearity": cell.removeprefix("rnn_")} if cell.startswith("rnn") else {}
    module = STOCK[cell](7, 12, layers, bidirectional=directions == 2, bias=False, **options)
    every = sum(weight.numel() for weight in module.parameters())
    assert weights_of(cell, 7, 12, layers, directions) == every // (layers * directions)


def test_the_reason_says_from_where_on_and_what_is_here() -> None:
    choice = choose("auto", CELLS["gru"], LIKE, Workload(1, 1, 4_000_000, training=False))
    assert choice.reason == (
        "torch's fused pass runs the cell 'gru': inference with 4000000 weights a layer is faster "
        "natively from 8 steps and 4 rows on; this call has 1 step of 1 row"
    )
    choice = choose("auto", CELLS["rnn_relu"], LIKE, Workload(16, 1, 10**7, training=True))
    assert choice.reason.endswith(
        "from 8 steps and 64 steps of all rows together on; this call has 16 steps of 1 row"
    )
    choice = choose("auto", CELLS["lstm"], LIKE, Workload(3, 2, 1000, training=True))
    assert choice.reason.endswith(
        "training with 1000 weights a layer is faster natively from 4 steps on; "
        "this call has 3 steps of 2 rows"
    )


def test_packed_rows_ask_for_more_steps() -> None:
    for steps, expected in ((1 + PACKED_STEPS, "native"), (PACKED_STEPS, "torch")):
        work = Workload(steps, 16, 20_000, training=False, packed=True)
        choice = choose("auto", CELLS["lstm"], LIKE, work)
        assert choice.name == expected
    assert choice.reason.endswith("from 9 steps on; this call has 8 steps of 16 packed rows")


def test_threads_change_nothing() -> None:
    works = [
        Workload(*sizes) for sizes in product((1, 4, 16), (1, 16), (1000, 10**6), (False, True))
    ]
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append([choose("auto", CELLS[c], LIKE, w) for c in RULES for w in works])
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]
    assert {choice.name for choice in found[0]} == {"native", "torch"}


def test_what_is_named_or_settled_runs_at_any_size() -> None:
    small, large = Workload(1, 1, 10**6, training=False), Workload(100, 100, 10**6, training=False)
    for work in (small, large):
        for name in ("native", "torch", "reference"):
            assert choose(name, CELLS["lstm"], LIKE, work).name == name
        for name in ("native", "torch"):
            assert choose("auto", CELLS["lstm"], LIKE, work, settled=name).name == name
    # What the core cannot run goes to torch all the same.
    assert choose("auto", CELLS["lstm"], LIKE.half(), large, settled="native").name == "torch"
