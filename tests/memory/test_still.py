"""Units that do nothing."""

from __future__ import annotations

import numpy as np
import pytest
from tests.memory.loops import Record, record

from gatewise.errors import InputError, OptionError
from gatewise.memory import still_units


def test_each_way_of_doing_nothing() -> None:
    rng = np.random.default_rng(0)
    shape = (6, 2, 4)
    gates = {name: rng.uniform(0.2, 0.8, size=shape) for name in ("forget", "input", "output")}
    gates |= {name: rng.uniform(0.2, 0.8, size=shape) for name in ("candidate", "cell", "hidden")}
    gates = Record(gates, "lstm")
    gates["cell"][..., 1] = 0.7  # constant, though written to
    gates["input"][..., 2] = 1e-5
    gates["output"][..., 3] = 0
    found = still_units(gates)
    assert found.still.tolist() == [False, True, False, False]
    assert found.unwritten.tolist() == [False, False, True, False]
    assert found.unread.tolist() == [False, False, False, True]
    assert found.idle.tolist() == [False, True, True, True]
    assert found.spread[1] == 0
    assert np.isclose(found.spread[0], np.ptp(gates["cell"][..., 0]), rtol=1e-15)
    assert found.reading.startswith("3 of 4 units stand still on these inputs: 1 never move")


def test_a_state_that_differs_between_rows_moves() -> None:
    state = np.zeros((3, 2, 1))
    state[:, 1] = 1
    assert not still_units(state=state).still.any()


def test_the_gru_and_the_rnn() -> None:
    gru, _ = record("gru", [7, 3])
    found = still_units(gru)
    write = np.abs((1 - gru["update"]) * gru["candidate"])
    assert np.allclose(found.largest_write, np.nanmax(write, axis=(2, 3)), rtol=1e-15)
    assert np.allclose(found.largest_read, np.nanmax(np.abs(gru["hidden"]), axis=(2, 3)))
    rnn, _ = record("rnn", [7, 3])
    found = still_units(rnn)
    assert np.isnan(found.largest_write).all()
    assert not found.unwritten.any()
    assert not found.still.any()


def test_nothing_observed_is_not_still() -> None:
    found = still_units(state=np.full((3, 1, 2), np.nan))
    assert np.isnan(found.spread).all()
    assert not found.idle.any()


def test_the_tolerance() -> None:
    state = np.zeros((2, 1, 2))
    state[1] = [[0.01, 0.02]]
    assert still_units(state=state, tolerance=0.01).still.tolist() == [True, False]


def test_bad_input() -> None:
    with pytest.raises(OptionError, match="tolerance must not be negative; got -1"):
        still_units(state=np.zeros((1, 1, 1)), tolerance=-1)
    with pytest.raises(InputError, match="give a record of gates first, or one of state="):
        still_units()
