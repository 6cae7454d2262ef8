"""Shares of closed and open steps."""

from __future__ import annotations

import numpy as np
import pytest
from tests.memory.loops import Record, record

from gatewise.errors import InputError, OptionError
from gatewise.memory import Sampling, saturation


def test_shares_counted_by_hand() -> None:
    forget = np.array([[0.05, 0.5], [0.95, 0.1], [0.0, 0.9], [1.0, 0.91]])[:, None, :]  # [T, 1, H]
    found = saturation({"kind": "lstm", "forget": forget})
    assert found.closed["forget"].tolist() == [0.5, 0.0]  # 0.1 is not below 0.1
    assert found.opened["forget"].tolist() == [0.5, 0.25]
    other = saturation({"kind": "lstm", "forget": forget}, closed_below=0.2, open_above=0.89)
    assert other.closed["forget"].tolist() == [0.5, 0.25]
    assert other.opened["forget"].tolist() == [0.5, 0.5]
    assert np.isnan(found.closed_low["forget"]).all()


@pytest.mark.parametrize(
    ("cell", "names"), [("lstm", ["forget", "input", "output"]), ("gru", ["reset", "update"])]
)
def test_every_gate_of_a_record_and_nothing_else(cell: str, names: list[str]) -> None:
    gates, _ = record(cell, [9, 0, 4, 9], layers=2, directions=2)
    found = saturation(gates)
    assert list(found.closed) == names
    for name in names:
        values = gates[name]
        count = 22
        assert np.allclose(found.closed[name], (values < 0.1).sum(axis=(2, 3)) / count, rtol=1e-14)
        assert np.allclose(found.opened[name], (values > 0.9).sum(axis=(2, 3)) / count, rtol=1e-14)


def test_intervals_hold_the_share_and_stay_in_range() -> None:
    rng = np.random.default_rng(0)
    gate = rng.uniform(size=(20, 30, 400))
    gate[:, :, 0] = 0.5
    found = saturation({"kind": "gru", "update": gate}, sampling=Sampling(level=0.9))
    low, high = found.closed_low["update"], found.closed_high["update"]
    held = ((low <= 0.1) & (high >= 0.1))[1:].mean()
    assert 0.85 <= held <= 0.95
    assert (low >= 0).all()
    assert (low <= found.closed["update"]).all()
    assert (found.closed["update"] <= high).all()
    assert found.closed["update"][0] == low[0] == 0
    assert 0 < high[0] < 0.15


def test_rows_that_are_empty_and_records_that_are() -> None:
    gate = np.full((3, 2, 1), np.nan)
    nothing = saturation({"kind": "gru", "update": gate})
    assert np.isnan(nothing.closed["update"]).all()
    assert "no valid step" in nothing.reading
    gate[:, 1] = 0.01
    assert saturation({"kind": "gru", "update": gate}).closed["update"] == 1


def test_other_names() -> None:
    found = saturation({"mine": np.full((3, 1, 2), 0.95)}, names=["mine"])
    assert found.opened["mine"].tolist() == [1, 1]


def test_the_reading() -> None:
    names = ("forget", "input")
    gates = Record({name: np.full((40, 12, 2), 0.5) for name in names}, "lstm")
    gates["input"][:, :, 1] = 0.99
    assert saturation(gates).reading == (
        "The input gate saturates most: on average over its units it is nearly closed at 0 % and "
        "nearly open at 50 % of the steps; 1 of 2 units are saturated at more than 95 % of them, "
        "first of all unit 1, nearly open at 100 % (71.2 to 100 %)."
    )


def test_bad_input() -> None:
    gates, _ = record("rnn", [3])
    with pytest.raises(InputError, match="none of these is a gate between 0 and 1"):
        saturation(gates)
    with pytest.raises(
        OptionError, match=r"0 < closed_below <= open_above < 1 must hold; got 0\.9"
    ):
        saturation(gates, closed_below=0.9, open_above=0.1)
    with pytest.raises(InputError, match=r"hidden must lie between 0 and 1"):
        saturation(gates, names=["hidden"])
    with pytest.raises(InputError, match="names must be a sequence of gates"):
        saturation(gates, names="hidden")
    with pytest.raises(InputError, match="the record has no 'forget'"):
        saturation(gates, names=["forget"])
