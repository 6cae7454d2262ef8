"""What is written, erased and read, against the state's own update."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.memory.loops import Record, record

from gatewise.errors import InputError, OptionError
from gatewise.memory import traffic


def test_by_hand() -> None:
    gates = {
        "forget": [0.5, 0.25],
        "input": [1.0, 0.5],
        "candidate": [-0.5, 1.0],
        "output": [0.5, 1.0],
        "cell": [0.5, 0.625],  # from 2: 0.5 * 2 - 0.5, 0.25 * 0.5 + 0.5
        "hidden": [0.5 * np.tanh(0.5), np.tanh(0.625)],
    }
    arrays = {name: np.array(values)[:, None, None] for name, values in gates.items()}
    record_ = Record(arrays, "lstm")
    found = traffic(record_, initial=np.full((1, 1), 2.0))
    assert found.write.amount.ravel().tolist() == [0.5, 0.5]
    assert found.erase.amount.ravel().tolist() == [1.0, 0.375]
    assert np.allclose(found.read.amount.ravel(), gates["hidden"], rtol=1e-15)
    assert found.erase.mean == 0.6875
    from_nothing = traffic(record_)
    assert from_nothing.erase.amount.ravel().tolist() == [0.0, 0.375]
    assert found.erase.events.where.tolist() == [[0, 0], [1, 0]]
    assert found.erase.events.amount.tolist() == [1.0, 0.375]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_flows_account_for_each_change_of_the_state(cell: str) -> None:
    # c_t - c_(t-1) = write - erasure, so its size lies between their difference and their sum.
    lengths = [5, 0, 2, 7]
    gates, initial = record(cell, lengths, layers=2, directions=2)
    found = traffic(gates, initial=initial)
    state = gates["cell" if cell == "lstm" else "hidden"]
    for layer, direction in np.ndindex(2, 2):
        for row, length in enumerate(lengths):
            before = initial[layer, direction, row]
            for t in range(length) if direction == 0 else range(length - 1, -1, -1):
                at = (layer, direction, t, row)
                write, erase = found.write.amount[at], found.erase.amount[at]
                change = np.abs(state[at] - before)
                assert (change <= write + erase + 1e-15).all()
                assert (change >= np.abs(write - erase) - 1e-15).all()
                if cell == "lstm":
                    assert np.allclose(write, np.abs(gates["input"][at] * gates["candidate"][at]))
                    assert np.allclose(erase, np.abs((1 - gates["forget"][at]) * before))
                if cell == "gru":
                    closed = 1 - gates["update"][at]
                    assert np.allclose(write, np.abs(closed * gates["candidate"][at]))
                    assert np.allclose(erase, np.abs(closed * before))
                if cell == "rnn":
                    assert np.array_equal(erase, np.abs(before))
                assert np.allclose(found.read.amount[at], np.abs(gates["hidden"][at]), rtol=1e-14)
                before = state[at]
            assert np.isnan(found.write.amount[layer, direction, length:, row]).all()


def test_events_are_the_largest_sums() -> None:
    gates, _ = record("lstm", [6, 9, 0], directions=2, layers=2)
    found = traffic(gates, events=4)
    amount = np.abs(gates["input"] * gates["candidate"])
    totals = amount.sum(axis=-1)
    events = found.write.events
    assert events.where.shape == (4, 4)
    assert np.allclose(events.amount, np.sort(totals[~np.isnan(totals)])[::-1][:4], rtol=1e-14)
    for (layer, direction, t, row), total, unit, part in zip(
        events.where, events.amount, events.unit, events.unit_amount, strict=True
    ):
        own = amount[layer, direction, t, row]
        assert np.isclose(own.sum(), total)
        assert own.argmax() == unit
        assert np.isclose(own.max(), part)


def test_a_planted_reset_is_the_first_event() -> None:
    keep = np.full((500, 1, 3), 0.99)
    keep[321, 0] = 0
    write = np.full((500, 1, 3), 0.1)
    state = np.zeros((500, 1, 3))
    for t in range(500):
        state[t] = keep[t] * state[t - 1] + write[t]
    found = traffic(keep=keep, write=write, state=state)
    assert found.erase.events.where[0].tolist() == [321, 0]
    assert "most is erased at step 321 of row 0" in found.reading


def test_fewer_steps_than_events_and_none() -> None:
    arrays: dict[str, Any] = {"keep": np.full((2, 1, 1), 0.5), "write": np.ones((2, 1, 1))}
    found = traffic(**arrays, state=np.ones((2, 1, 1)))
    assert found.write.events.where.tolist() == [[0, 0], [1, 0]]
    empty = {name: np.full((2, 1, 1), np.nan) for name in ("keep", "write", "state")}
    nothing = traffic(**empty)
    assert nothing.write.events.where.shape == (0, 2)
    assert np.isnan(nothing.write.mean).all()
    assert "nothing flows" in nothing.reading


def test_means_and_their_interval() -> None:
    gates, _ = record("gru", [8] * 30)
    found = traffic(gates)
    flow = found.write
    assert np.allclose(flow.mean, flow.amount.mean(axis=(2, 3)), rtol=1e-14)
    assert (flow.low < flow.mean).all()
    assert (flow.mean < flow.high).all()
    mean, low, high = flow.average
    assert mean == pytest.approx(flow.mean.mean(), rel=1e-14)
    assert low < mean < high
    # Units differ among themselves, which their mean averages out: its interval is the narrower.
    assert high - low < (flow.high - flow.low).mean()


def test_the_floating_type_is_kept() -> None:
    gates, _ = record("lstm", [4], dtype=np.float32)
    assert traffic(gates).write.amount.dtype == np.float32
    half = {name: values.astype(np.float16) for name, values in gates.items()}
    half["kind"] = "lstm"
    assert traffic(half).write.amount.dtype == np.float32


def test_bad_input() -> None:
    gates, _ = record("lstm", [4])
    with pytest.raises(OptionError, match="events must be at least 1; got 0"):
        traffic(gates, events=0)
    with pytest.raises(
        InputError, match="write is missing: give a record of gates first, or write="
    ):
        traffic(keep=gates["forget"], state=gates["cell"])
    with pytest.raises(InputError, match=r"initial has shape \[2\]"):
        traffic(gates, initial=np.zeros(2))
    del gates["output"]
    with pytest.raises(InputError, match=r"the record has no 'output'.* or give read="):
        traffic(gates)
