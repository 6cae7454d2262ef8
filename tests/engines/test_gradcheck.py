"""First and second derivatives against finite differences, of values and of gates.

Along random directions, which takes a tenth of the time and misses a wrong derivative only where a
direction happens to be blind to it; those marked "full" take every entry of the Jacobian.
"""

from __future__ import annotations

import pytest
import torch
from tests.nn.recurrent import (
    RUNS,
    STOCK,
    Call,
    as_hx,
    as_states,
    build,
    inputs,
    run,
    states_for,
)
from tests.tolerances import assert_close64
from torch import Tensor
from torch.func import functional_call

from gatewise.cells import CELLS
from gatewise.engines import ENGINES

T, B, I, H = 3, 2, 2, 2  # noqa: E741 - finite differences are many passes: small
LENGTHS = [3, 1]
WAYS = pytest.mark.parametrize(
    "fast", [True, pytest.param(False, marks=pytest.mark.full)], ids=["directions", "entries"]
)


def function_of(cell: str, engine: str, **options):
    """Return a function of the input, the states and every parameter, and where to take it."""
    torch.manual_seed(1)
    module = build(cell, I, H, engine=engine, bidirectional=True, **options)
    names = [name for name, _ in module.named_parameters()]
    states = states_for(module, B)

    def function(x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        hx, parameters = as_hx(rest[: len(states)]), rest[len(states) :]
        output, after, gates = functional_call(
            module,
            dict(zip(names, parameters, strict=True)),
            (x, hx),
            {"return_gates": True, "lengths": LENGTHS},
        )
        return (output, *as_states(after), *(g[~g.isnan()] for g in gates.values()))

    where = [inputs(T, B, I), *states, *(p.detach().clone() for p in module.parameters())]
    return function, tuple(tensor.requires_grad_() for tensor in where)


@WAYS
@pytest.mark.parametrize(("cell", "engine"), RUNS)
def test_first_derivatives(cell: str, engine: str, fast: bool) -> None:
    function, where = function_of(cell, engine)
    assert torch.autograd.gradcheck(function, where, fast_mode=fast)


@WAYS
@pytest.mark.parametrize("engine", list(ENGINES))
def test_first_derivatives_with_projection(engine: str, fast: bool) -> None:
    function, where = function_of("lstm", engine, proj_size=1)
    assert torch.autograd.gradcheck(function, where, fast_mode=fast)


@WAYS
@pytest.mark.parametrize("cell", [cell for cell, engine in RUNS if engine == "reference"])
def test_second_derivatives_of_the_oracle(cell: str, fast: bool) -> None:
    function, where = function_of(cell, "reference")
    assert torch.autograd.gradgradcheck(function, where, fast_mode=fast)


@pytest.mark.parametrize("form", ["dense", "packed"])
@pytest.mark.parametrize(
    ("cell", "gate"), [(cell, gate) for cell in STOCK for gate in CELLS[cell].recorded]
)
def test_gradient_through_each_gate_is_the_oracles(cell: str, gate: str, form: str) -> None:
    torch.manual_seed(0)
    module = build(cell, num_layers=2, bidirectional=True, engine="torch")
    fused = run(module, Call(form, state=True), gates=True, loss=gate)
    module.engine = "reference"
    oracle = run(module, Call(form, state=True), gates=True, loss=gate)
    assert fused.keys() == oracle.keys()
    for name, value in oracle.items():
        assert_close64(fused[name], value, name)
