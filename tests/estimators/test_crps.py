"""The CRPS of quantiles against its definition and against closed forms."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from gatewise.errors import InputError
from gatewise.estimators.forecaster.crps import crps, level_widths
from gatewise.estimators.scores.numbers import mae

NORMAL = NormalDist()


def test_of_the_median_alone_it_is_the_mean_absolute_error():
    truth, point = np.array([1.0, 2.0, np.nan, -4.0]), np.array([3.0, 2.5, 0.0, -4.0])
    assert crps(truth, point[:, None], [0.5]) == pytest.approx(mae(truth, point))


def test_by_hand():
    # Levels .2 .5 .9 stand for [0, .35], [.35, .7] and [.7, 1]; the errors are 2, 0 and -3.
    assert level_widths([0.2, 0.5, 0.9]) == pytest.approx([0.35, 0.35, 0.3])
    found = crps([5.0], [[3.0, 5.0, 8.0]], [0.2, 0.5, 0.9])
    assert found == pytest.approx(2 * (0.35 * 0.4 + 0.3 * 0.3))


@pytest.mark.parametrize("truth", [-2.0, 0.0, 0.7, 3.0])
def test_many_levels_come_to_the_closed_form_of_the_normal_distribution(truth):
    levels = (np.arange(2000) + 0.5) / 2000
    quantiles = [[NORMAL.inv_cdf(level) for level in levels]]
    # Gneiting and Raftery 2007, eq. 21
    exact = truth * (2 * NORMAL.cdf(truth) - 1) + 2 * NORMAL.pdf(truth) - 1 / math.sqrt(math.pi)
    assert crps([truth], quantiles, levels) == pytest.approx(exact, abs=2e-4)


@pytest.mark.parametrize(
    ("levels", "bias"),
    [
        ((0.1, 0.5, 0.9), -0.061),
        (np.arange(0.1, 0.95, 0.1), 0.047),
        (np.arange(0.05, 0.96, 0.05), 0.014),
        (np.arange(0.01, 0.995, 0.01), 0.0008),
    ],
)
def test_the_bias_is_what_the_docstring_says(levels, bias):
    # The expected pinball loss of the right quantile at level a is the density there.
    expected = np.array([NORMAL.pdf(NORMAL.inv_cdf(level)) for level in levels])
    found = 2 * float(expected @ level_widths(levels))
    assert found * math.sqrt(math.pi) - 1 == pytest.approx(bias, abs=5e-4)


def test_unknown_truth_is_left_out_and_a_broken_quantile_is_not_hidden():
    assert math.isnan(crps([np.nan], [[0.0, 1.0]], [0.1, 0.5]))
    assert math.isnan(crps([1.0], [[0.0, np.nan]], [0.1, 0.5]))


@pytest.mark.parametrize("shape", [(3,), (2, 2), (3, 3)])
def test_shapes_that_do_not_fit_are_refused(shape):
    with pytest.raises(InputError, match="shape"):
        crps(np.zeros(3), np.zeros(shape), [0.1, 0.5])
