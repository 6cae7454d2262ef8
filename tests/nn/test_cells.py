"""LSTMCell, GRUCell and RNNCell against torch's, and their gates against the modules'."""

from __future__ import annotations

import pytest
import torch
from tests.nn.recurrent import B, H, I, as_hx, as_states, inputs, weighted
from tests.tolerances import assert_close64

import gatewise.nn
from gatewise.engines import ENGINES

KINDS = [
    ("LSTMCell", "LSTM", {}),
    ("GRUCell", "GRU", {}),
    ("RNNCell", "RNN", {"nonlinearity": "tanh"}),
    ("RNNCell", "RNN", {"nonlinearity": "relu"}),
]
EACH_ENGINE = pytest.mark.parametrize("engine", list(ENGINES))
ALL = pytest.mark.parametrize(("kind", "layer", "options"), KINDS)


def make(kind, engine, bias=True, **options):
    torch.manual_seed(2)
    module = getattr(gatewise.nn, kind)(
        I, H, bias=bias, dtype=torch.float64, engine=engine, **options
    )
    stock = getattr(torch.nn, kind)(I, H, bias=bias, dtype=torch.float64, **options)
    stock.load_state_dict(module.state_dict())
    return module, stock


def values_and_gradients(module, shape, state, **options):
    x = inputs(*shape, I).requires_grad_()
    count = 2 if isinstance(module, torch.nn.LSTMCell) else 1
    states = tuple(inputs(*shape, H, seed=5 + i).requires_grad_() for i in range(count))
    result = module(x, as_hx(states) if state else None, **options)
    after, gates = result if options else (result, None)
    after = as_states(after)
    loss = sum(weighted(value, seed) for seed, value in enumerate(after))
    leaves = [x, *(states if state else ()), *module.parameters()]
    return [*after, *torch.autograd.grad(loss, leaves)], gates


@ALL
@EACH_ENGINE
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_are_torchs(kind, layer, options, engine, bias) -> None:
    module, stock = make(kind, engine, bias, **options)
    for batch in (B, 1):
        for state in (True, False):
            theirs, _ = values_and_gradients(stock, (batch,), state)
            for extra in ({}, {"return_gates": True}):
                ours, _ = values_and_gradients(module, (batch,), state, **extra)
                for one, other in zip(ours, theirs, strict=True):
                    assert_close64(one, other)


@ALL
@EACH_ENGINE
def test_unbatched_steps(kind, layer, options, engine) -> None:
    module, stock = make(kind, engine, **options)
    x, h = inputs(1, I)[0], inputs(1, H)[0]
    for hx in (None, (h, 2 * h) if kind == "LSTMCell" else h):
        for one, other in zip(as_states(module(x, hx)), as_states(stock(x, hx)), strict=True):
            assert_close64(one, other)
        _, gates = module(x, hx, return_gates=True)
        assert all(value.shape == (H,) for value in gates.values())
        assert gates.lengths.tolist() == 1


@ALL
@EACH_ENGINE
def test_gates_of_steps_are_those_of_the_module(kind, layer, options, engine) -> None:
    cell, _ = make(kind, engine, **options)
    module = getattr(gatewise.nn, layer)(I, H, dtype=torch.float64, **options)
    module.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
    x = inputs(4, B, I).requires_grad_()
    _, _, gates = module(x, return_gates=True)
    hx, steps = None, []
    for t in range(4):
        hx, step = cell(x[t], hx, return_gates=True)
        steps.append(step)
    for name in gates:
        mine = torch.stack([step[name] for step in steps])
        assert_close64(mine, gates[name][0, 0], name)
        one = torch.autograd.grad(weighted(mine, 1), x, retain_graph=True)
        other = torch.autograd.grad(weighted(gates[name][0, 0], 1), x, retain_graph=True)
        assert_close64(one[0], other[0], name)
