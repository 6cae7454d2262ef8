"""Retention between two steps: its laws, by hand and with random gates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.memory.loops import record

from gatewise.errors import InputError
from gatewise.memory import retention


def test_by_hand() -> None:
    keep = np.array([0.9, 0.5, 0.25, 1.0, 0.0])[:, None, None]
    share = [retention(keep=keep, start=1, stop=stop).share.item() for stop in (1, 2, 3, 4)]
    assert np.allclose(share, [1, 0.25, 0.25, 0])
    assert np.isclose(retention(keep=keep, start=None, stop=2).share, 0.9 * 0.5 * 0.25)
    assert retention(keep=keep, start=3, stop=4).log_share == -np.inf


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 39), min_size=3, max_size=3))
def test_the_parts_of_a_way_multiply(seed: int, steps: list[int]) -> None:
    s, u, t = sorted(steps)
    rng = np.random.default_rng(seed)
    keep = rng.uniform(size=(2, 2, 40, 3, 2)) ** rng.choice([0.01, 1, 50])
    keep[rng.uniform(size=keep.shape) < 0.02] = rng.choice([0.0, 1.0])

    def logs(start: int | None, stop: int) -> np.ndarray:
        return retention(keep=keep, start=start, stop=stop).log_share

    assert np.allclose(logs(s, u) + logs(u, t), logs(s, t), rtol=1e-12)
    assert np.allclose(logs(None, u)[:, 0] + logs(u, t)[:, 0], logs(None, t)[:, 0], rtol=1e-12)
    assert np.allclose(logs(None, u)[:, 1] + logs(s, u)[:, 1], logs(None, s)[:, 1], rtol=1e-12)


def test_it_is_the_derivative_of_the_direct_path() -> None:
    gates, _ = record("lstm", [8, 5])
    f, w = gates["forget"][0, 0], (gates["input"] * gates["candidate"])[0, 0]

    def state_at_4(c: np.ndarray) -> np.ndarray:
        for t in (2, 3, 4):
            c = f[t] * c + w[t]
        return c

    c = gates["cell"][0, 0, 1]
    moved = (state_at_4(c + 1) - state_at_4(c)) / 1
    assert np.allclose(retention(gates, start=1, stop=4).share[0, 0], moved, rtol=1e-12)


def test_directions_and_padding() -> None:
    keep = np.full((1, 2, 5, 3, 1), 0.5)
    keep[:, :, 4:, 0] = keep[:, :, 2:, 1] = keep[:, :, :, 2] = np.nan  # lengths 4, 2, 0
    found = retention(keep=keep, start=1, stop=3)
    assert np.array_equal(found.share[0, :, :, 0], [[0.25, np.nan, np.nan]] * 2, equal_nan=True)
    assert np.array_equal(found.mean, [[[0.25], [0.25]]])
    first = retention(keep=keep, start=None, stop=1)
    # Forwards steps 0 and 1 are taken; backwards the row of 4 has taken 3, 2 and 1, that of 2 only 1.
    assert np.allclose(first.share[0, :, :2, 0], [[0.25, 0.25], [0.125, 0.5]], rtol=1e-14)


def test_the_reverse_direction_multiplies_the_gates_on_its_way() -> None:
    keep = np.random.default_rng(0).uniform(size=(1, 2, 5, 1, 1))
    found = retention(keep=keep, start=1, stop=3).share[0, :, 0, 0]
    assert np.isclose(found[0], keep[0, 0, 2, 0, 0] * keep[0, 0, 3, 0, 0])
    assert np.isclose(found[1], keep[0, 1, 1, 0, 0] * keep[0, 1, 2, 0, 0])


def test_shares_too_small_for_a_number_keep_their_logarithm() -> None:
    found = retention(keep=np.full((5000, 1, 1), 0.1), start=0, stop=4999)
    assert found.share == 0
    assert np.isclose(found.log_share, 4999 * np.log(0.1), rtol=1e-14)


def test_the_interval_over_rows_and_the_reading() -> None:
    keep = np.random.default_rng(0).uniform(size=(3, 50, 2))
    found = retention(keep=keep, start=0, stop=2)
    assert np.allclose(found.mean, (keep[1] * keep[2]).mean(axis=0))
    assert (found.low < found.mean).all()
    assert (found.mean < found.high).all()
    assert found.reading.startswith(
        "Of what the state held at step 0, the gates let the middle unit"
    )
    assert "before the first step" in retention(keep=keep, start=None, stop=2).reading
    short = np.where(np.arange(3)[:, None, None] < 2, keep, np.nan)
    assert retention(keep=short, start=0, stop=2).reading == "No row reaches step 2."


@pytest.mark.parametrize(("start", "stop"), [(2, 1), (-1, 1), (0, 4), (None, -1)])
def test_steps_that_are_not_there(start: int | None, stop: int) -> None:
    with pytest.raises(InputError, match=r"must be steps of the record, which has 4 \(0 to 3\)"):
        retention(keep=np.full((4, 1, 1), 0.5), start=start, stop=stop)


def test_a_cell_without_gates() -> None:
    gates, _ = record("rnn", [4])
    with pytest.raises(InputError, match="has no gate"):
        retention(gates, start=0, stop=1)
