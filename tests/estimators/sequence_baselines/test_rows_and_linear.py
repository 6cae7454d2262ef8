"""Sparse rows against tables, and linear models against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from gatewise.estimators.baselines import linear
from gatewise.estimators.baselines.rows import Rows


def sparse(n: int = 40, width: int = 7) -> tuple[np.ndarray, Rows]:
    generator = np.random.default_rng(0)
    table = generator.integers(0, 3, (n, width)) * (generator.random((n, width)) < 0.4)
    table[3] = 0
    row, column = np.nonzero(table)
    many = table[row, column]
    found = Rows.counted(np.repeat(row, many), np.repeat(column, many), n, width)
    return table.astype(float), found


def test_rows_are_what_the_table_is() -> None:
    table, rows = sparse()
    weights = np.random.default_rng(1).normal(size=(7, 3))
    assert np.array_equal(rows.dense(slice(0, 40)), table)
    assert np.array_equal(rows.dense(slice(5, 9)), table[5:9])
    assert np.allclose(rows.times(weights), table @ weights, rtol=0, atol=1e-12)
    assert np.allclose(rows.deviation(), table.std(axis=0), rtol=0, atol=1e-12)
    assert np.array_equal(rows.sparse().toarray(), table)
    sums = np.where(table.sum(axis=1) > 0, table.sum(axis=1), 1)[:, None]
    assert np.allclose(rows.normed().dense(slice(0, 40)), table / sums, rtol=0, atol=1e-15)
    beside = Rows.beside([rows, Rows.of(table[:, :2]), rows])
    both = np.concatenate([table, table[:, :2], table], axis=1)
    assert np.array_equal(beside.dense(slice(0, 40)), both)
    assert (
        len(Rows.counted(np.array([], dtype=int), np.array([], dtype=int), 3, 2).times(weights[:2]))
        == 3
    )


@pytest.mark.parametrize("width", [5, 90])  # fewer features than items, and more
def test_ridge_is_scikit_learns_of_weighed_and_scaled_features(width: int) -> None:
    generator = np.random.default_rng(0)
    table = generator.normal(size=(60, width)) * generator.uniform(0.1, 10, width)
    truth = table[:, :5] @ generator.normal(size=(5, 2)) + generator.normal(size=(60, 2)) + 7
    weights = generator.uniform(0.5, 2, 60)
    rows = Rows.of(table)
    found, cost = linear.ridge(rows, truth, weights, (rows, truth, weights))
    costs = []
    for penalty in linear.PENALTIES:  # ours is of the mean loss, scikit-learn's of the sum
        theirs = Ridge(alpha=penalty * weights.sum()).fit(table / table.std(axis=0), truth, weights)
        told = theirs.predict(table / table.std(axis=0))
        costs.append(np.average(np.mean((told - truth) ** 2, axis=1), weights=weights))
        if costs[-1] == min(costs):
            best = told
    assert cost == pytest.approx(min(costs), rel=1e-9)
    assert np.allclose(found.predict(rows), best, rtol=0, atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_is_kept_as_plain_coefficients(classes: int) -> None:
    generator = np.random.default_rng(classes)
    table = generator.normal(size=(300, 4))
    truth = np.argmax(table[:, :classes] + generator.normal(size=(300, classes)), axis=1)
    rows, ones = Rows.of(table), np.ones(300)
    held = Rows.of(table[:100]), truth[:100], ones[:100]
    found, cost = linear.logistic(rows, truth, ones, held, classes)
    scaled = table / table.std(axis=0)
    costs = []
    for strength in linear.STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000).fit(scaled, truth)
        costs.append(
            -np.log2(model.predict_proba(scaled[:100])[np.arange(100), truth[:100]]).mean()
        )
    assert cost == pytest.approx(min(costs), abs=2e-3)
    assert np.allclose(found.predict(rows).sum(axis=1), 1, rtol=0, atol=1e-12)


def test_a_class_that_training_does_not_have_gets_next_to_no_chance() -> None:
    table = np.random.default_rng(0).normal(size=(50, 2))
    truth = np.where(table[:, 0] > 0, 2, 0)
    rows, ones = Rows.of(table), np.ones(50)
    found, _ = linear.logistic(rows, truth, ones, (rows, truth, ones), 3)
    assert found.predict(rows)[:, 1].max() < 1e-6
    assert (found.predict(rows).argmax(axis=1) == truth).mean() > 0.95


def test_a_sample_of_a_single_class_is_no_trouble() -> None:
    rows, ones = Rows.of(np.random.default_rng(0).normal(size=(20, 2))), np.ones(20)
    truth = np.full(20, 1)
    found, _ = linear.logistic(rows, truth, ones, (rows, truth, ones), 3)
    assert found.predict(rows)[:, 1].min() > 1 - 1e-9


def test_ridge_of_classes_is_as_sure_as_it_is_right() -> None:
    generator = np.random.default_rng(0)
    table = generator.normal(size=(600, 3))
    truth = (table[:, 0] + 0.5 * generator.normal(size=600) > 0).astype(int)
    rows, ones = Rows.of(table), np.ones(600)
    found, bits = linear.ridge_of_classes(rows, truth, ones, (rows, truth, ones), 2)
    told = found.predict(rows)
    assert bits < 0.6
    assert abs(told.max(axis=1).mean() - (told.argmax(axis=1) == truth).mean()) < 0.05
