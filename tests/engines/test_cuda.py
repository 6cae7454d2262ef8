"""torch's pass on a GPU, layer by layer: gradients, and weights that lie in torch's flat buffer.

What can be seen without a GPU is tested without: which flags and which memory the pass is handed.
The rest is marked `cuda`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tests.nn.recurrent import (
    LENGTHS,
    STOCK,
    B,
    I,
    T,
    as_states,
    build,
    inputs,
    stock_of,
    weighted,
)

import gatewise as gw
from gatewise.engines import fused
from gatewise.engines.layout import in_separate_memory
from gatewise.nn.structure import network_of

CELLS = pytest.mark.parametrize("cell", STOCK)


@pytest.fixture(autouse=True)
def full_float32() -> Iterator[None]:
    """Let cuDNN compute in float32 where float32 is compared: TF32 has three digits."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


on_cuda = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device"),
    # Copies of weights are not in one piece; torch then puts them into one at each call.
    pytest.mark.filterwarnings("ignore:RNN module weights are not part of single contiguous"),
]


def spied(monkeypatch: Any, cell: str) -> list[tuple[bool, list[torch.Tensor]]]:
    """Return, as they are made, the calls of torch's pass: its `train` and its weights."""
    calls: list[tuple[bool, list[torch.Tensor]]] = []
    real = fused.PASSES[cell]

    def seen(*arguments: Any) -> Any:
        # Dense: x, hx, weights, bias, layers, dropout, train, ...; packed has batch sizes before hx.
        place = next(i for i, own in enumerate(arguments) if isinstance(own, list))
        calls.append((arguments[place + 4], arguments[place]))
        return real(*arguments)

    monkeypatch.setitem(fused.PASSES, cell, seen)
    return calls


FORMS = {
    "gates": lambda module, x: module(x, return_gates=True),
    "lengths": lambda module, x: module(x, lengths=LENGTHS),
    "both": lambda module, x: module(x, lengths=LENGTHS, return_gates=True),
    "packed": lambda module, x: module(
        torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 3, 2])), return_gates=True
    ),
}


@CELLS
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("training", [False, True])
def test_the_pass_is_told_when_a_gradient_may_follow(cell, form, training, monkeypatch) -> None:
    module = build(cell, num_layers=2, engine="torch").train(training)
    calls = spied(monkeypatch, cell)
    FORMS[form](module, inputs(T, B, I))
    assert calls
    assert all(train for train, _ in calls)
    calls.clear()
    with torch.no_grad():
        FORMS[form](module, inputs(T, B, I))
    assert calls
    assert not any(train for train, _ in calls)
    calls.clear()
    module.requires_grad_(False)
    FORMS[form](module, inputs(T, B, I))
    assert not any(train for train, _ in calls)
    FORMS[form](module, inputs(T, B, I).requires_grad_())
    assert calls[-1][0]


@CELLS
def test_the_pass_drops_out_in_train_mode_alone_with_gradients_or_without(
    cell, monkeypatch
) -> None:
    module = build(cell, num_layers=2, dropout=0.5, engine="torch")
    calls, x = spied(monkeypatch, cell), inputs(T, B, I)
    for with_grad in (False, True):
        with torch.set_grad_enabled(with_grad):
            outputs = []
            for own in (module, stock_of(module)):
                torch.manual_seed(1)
                given = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 5, 5]))
                outputs.append(
                    own(x, lengths=[T] * B)[0]
                    if own is module
                    else torch.nn.utils.rnn.pad_packed_sequence(own(given)[0])[0]
                )
            assert torch.equal(*outputs)
            assert calls[-1][0]
    calls.clear()
    module.eval()(x, lengths=[T] * B)
    assert torch.equal(module(x, lengths=[T] * B)[0], stock_of(module)(x)[0])


def flattened(module: Any) -> torch.Tensor:
    """Put all weights of `module` into one buffer, as torch does for cuDNN, and return it."""
    own = module._flat_weights
    buffer = torch.cat([weight.detach().reshape(-1) for weight in own])
    place = 0
    for weight in own:
        weight.data = buffer[place : place + weight.numel()].view(weight.shape)
        place += weight.numel()
    return buffer


def fills_its_memory(tensor: torch.Tensor) -> bool:
    return tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()


def test_a_slice_of_a_buffer_is_copied_into_memory_of_its_own() -> None:
    whole = torch.randn(3, 4, requires_grad=True)
    assert in_separate_memory(whole) is whole
    for part in (whole[:2], whole[1:], whole.view(-1)[:5], whole.t()[:2]):
        found = in_separate_memory(part)
        assert torch.equal(found, part)
        assert found is not part
        assert fills_its_memory(found)
        assert found.is_contiguous()
        (gradient,) = torch.autograd.grad(found.sum(), whole)
        assert gradient.sum() == part.numel()


@CELLS
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("form", ["gates", "both"])
def test_no_layer_off_the_cpu_runs_on_slices_of_a_buffer(cell, bias, form, monkeypatch) -> None:
    # The meta device stands for a GPU: what is not the CPU's.
    module = build(cell, num_layers=2, bidirectional=True, bias=bias, engine="torch", device="meta")
    flattened(module)
    assert not any(map(fills_its_memory, module._flat_weights))
    calls = spied(monkeypatch, cell)
    FORMS[form](module, torch.empty(T, B, I, dtype=torch.float64, device="meta"))
    assert len(calls) == 2
    for _, weights in calls:
        assert len(weights) == (8 if bias else 4)
        assert all(map(fills_its_memory, weights))


def test_a_network_of_one_layer_keeps_its_buffer_and_the_cpu_copies_nothing() -> None:
    network = network_of(build("lstm", bidirectional=True, device="meta"))
    assert network.alone(network.parameters[0]).parameters[0] is network.parameters[0]
    module = build("gru", num_layers=2)
    flattened(module)
    network = network_of(module)
    for layer in network.parameters:
        assert network.alone(layer).parameters[0] is layer


@CELLS
@pytest.mark.parametrize("bias", [False, True])
def test_a_stock_model_in_a_buffer_is_traced_right(cell, bias) -> None:
    module = build(cell, num_layers=3, bias=bias)
    flattened(module)
    stock, x = stock_of(module), inputs(T, B, I)
    flattened(stock)
    with gw.trace(stock) as trace:
        stock(x)
    _, _, gates = module(x, return_gates=True)
    for name, value in gates.items():
        assert torch.allclose(trace[""][name], value, atol=1e-12)


KINDS = [
    {"num_layers": layers, "bidirectional": two, "bias": bias}
    for layers, two, bias in itertools.product((1, 3), (False, True), (False, True))
]


def _on(module: Any, x: torch.Tensor, form: str, **to: Any) -> list[torch.Tensor]:
    """Return every value and gradient of a call on some device, as float64 on the CPU."""
    own, x = module.to(**to), x.to(**to).requires_grad_()
    output, hx, *gates = FORMS[form](own, x)
    output = output.data if isinstance(output, torch.nn.utils.rnn.PackedSequence) else output
    values = [output, *as_states(hx), *(gates[0].values() if gates else ())]
    loss = sum(weighted(value.double().cpu(), seed) for seed, value in enumerate(values))
    gradients = torch.autograd.grad(loss, [x, *own.parameters()])
    return [value.detach().double().cpu() for value in (*values, *gradients)]


def _assert_near(found: list[torch.Tensor], wanted: list[torch.Tensor]) -> None:
    for mine, other in zip(found, wanted, strict=True):
        assert torch.equal(mine.isnan(), other.isnan())
        # On the largest value: where large terms cancel, float32 has digits of those.
        size = float(other.nan_to_num().abs().max())
        close = 1e-5 + 1e-4 * size
        assert torch.allclose(mine.nan_to_num(), other.nan_to_num(), rtol=0, atol=close)


@CELLS
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("device", [pytest.param("cuda", marks=on_cuda), "cpu"])
def test_values_and_gradients_of_each_form(cell, form, device) -> None:
    for options in KINDS:
        torch.manual_seed(0)
        oracle = build(cell, engine="reference", **options)
        module = build(cell, engine="torch", dtype=torch.float32, **options)
        module.load_state_dict(oracle.state_dict())
        x = inputs(T, B, I)
        found = _on(module, x, form, device=device, dtype=torch.float32)
        _assert_near(found, _on(oracle, x, form, dtype=torch.float64))


@CELLS
@pytest.mark.parametrize("with_grad", [False, True])
@pytest.mark.parametrize("device", [pytest.param("cuda", marks=on_cuda), "cpu"])
def test_traces_of_stock_modules(cell, with_grad, device) -> None:
    for options in KINDS:
        torch.manual_seed(0)
        oracle = build(cell, engine="reference", **options)
        stock = stock_of(oracle).to(device, torch.float32)
        x = inputs(T, B, I)
        with gw.trace(stock, with_grad=with_grad) as trace:
            stock(x.to(device, torch.float32))
        wanted = oracle(x, return_gates=True)[2]
        names = sorted(wanted)
        values = [trace[""][name].double().cpu() for name in names]
        exact = [wanted[name] for name in names]
        _assert_near([own.detach() for own in values], [own.detach() for own in exact])
        if with_grad:
            mine, other = (
                torch.autograd.grad(
                    sum(weighted(own, seed) for seed, own in enumerate(every)),
                    list(module.parameters()),
                )
                for every, module in ((values, stock), (exact, oracle))
            )
            _assert_near([own.double().cpu() for own in mine], list(other))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("device", [pytest.param("cuda", marks=on_cuda)])
def test_autocast(dtype, device) -> None:
    module = build("lstm", num_layers=2, bias=False, dtype=torch.float32).to(device)
    oracle = build("lstm", num_layers=2, bias=False, engine="reference")
    oracle.load_state_dict(module.state_dict())
    x = inputs(T, B, I)
    with torch.autocast(device, dtype):
        output, _, gates = module(x.to(device, torch.float32), lengths=LENGTHS, return_gates=True)
    output.float().square().sum().backward()
    wanted, _, exact = oracle(x, lengths=LENGTHS, return_gates=True)
    assert torch.allclose(output.double().cpu(), wanted, atol=4e-2)
    assert torch.allclose(
        gates.forget.double().cpu().nan_to_num(), exact.forget.nan_to_num(), atol=4e-2
    )
    assert all(own.grad.isfinite().all() for own in module.parameters())
