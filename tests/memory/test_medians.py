"""Medians of logarithms, their intervals, and the rate of a line."""

from __future__ import annotations

import numpy as np
import pytest

from gatewise.memory.gradients._medians import median, median_interval, rate_of


def test_medians_of_logarithms_with_infinities_and_missing_rows():
    values = np.array([[-np.inf, 1.0], [-np.inf, np.nan], [0.0, 3.0]])
    np.testing.assert_array_equal(median(values), [-np.inf, 2.0])
    even = np.array([[-np.inf], [4.0]])
    assert median(even)[0] == -np.inf  # the geometric mean with a zero
    low, high = median_interval(np.arange(20.0)[:, None], 0.95)
    # Binomial(20, 1/2): P(< 6) = 0.0207, P(< 7) = 0.0577: the sixth value from each end.
    assert (low[0], high[0]) == (5.0, 14.0)


def test_the_rate_of_a_line_is_its_slope():
    lines = np.array([3.0 - 0.2 * np.arange(50), 1.0 - 0.2 * np.arange(50)])
    assert rate_of(lines, 0.95)[0] == pytest.approx(-0.2)
