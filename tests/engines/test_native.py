"""The native engine beyond the cross product: random shapes, bad numbers, strides, threads, forks."""

from __future__ import annotations

import copy
import multiprocessing
import threading
import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nn.recurrent import (
    STOCK,
    B,
    H,
    I,
    T,
    as_hx,
    as_states,
    autocast_call,
    build,
    inputs,
    states_for,
    stock_of,
)
from tests.tolerances import BFLOAT16, assert_close32, assert_close64
from torch import Tensor

CELLS = pytest.mark.parametrize("cell", STOCK)


def values_and_gradients(
    module: Any, x: Tensor, hx: Any = None, call: Any = None, **options: Any
) -> list[Tensor]:
    """Return outputs, states, gates, and the gradients of a loss on all of them."""
    module.zero_grad()
    x = x.detach().requires_grad_()
    states = [] if hx is None else [state.detach().requires_grad_() for state in as_states(hx)]
    arguments = (x, as_hx(tuple(states) or None))
    output, after, *gates = (
        module(*arguments, **options) if call is None else call(module, *arguments, **options)
    )
    found = [output, *as_states(after), *(gates[0].values() if gates else ())]
    weights = torch.linspace(-1, 1, 7, dtype=x.dtype)
    loss = torch.zeros((), dtype=x.dtype)
    for number, value in enumerate(found):
        factors = weights[(torch.arange(value.numel()) + number) % 7].view(value.shape)
        loss = loss + torch.where(value.isnan(), 0.0, value * factors).sum()
    leaves = [x, *states, *module.parameters()]
    return [value.detach() for value in found] + list(torch.autograd.grad(loss, leaves))


SHAPES = st.fixed_dictionaries(
    {
        "steps": st.integers(1, 9),
        "batch": st.integers(1, 35),
        "width": st.integers(1, 20),
        "hidden": st.integers(1, 40),
        "layers": st.integers(1, 2),
        "bidirectional": st.booleans(),
        "bias": st.booleans(),
        "gates": st.booleans(),
        "projected": st.booleans(),
        "seed": st.integers(0, 999),
        "with_lengths": st.booleans(),
    }
)


def random_case(cell: str, dtype: torch.dtype, own: dict[str, Any]) -> tuple[Any, ...]:
    torch.manual_seed(own["seed"])
    options = {"proj_size": 1 + own["hidden"] // 3} if own["projected"] and cell == "lstm" else {}
    if own["hidden"] == 1:
        options = {}
    module = build(
        cell,
        own["width"],
        own["hidden"],
        num_layers=own["layers"],
        bidirectional=own["bidirectional"],
        bias=own["bias"],
        dtype=dtype,
        **options,
    )
    x = inputs(own["steps"], own["batch"], own["width"], dtype=dtype)
    given: dict[str, Any] = {"return_gates": True} if own["gates"] else {}
    if own["with_lengths"]:
        given["lengths"] = torch.randint(0, own["steps"] + 1, (own["batch"],))
    return module, x, as_hx(states_for(module, own["batch"])), given


@CELLS
@settings(max_examples=25, deadline=None, derandomize=True)
@given(own=SHAPES)
def test_random_shapes_in_float64(cell: str, own: dict[str, Any]) -> None:
    module, x, hx, options = random_case(cell, torch.float64, own)
    module.engine = "native"
    mine = values_and_gradients(module, x, hx, **options)
    module.engine = "reference"
    for number, value in enumerate(values_and_gradients(module, x, hx, **options)):
        assert_close64(mine[number], value, f"{number}")


@CELLS
@settings(max_examples=15, deadline=None, derandomize=True)
@given(own=SHAPES)
def test_random_shapes_in_float32(cell: str, own: dict[str, Any]) -> None:
    module, x, hx, _ = random_case(cell, torch.float32, own)
    module.engine = "native"
    mine = values_and_gradients(module, x, hx)
    with warnings.catch_warnings():
        # torch says once that oneDNN has no projections, and takes its other kernel.
        warnings.filterwarnings("ignore", message="LSTM with projections is not supported")
        theirs = values_and_gradients(stock_of(module), x, hx)
    exact = oracle_of(module, x, hx)
    # A tensor of a few numbers says little of torch's error: the worst of all results counts.
    pairs = list(zip(theirs, exact, strict=True))
    worst = max(((t.double() - e).abs() / (1 + e.abs())).max() for t, e in pairs if e.numel())
    for number, value in enumerate(exact):
        yardstick = (value + worst * (1 + value.abs())).float()
        assert_close32(mine[number], yardstick, value, f"{number}")


def oracle_of(module: Any, x: Tensor, hx: Any = None) -> list[Tensor]:
    """Return the values and gradients of a float32 module in float64, on the reference engine."""
    exact = copy.deepcopy(module).double()
    exact.engine = "reference"
    states = None if hx is None else as_hx(tuple(state.double() for state in as_states(hx)))
    return values_and_gradients(exact, x.double(), states)


@CELLS
@pytest.mark.parametrize(
    "shape",
    [(60, 13, 5, 20), (40, 33, 16, 50), (30, 7, 100, 100), (400, 4, 4, 32), (9, 64, 1, 200)],
)
def test_float32_errs_no_more_than_torch_in_any_tensor(cell, shape) -> None:
    torch.manual_seed(0)
    steps, batch, width, hidden = shape
    module = build(cell, width, hidden, dtype=torch.float32, engine="native")
    x = inputs(steps, batch, width, dtype=torch.float32)
    mine, theirs = (values_and_gradients(own, x) for own in (module, stock_of(module)))
    for number, value in enumerate(oracle_of(module, x)):
        assert_close32(mine[number], theirs[number], value, f"{number}")


@CELLS
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("where", ["input", "weight"])
def test_bad_numbers_come_out_where_torch_brings_them_out(cell, dtype, bad, where) -> None:
    torch.manual_seed(0)
    module = build(cell, dtype=dtype, engine="native")
    x = inputs(T, 7, I, dtype=dtype)
    if where == "input":
        x[2, 3, 1] = bad
    else:
        with torch.no_grad():
            module.weight_ih_l0[1, 2] = bad
    mine, theirs = module(x), stock_of(module)(x)
    pairs = [(mine[0], theirs[0]), *zip(as_states(mine[1]), as_states(theirs[1]), strict=True)]
    for one, other in pairs:
        assert torch.equal(one.isnan(), other.isnan())
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-6, equal_nan=True)


@CELLS
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_saturated_gates(cell, dtype) -> None:
    torch.manual_seed(0)
    module = build(cell, dtype=dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(100 * torch.sign(parameter))
    x = torch.sign(inputs(T, B, I, dtype=dtype))
    results = []
    for engine in ("native", "reference"):
        module.engine = engine
        if cell == "rnn_relu":  # it does not saturate but grows without bound
            results.append([module(x)[0]])
        else:
            results.append(values_and_gradients(module, x, return_gates=True))
    for one, other in zip(*results, strict=True):
        assert one.isfinite().all()
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-5)


@CELLS
@pytest.mark.parametrize("lengths", [None, [3, 0, 5, 1]])
def test_one_thread_and_two_give_the_same_bits(cell, lengths) -> None:
    torch.manual_seed(0)
    module = build(cell, 20, 50, dtype=torch.float32, bidirectional=True, engine="native")
    x = inputs(5, 40, 20, dtype=torch.float32)
    given = {} if lengths is None else {"lengths": lengths * 10}
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            results.append(values_and_gradients(module, x, **given))
    finally:
        torch.set_num_threads(threads)
    assert all(map(torch.equal, *results))


def strided(x: Tensor) -> dict[str, Tensor]:
    """Return the values of `x` in memory of many forms."""
    steps, batch, width = x.shape
    shifted = torch.empty(x.numel() * x.element_size() + 1, dtype=torch.uint8)
    room = torch.empty(steps, batch, width + 3, dtype=x.dtype)
    backwards = torch.empty(width, batch, steps, dtype=x.dtype).permute(2, 1, 0)
    forms = {
        "batch first": x.transpose(0, 1).contiguous().transpose(0, 1),
        "part of a wider one": room[..., 2:-1].copy_(x),
        "every second row": torch.empty(steps, 2 * batch, width, dtype=x.dtype)[:, ::2].copy_(x),
        "last first": backwards.copy_(x),
    }
    own = torch.frombuffer(shifted.numpy(), dtype=x.dtype, offset=1, count=x.numel())
    forms["at an odd address"] = own.view(x.shape).copy_(x)
    assert forms["at an odd address"].data_ptr() % 2 == 1
    return forms


@CELLS
@pytest.mark.parametrize("form", strided(torch.zeros(1, 1, 1)))
def test_memory_of_any_form(cell, form) -> None:
    module = build(cell, 3, 17, engine="native", bidirectional=True)
    x = inputs(T, B, 3)
    own = strided(x)[form]
    expected = values_and_gradients(module, x)
    assert all(map(torch.equal, values_and_gradients(module, own), expected))
    # a gradient that arrives in that form
    output, _ = module(x.requires_grad_())
    gradient = inputs(*output.shape)
    (plain,) = torch.autograd.grad(output, x, gradient, retain_graph=True)
    (other,) = torch.autograd.grad(output, x, strided(gradient)[form], retain_graph=True)
    (expanded,) = torch.autograd.grad(output.sum(), x)
    assert torch.equal(plain, other)
    assert expanded.isfinite().all()


@CELLS
def test_parameters_at_odd_addresses(cell) -> None:
    module = build(cell, engine="native")
    expected = module(inputs(T, B, I))[0]
    for parameter in module.parameters():
        parameter.data = strided(parameter.data.view(1, 1, -1))["at an odd address"].view_as(
            parameter
        )
    assert torch.equal(module(inputs(T, B, I))[0], expected)


@CELLS
def test_only_what_is_asked_for_gets_a_gradient(cell) -> None:
    torch.manual_seed(0)
    module = build(cell, num_layers=2, engine="native")
    x = inputs(T, B, I)
    full = values_and_gradients(module, x)
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    own = x.clone().requires_grad_()
    output, _ = module(own)
    output.sum().backward()
    assert own.grad is not None
    assert all(parameter.grad is None for parameter in module.parameters())
    module.weight_hh_l1.requires_grad_()
    (gradient,) = torch.autograd.grad(module(x)[0].sum(), module.weight_hh_l1)
    module.engine = "reference"
    (oracle,) = torch.autograd.grad(module(x)[0].sum(), module.weight_hh_l1)
    assert_close64(gradient, oracle)
    assert not module(x)[0].detach().isnan().any()
    assert len(full) > 0


@CELLS
def test_autograd_guards_what_it_has_saved(cell) -> None:
    module = build(cell, engine="native")
    x = inputs(T, B, I).requires_grad_()
    output, _ = module(x)
    output.sum().backward(retain_graph=True)
    first = x.grad.clone()
    x.grad = None
    output.sum().backward()
    assert torch.equal(x.grad, first)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        output.sum().backward()
    output, _ = module(x)
    with torch.no_grad():
        module.weight_hh_l0.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_hooks_of_saved_tensors_see_them() -> None:
    module, seen = build("lstm", engine="native"), []

    def pack(tensor: Tensor) -> Tensor:
        seen.append(tensor.shape)
        return tensor.clone()

    x = inputs(T, B, I).requires_grad_()
    expected = torch.autograd.grad(module(x)[0].sum(), x)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output, _ = module(x)
    assert torch.equal(torch.autograd.grad(output.sum(), x)[0], expected[0])
    assert (1, 1, T, B, H) in seen


def test_several_python_threads_at_once() -> None:
    torch.manual_seed(0)
    module = build("lstm", 8, 33, dtype=torch.float32, engine="native")
    xs = [inputs(30, 6, 8, dtype=torch.float32, seed=seed) for seed in range(4)]
    expected = [module(x)[0].detach() for x in xs]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(20):
            output, _ = module(xs[number])
            output.sum().backward()
            if not torch.equal(output.detach(), expected[number]):
                wrong.append(number)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def _in_child(module: Any, x: Tensor, answer: Any) -> None:
    torch.set_num_threads(1)  # torch's own pool does not survive a fork
    output, _ = module(x)
    output.sum().backward()
    answer.put(output.detach().numpy().tobytes())


def test_a_forked_process_runs_on() -> None:
    module = build("lstm", 16, 64, dtype=torch.float32, engine="native")
    x = inputs(50, 32, 16, dtype=torch.float32)
    expected = module(x)[0].detach().numpy().tobytes()
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    child = context.Process(target=_in_child, args=(module, x, answer))
    child.start()
    try:
        assert answer.get(timeout=60) == expected
    finally:
        child.join(timeout=60)
    assert child.exitcode == 0


def test_states_of_another_type_are_refused() -> None:
    module = build("lstm", engine="native")
    state = torch.zeros(1, B, H)
    with pytest.raises(
        RuntimeError, match=r"states are torch\.float32 and the input is torch\.float64"
    ):
        module(inputs(T, B, I), (state, state))


@CELLS
@pytest.mark.parametrize("form", ["autocast", "bfloat16"])
def test_gradients_in_bfloat16_err_no_more_than_torchs(cell, form) -> None:
    """Each result as a whole: where a rectifier is near 0, one rounding switches it."""
    torch.manual_seed(0)
    module = build(cell, 5, 20, num_layers=2, bidirectional=True, dtype=torch.float32)
    x = inputs(30, 9, 5, dtype=torch.float32)
    exact = oracle_of(module, x)
    module.engine = "native"
    own, stock = module, stock_of(module)
    if form == "bfloat16":
        own, stock, x = own.bfloat16(), stock.bfloat16(), x.bfloat16()
    call = autocast_call if form == "autocast" else None
    mine, theirs = (values_and_gradients(one, x, call=call) for one in (own, stock))
    for one, other, value in zip(mine, theirs, exact, strict=True):
        assert one.dtype == other.dtype
        allowed = 2 * (other.double() - value).norm() + BFLOAT16 * value.norm() / 10
        assert (one.double() - value).norm() <= allowed
