"""Which sizes of a call the native core is faster at than torch's own pass: a table, from measurement.

The core packs the weights into its own layout at each call, which takes as long as some steps. torch's
LSTM does likewise; its GRU and RNN do not, but pay for each step apart. So the core wins from some
steps on, the sooner the fewer the weights. Rows are what it shares between threads: with a single row of
a wide layer it has one thread where torch has all. `RULES` says from how many on; it is read off the
grid of `benchmarks/never_slower.py`, as docs/benchmarks.md tells.

Nothing but sizes counts, neither threads nor load nor time: equal calls run on equal engines and
give equal bits. Sizes: T steps, B rows, I inputs, H hidden units, G gates, L layers, D directions.
"""

from __future__ import annotations

from functools import lru_cache
from math import inf
from typing import NamedTuple

from gatewise.cells import CELLS


class Workload(NamedTuple):
    """How much a call of a network asks for."""

    steps: int  # T
    rows: int  # B
    weights: int  # of a layer and direction, on the mean: see weights_of
    training: bool  # whether a backward pass may follow
    packed: bool = False  # whether the rows come packed, in torch's PackedSequence


class Least(NamedTuple):
    """From where on the core is at least as fast, for layers of no more than so many weights."""

    weights: float
    steps: int  # T
    rows: int  # B
    row_steps: int  # T * B


_LSTM = (
    (Least(150_000, 1, 1, 1), Least(5_000_000, 16, 16, 256), Least(inf, 16, 64, 1024)),
    (
        Least(4_000, 4, 1, 4),
        Least(150_000, 1, 1, 1),
        Least(1_600_000, 2, 16, 32),
        Least(inf, 2, 4, 8),
    ),
)
_GRU = (
    (Least(150_000, 4, 1, 8), Least(400_000, 16, 4, 64), Least(inf, 8, 4, 32)),
    (
        Least(30_000, 3, 1, 3),
        Least(300_000, 4, 1, 4),
        Least(400_000, 16, 1, 16),
        Least(inf, 8, 1, 16),
    ),
)
_RNN = (
    (Least(120_000, 12, 1, 12), Least(300_000, 8, 4, 32), Least(inf, 16, 4, 64)),
    (Least(140_000, 6, 1, 6), Least(600_000, 8, 1, 16), Least(inf, 8, 1, 64)),
)
PACKED_STEPS = 8
"""Steps that the map of packed rows costs the core at each call: so many more are asked for."""

RULES = {"lstm": _LSTM, "gru": _GRU, "rnn_tanh": _RNN, "rnn_relu": _RNN}
"""By cell: the rules without, and those with a backward pass, by rising number of weights."""


def weights_of(cell: str, inputs: int, hidden: int, layers: int, directions: int) -> int:
    """Return the weights of a layer and direction, on the mean over the layers of a network.

    Biases are left out, and a projection counts as if it were none.
    """
    upper = (layers - 1) * (directions + 1) * hidden
    return len(CELLS[cell].packing) * hidden * (inputs + hidden + upper) // layers


def rule_for(cell: str, weights: int, training: bool) -> Least:
    """Return the rule that holds for layers of so many weights."""
    for rule in RULES[cell][training]:
        if weights <= rule[0]:
            return rule
    raise AssertionError(f"the last rule of {cell!r} has no bound")


def is_native(rule: Least, steps: int, rows: int, *, packed: bool = False) -> bool:
    """Tell whether the core takes a call of these sizes; one without rows is the core's."""
    _, least, least_rows, least_row_steps = rule
    if packed:
        least += PACKED_STEPS
    row_steps = steps * rows
    return (
        steps >= least and rows >= least_rows and row_steps >= least_row_steps
    ) or row_steps == 0


def settled_for(cell: str, weights: int, steps: int, rows: int) -> str:
    """Return the engine of all calls of a fit on batches of these sizes, and of what it has fitted.

    A cell that torch does not have runs on the core whatever the size, or where that has not got it
    either, on the reference engine.
    """
    if cell not in RULES:
        return "reference" if CELLS[cell].saved is None else "native"
    return "native" if is_native(rule_for(cell, weights, training=True), steps, rows) else "torch"


@lru_cache(maxsize=4096)
def takes(  # noqa: PLR0917 - keywords make the call of a cached function slower
    cell: str,
    inputs: int,
    hidden: int,
    layers: int,
    bidirectional: bool,
    training: bool,
    steps: int,
    rows: int,
    packed: bool,
) -> bool:
    """Tell whether the core takes a call; remembered, and so for calls that no compiler traces."""
    weights = weights_of(cell, inputs, hidden, layers, 2 if bidirectional else 1)
    return is_native(rule_for(cell, weights, training), steps, rows, packed=packed)


def why_torch(cell: str, work: Workload) -> str:
    """Return why torch's own pass takes a call for its size, or an empty string."""
    rule = rule_for(cell, work.weights, work.training)
    if is_native(rule, work.steps, work.rows, packed=work.packed):
        return ""
    mode = "training" if work.training else "inference"
    bounds = [_count(rule.steps + PACKED_STEPS * work.packed, "step")]
    if rule.rows > 1:
        bounds.append(_count(rule.rows, "row"))
    if rule.row_steps > rule.steps * rule.rows:
        bounds.append(f"{_count(rule.row_steps, 'step')} of all rows together")
    return (
        f"{mode} with {work.weights} weights a layer is faster natively from {' and '.join(bounds)} "
        f"on; this call has {_count(work.steps, 'step')} of "
        f"{_count(work.rows, 'packed row' if work.packed else 'row')}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
