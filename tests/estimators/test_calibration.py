"""Calibrated bands on data whose law is known."""

from __future__ import annotations

import numpy as np
import pytest

from gatewise.estimators.bands import Calibration, least_known

LEVELS = (0.1, 0.25, 0.5, 0.9)


def quantiles_of(count: int, width: float, levels=LEVELS, steps: int = 1) -> np.ndarray:
    """Return quantiles [n, S, 1, Q] that are too narrow or wide, on both sides of 0."""
    at = np.array(levels) - 0.5
    return np.broadcast_to(width * at, (count, steps, 1, len(levels))).copy()


@pytest.mark.parametrize("width", [0.0, 0.3, 50.0])
@pytest.mark.parametrize("count", [19, 100])
def test_each_tail_holds_what_it_promises_however_wrong_the_band(count, width):
    """Of exchangeable errors: at most the level, and at least that less 1 / (n + 1), on the average."""
    rng = np.random.default_rng(0)
    trials = 1000
    below, above = [], []
    for _ in range(trials):
        truth = rng.standard_t(3, size=(count + 1, 1, 1)) + 1.0
        made = Calibration.fit(truth[:-1], quantiles_of(count, width), LEVELS)
        band = made.applied(quantiles_of(1, width))[0, 0, 0]
        below.append(truth[-1, 0, 0] < band[0])
        above.append(truth[-1, 0, 0] > band[-1])
    noise = 4 * np.sqrt(0.1 * 0.9 / trials)
    for missed in (np.mean(below), np.mean(above)):
        assert missed <= 0.1 + noise
    # The median stays: a level cannot pass it, so only a tail that has room is not wider than needed.
    assert np.mean(above) >= 0.1 - 1 / (count + 1) - noise


def test_by_hand():
    truth = np.arange(1.0, 20.0).reshape(19, 1, 1)  # errors of a point at 0: 1 ... 19
    made = Calibration.fit(truth, np.zeros((19, 1, 1, 3)), (0.1, 0.5, 0.9))
    # Place 2 of 19 (0.1 * 20) and place 18 (0.9 * 20).
    assert (made.factors * made.size)[0, 0] == pytest.approx([2.0, 0.0, 18.0])
    # The lower level would pass the median, which stays.
    assert made.applied(np.zeros((1, 1, 3)))[0, 0] == pytest.approx([0.0, 0.0, 18.0])


def test_half_of_a_window_s_scale_is_its_own_and_half_that_of_all():
    """Two kinds of windows, whose levels lie 1 and 3 from the median: on the average 2."""
    quantiles = np.tile([[-1.0, 0.0, 1.0], [-3.0, 0.0, 3.0]], (10, 1)).reshape(20, 1, 1, 3)
    truth = np.full((20, 1, 1), 6.0)
    made = Calibration.fit(truth[:19], quantiles[:19], (0.1, 0.5, 0.9))
    size = (10 * 1.0 + 9 * 3.0) / 19
    # Place 18 of the errors by scale: 9 of 6 / (3 + size) before 10 of 6 / (1 + size).
    high = made.applied(quantiles[:2])[:, 0, 0, 2]
    factor = 6.0 / (1.0 + size)
    assert high == pytest.approx([6.0, factor * (3.0 + size)])


def test_levels_are_in_order_and_the_median_stays():
    rng = np.random.default_rng(0)
    quantiles = np.sort(rng.normal(size=(40, 3, 2, 4)), axis=-1)
    made = Calibration.fit(rng.normal(size=(40, 3, 2)), quantiles, LEVELS)
    moved = made.applied(quantiles)
    assert (np.diff(moved, axis=-1) >= 0).all()
    assert (moved[..., 2] == quantiles[..., 2]).all()


def test_every_step_alone_where_there_is_enough_and_all_together_where_not():
    rng = np.random.default_rng(0)
    grows = np.array([1.0, 2.0, 4.0])[None, :, None]
    many = Calibration.fit(
        rng.normal(size=(500, 3, 1)) * grows, quantiles_of(500, 0.0, steps=3), LEVELS
    )
    assert not many.pooled
    width = many.applied(np.zeros((3, 1, 4)))[:, 0, -1]
    assert width == pytest.approx(1.2816 * grows.ravel(), rel=0.2)
    few = Calibration.fit(
        rng.normal(size=(12, 3, 1)) * grows, quantiles_of(12, 0.0, steps=3), LEVELS
    )
    assert few.pooled
    assert "all steps together" in few.text()
    # Still as large as the errors of each step are.
    width = few.applied(np.zeros((3, 1, 4)))[:, 0, -1]
    assert width[2] > 2 * width[0]


def test_pooled_steps_promise_the_same():
    rng = np.random.default_rng(1)
    missed = []
    for _ in range(1000):
        truth = rng.normal(size=(11, 4, 1))
        made = Calibration.fit(truth[:-1], quantiles_of(10, 1.0, steps=4), LEVELS)
        assert made.pooled
        band = made.applied(quantiles_of(1, 1.0, steps=4))[0, :, 0]
        missed.append(np.mean(truth[-1, :, 0] > band[:, -1]))
    assert np.mean(missed) == pytest.approx(0.1, abs=1 / 41 + 0.015)


def test_too_few_windows_leave_the_band_and_say_so():
    made = Calibration.fit(np.ones((8, 1, 1)), quantiles_of(8, 1.0), LEVELS)
    assert made.too_few
    assert "too few for levels of 0.1" in made.text()
    given, moved = quantiles_of(1, 1.0), made.applied(quantiles_of(1, 1.0))
    assert moved[..., [0, 2, 3]] == pytest.approx(given[..., [0, 2, 3]])
    assert least_known(LEVELS) == 9
    assert not Calibration.fit(np.ones((9, 1, 1)), quantiles_of(9, 1.0), LEVELS).too_few
    assert least_known((0.025, 0.5, 0.975)) == 39


def test_unknown_truth_is_left_out():
    rng = np.random.default_rng(0)
    truth, quantiles = rng.normal(size=(60, 1, 2)), np.sort(rng.normal(size=(60, 1, 2, 4)))
    holed = truth.copy()
    holed[::2, :, 1] = np.nan
    whole = Calibration.fit(truth, quantiles, LEVELS)
    made = Calibration.fit(holed, quantiles, LEVELS)
    half = Calibration.fit(truth[1::2], quantiles[1::2], LEVELS)
    assert (made.factors[:, 0] == whole.factors[:, 0]).all()
    assert (np.abs(made.factors[:, 1] - half.factors[:, 1]) < 0.2).all()
    assert made.applied(quantiles[:, 0])[..., 1, :].shape == (60, 4)


def test_saved_and_read_again():
    made = Calibration.fit(np.zeros((30, 2, 1)), quantiles_of(30, 1.0, steps=2), LEVELS)
    again = Calibration.from_saved(made.about(), made.arrays())
    assert again.about() == made.about()
    assert (again.size == made.size).all()
    assert (again.factors == made.factors).all()


def test_windows_that_overlap_are_not_counted_as_many():
    truth = 5 + np.ones((200, 4, 1))  # once too low for long is no reason to move a band for good
    made = Calibration.fit(truth, quantiles_of(200, 1.0, steps=4), LEVELS, apart=29)
    given = quantiles_of(3, 1.0, steps=4)
    assert made.applied(given) == pytest.approx(given)
    assert "only 29 do not overlap (30 are needed)" in made.text()
    assert Calibration.from_saved(made.about(), made.arrays()).text() == made.text()
    moved = Calibration.fit(truth, quantiles_of(200, 1.0, steps=4), LEVELS, apart=30)
    assert (moved.applied(given)[..., -1] > given[..., -1]).all()
    # A band that is nothing but errors has no other form to be left in.
    points = np.zeros((200, 4, 1, 3))
    assert Calibration.fit(truth, points, (0.1, 0.5, 0.9), apart=29).apart is None
