"""The account of the state: it must add up, for every cell, direction, length and precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.memory.loops import record

import gatewise as gw
from gatewise.errors import InputError
from gatewise.memory import ledger, retention
from gatewise.memory.records.ledger import half_of

# The demand, relative to the largest state.
ALLOWED = {np.float64: 1e-12, np.float32: 1e-5}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("at", ["end", "all", 3, [0, 5, 2]])
def test_the_entries_sum_to_the_state(cell: str, dtype: Any, at: Any) -> None:
    gates, initial = record(cell, [6, 0, 2, 9], layers=2, directions=2, dtype=dtype)
    found = ledger(gates, at=at, initial=initial)
    assert (found.relative_residual <= ALLOWED[dtype]).all()
    state = gates["cell" if cell == "lstm" else "hidden"]
    for index in np.ndindex(*found.at.shape):
        t, own = (
            found.at[index],
            found.carried[index] + found.written[*index[:3], :, index[3]].sum(0),
        )
        if t >= 0:
            there = state[index[1], index[2], t, index[3]]
            assert np.array_equal(found.state[index], there)
            assert np.allclose(own, there, rtol=0, atol=ALLOWED[dtype])
        else:
            assert np.isnan(own).all()
            assert np.isnan(found.residual[index]).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("cell", ["LSTM", "GRU", "projected"])
def test_it_adds_up_for_the_records_of_modules(cell: str, dtype: torch.dtype) -> None:
    seeded = torch.Generator().manual_seed(0)
    options: dict[str, Any] = {"num_layers": 3, "bidirectional": True, "dtype": dtype}
    module = gw.GRU(4, 6, **options) if cell == "GRU" else None
    if module is None:
        module = gw.LSTM(4, 6, proj_size=2 if cell == "projected" else 0, **options)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-1, 1, generator=seeded)
    x = torch.randn(20, 5, 4, generator=seeded, dtype=dtype)
    states = [torch.randn(6, 5, n, generator=seeded, dtype=dtype) for n in (6, 6)]
    if cell == "projected":
        states[0] = states[0][..., :2].contiguous()
    hx = states[0] if cell == "GRU" else tuple(states)
    lengths = torch.tensor([7, 20, 1, 13, 20])
    _, _, gates = module(x, hx, lengths=lengths, return_gates=True)
    for at in ("end", 0, 6, 19):
        found = ledger(gates, at=at, initial=states[0] if cell == "GRU" else states[1])
        assert (found.relative_residual <= (1e-12 if dtype == torch.float64 else 1e-5)).all()
        assert (~np.isnan(found.residual)).any()


@given(st.integers(0, 2**32 - 1))
def test_it_adds_up_for_any_gates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    keep = rng.uniform(size=(30, 2, 3)) ** rng.choice([0.01, 1, 20])
    keep[rng.uniform(size=keep.shape) < 0.05] = rng.choice([0.0, 1.0])
    write = rng.normal(size=keep.shape) * rng.choice([1e-3, 1, 1e3])
    initial = rng.normal(size=keep.shape[1:])
    state, c = np.empty_like(keep), initial
    for t in range(30):
        c = state[t] = keep[t] * c + write[t]
    found = ledger(keep=keep, write=write, state=state, initial=initial, at="all")
    assert (found.relative_residual <= 1e-12).all()


def test_a_wrong_state_shows_in_the_residual() -> None:
    gates, initial = record("lstm", [6], units=2)
    assert ledger(gates).relative_residual.item() > 1e-3  # the initial state was not given
    gates["input"][0, 0, 3] += 1e-4
    found = ledger(gates, initial=initial)
    assert 1e-6 < found.relative_residual.item() < 1e-3


def test_entries_by_hand_and_by_retention() -> None:
    keep = np.array([0.5, 0.5, 0.0, 0.5, 1.0])[:, None, None]
    write = np.array([1.0, 2.0, 3.0, 4.0, -5.0])[:, None, None]
    state = np.array([2.5, 3.25, 3.0, 5.5, 0.5])[:, None, None]
    found = ledger(keep=keep, write=write, state=state, initial=np.array([[3.0]]), at="all")
    assert found.written[0].ravel().tolist() == [1, 0, 0, 0, 0]
    assert found.written[1].ravel().tolist() == [0.5, 2, 0, 0, 0]
    assert found.written[4].ravel().tolist() == [0, 0, 1.5, 4, -5]
    assert found.carried.ravel().tolist() == [1.5, 0.75, 0, 0, 0]
    assert not found.residual.any()
    assert found.at.ravel().tolist() == [0, 1, 2, 3, 4]
    gates, _ = record("gru", [7], layers=1, directions=2)
    one = ledger(gates, at=4).written[0]
    for direction, s in ((0, 1), (1, 6)):
        share = retention(gates, start=min(s, 4), stop=max(s, 4)).share[0, direction, 0]
        w = ((1 - gates["update"]) * gates["candidate"])[0, direction, s, 0]
        assert np.allclose(one[0, direction, s, 0], share * w, rtol=1e-13)


def test_the_reverse_direction_holds_what_later_steps_wrote() -> None:
    gates, _ = record("lstm", [6], directions=2)
    written = ledger(gates, at=2).written[0, 0, :, :, 0]
    assert (written[0, :3] != 0).all()
    assert (written[0, 3:] == 0).all()
    assert (written[1, 2:] != 0).all()
    assert (written[1, :2] == 0).all()
    ends = ledger(gates).at
    assert ends.ravel().tolist() == [5, 0]


def test_half_of_the_content() -> None:
    ages = np.array([[1.0], [2.0], [3.0], [0.0]])
    assert half_of(ages, np.array([0.0])) == 2
    assert half_of(ages, np.array([6.0])) == 3
    assert half_of(ages, np.array([6.1])) == np.inf
    assert np.isnan(half_of(np.zeros((4, 1)), np.zeros(1)))


@pytest.mark.parametrize("half", [1, 5, 40])
def test_a_steady_leak_was_half_written_in_its_half_life(half: int) -> None:
    keep = np.full((2000, 12, 2), 0.5 ** (1 / half))
    state = np.zeros_like(keep)
    for t in range(2000):
        state[t] = (keep[t] * state[t - 1] if t else 0) + 1
    found = ledger(keep=keep, write=np.ones_like(keep), state=state)
    # The last n of infinitely many entries hold 1 - 0.5^(n / half): half is reached at n = half.
    assert half <= found.half.item() <= half + 1  # one more where rounding falls short of one half
    assert found.low <= found.half <= found.high
    assert found.high - found.low <= 1


def test_the_interval_over_rows_holds_the_half() -> None:
    # Row by row the leak differs; the interval must hold the half of many more such rows.
    rng = np.random.default_rng(0)
    held = 0
    many = 0.5 ** (1 / rng.uniform(5, 40, size=20_000))
    profile = (many ** np.arange(300)[:, None]).sum(axis=1)
    truth = half_of(profile[:, None], np.zeros(1))
    for _ in range(100):
        keep = np.broadcast_to(0.5 ** (1 / rng.uniform(5, 40, size=(1, 20, 1))), (300, 20, 1))
        found = ledger(keep=keep, write=np.ones_like(keep), state=np.ones_like(keep))
        held += int(found.low.item() <= truth <= found.high.item())
    assert held >= 86


def test_what_was_there_before_the_first_step() -> None:
    keep, zero = np.ones((3, 1, 1)), np.zeros((3, 1, 1))
    found = ledger(keep=keep, write=zero, state=keep, initial=np.ones((1, 1)))
    assert found.half == np.inf
    assert "half of what the state holds is from before the first step" in found.reading
    empty = ledger(keep=keep, write=zero, state=zero)
    assert np.isnan(empty.half)
    assert empty.relative_residual == 0
    assert "the state is empty there" in empty.reading


def test_rows_without_steps_and_records_without() -> None:
    keep = np.full((3, 2, 1), np.nan)
    nothing = ledger(keep=keep, write=keep, state=keep)
    assert nothing.at.tolist() == [[-1, -1]]
    assert np.isnan(nothing.half).all()
    assert "No row reaches" in nothing.reading


def test_the_reading() -> None:
    keep = np.full((4, 1, 1), 0.5)
    state = np.array([1, 1.5, 1.75, 1.875])[:, None, None]
    arrays = {"keep": keep, "write": np.ones_like(keep), "state": state}
    assert ledger(**arrays).reading == (
        "At step 3, half of what the state holds was written in the last step; the entries sum to "
        "the recorded state within 0 of its size."
    )
    assert ledger(**arrays, at=[0, 2]).reading.startswith("At step 2, half")
    padded = {name: np.repeat(values, 2, axis=1) for name, values in arrays.items()}
    for values in padded.values():
        values[3, 0] = np.nan
    assert ledger(**padded).reading.startswith("At the end of each row, half")


@pytest.mark.parametrize("at", [4, -1, [0, 4], "start", 0.5, [], [[1]], None])
def test_steps_that_are_not_there(at: Any) -> None:
    keep = np.full((4, 1, 1), 0.5)
    with pytest.raises(InputError, match=r"at.* must be"):
        ledger(keep=keep, write=keep, state=keep, at=at)


def test_what_would_not_fit() -> None:
    keep = np.broadcast_to(np.float64(0.5), (4000, 1, 10))
    with pytest.raises(
        InputError, match=r"the account of 4,000 steps .* 1.19 GiB of the 1 allowed"
    ):
        ledger(keep=keep, write=keep, state=keep, at="all")


def test_a_cell_without_gates() -> None:
    gates, _ = record("rnn", [4])
    with pytest.raises(InputError, match="has no gate"):
        ledger(gates)
