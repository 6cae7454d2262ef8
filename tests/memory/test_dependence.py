"""Rows that resemble their neighbours, as overlapping windows do: found, and drawn in blocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.memory.loops import autoregression

from gatewise.errors import OptionError
from gatewise.memory._dependence import block_length
from gatewise.memory._draws import FEWEST_BLOCKS, draws_of
from gatewise.memory.intervals import MIN_GROUPS, Sampling, groups_of

RUNS = 100
ROWS = 256


def alike(rng: np.random.Generator, r: float) -> np.ndarray:
    return autoregression(rng, r, ROWS, 1, 1)[:, 0]


def windows(rng: np.random.Generator, width: int) -> np.ndarray:
    """Means of windows `width` long, one step apart, `[B, 1]`."""
    noise = rng.normal(size=ROWS + width - 1)
    return np.convolve(noise, np.full(width, width**-0.5), "valid")[:, None]


def held(make: Callable[[np.random.Generator], np.ndarray], sampling: Sampling) -> int:
    """Return how many of 100 intervals hold the true mean, 0."""
    rng, found = np.random.default_rng(7), 0
    for _ in range(RUNS):
        values = make(rng)
        draws = draws_of(values, sampling)
        low, high = draws.interval(draws.weights @ values)
        found += int(low[0] <= 0 <= high[0])
    return found


@pytest.mark.parametrize(
    "make",
    [lambda rng: alike(rng, 0.5), lambda rng: alike(rng, 0.8), lambda rng: windows(rng, 10)],
    ids=["0.5", "0.8", "windows"],
)
def test_blocks_hold_where_single_rows_do_not(
    make: Callable[[np.random.Generator], np.ndarray],
) -> None:
    assert held(make, Sampling()) >= 84  # a block bootstrap stays a little below what it says
    assert held(make, Sampling(row_block=1)) < 84


def test_independent_rows_are_drawn_one_by_one() -> None:
    rng = np.random.default_rng(3)
    blocks = [block_length(rng.normal(size=(ROWS, 4)), fewest=5) for _ in range(200)]
    assert sum(block > 1 for block in blocks) <= 6
    assert held(lambda rng: rng.normal(size=(ROWS, 1)), Sampling()) >= 89


def test_the_length_is_that_of_the_formula_on_a_known_correlation() -> None:
    # For r^k: slope 2 r / (1 - r)^2 over level (1 + r) / (1 - r), so (1.5 (2 r / (1 - r^2))^2 B)^(1/3).
    rng = np.random.default_rng(5)
    for r in (0.5, 0.8):
        wanted = (1.5 * (2 * r / (1 - r * r)) ** 2 * 4000) ** (1 / 3)
        found = [
            block_length(autoregression(rng, r, 4000, 1, 1)[:, 0], fewest=5) for _ in range(20)
        ]
        assert np.median(found) == pytest.approx(wanted, rel=0.2)


def test_it_grows_with_the_overlap_and_leaves_blocks_enough() -> None:
    rng = np.random.default_rng(6)
    lengths = [
        np.median([block_length(windows(rng, w), fewest=5) for _ in range(20)]) for w in (1, 4, 16)
    ]
    assert lengths[0] == 1
    assert lengths[0] < lengths[1] < lengths[2]
    assert block_length(np.arange(40.0), fewest=5) == 8
    assert block_length(np.arange(9.0), fewest=5) == 1


def test_figures_that_do_not_vary_or_are_not_finite_do_not_count() -> None:
    values = alike(np.random.default_rng(8), 0.9)
    more = np.column_stack([values, np.ones(ROWS), np.full(ROWS, np.nan), np.full(ROWS, -np.inf)])
    assert block_length(more, fewest=5) == block_length(values, fewest=5) > 5
    assert block_length(np.ones((ROWS, 2)), fewest=5) == 1


def test_each_draw_is_of_blocks_that_go_round() -> None:
    draws = draws_of(np.zeros((20, 1)), Sampling(row_block=4))
    assert draws.settings() == {"row_block": 4}
    counts = draws.weights * 20
    np.testing.assert_allclose(counts.sum(axis=1), 20)
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.15)  # no row less likely at an end
    # Neighbours are drawn together: as many are drawn on the one side as on the other.
    assert np.corrcoef(counts[:, 5], counts[:, 6])[0, 1] > 0.6
    assert np.corrcoef(counts[:, 0], counts[:, 19])[0, 1] > 0.6
    assert abs(np.corrcoef(counts[:, 5], counts[:, 12])[0, 1]) < 0.4


def test_too_few_rows_or_blocks_have_no_interval() -> None:
    for rows, block in ((MIN_GROUPS - 1, None), (20, 20 // FEWEST_BLOCKS + 1)):
        draws = draws_of(np.zeros((rows, 1)), Sampling(row_block=block))
        assert not len(draws.weights)
        assert np.isnan(draws.interval(draws.weights @ np.zeros((rows, 3)))).all()


def test_rows_of_a_record_that_resemble_each_other_stand_together() -> None:
    rng = np.random.default_rng(9)
    like = alike(rng, 0.9)[None]  # [T, B, H]
    valid = np.ones(like.shape[:2], dtype=bool)
    groups = groups_of(valid, Sampling(), like=like)
    assert groups.settings()["row_block"] > 5
    assert MIN_GROUPS <= groups.count < ROWS / 5
    assert groups.sums(like).sum() == pytest.approx(like.sum())
    assert groups_of(valid, Sampling(), like=rng.normal(size=like.shape)).count == ROWS
    assert groups_of(valid, Sampling(row_block=16)).count == 16
    assert groups_of(valid, Sampling(row_block=1), like=like).count == ROWS


def test_bad_options() -> None:
    with pytest.raises(OptionError, match="row_block must be at least 1 row, or None; got 0"):
        Sampling(row_block=0)
