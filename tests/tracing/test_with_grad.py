"""Records that keep the graph: their gradients against those through a loop of its own."""

from __future__ import annotations

import pytest
import torch
from tests.nn.recurrent import LENGTHS, B, H, I, P, T, inputs, weighted
from tests.tracing.loop import cell_gates_by_loop, gates_by_loop

import gatewise as gw
from gatewise.errors import InputError
from gatewise.nn import accelerate

FORMS = {
    "lstm": (torch.nn.LSTM, {"num_layers": 2, "bidirectional": True}),
    "projected": (torch.nn.LSTM, {"num_layers": 2, "proj_size": P}),
    "gru": (torch.nn.GRU, {"num_layers": 2, "bidirectional": True}),
    "rnn": (torch.nn.RNN, {}),
}


def gradients(gates, leaves) -> list[torch.Tensor]:
    loss = sum(weighted(gates[name], seed) for seed, name in enumerate(sorted(gates)))
    return torch.autograd.grad(loss, leaves)


def assert_same_gradients(record, oracle, leaves) -> None:
    pairs = zip(gradients(record, leaves), gradients(oracle, leaves), strict=True)
    for mine, theirs in pairs:
        assert torch.allclose(mine, theirs, rtol=1e-10, atol=1e-12)
        assert theirs.abs().max() > 1e-6


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("engine", ["stock", "native", "torch", "reference"])
@pytest.mark.parametrize("lengths", [None, list(LENGTHS)])
def test_gradients_are_those_through_a_loop(form, engine, lengths) -> None:
    torch.manual_seed(0)
    kind, options = FORMS[form]
    module = kind(I, H, dtype=torch.float64, **options)
    if engine != "stock":
        accelerate(module)
        module.engine = engine
    x = inputs(T, B, I).requires_grad_()
    places = module.num_layers * (2 if module.bidirectional else 1)
    sizes = [module.proj_size or H] + [H] * (form in ("lstm", "projected"))
    hx = [inputs(places, B, size, seed=s).requires_grad_() for s, size in enumerate(sizes, 5)]
    given = x
    if lengths is not None:
        given = torch.nn.utils.rnn.pack_padded_sequence(
            x, torch.tensor(lengths), enforce_sorted=False
        )
    with gw.trace(module, with_grad=True) as trace:
        module(given, hx[0] if len(hx) == 1 else tuple(hx))
    oracle = gates_by_loop(module, x, tuple(hx), lengths)
    assert_same_gradients(trace[""], oracle, [x, *hx, *module.parameters()])


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
@pytest.mark.parametrize("engine", ["stock", "native", "torch", "reference"])
def test_gradients_of_cells(kind, engine) -> None:
    torch.manual_seed(0)
    cell = getattr(torch.nn, kind)(I, H, dtype=torch.float64)
    if engine != "stock":
        accelerate(cell)
        cell.engine = engine
    x = inputs(T, B, I).requires_grad_()
    hx = None
    with gw.trace(cell, with_grad=True) as trace:
        for step in x:
            hx = cell(step, hx)
    assert_same_gradients(trace[""], cell_gates_by_loop(cell, x), [x, *cell.parameters()])


@pytest.mark.parametrize("engine", ["stock", "native"])
def test_a_part_in_another_precision_is_differentiable_and_the_outputs_gradient_is_the_same(
    engine,
) -> None:
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(I, H)
    if engine == "native":
        accelerate(lstm)
    x = torch.randn(T, B, I)
    lstm(x)[0].sum().backward()
    plain = [parameter.grad.clone() for parameter in lstm.parameters()]
    options = {"quantities": "forget", "units": [2], "steps": slice(1, 3), "dtype": torch.float64}
    with gw.trace(lstm, with_grad=True, **options) as trace:
        output = lstm(x)[0]
    lstm.zero_grad()
    trace[""].forget.sum().backward(retain_graph=True)
    assert lstm.weight_hh_l0.grad.abs().sum() > 0
    lstm.zero_grad()
    output.sum().backward()
    assert all(map(torch.equal, plain, [parameter.grad for parameter in lstm.parameters()]))


def test_a_cost_on_gates_trains_a_stock_model() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.LSTM(I, H))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    x, found = torch.randn(T, B, I), []
    for _ in range(20):
        with gw.trace(model, with_grad=True, quantities="input") as trace:
            model(x)
        cost = trace["0"].input.mean()
        found.append(cost.item())
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
    assert found == sorted(found, reverse=True)
    assert found[-1] < found[0] - 0.1


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_gradients_that_are_off_are_told(off) -> None:
    lstm = torch.nn.LSTM(I, H)
    refused = pytest.raises(InputError, match="with_grad=True, but gradients are off where ''")
    with refused, off(), gw.trace(lstm, with_grad=True):
        lstm(torch.randn(T, B, I))
