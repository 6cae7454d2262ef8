"""A gatewise module hands over the gates of its own pass, and nothing else changes."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from tests.nn.recurrent import LENGTHS, B, H, I, T, inputs
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise as gw
from gatewise.engines import ENGINES
from gatewise.nn.watching import watchers_of


@pytest.fixture
def passes(monkeypatch) -> list[bool]:
    """Note, of each pass of an engine, whether it was asked for gates."""
    seen: list[bool] = []
    for name in ("native", "reference"):
        engine = ENGINES[name]

        def counted(*given, gates, run=engine.run, **options):
            seen.append(gates)
            return run(*given, gates=gates, **options)

        monkeypatch.setitem(ENGINES, name, replace(engine, run=counted, run_plain=None))
    return seen


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_one_pass_is_all_there_is(engine, passes) -> None:
    lstm = gw.LSTM(I, H, 3, bidirectional=True, engine=engine)
    x = torch.randn(T, B, I)
    with torch.no_grad(), gw.trace(lstm) as trace:
        output, _ = lstm(x)
    assert passes == [True]
    assert torch.equal(trace[""].hidden[-1].permute(1, 2, 0, 3).flatten(2), output)
    lstm(x)
    assert passes == [True, False]


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("form", ["dense", "packed", "lengths"])
@pytest.mark.parametrize("kind", [gw.LSTM, gw.GRU, gw.RNN])
def test_outputs_states_and_gradients_are_the_same_bits(kind, form, engine) -> None:
    found = []
    for traced in (False, True):
        torch.manual_seed(0)
        module = kind(I, H, 2, bidirectional=True, dropout=0.3, engine=engine)
        x = torch.randn(T, B, I, requires_grad=True)
        given, options = x, {}
        if form == "packed":
            given = pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False)
        if form == "lengths":
            options = {"lengths": LENGTHS}
        if traced:
            with gw.trace(module) as trace:
                output, hx = module(given, **options)
            assert not trace[""].hidden.requires_grad
        else:
            output, hx = module(given, **options)
        output = output.data if form == "packed" else output
        last = hx if isinstance(hx, torch.Tensor) else hx[1]
        (output.square().sum() + last.sum()).backward()
        found.append([output, last, x.grad, *(p.grad for p in module.parameters())])
        assert not watchers_of(module)
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize("engine", ["native", "torch", "reference", "stock"])
@pytest.mark.parametrize("asked", [False, True])
def test_what_the_caller_writes_to_does_not_reach_the_record(engine, asked) -> None:
    if engine == "stock" and asked:
        pytest.skip("torch's own modules return no gates")
    gru = torch.nn.GRU(I, H) if engine == "stock" else gw.GRU(I, H, engine=engine)
    x = torch.randn(T, B, I)
    with torch.no_grad(), gw.trace(gru) as trace:
        output, hx, *gates = gru(x, return_gates=True) if asked else gru(x)
        before = {name: value.clone() for name, value in trace[""].items()}
        for own in (output, hx, *(gates[0].values() if asked else ())):
            own.fill_(7.0)
    assert all(torch.equal(trace[""][name], value) for name, value in before.items())


@pytest.mark.parametrize("kind", [torch.nn.LSTMCell, gw.LSTMCell])
def test_what_the_caller_of_a_cell_writes_to_does_not_reach_the_record(kind) -> None:
    cell = kind(I, H)
    with torch.no_grad(), gw.trace(cell) as trace:
        h, c = cell(torch.randn(B, I))
        kept = h.clone(), c.clone()
        h.fill_(7.0)
        c.fill_(7.0)
    assert torch.equal(trace[""].hidden[0, 0, 0], kept[0])
    assert torch.equal(trace[""].cell[0, 0, 0], kept[1])


def test_a_bound_on_memory_stays_in_force(passes) -> None:
    torch.manual_seed(0)
    lstm = gw.LSTM(I, H, max_memory="sqrt", dtype=torch.float64)
    x = inputs(40, B, I).requires_grad_()
    with gw.trace(lstm) as trace:
        output, _ = lstm(x)
    assert passes == [False]
    lstm.max_memory = None
    _, _, gates = lstm(x, return_gates=True)
    for name, value in gates.items():
        assert torch.allclose(trace[""][name], value, rtol=0, atol=1e-12)
    output.sum().backward()


def test_the_class_may_change_while_a_trace_is_open() -> None:
    model = torch.nn.Sequential(gw.LSTM(I, H))
    x = torch.randn(T, B, I)
    with torch.no_grad(), gw.trace(model) as trace:
        model(x)
        gw.restore(model)
        model(x)
        gw.accelerate(model)
        model(x)
    first, *others = trace.calls("0")
    for other in others:
        assert all(torch.allclose(first[n], other[n], rtol=0, atol=1e-6) for n in first)
    assert not watchers_of(model[0])


def test_a_call_that_fails_leaves_nothing_for_the_next() -> None:
    lstm = gw.LSTM(I, H)
    wrong = [lambda *_: (_ for _ in ()).throw(RuntimeError("theirs"))]
    with torch.no_grad(), gw.trace(lstm) as trace:
        with pytest.raises(RuntimeError, match="input_size"):
            lstm(torch.randn(T, B, I + 1))
        handle = lstm.register_forward_hook(wrong[0], prepend=True)
        with pytest.raises(RuntimeError, match="theirs"):
            lstm(torch.randn(T, B, I))
        handle.remove()
        output, _ = lstm(torch.randn(2, 1, I))
    assert [call.hidden.shape[2:4] for call in trace.calls("")] == [(T, B), (2, 1)]
    assert torch.equal(trace[""].hidden[0, 0], output)


def test_traces_with_options_of_their_own_inside_each_other() -> None:
    lstm = gw.LSTM(I, H)
    x = torch.randn(T, B, I)
    with torch.no_grad(), gw.trace(lstm, quantities="cell") as outer:
        with gw.trace(lstm, units=[0]) as inner:
            lstm(x)
        lstm(x)
    assert [tuple(call) for call in outer.calls("")] == [("cell",)] * 2
    assert torch.equal(inner[""].cell, outer[""].cell[..., :1])
    assert copy.deepcopy(lstm)(x)[0].shape == (T, B, H)
