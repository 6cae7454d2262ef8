"""The coders that the event codec is compared with: their bounds, and what each is known to send."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from benchmarks.event_coding import classic
from benchmarks.event_coding.messages import Coded, beyond, bits, lengths, orders, signed
from benchmarks.event_coding.predictive import Linear
from gatewise.typing import Array

CODERS: dict[str, Callable[[Array, float, float], Coded]] = {
    "send-on-delta": classic.send_on_delta,
    "levels": classic.levels,
    "swinging door": partial(classic.connected, measured=True),
    "connected lines": classic.connected,
    "lines": classic.lines,
}


def walk(samples: int, seed: int) -> Array:
    return np.random.default_rng(seed).normal(size=samples).cumsum() / 5


@pytest.mark.parametrize("name", CODERS)
@pytest.mark.parametrize("share", [0.125, 0.5, 1.0])
@pytest.mark.parametrize("samples", [1, 2, 3, 211])
def test_bounded_coders_keep_their_bound(name: str, share: float, samples: int) -> None:
    for seed in range(3):
        x = walk(samples, seed)
        coded = CODERS[name](x, 0.3, 2 * share * 0.3)
        assert np.abs(coded.values - x).max() <= 0.3 * (1 + 1e-12)
        assert (np.diff(coded.at) > 0).all()
        assert all((column >= 0).all() for column in coded.columns())


@pytest.mark.parametrize(
    ("name", "sent"), [("lines", 1), ("connected lines", 2), ("swinging door", 2)]
)
def test_a_line_is_sent_as_one(name: str, sent: int) -> None:
    assert len(CODERS[name](0.05 * np.arange(200), 0.1, 0.025).at) == sent


def test_levels_are_the_fewest_and_half_as_many_as_of_send_on_delta() -> None:
    stairs = np.repeat(
        [0.0, 1.9, 3.8, 5.7], 10
    )  # held at the middle of two, each lasts twice as long
    assert len(classic.levels(stairs, 1.0, 0.05).at) == 2
    assert len(classic.send_on_delta(stairs, 1.0, 0.05).at) == 3


def test_lines_are_no_more_than_levels_and_no_more_than_connected_ones() -> None:
    for seed in range(4):
        x = walk(300, seed)
        counts = {name: len(coder(x, 0.3, 0.01).at) for name, coder in CODERS.items()}
        assert counts["lines"] <= min(counts["levels"], counts["connected lines"])


def test_a_linear_forecast_foresees_a_wave() -> None:
    """x_t = 2 cos(w) x_(t-1) - x_(t-2): a sum of the last rise and the level."""
    x = np.sin(2 * np.pi * np.arange(600) / 30)
    model = Linear(())
    model.fit(x[:400], 0.1, 0.05)
    held = len(classic.send_on_delta(x[400:], 0.1, 0.05).at)
    coded = model.code(x[400:], 0.1, 0.05)
    assert np.abs(coded.values - x[400:]).max() <= 0.1 * (1 + 1e-12)
    assert len(coded.at) < held / 2


def test_what_a_number_costs() -> None:
    """Order 0: 1 is 010, 3 bits; 7 is 0001000. Order 2: 0 to 3 take 3 bits, 4 takes 01000."""
    assert lengths(np.array([0, 1, 7]), 0).tolist() == [1, 3, 7]
    assert lengths(np.array([0, 3, 4]), 2).tolist() == [3, 3, 5]
    assert signed(np.array([0, -1, 1, -2, 2])).tolist() == [0, 1, 2, 3, 4]
    assert beyond(np.array([3, -3, 4, -5]), 3).tolist() == [0, 1, 2, 5]
    coded = Coded(np.zeros(9), np.array([0, 4]), (np.array([1, 0]),))  # gaps 0 and 3
    assert bits(coded, [0, 0]) == 1 + 5 + 3 + 1
    assert bits(coded, orders(coded)) == bits(coded, [0, 0])
