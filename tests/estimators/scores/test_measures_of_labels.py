"""Scores of labels and probabilities: by hand, and against scikit-learn where it has them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from gatewise.errors import InputError
from gatewise.estimators.scores import labels, probabilities

CLOSE = 1e-12


def sample(classes: int, seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return truth, probabilities that know something of it, and weights."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, n)
    scores = generator.normal(size=(n, classes)) + 1.2 * np.eye(classes)[truth]
    proba = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return truth, proba, generator.integers(1, 5, n).astype(float)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("weighted", [False, True])
def test_counts_give_what_scikit_learn_gives(classes: int, weighted: bool) -> None:
    truth, proba, weights = sample(classes, classes)
    given = weights if weighted else None
    predicted = proba.argmax(axis=1)
    counts = labels.confusion(truth, predicted, classes, given)
    kept = {"sample_weight": given}
    assert np.array_equal(counts, metrics.confusion_matrix(truth, predicted, **kept))
    for ours, theirs in (
        (labels.accuracy(counts), metrics.accuracy_score(truth, predicted, **kept)),
        (
            labels.balanced_accuracy(counts),
            metrics.balanced_accuracy_score(truth, predicted, **kept),
        ),
        (labels.macro_f1(counts), metrics.f1_score(truth, predicted, average="macro", **kept)),
        (labels.matthews(counts), metrics.matthews_corrcoef(truth, predicted, **kept)),
    ):
        assert abs(float(ours) - theirs) < CLOSE
    each = metrics.precision_recall_fscore_support(truth, predicted, **kept)
    assert np.allclose(labels.precisions(counts), each[0], rtol=0, atol=CLOSE)
    assert np.allclose(labels.recalls(counts), each[1], rtol=0, atol=CLOSE)
    assert np.allclose(labels.f1(counts), each[2], rtol=0, atol=CLOSE)


@pytest.mark.parametrize("classes", [2, 5])
def test_probabilities_give_what_scikit_learn_gives(classes: int) -> None:
    truth, proba, weights = sample(classes, 10 + classes)
    bits = probabilities.losses(truth, proba).mean()
    assert abs(bits * math.log(2) - metrics.log_loss(truth, proba)) < CLOSE
    distance = probabilities.brier(truth, proba).mean()
    assert abs(distance - metrics.brier_score_loss(truth, proba, scale_by_half=False)) < CLOSE
    proba = proba.round(2)  # ties
    given = proba[:, 1] if classes == 2 else proba / proba.sum(axis=1, keepdims=True)
    ours = probabilities.mean_auc(truth, given if classes > 2 else proba, weights[None])[0]
    options = {} if classes == 2 else {"multi_class": "ovr"}
    # scikit-learn's ovr takes no weights where there are many classes: weights of whole numbers repeat
    repeated = np.repeat(np.arange(len(truth)), weights.astype(int))
    theirs = metrics.roc_auc_score(truth[repeated], given[repeated], **options)
    assert abs(ours - theirs) < CLOSE


def test_matthews_of_two_classes_by_hand() -> None:
    """TP 6, TN 3, FP 1, FN 2: (6 * 3 - 1 * 2) / sqrt(7 * 8 * 4 * 5)."""
    counts = np.array([[3.0, 1.0], [2.0, 6.0]])
    assert abs(float(labels.matthews(counts)) - 16 / math.sqrt(7 * 8 * 4 * 5)) < CLOSE


def test_what_is_not_defined_is_nan_and_a_constant_prediction_has_no_correlation() -> None:
    constant = labels.confusion([0, 1, 1], [1, 1, 1], 2)
    assert labels.matthews(constant) == 0.0
    assert math.isnan(float(labels.matthews(labels.confusion([1, 1], [1, 0], 2))))
    empty = labels.confusion([-1, -1], [0, 1], 2)
    for score in (labels.accuracy, labels.balanced_accuracy, labels.macro_f1, labels.matthews):
        assert math.isnan(float(score(empty)))
    # a class that never appears counts in no mean
    assert float(labels.macro_f1(labels.confusion([0, 1], [0, 1], 3))) == 1.0


def test_unknown_labels_are_left_out_and_nan_is_not_hidden() -> None:
    truth = np.array([0, -1, 1])
    proba = np.array([[0.5, 0.5], [0.0, 1.0], [np.nan, np.nan]])
    bits = probabilities.losses(truth, proba)
    assert bits[0] == 1.0
    assert np.isnan(bits[1:]).all()
    assert labels.confusion(truth, [0, 1, 1], 2).sum() == 2
    assert np.isnan(probabilities.auc(np.array([0, 1]), np.array([0.1, np.nan]))).all()


def test_an_impossible_label_costs_forty_bits_and_not_infinitely_many() -> None:
    (bits,) = probabilities.losses(np.array([0]), np.array([[0.0, 1.0]]))
    assert abs(bits + math.log2(1e-12)) < CLOSE


def test_entropy_of_counts() -> None:
    assert probabilities.entropy(np.array([1.0, 1.0, 2.0, 0.0])) == 1.5
    assert math.isnan(float(probabilities.entropy(np.zeros(3))))


@pytest.mark.parametrize(
    ("truth", "predicted", "said"),
    [([0, 1], [0], "both must be"), ([0, 2], [0, 0], "between 0 and 1"), ([0], [-1], "between")],
)
def test_what_does_not_fit_is_refused(truth: list[int], predicted: list[int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        labels.confusion(truth, predicted, 2)


def test_probabilities_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"probabilities \[n, classes\]"):
        probabilities.check_probabilities([0, 1], np.ones((3, 2)))
    with pytest.raises(InputError, match="code 2 but there are 2"):
        probabilities.check_probabilities([2], np.ones((1, 2)))
