"""Mutual information: against what is known in closed form, against scikit-learn, and its laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from gatewise.errors import InputError
from gatewise.estimators.scores.information import (
    information_of_counts,
    information_of_labels,
    information_of_numbers,
    with_error,
)


def correlated(n: int, r: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    x, noise = np.random.default_rng(seed).normal(size=(2, n))
    return x, r * x + math.sqrt(1 - r * r) * noise


@pytest.mark.parametrize("r", [0.0, 0.6, 0.95])
def test_of_two_normal_values_it_is_half_the_log_of_what_is_left(r: float) -> None:
    """-log2(1 - r^2) / 2 (Kraskov et al. 2004, eq. 10); the estimate's own spread here is about .03."""
    x, y = correlated(1500, r)
    assert abs(information_of_numbers(x, y) + 0.5 * math.log2(1 - r * r)) < 0.09


def test_it_is_what_scikit_learn_estimates() -> None:
    """Both add a little noise of their own to tell ties apart: close, not alike."""
    x, y = correlated(400, 0.7)
    theirs = mutual_info_regression(x[:, None], y, n_neighbors=5, random_state=0)[0]
    assert abs(information_of_numbers(x, y) - theirs / math.log(2)) < 1e-3
    labels = np.digitize(y, [-0.5, 0.4])
    theirs = mutual_info_classif(x[:, None], labels, n_neighbors=5, random_state=0)[0]
    assert abs(information_of_labels(labels, x) - theirs / math.log(2)) < 1e-3


def test_an_increasing_function_of_the_prediction_changes_little() -> None:
    x, y = correlated(1000, 0.8)
    plain = information_of_numbers(y, x)
    assert abs(information_of_numbers(y, np.exp(x)) - plain) < 0.06
    labels = np.digitize(y, [0.0])
    assert abs(information_of_labels(labels, 3 * x + 1) - information_of_labels(labels, x)) < 1e-6


def test_labels_that_a_number_tells_apart_have_their_entropy() -> None:
    labels = np.repeat([0, 1, 2, 3], 250)
    x = labels * 10 + np.random.default_rng(0).normal(size=1000)
    assert abs(information_of_labels(labels, x) - 2.0) < 1e-6 + 0.01


def test_ties_and_constants_are_no_trouble() -> None:
    x = np.random.default_rng(0).integers(0, 3, 600).astype(float)
    assert abs(information_of_labels(x.astype(int), x) - math.log2(3)) < 0.02
    assert information_of_numbers(x, np.ones(600)) == 0.0
    assert information_of_labels(x.astype(int), np.ones(600)) == 0.0
    assert math.isnan(information_of_numbers(x, np.full(600, np.nan)))
    assert math.isnan(information_of_numbers(x[:4], x[:4]))


def test_unknown_measurements_are_left_out() -> None:
    x, y = correlated(300, 0.9)
    with_gaps = np.concatenate([y, [np.nan, np.nan]])
    assert information_of_numbers(with_gaps, np.concatenate([x, [5.0, 6.0]])) == (
        information_of_numbers(y, x)
    )


def test_counts_less_their_bias() -> None:
    table = np.diag([50.0, 50.0, 0.0])  # the empty row and column are no values
    assert abs(information_of_counts(table) - (1 - 1 / (200 * math.log(2)))) < 1e-12
    # independent counts have no information; uncorrected, a sample of them does
    generator = np.random.default_rng(0)
    found = [
        information_of_counts(
            np.bincount(generator.integers(0, 20, 200), minlength=20).reshape(4, 5)
        )
        for _ in range(200)
    ]
    assert abs(np.mean(found)) < 0.01 < 12 / (400 * math.log(2))
    assert math.isnan(information_of_counts(np.zeros((2, 2))))


def test_the_interval_is_about_as_wide_as_the_estimates_are_apart() -> None:
    draws = [information_of_numbers(*correlated(200, 0.8, seed)) for seed in range(30)]
    found = with_error(information_of_numbers, *correlated(200, 0.8, 1))
    assert found.low < found.value < found.high
    assert 0.4 < (found.high - found.low) / 2 / (1.96 * np.std(draws, ddof=1)) < 2.5


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(InputError, match="both must be"):
        information_of_numbers([1.0, 2.0], [1.0])
