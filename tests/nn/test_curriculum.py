"""A schedule of lengths: it goes by what is solved alone, and its gates follow exactly."""

from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest
import torch

import gatewise as gw
from gatewise.cells import CELLS
from gatewise.errors import InputError

WRITE = {"LSTM": ("input", -1.0), "GRU": ("update", 1.0)}
"""Which bias moves with the length, and which way."""
ALL = pytest.mark.parametrize(
    ("namespace", "kind"), [(space, kind) for space in (torch.nn, gw) for kind in WRITE]
)


def total(module, gate):
    rows = CELLS[module.mode.lower()].slice(gate, module.hidden_size)
    return (module.bias_ih_l0 + module.bias_hh_l0)[rows].detach().clone()


def solve(curriculum, times):
    return [curriculum.step(True) for _ in range(times)]


def test_lengths_double_up_to_the_final_one() -> None:
    assert gw.LengthCurriculum(gw.LSTM(2, 3), 1000).lengths == (100, 200, 400, 800, 1000)
    assert gw.LengthCurriculum(gw.LSTM(2, 3), 800, start=200).lengths == (200, 400, 800)
    assert gw.LengthCurriculum(gw.LSTM(2, 3), 70, start=70).lengths == (70,)


def test_the_length_goes_by_the_criterion_alone() -> None:
    curriculum = gw.LengthCurriculum(gw.LSTM(2, 3), 400, streak=3, last_streak=4)
    for _ in range(50):  # however long it takes
        assert solve(curriculum, 2) == [False, False]
        assert not curriculum.step(False)
    assert (curriculum.length, curriculum.in_a_row) == (100, 0)
    assert solve(curriculum, 3) == [False, False, True]
    assert (curriculum.length, curriculum.in_a_row) == (200, 0)
    assert solve(curriculum, 3) == [False, False, True]
    assert solve(curriculum, 3) == [False, False, False]
    assert curriculum.length == 400
    assert not curriculum.done
    curriculum.step(True)
    assert curriculum.done
    curriculum.step(True)
    assert curriculum.done
    curriculum.step(False)
    assert not curriculum.done
    assert curriculum.length == 400


@ALL
def test_what_is_written_is_halved_where_the_length_doubles(namespace, kind) -> None:
    torch.manual_seed(0)
    module = getattr(namespace, kind)(2, 5)
    gw.init.long_memory(module, 700, 100)
    curriculum = gw.LengthCurriculum(module, 700, streak=1)
    gate, sign = WRITE[kind]
    start, before = total(module, gate), copy.deepcopy(module.state_dict())
    for length in (200, 400, 700):
        assert curriculum.step(True)
        assert curriculum.length == length
        shift = sign * math.log(length / 100)
        torch.testing.assert_close(total(module, gate), start + shift, rtol=1e-6, atol=1e-6)
    # what the gate hears of the input has grown as its bias has, and nothing else has moved
    rows = CELLS[module.mode.lower()].slice(gate, 5)
    factor = (total(module, gate) / start)[:, None]
    assert bool((factor > 1).all())
    heard = module.weight_ih_l0.detach()[rows]
    torch.testing.assert_close(heard, factor * before["weight_ih_l0"][rows])
    for name in ("weight_ih_l0", "bias_ih_l0"):
        before[name][rows] = module.get_parameter(name).detach()[rows]
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@ALL
def test_a_gate_that_is_open_at_a_mark_stays_open_where_it_is_shut_elsewhere(
    namespace, kind
) -> None:
    """A network of one unit that opens at a mark, by its weights: what it writes there and elsewhere."""
    module = getattr(namespace, kind)(1, 1)
    gate, sign = WRITE[kind]
    rows = CELLS[module.mode.lower()].slice(gate, 1)
    with torch.no_grad():
        for value in module.parameters():
            value.zero_()
        module.bias_ih_l0[rows] = sign * 8.0
        module.weight_ih_l0[rows] = sign * -9.0
    solve(gw.LengthCurriculum(module, 800, streak=1), 3)
    both = module.bias_ih_l0.detach(), module.weight_ih_l0.detach()
    bias, opens = (sign * float(one[rows]) for one in both)
    assert bias == pytest.approx(8 + 3 * math.log(2))
    assert bias + opens == pytest.approx((8 - 9) * bias / 8)


@ALL
def test_a_gate_that_is_not_shut_is_only_moved(namespace, kind) -> None:
    torch.manual_seed(0)
    module = getattr(namespace, kind)(2, 5)
    gate, sign = WRITE[kind]
    with torch.no_grad():
        module.bias_ih_l0[CELLS[module.mode.lower()].slice(gate, 5)] = -sign * 2.0
    start, before = total(module, gate), module.weight_ih_l0.detach().clone()
    solve(gw.LengthCurriculum(module, 200, streak=1), 1)
    torch.testing.assert_close(total(module, gate), start + sign * math.log(2))
    assert torch.equal(module.weight_ih_l0.detach(), before)


def test_a_fresh_start_at_a_length_is_where_the_schedule_arrives() -> None:
    arrived, fresh = gw.LSTM(2, 5), gw.LSTM(2, 5)
    gw.init.long_memory(arrived, 700, 100, generator=torch.Generator().manual_seed(1))
    gw.init.long_memory(fresh, 700, 400, generator=torch.Generator().manual_seed(1))
    solve(gw.LengthCurriculum(arrived, 700, streak=1), 2)
    torch.testing.assert_close(arrived.bias_ih_l0[:10], fresh.bias_ih_l0[:10])


def trained(module, curriculum, updates, seed=0):
    draws = torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(module.parameters(), lr=0.05)
    for _ in range(updates):
        adam.zero_grad()
        module(torch.randn(7, 3, 2, generator=draws))[0].square().mean().backward()
        adam.step()
        curriculum.step(True)


@pytest.mark.parametrize("namespace", [torch.nn, gw])
def test_the_forget_gate_is_held_until_it_is_released(namespace) -> None:
    torch.manual_seed(0)
    module = namespace.LSTM(2, 5, num_layers=2)
    gw.init.long_memory(module, 100, 50)
    curriculum = gw.LengthCurriculum(module, 100, start=50, streak=2)
    rows = CELLS["lstm"].slice("forget", 5)
    before = copy.deepcopy(module.state_dict())
    trained(module, curriculum, 3)
    for name, value in module.state_dict().items():
        assert torch.equal(value[rows], before[name][rows])
        assert not torch.equal(value[:5], before[name][:5])
    curriculum.release()
    trained(module, curriculum, 1)
    assert not torch.equal(module.bias_ih_l0[rows], before["bias_ih_l0"][rows])


@pytest.mark.parametrize(("kind", "hold"), [("GRU", True), ("LSTM", False)])
def test_a_gate_that_has_to_write_or_is_not_to_be_held_learns(kind, hold) -> None:
    torch.manual_seed(0)
    module = getattr(gw, kind)(2, 5)
    curriculum = gw.LengthCurriculum(module, 100, hold=hold)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    trained(module, curriculum, 1)
    assert all(not torch.equal(module.state_dict()[name], before[name]) for name in before)


def test_a_schedule_goes_on_from_its_saved_state() -> None:
    torch.manual_seed(0)
    module = gw.LSTM(2, 5)
    gw.init.long_memory(module, 400, 50)
    curriculum = gw.LengthCurriculum(module, 400, start=50, streak=2)
    trained(module, curriculum, 5)
    state = json.loads(json.dumps(curriculum.state_dict()))
    other = gw.LSTM(2, 5)
    other.load_state_dict(module.state_dict())
    again = gw.LengthCurriculum(other, 400, start=50, streak=2)
    again.load_state_dict(state)
    assert (again.length, again.stage, again.in_a_row) == (200, 2, 1)
    trained(module, curriculum, 4, seed=1)
    trained(other, again, 4, seed=1)
    assert again.state_dict() == curriculum.state_dict()
    for name, value in module.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"lengths": [50, 100], "stage": 0, "in_a_row": 0}, "of the lengths 50 to 100, and this"),
        ({"stage": 0}, "must be what state_dict"),
        (None, "must be what state_dict"),
        ({"lengths": [], "stage": 0, "in_a_row": 0}, "must be what state_dict"),
        ({"lengths": [100, 200, 400], "stage": 3, "in_a_row": 0}, "has stage 3"),
        ({"lengths": [100, 200, 400], "stage": 1, "in_a_row": -1}, "in_a_row -1"),
    ],
)
def test_a_state_of_something_else_changes_nothing(state, words) -> None:
    curriculum = gw.LengthCurriculum(gw.LSTM(2, 5), 400, streak=1)
    curriculum.step(True)
    with pytest.raises(InputError, match=words):
        curriculum.load_state_dict(state)
    assert (curriculum.length, curriculum.stage, curriculum.in_a_row) == (200, 1, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"final": 1}, "final must be a whole number of steps, from 2 on; got 1"),
        ({"final": 50}, r"start must be at most final.* got start=100 and final=50"),
        ({"final": 500, "start": 1.5}, "start must be a whole number of steps"),
        ({"final": 500, "streak": 0}, "streak must be a number of batches; got 0"),
        ({"final": 500, "last_streak": True}, "last_streak must be a number of batches; got True"),
    ],
)
def test_numbers_that_are_none(arguments, words) -> None:
    with pytest.raises(InputError, match=words):
        gw.LengthCurriculum(gw.LSTM(2, 3), **arguments)


@pytest.mark.parametrize("solved", [0.9, 1, None, "yes", torch.tensor([True, False]), [True]])
def test_what_is_no_answer_to_whether_a_batch_was_solved(solved) -> None:
    curriculum = gw.LengthCurriculum(gw.LSTM(2, 3), 500)
    curriculum.step(True)
    with pytest.raises(InputError, match="solved must be True or False"):
        curriculum.step(solved)
    assert curriculum.in_a_row == 1


@pytest.mark.parametrize("kind", [torch.tensor, np.bool_])
def test_answers_of_torch_and_numpy_count(kind) -> None:
    curriculum = gw.LengthCurriculum(gw.LSTM(2, 3), 500)
    curriculum.step(kind(True))
    assert curriculum.in_a_row == 1
    curriculum.step(kind(False))
    assert curriculum.in_a_row == 0


def test_models_that_have_no_gates_to_move() -> None:
    with pytest.raises(InputError, match="RNN contains no LSTM, GRU"):
        gw.LengthCurriculum(gw.RNN(2, 3), 500)
    lstm = gw.LSTM(2, 3)
    torch.nn.utils.parametrizations.weight_norm(lstm, "weight_ih_l0")
    with pytest.raises(InputError, match="computed by a parametrization"):
        gw.LengthCurriculum(lstm, 500)
