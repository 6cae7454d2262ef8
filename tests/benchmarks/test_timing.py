"""Turns are taken in order, uncounted calls are uncounted, the collector comes back on."""

from __future__ import annotations

import gc
import statistics
from collections import Counter

import pytest

from benchmarks.against_peers.timing import Effort, alternate, milliseconds, ratio


def test_every_side_has_one_value_per_round_and_rounds_are_odd() -> None:
    calls: Counter[str] = Counter()
    collector = []

    def work(name: str) -> None:
        calls[name] += 1
        collector.append(gc.isenabled())

    sides = {name: lambda name=name: work(name) for name in "ab"}
    times = alternate(sides, Effort(rounds=4, seconds=0.0))
    assert {name: len(values) for name, values in times.items()} == {"a": 5, "b": 5}
    # One to see how long it takes; then one to wake the threads and one that counts, each round.
    assert calls == {"a": 11, "b": 11}
    assert not any(collector)
    assert gc.isenabled()


def test_nobody_goes_first_in_every_round() -> None:
    order: list[str] = []
    sides = {name: lambda name=name: order.append(name) for name in "abc"}
    alternate(sides, Effort(rounds=3, seconds=0.0))
    turns = order[3::2]  # after the three probes; each turn is an uncounted call and a counted one
    assert "".join(turns) == "abc" + "bca" + "cab"


def test_short_calls_are_repeated_until_the_time_is_filled() -> None:
    count = Counter[str]()
    alternate({"a": lambda: count.update("a")}, Effort(rounds=1, seconds=0.01))
    assert count["a"] > 3


def test_an_error_leaves_the_collector_on() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        alternate({"a": fail}, Effort())
    assert gc.isenabled()


def test_slow_sides_have_fewer_rounds_and_no_probe() -> None:
    calls: Counter[str] = Counter()
    sides = {name: lambda name=name: calls.update(name) for name in "ab"}
    times = alternate(sides, Effort(rounds=7, seconds=0.0), {"a": 30.0})
    assert {name: len(values) for name, values in times.items()} == {"a": 3, "b": 3}
    assert calls == {"a": 3, "b": 7}  # a is neither probed nor preceded by uncounted calls
    assert len(alternate(sides, Effort(rounds=7, seconds=0.0), {"b": 500.0})["a"]) == 1


def test_texts_and_ratios() -> None:
    assert milliseconds([0.004, 0.001, 0.002]) == "2.00 (1.00-4.00)"
    assert ratio([2.0, 6.0, 4.0], [1.0, 2.0, 4.0]) == statistics.median([2, 3, 1])
