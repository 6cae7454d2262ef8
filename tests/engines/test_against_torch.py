"""Values and every gradient against torch's own modules, for the whole cross product of options."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import pytest
import torch
from tests.nn.recurrent import Call, P, build, run, stock_of
from tests.tolerances import assert_close32, assert_close64

from gatewise.engines import ENGINES

CELLS = [("lstm", 0), ("lstm", P), ("gru", 0), ("rnn_tanh", 0), ("rnn_relu", 0)]
OPTIONS = list(
    itertools.product(
        CELLS,
        (1, 2),  # layers
        (False, True),  # bidirectional
        (True, False),  # bias
        (False, True),  # batch_first
    )
)
CALLS = [Call(form, state) for form in ("dense", "packed", "unbatched") for state in (False, True)]


def name_of(options: tuple[Any, ...]) -> str:
    (cell, projection), layers, bidirectional, bias, batch_first = options
    words = [cell, f"{layers}layer"]
    words += ["proj"] if projection else []
    words += ["bi"] if bidirectional else []
    words += [] if bias else ["nobias"]
    words += ["batch_first"] if batch_first else []
    return "-".join(words)


def build_case(options: tuple[Any, ...]) -> Any:
    (cell, projection), layers, bidirectional, bias, batch_first = options
    torch.manual_seed(layers)
    extra = {"proj_size": projection} if projection else {}
    return build(
        cell,
        num_layers=layers,
        bidirectional=bidirectional,
        bias=bias,
        batch_first=batch_first,
        **extra,
    )


@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
@pytest.mark.parametrize("call", CALLS, ids=lambda c: f"{c.form}-{'state' if c.state else 'zeros'}")
def test_float64_equals_torch(options: tuple[Any, ...], call: Call) -> None:
    module = build_case(options)
    theirs = run(stock_of(module), call)
    module.engine = "torch"
    exactly_stock = run(module, call)
    for name, value in theirs.items():
        assert torch.equal(exactly_stock[name], value), name
    by_gates = {}
    for engine in ENGINES:
        module.engine = engine
        for gates in (False, True):
            own = run(module, call, gates=gates)
            assert set(own) >= set(theirs)
            for name, value in theirs.items():
                assert_close64(own[name], value, f"{engine}, gates={gates}: {name}")
        # The gates themselves, and the gradient of a loss on all of them.
        by_gates[engine] = run(module, call, gates=True, loss="gates")
    for engine, own in by_gates.items():
        assert set(own) == set(by_gates["reference"])
        for name, value in by_gates["reference"].items():
            assert_close64(own[name], value, f"{engine}: {name}")


# Which axis comes first changes no rounding, and the test above has both.
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(options, marks=pytest.mark.full) if options[-1] else options
        for options in OPTIONS
    ],
    ids=name_of,
)
@pytest.mark.parametrize("call", CALLS, ids=lambda c: f"{c.form}-{'state' if c.state else 'zeros'}")
def test_float32_errs_no_more_than_torch(options: tuple[Any, ...], call: Call) -> None:
    module = build_case(options).float()
    stock = stock_of(module)
    with warnings.catch_warnings():
        # torch says once that oneDNN has no projections, and takes its other kernel.
        warnings.filterwarnings("ignore", message="LSTM with projections is not supported")
        theirs = run(stock, call)
        results = {}
        for engine in ENGINES:
            module.engine = engine
            results[engine] = run(module, call, gates=True)
    exact = run(module.double(), call, gates=True)
    for engine, own in results.items():
        for name, value in theirs.items():
            # Other roundings than torch's need another yardstick: see tests/tolerances.py.
            other = engine == "native"
            yardstick = yardstick_of_call(theirs, exact, name) if other else value
            assert_close32(own[name], yardstick, exact[name], f"{engine}: {name}")
        for name in exact.keys() - theirs.keys():  # torch has no gates: its output is the scale
            assert_gate_close32(own[name], theirs, exact, f"{engine}: {name}")


def yardstick_of_call(
    theirs: dict[str, torch.Tensor], exact: dict[str, torch.Tensor], name: str
) -> torch.Tensor:
    """Return `exact[name]`, off by torch's worst error in any result of this call, per 1 + |value|."""
    worst = max(
        ((theirs[key].double() - exact[key]).abs() / (1 + exact[key].abs())).max() for key in theirs
    )
    return (exact[name] + worst * (1 + exact[name].abs())).float()


def assert_gate_close32(
    own: torch.Tensor, theirs: dict[str, torch.Tensor], exact: dict[str, torch.Tensor], what: str
) -> None:
    """Measure a gate's error by torch's own error in its output and states."""
    errors = [
        (theirs[key].double() - exact[key]).abs().max()
        for key in theirs
        if key == "output" or key.startswith("state")
    ]
    name = what.partition(": ")[2]
    shifted = torch.where(exact[name].isnan(), exact[name], exact[name] + max(errors))
    yardstick = shifted.float()
    assert_close32(own, yardstick, exact[name], what)
