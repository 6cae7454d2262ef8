"""Mean retention over the lag, and half-lives."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.memory.loops import record

from gatewise.errors import InputError
from gatewise.memory import Sampling, retention_curve
from gatewise.memory.records._logsums import LogSums
from gatewise.memory.records.retention_curve import half_life


@given(st.floats(0.5, 200))
def test_a_leaky_integrator_has_its_half_life(half: float) -> None:
    found = retention_curve(keep=np.full((500, 12, 1), 0.5 ** (1 / half)))
    assert np.isclose(found.half_life, half, rtol=1e-9)
    assert np.isclose(found.half_life_low, half, rtol=1e-9)
    assert np.allclose(found.curve[0], 0.5 ** (found.lags / half), rtol=1e-9)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_against_a_loop_over_starts(cell: str) -> None:
    lengths = [9, 0, 4, 12, 1]
    gates, _ = record(cell, lengths, directions=2, layers=2, units=2)
    keep = gates["forget" if cell == "lstm" else "update"]
    lags = [0, 1, 3, 7, 11, 12]
    found = retention_curve(gates, lags=lags)
    assert found.lags.tolist() == lags
    for place in np.ndindex(2, 2):
        for k, lag in enumerate(lags):
            shares = []
            for row, length in enumerate(lengths):
                own = keep[place][:length, row]
                own = own[::-1] if place[1] else own
                shares += [own[s + 1 : s + 1 + lag].prod(axis=0) for s in range(length - lag)]
            expected = np.mean(shares, axis=0) if shares else np.full(2, np.nan)
            assert np.allclose(found.curve[place][:, k], expected, rtol=1e-12, equal_nan=True), lag


def test_gates_of_exactly_0_and_1() -> None:
    keep = np.ones((10, 1, 3))
    keep[4, 0, 1] = 0
    keep[:, 0, 2] = 0
    found = retention_curve(keep=keep, lags=[1, 2, 5])
    assert found.curve[0].tolist() == [1, 1, 1, 1]
    # Of 9 starts one step before, 1 meets the zero; of 8 starts two steps before, 2; of 5, 4.
    assert np.allclose(found.curve[1], [1, 8 / 9, 6 / 8, 1 / 5])
    assert found.curve[2].tolist() == [1, 0, 0, 0]
    assert found.half_life[0] == np.inf
    assert found.half_life[2] == 0.5  # a straight line from 1 to 0
    assert "1 unit keep more than half for all of the 5 steps" in found.reading


def test_a_single_reset_is_not_forgotten_nor_spread() -> None:
    # A running sum of logs that meets log 0 once would be lost for good afterwards.
    keep = np.full((4000, 1, 1), 0.99)
    keep[5] = 0
    sums = LogSums(keep, np.ones((4000, 1), dtype=bool))
    ten = sums.over(10)
    assert np.isneginf(ten[:5]).all()
    assert np.allclose(ten[5:], 10 * np.log(0.99), rtol=1e-13)


def test_differences_do_not_cancel() -> None:
    # After 20,000 steps that forget all at once, a lag of 3 through open gates must stay exact.
    keep = np.full((40_000, 1, 1), 1e-300)
    keep[20_000:] = 1 - 1e-9
    exact = 3 * np.log1p(-1e-9)
    late = LogSums(keep, np.ones((40_000, 1), dtype=bool)).over(3)[30_000, 0, 0]
    assert np.isclose(late, exact, rtol=1e-6, atol=0)  # 1 - 1e-9 itself is rounded to 8e-8 of 1e-9
    sums = np.cumsum(np.log(keep[:, 0, 0]))
    assert not np.isclose(sums[30_003] - sums[30_000], exact, rtol=0.5, atol=0)  # what is avoided


def test_the_interval_holds_the_mean() -> None:
    rng = np.random.default_rng(0)
    keep = rng.uniform(size=(60, 25, 300))
    found = retention_curve(keep=keep, lags=[1, 2], sampling=Sampling(level=0.9))
    for k, expected in ((1, 0.5), (2, 0.25)):
        held = ((found.low[:, k] <= expected) & (found.high[:, k] >= expected)).mean()
        assert 0.84 <= held <= 0.95
    assert (found.low[:, 0] == 1).all()


def test_lags_too_long_for_blocks_have_no_interval() -> None:
    found = retention_curve(keep=np.full((300, 1, 1), 0.9), lags=[1, 100])
    assert not np.isnan(found.low[0, 1])
    assert np.isnan(found.low[0, 2])
    assert found.curve[0, 2] > 0
    assert np.isfinite(found.half_life).all()
    assert np.isnan(found.half_life_low).all()


def test_many_units_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    keep = np.random.default_rng(0).uniform(size=(30, 2, 7))
    whole = retention_curve(keep=keep)
    module = sys.modules["gatewise.memory.records.retention_curve"]  # the name is the function's
    monkeypatch.setattr(module, "CHUNK_BYTES", 8 * 30 * 2 * 3)
    parts = retention_curve(keep=keep)
    # Not to the bit: the order in which NumPy sums depends on the width.
    assert np.allclose(whole.curve, parts.curve, rtol=1e-14)
    assert np.allclose(whole.half_life, parts.half_life, rtol=1e-12)


def test_half_lives_between_lags() -> None:
    lags = np.array([0, 1, 4])
    curve = np.array(
        [[1, 0.9, 0.6], [1, 0.5, 0.1], [1, 0.8, 0.2], [1, 0.3, 0.7], [1, np.nan, np.nan]]
    )
    expected = [np.inf, 1, 1 + 3 * np.log(1.6) / np.log(4), np.log(2) / np.log(1 / 0.3), np.nan]
    assert np.allclose(half_life(lags, curve), expected, equal_nan=True)


def test_short_records() -> None:
    for steps in (0, 1, 2):
        found = retention_curve(keep=np.full((steps, 2, 1), 0.25))
        assert found.lags.tolist() == [0, 1]
        assert np.isnan(found.curve[0, 1]) == (steps < 2)
    assert found.half_life == 0.5
    padding = retention_curve(keep=np.full((3, 1, 1), np.nan))
    assert "no row of two steps" in padding.reading


@pytest.mark.parametrize("lags", [[-1], [0.5], [[1]], "end"])
def test_bad_lags(lags: object) -> None:
    with pytest.raises(InputError, match="lags must be whole numbers from 0 on"):
        retention_curve(keep=np.full((4, 1, 1), 0.5), lags=lags)  # type: ignore[arg-type]
