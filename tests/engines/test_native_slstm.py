"""The sLSTM on the native engine: forget gates, heads, extremes, threads, segments, streams."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines.test_native import oracle_of, values_and_gradients
from tests.nn.recurrent import T, as_states, inputs
from tests.tolerances import assert_close32, assert_close64
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise as gw
from gatewise.errors import InputError

FORGETS = ("sigmoid", "clamped", "exponential")
KINDS = pytest.mark.parametrize("forget", FORGETS)
I, H, B = 3, 6, 5  # noqa: E741
LENGTHS = [2, 0, T, 1, T]


def build(*sizes: int, **options: Any) -> gw.SLSTM:
    torch.manual_seed(0)
    options = {"dtype": torch.float64, "heads": 2, "engine": "native", **options}
    return gw.SLSTM(*(sizes or (I, H)), **options)


def both(module: gw.SLSTM, *arguments: Any, **options: Any) -> Any:
    """Return values and gradients of the native engine, and those of the reference engine."""
    found = []
    for engine in ("native", "reference"):
        module.engine = engine
        found.append(values_and_gradients(module, *arguments, **options))
    return zip(*found, strict=True)


CASES = st.fixed_dictionaries(
    {
        "forget": st.sampled_from(FORGETS),
        "heads": st.integers(1, 5),
        "units": st.integers(1, 19),
        "width": st.integers(1, 20),
        "steps": st.integers(1, 9),
        "batch": st.integers(1, 20),
        "layers": st.integers(1, 2),
        "bidirectional": st.booleans(),
        "bias": st.booleans(),
        "gates": st.booleans(),
        "states": st.booleans(),
        "with_lengths": st.booleans(),
    }
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(case=CASES)
def test_random_cases_are_the_oracles(case: dict[str, Any]) -> None:
    module = build(
        case["width"],
        case["heads"] * case["units"],
        case["layers"],
        heads=case["heads"],
        forget=case["forget"],
        bidirectional=case["bidirectional"],
        bias=case["bias"],
    )
    x = inputs(case["steps"], case["batch"], case["width"])
    given: dict[str, Any] = {"return_gates": True} if case["gates"] else {}
    if case["with_lengths"]:
        given["lengths"] = torch.randint(0, case["steps"] + 1, (case["batch"],))
    hx = None
    if case["states"]:
        hx = tuple(state.detach() for state in module(inputs(4, case["batch"], case["width"]))[1])
        hx[2][:, ::2] = 0  # rows that hold nothing yet
    for number, (mine, its) in enumerate(both(module, x, hx, **given)):
        assert_close64(mine, its, f"{number}")


@KINDS
def test_auto_takes_the_native_engine(forget: str) -> None:
    module = build(forget=forget, engine="auto")
    choice = module.engine_choice(inputs(T, B, I))
    assert choice.name == "native"
    assert f"the native core runs the cell {module.mode!r}" in choice.reason
    x = inputs(T, B, I)
    found = module(x)[0]
    module.engine = "native"
    assert torch.equal(found, module(x)[0])


def test_packed_rows() -> None:
    module = build(bidirectional=True, num_layers=2)
    packed = pack_padded_sequence(
        inputs(T, B, I), torch.tensor([2, 4, T, 1, T]), enforce_sorted=False
    )
    results = []
    for engine in ("native", "reference"):
        module.engine = engine
        output, states = module(packed)
        loss = output.data.square().sum() + sum(state.sum() for state in states)
        results.append(
            [output.data, *states, *torch.autograd.grad(loss, list(module.parameters()))]
        )
    for mine, its in zip(*results, strict=True):
        assert_close64(mine, its)


@pytest.mark.parametrize("shape", [(60, 13, 5, 20, 4), (9, 33, 16, 96, 2)])
@KINDS
def test_float32_errs_no_more_than_the_loop(forget: str, shape: tuple[int, ...]) -> None:
    steps, batch, width, hidden, heads = shape
    module = build(width, hidden, heads=heads, forget=forget, dtype=torch.float32)
    x = inputs(steps, batch, width, dtype=torch.float32)
    for number, ((mine, its), exact) in enumerate(
        zip(both(module, x), oracle_of(module, x), strict=True)
    ):
        assert_close32(mine, its, exact, f"{number}")


@KINDS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [100.0, 1000.0])
def test_extreme_gates(forget: str, dtype: torch.dtype, scale: float) -> None:
    """Pre-activations whose exp leaves every type: the level does not."""
    module = build(forget=forget, dtype=dtype)
    with torch.no_grad():  # of input and forget gates, in every combination of signs
        module.bias_ih_l0[:H] = scale * torch.tensor([1, 1, -1, -1, 1, -1])
        module.bias_ih_l0[H : 2 * H] = scale * torch.tensor([1, -1, 1, -1, 0, 0])
    x = inputs(12, B, I, dtype=dtype)
    output, states, gates = module(x, return_gates=True)
    assert (output.abs() <= 1 + 12 * torch.finfo(dtype).eps).all()
    assert all(value.isfinite().all() for value in (*states, *gates.values()))
    assert gates.level.abs().max() >= scale - 2
    for number, ((mine, its), exact) in enumerate(
        zip(both(module, x), oracle_of(module, x), strict=True)
    ):
        assert mine.isfinite().all()
        if dtype == torch.float64:
            assert_close64(mine, its, f"{number}")
        else:  # the sum of a gate's products begins with the bias and is rounded at each
            allowed = 10 * scale * torch.finfo(dtype).eps * (1 + exact.abs())
            assert ((mine.double() - exact).abs() <= allowed).all(), f"{number}"


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_bad_numbers_come_out_where_the_loop_brings_them_out(bad: float) -> None:
    module = build(engine="native")
    x = inputs(T, 7, I)
    x[2, 3, 1] = bad
    results = []
    for engine in ("native", "reference"):
        module.engine = engine
        output, states = module(x)
        results.append((output, *states))
    for mine, its in zip(*results, strict=True):
        assert torch.equal(mine.isnan(), its.isnan())
        assert torch.allclose(mine, its, equal_nan=True)


@pytest.mark.parametrize("lengths", [None, [3, 0, 5, 1] * 10])
def test_one_thread_and_two_give_the_same_bits(lengths: list[int] | None) -> None:
    module = build(20, 50, heads=5, dtype=torch.float32, bidirectional=True)
    x = inputs(5, 40, 20, dtype=torch.float32)
    given = {} if lengths is None else {"lengths": lengths}
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            results.append(values_and_gradients(module, x, **given))
    finally:
        torch.set_num_threads(threads)
    assert all(map(torch.equal, *results))


def test_bounded_memory_gives_the_same_bits() -> None:
    module = build(I, 8, 2, bidirectional=True, dtype=torch.float32)
    x = inputs(600, 2, I, dtype=torch.float32)
    whole = values_and_gradients(module, x, lengths=[600, 407])
    module.max_memory = "sqrt"
    assert all(map(torch.equal, values_and_gradients(module, x, lengths=[600, 407]), whole))


def test_a_second_derivative_is_the_oracles() -> None:
    module = build(heads=3)
    x = inputs(3, 2, I).requires_grad_()

    def slope() -> torch.Tensor:
        (first,) = torch.autograd.grad(module(x)[0].square().sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x)
        return second

    mine = slope()
    module.engine = "reference"
    assert_close64(mine, slope())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@KINDS
def test_a_stream_is_the_sequence(forget: str, dtype: torch.dtype) -> None:
    module = build(num_layers=2, forget=forget, dtype=dtype, engine="reference")
    x = inputs(T, 2, I, dtype=dtype)
    stream = gw.Stream(module, batch=2)
    with torch.no_grad():
        begun = module(inputs(3, 2, I, dtype=dtype))[1]
        for start in (None, begun):
            output, after = module(x, start)
            stream.reset()
            if start is not None:
                stream.set_state(*[state.numpy() for state in start])
            for t in range(T):
                own = torch.from_numpy(stream.step(x[t].numpy()))
                assert torch.allclose(
                    own, output[t], atol=4e-6 if dtype == torch.float32 else 1e-12
                )
            assert len(stream.state) == 4
            for mine, its in zip(stream.state, as_states(after), strict=True):
                torch.testing.assert_close(torch.from_numpy(mine), its, rtol=1e-5, atol=1e-5)


def test_what_a_stream_refuses() -> None:
    stream = gw.Stream(build())
    h, c, n, m = np.zeros((4, 1, 1, H))
    stream.set_state(h, c, n, m)
    with pytest.raises(InputError, match="n is a sum of weights and cannot be below 0"):
        stream.set_state(h, c, n - 1, m)
    with pytest.raises(InputError, match="states must have the shapes"):
        stream.set_state(h, c, n)
    layer = {"weight_ih": np.zeros((4 * H, I)), "weight_hh": np.zeros((4 * H, H // 2))}
    assert gw.Stream.from_weights("slstm", [layer], heads=2).step(np.ones((1, I))).shape == (1, H)
    with pytest.raises(InputError, match=r"weight_hh .* must have the shape \[24, 6\]"):
        gw.Stream.from_weights("slstm", [layer])
    with pytest.raises(InputError, match="4 heads are for layers"):
        gw.Stream.from_weights("slstm", [layer], heads=4)
    with pytest.raises(InputError, match="heads must be a whole number"):
        gw.Stream.from_weights("slstm", [layer], heads=0)


def test_weights_of_another_number_of_heads_are_refused() -> None:
    module = build()
    module.heads = 3
    with pytest.raises(InputError, match=r"weight_hh_l0 must have the shape \[24, 2\]"):
        module(inputs(T, B, I))


def test_products_of_another_width_are_refused() -> None:
    module = build()
    module.weight_ih_l0 = torch.nn.Parameter(torch.empty(4 * H, 0, dtype=torch.float64))
    with pytest.raises(InputError, match="must be the products of one layer, 24 for a step; got 3"):
        module(inputs(T, B, I))


def test_a_unit_that_holds_nothing_keeps_nothing() -> None:
    module = build()
    _, _, gates = module(inputs(T, B, I), lengths=LENGTHS, return_gates=True)
    kept = gates.keep[0, 0, 0]
    assert (kept[[0, 2, 3, 4]] == 0).all()
    _, states = module(inputs(T, B, I), lengths=LENGTHS)
    assert all((state[:, 1] == 0).all() for state in states)  # the row without a step
    assert all(state.isfinite().all() for state in states)


SPLITS = st.fixed_dictionaries(
    {
        "heads": st.integers(2, 5),
        "units": st.integers(1, 19),
        "width": st.integers(1, 20),
        "batch": st.integers(1, 12),
        "bidirectional": st.booleans(),
        "gates": st.booleans(),
        "with_lengths": st.booleans(),
    }
)


def split(module: torch.nn.RNNBase, heads: int, width: int) -> torch.nn.RNNBase:
    """Give the first layer weights that see `width` inputs of each head alone."""
    for name in [name for name, _ in module.named_parameters() if "weight_ih_l0" in name]:
        rows = len(getattr(module, name))
        weight = torch.randn(rows, width, dtype=torch.float64) / width**0.5
        setattr(module, name, torch.nn.Parameter(weight))
    return module


@settings(max_examples=20, deadline=None, derandomize=True)
@given(case=SPLITS)
def test_an_input_that_is_split_among_the_heads(case: dict[str, Any]) -> None:
    heads, width, batch = case["heads"], case["width"], case["batch"]
    sizes = (heads * width, heads * case["units"])
    module = build(*sizes, 2, heads=heads, bidirectional=case["bidirectional"])
    split(module, heads, width)
    given: dict[str, Any] = {"return_gates": True} if case["gates"] else {}
    if case["with_lengths"]:
        given["lengths"] = torch.randint(0, T + 1, (batch,))
    for number, (mine, its) in enumerate(both(module, inputs(T, batch, sizes[0]), **given)):
        assert_close64(mine, its, f"{number}")


@pytest.mark.parametrize("cell", ["lstm", "gru", "slstm"])
def test_a_split_input_is_one_with_zeros_in_its_weights(cell: str) -> None:
    heads, width, units = 3, 5, 7
    torch.manual_seed(0)
    kinds = {"lstm": gw.LSTM, "gru": gw.GRU}
    if cell == "slstm":
        module: Any = build(heads * width, heads * units, heads=heads)
    else:  # torch's cells have heads in the core, and no module of their own
        module = kinds[cell](heads * width, heads * units, engine="native").double()
        module.heads = heads
        whole = module.weight_hh_l0
        module.weight_hh_l0 = torch.nn.Parameter(whole.detach()[:, :units].contiguous())
    split(module, heads, width)
    x = inputs(T, B, heads * width)
    found = module(x, lengths=LENGTHS)[0]
    narrow = module.weight_ih_l0.detach()
    blocks = narrow.view(-1, heads, units, 1, width)
    apart = torch.eye(heads, dtype=torch.float64)[:, None, :, None]
    whole = (blocks * apart).reshape(len(narrow), heads * width)
    module.weight_ih_l0 = torch.nn.Parameter(whole)
    assert_close64(found, module(x, lengths=LENGTHS)[0])


def test_a_split_input_of_one_row_or_a_few_looks_ahead() -> None:
    module = split(build(6, 10, heads=2, dtype=torch.float64), 2, 3)
    x = inputs(70, 4, 6)  # more steps than are formed at a time
    whole = both(module, x)
    for number, (mine, its) in enumerate(whole):
        assert_close64(mine, its, f"{number}")
    module.engine = "native"
    for row in range(4):
        assert_close64(module(x[:, row : row + 1])[0], module(x)[0][:, row : row + 1])


def test_weights_between_whole_and_split_are_refused() -> None:
    module = split(build(12, 10, heads=2), 2, 5)
    with pytest.raises(InputError, match=r"weight_ih_l0 must have the shape \[40, 12\]"):
        module(inputs(T, B, 12))
