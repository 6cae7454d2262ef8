"""The sLSTM as a module: heads, the published states, and its own laws."""

from __future__ import annotations

import math

import pytest
import torch
from tests.nn.recurrent import B, I, T, inputs
from tests.tolerances import assert_close64
from torch import Tensor

import gatewise as gw
from gatewise.engines.heads import backwards, dense, recurrent
from gatewise.errors import InputError, OptionError

H = 6
FORGETS = ("sigmoid", "clamped", "exponential")
KINDS = pytest.mark.parametrize("forget", FORGETS)


def build(**options) -> gw.SLSTM:
    torch.manual_seed(0)
    return gw.SLSTM(I, H, dtype=torch.float64, **options)


def zeros(module: gw.SLSTM) -> tuple[Tensor, ...]:
    count = module.num_layers * (2 if module.bidirectional else 1)
    return (torch.zeros(count, B, H, dtype=torch.float64),) * 4


def running(module: gw.SLSTM, steps: int = 4) -> tuple[Tensor, ...]:
    return module(inputs(steps, B, I, seed=1))[1]


@pytest.mark.parametrize("heads", [1, 2, 3, 6])
def test_heads_are_a_matrix_with_zeros(heads: int) -> None:
    weights = torch.randn(4 * H, H // heads, dtype=torch.float64, requires_grad=True)
    whole = dense(weights, H)
    for block in range(4):
        for head in range(heads):
            units = slice(head * (H // heads), (head + 1) * (H // heads))
            rows = slice(block * H + units.start, block * H + units.stop)
            assert torch.equal(whole[rows, units], weights[rows])
    assert torch.count_nonzero(whole) == weights.numel()
    h, bias = inputs(T, B, H), inputs(4 * H)
    onto = inputs(T, B, 4 * H)
    assert_close64(recurrent(weights, h, bias), h @ whole.T + bias)
    assert_close64(backwards(weights, onto, H), onto @ whole)
    found = torch.autograd.grad(recurrent(weights, h).square().sum(), weights)
    expected = torch.autograd.grad((h @ dense(weights, H).T).square().sum(), weights)
    assert_close64(found[0], expected[0])


@pytest.mark.parametrize("heads", [1, 2, 6])
@KINDS
def test_every_head_is_an_slstm_of_its_own(forget: str, heads: int) -> None:
    module = build(heads=heads, forget=forget, bidirectional=True)
    x, lengths, size = inputs(T, B, I), [2, 0, T], H // heads
    output, states, gates = module(x, lengths=lengths, return_gates=True)
    for head in range(heads):
        alone = gw.SLSTM(I, size, forget=forget, bidirectional=True, dtype=torch.float64)
        units = slice(head * size, (head + 1) * size)
        with torch.no_grad():
            for name, parameter in alone.named_parameters():
                whole = module.get_parameter(name).unflatten(0, (4, H))
                parameter.copy_(whole[:, units].flatten(0, 1))
        out, ends, own = alone(x, lengths=lengths, return_gates=True)
        assert_close64(output.unflatten(-1, (2, H))[..., units], out.unflatten(-1, (2, size)))
        for one, other in zip(states, ends, strict=True):
            assert_close64(one[..., units], other)
        for name in gates:
            assert_close64(gates[name][..., units].nan_to_num(), own[name].nan_to_num(), name)


@KINDS
def test_zero_states_are_no_states_and_carried_ones_the_whole(forget: str) -> None:
    module = build(heads=2, forget=forget, num_layers=2)
    x = inputs(T, B, I)
    output, states = module(x)
    again, ends = module(x, zeros(module))
    assert torch.equal(again, output)
    assert all(map(torch.equal, ends, states))
    first, middle = module(x[:2])
    second, last = module(x[2:], middle)
    assert_close64(torch.cat([first, second]), output)
    for one, other in zip(last, states, strict=True):
        assert_close64(one, other)


@KINDS
def test_only_the_ratios_of_the_published_states_count(forget: str) -> None:
    module = build(heads=3, forget=forget)
    x = inputs(T, B, I)
    h, c, n, m = running(module)
    output, _ = module(x, (h, c, n, m))
    for shift in (-30.0, 2.5, 80.0):
        factor = math.exp(-shift)
        assert_close64(module(x, (h, factor * c, factor * n, m + shift))[0], output)


def test_a_fresh_row_in_a_running_batch_is_that_row_alone() -> None:
    module = build(heads=2)
    x = inputs(T, B, I)
    states = [state.clone() for state in running(module)]
    states[2][:, 1] = 0  # of the second row; its m and c stay, and mean nothing
    h, c, n, m = states
    output, ends = module(x, (h, c, n, m))
    nothing = torch.zeros(1, 1, H, dtype=torch.float64)
    alone, own = module(x[:, 1:2], (h[:, 1:2], nothing, nothing, nothing))
    assert_close64(output[:, 1:2], alone)
    for one, other in zip(ends, own, strict=True):
        assert_close64(one[:, 1:2], other)


def test_a_row_without_a_step_hands_back_what_it_was_given() -> None:
    module = build()
    x = inputs(T, B, I)
    _, (_, c, n, m) = module(x, lengths=[0, T, 0])
    assert (n[:, [0, 2]] == 0).all()
    assert (n[:, 1] == 1).all()
    assert (c[:, [0, 2]] == 0).all()
    assert (m[:, [0, 2]] == 0).all()


@KINDS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_hidden_state_never_leaves_one_whatever_the_gates_see(forget: str, dtype) -> None:
    module = build(forget=forget).to(dtype)
    x = inputs(40, B, I, dtype=dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1000)
    output, states, gates = module(x, return_gates=True)
    rounding = len(x) * torch.finfo(dtype).eps  # of keep + write, which may be 1 + eps at each step
    assert (output.abs() <= 1 + rounding).all()
    assert all(value.isfinite().all() for value in (*states, *gates.values()))
    grads = torch.autograd.grad(output.square().sum(), list(module.parameters()))
    assert all(grad.isfinite().all() for grad in grads)


def test_gradients_reach_the_published_states() -> None:
    module = build(heads=2)
    x = inputs(3, B, I)
    states = tuple(state.detach().requires_grad_() for state in running(module))

    def function(*given: Tensor) -> Tensor:
        return module(x, given)[0]

    assert torch.autograd.gradcheck(function, states, fast_mode=True)
    grads = torch.autograd.grad(function(*states).square().sum(), states)
    _, c, n, _ = states
    # Shifting m and scaling c and n against it changes nothing, so that gradient is 0.
    assert_close64(grads[3], c * grads[1] + n * grads[2])


def test_it_trains_saves_and_explains() -> None:
    torch.manual_seed(0)
    module = gw.SLSTM(I, H, heads=2)
    assert repr(module) == "SLSTM(3, 6, heads=2)"
    other = gw.SLSTM(I, H, heads=2)
    other.load_state_dict(module.state_dict())
    x = inputs(T, B, I, dtype=torch.float32)
    assert torch.equal(other(x)[0], module(x)[0])
    with gw.trace(module) as record:
        module(x)
    assert {"keep", "write", "level"} <= set(record[""])
    highway = gw.memory.highway(module, x, max_lag=2)
    assert highway.reading


def test_bad_input() -> None:
    with pytest.raises(OptionError, match="6 units do not go into 4 heads"):
        gw.SLSTM(I, H, heads=4)
    with pytest.raises(OptionError, match="heads must be a whole number of at least 1; got 0"):
        gw.SLSTM(I, H, heads=0)
    with pytest.raises(OptionError, match="Did you mean 'sigmoid'"):
        gw.SLSTM(I, H, forget="sigmoidal")
    module, x = build(), inputs(T, B, I)
    h, c, n, m = running(module)
    for wrong, words in (
        ((h, c), r"hx must be \(h, c, n, m\), 4 tensors; got a tuple"),
        (h, r"hx must be \(h, c, n, m\), 4 tensors; got one tensor"),
        ((h, c, n, m[:, :1]), r"one shape; got h \[1, 3, 6\].* m \[1, 1, 6\]"),
        ((h, c, -n, m), "cannot be below 0"),
    ):
        with pytest.raises(InputError, match=words):
            module(x, wrong)
    with pytest.raises(RuntimeError, match="Expected hidden"):
        module(x, tuple(state[:, :2] for state in (h, c, n, m)))


def test_the_timescale_leaves_out_the_step_that_had_nothing_to_keep() -> None:
    module = build(bidirectional=True)
    _, _, gates = module(inputs(T, B, I), lengths=[2, 1, T], return_gates=True)
    assert (gates.keep[0, 0, 0] == 0).all()
    found = gw.memory.gate_timescale(gates).steps
    logs = gates.keep.log()
    for direction, firsts in enumerate(([0, 0, 0], [1, 0, T - 1])):
        kept = logs[0, direction].clone()
        for row, first in enumerate(firsts):
            kept[first, row] = math.nan
        expected = -1 / kept.nanmean(dim=(0, 1))
        torch.testing.assert_close(torch.from_numpy(found[0, direction]), expected)


@pytest.mark.parametrize("place", range(4))
def test_a_state_of_another_type_is_named(place: int) -> None:
    states = [torch.zeros(1, B, H, dtype=torch.float64) for _ in range(4)]
    states[place] = states[place].float()
    name = "hcnm"[place]
    told = (
        rf"SLSTM: the input is float64 and the initial state {name} float32: give it as {name}\.to"
    )
    with pytest.raises(InputError, match=told):
        build()(inputs(5, B, I), tuple(states))
