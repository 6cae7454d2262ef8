"""Scores of all models together: figures, paired differences, verdicts, text, files and pictures."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from gatewise.errors import InputError
from gatewise.estimators.scores.build import (
    classification_scores,
    language_scores,
    regression_scores,
)
from gatewise.estimators.scores.calibration import Temperature
from gatewise.estimators.scores.evaluation import ClassificationScores
from gatewise.estimators.scores.figures import LabelAnswers
from gatewise.estimators.scores.information import information_of_numbers
from gatewise.estimators.scores.measures import MEASURES, interval_text
from gatewise.estimators.scores.resampling import Interval, groups_of
from gatewise.files import finite_json

N = 240
CLASSES = ("exon", "intron", "between")


def told(truth: np.ndarray, knows: float, seed: int) -> LabelAnswers:
    scores = np.random.default_rng(seed).normal(size=(len(truth), 3)) + knows * np.eye(3)[truth]
    proba = np.exp(scores)
    return LabelAnswers(proba / proba.sum(axis=1, keepdims=True))


def scored(network: float = 2.0, baseline: float = 0.7, **more: Any) -> ClassificationScores:
    truth = np.random.default_rng(0).integers(0, 3, N)
    answers = {"gatewise": told(truth, network, 1), "k-mer_regression": told(truth, baseline, 2)}
    options = {
        "part": "test",
        "groups": groups_of(np.ones(N, dtype=int)),
        "members": [answers["gatewise"], told(truth, network, 3)],
        **more,
    }
    return classification_scores(truth, answers, CLASSES, **options)


def test_figures_are_those_of_the_measures_and_intervals_hold_them() -> None:
    truth = np.random.default_rng(0).integers(0, 3, N)
    found = scored()
    proba = told(truth, 2.0, 1).probabilities
    assert found.network["accuracy"] == pytest.approx((proba.argmax(axis=1) == truth).mean())
    assert found.network["log_loss"] == pytest.approx(metrics.log_loss(truth, proba) / math.log(2))
    area = metrics.roc_auc_score(truth, proba, multi_class="ovr")
    assert found.network["auc"] == pytest.approx(area)
    shares = np.bincount(truth) / N
    entropy = -np.sum(shares * np.log2(shares))
    assert found.network["information"] == pytest.approx(entropy - found.network["log_loss"])
    for row in found.models.values():
        for name, one in row.items():
            assert one.low < one.value < one.high, name
    assert found.confusion["gatewise"].sum() == N
    assert sum(found.support.values()) == N


def test_a_difference_is_paired_and_so_narrower_than_the_two_intervals() -> None:
    truth = np.random.default_rng(0).integers(0, 3, N)
    same = told(truth, 1.0, 1)
    near = LabelAnswers(same.probabilities**0.9 / (same.probabilities**0.9).sum(axis=1)[:, None])
    answers = {"gatewise": same, "other": near}
    found = classification_scores(
        truth, answers, CLASSES, part="test", groups=groups_of(np.ones(N, dtype=int))
    )
    gain, alone = found.gains["other"]["log_loss"], found.models["gatewise"]["log_loss"]
    assert gain.value == pytest.approx(alone.value - found.models["other"]["log_loss"].value)
    assert gain.high - gain.low < (alone.high - alone.low) / 3
    assert found.gains["other"]["accuracy"].value == 0.0


@pytest.mark.parametrize(
    ("network", "baseline", "tone", "headline"),
    [
        (2.0, 0.7, "better", "Better than the best baseline, k-mer regression"),
        (0.7, 2.0, "worse", "No better than k-mer regression"),
        (1.1, 1.0, "unclear", "No clear difference from k-mer regression"),
    ],
)
def test_verdicts(network: float, baseline: float, tone: str, headline: str) -> None:
    said = scored(network, baseline).verdict()
    assert (said.tone, said.headline) == (tone, headline)
    if tone == "worse":
        assert any("The better model here is k-mer regression." in one for one in said.sentences)


def test_of_two_that_are_equal_neither_is_called_the_better() -> None:
    truth = np.random.default_rng(0).integers(0, 3, N)
    same = told(truth, 1.0, 1)
    answers = {"gatewise": same, "majority": same}
    said = classification_scores(
        truth, answers, CLASSES, part="test", groups=groups_of(np.ones(N, dtype=int))
    ).verdict()
    assert said.headline == "No better than a blind guess"
    assert said.sentences[0].endswith(", the same.")
    assert not any("The better model here" in one for one in said.sentences)


def test_a_member_that_loses_makes_it_unclear() -> None:
    truth = np.random.default_rng(0).integers(0, 3, N)
    said = scored(members=[told(truth, 2.0, 1), told(truth, 0.0, 9)]).verdict()
    assert said.headline == "Better than k-mer regression together, but not with every seed"
    assert any("1 of them beat k-mer regression" in one for one in said.sentences)


def test_without_baselines_or_truth_it_says_so() -> None:
    truth = np.full(4, -1)
    answers = {"gatewise": LabelAnswers(np.full((4, 3), 1 / 3))}
    few = groups_of(np.ones(4, dtype=int))
    empty = classification_scores(truth, answers, CLASSES, part="test", groups=few)
    assert empty.verdict().headline == "No score: there is no truth to compare with"
    assert empty.count == 0
    alone = classification_scores([0, 1, 2, 1], answers, CLASSES, part="validation", groups=few)
    assert alone.verdict().headline == "A score, but no baseline to compare it with"
    assert any("flatters" in one for one in alone.verdict().sentences)
    assert any("No intervals: 4 sequences" in one for one in alone.verdict().sentences)


def test_a_truth_of_one_class_is_judged_by_accuracy() -> None:
    truth = np.zeros(30, dtype=int)
    answers = {"gatewise": told(truth, 2.0, 1), "majority": told(truth, 0.0, 2)}
    found = classification_scores(
        truth, answers, CLASSES, part="test", groups=groups_of(np.ones(30, dtype=int))
    )
    assert found.decides == "accuracy"
    assert math.isnan(found.network["matthews"])


def test_labels_of_a_best_path_count_in_place_of_the_likeliest() -> None:
    truth = np.array([0, 1, 2])
    path = LabelAnswers(np.eye(3)[[1, 1, 1]], np.array([0, 1, 2]))
    found = classification_scores(
        truth, {"gatewise": path}, CLASSES, part="test", groups=groups_of([3], per_step=True)
    )
    assert found.network["accuracy"] == 1.0


def test_weights_count_as_repetition_does() -> None:
    truth = np.random.default_rng(0).integers(0, 3, 40)
    answer = told(truth, 1.0, 5)
    weights = np.random.default_rng(6).integers(1, 4, 40)
    many = np.repeat(np.arange(40), weights)
    ones = {"part": "test"}
    weighed = classification_scores(
        truth, {"gatewise": answer}, CLASSES, groups=groups_of(np.ones(40)), weights=weights, **ones
    )
    repeated = classification_scores(
        truth[many],
        {"gatewise": LabelAnswers(answer.probabilities[many])},
        CLASSES,
        groups=groups_of(np.ones(len(many))),
        **ones,
    )
    for name, value in weighed.network.items():
        assert value == pytest.approx(repeated.network[name], rel=1e-12), name


def test_what_is_kept_is_json_and_the_table_has_every_model() -> None:
    found = scored(temperature=Temperature(1.5, 99), uncalibrated=np.full((N, 3), 1 / 3))
    kept = json.loads(json.dumps(finite_json(found.to_json())))
    assert kept["scores"]["gatewise"]["matthews"]["value"] == found.network["matthews"]
    assert kept["temperature"]["value"] == 1.5
    assert set(kept["reliability"]) == {"before", "after"}
    assert np.sum(kept["confusion"]["gatewise"]) == N
    text = str(found)
    assert all(part in text for part in ("k-mer regression", "Matthews correlation", "intron"))
    html = found._repr_html_()
    assert "<script" not in html
    assert "exon" in html
    assert repr(found).startswith("ClassificationScores(test, matthews=0.")
    assert set(found.models["gatewise"]) <= set(MEASURES)


def test_an_interval_below_zero_is_written_with_a_word() -> None:
    assert interval_text("matthews", Interval(0.1, -0.2, 0.3)) == "0.100 (−0.200 to 0.300)"
    assert interval_text("accuracy", Interval(0.5, 0.25, 0.75)) == "0.500 (0.250–0.750)"
    assert interval_text("accuracy", Interval(0.5)) == "0.500"


def test_the_picture_has_a_dot_for_each_model_and_the_members() -> None:
    ax = scored().plot()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["gatewise", "k-mer regression"]
    assert ax.get_xlabel() == "Matthews correlation"
    assert len(ax.lines) == 5  # two dots, two intervals, the members


def test_numbers_are_scored_as_scikit_learn_scores_them() -> None:
    generator = np.random.default_rng(0)
    truth = 1000 + generator.normal(size=50)
    near, far = truth + 0.3 * generator.normal(size=50), np.full(50, 1000.1)
    truth[7] = np.nan
    bands = np.stack([near - 0.5, near, near + 0.5], axis=1)
    found = regression_scores(
        truth, {"gatewise": near, "mean": far}, part="test", groups=groups_of(np.ones(50)),
        quantiles={"gatewise": bands}, levels=(0.1, 0.5, 0.9),
    )  # fmt: skip
    known = ~np.isnan(truth)
    t, p = truth[known], near[known]
    assert found.count == 49
    assert found.network["r2"] == pytest.approx(metrics.r2_score(t, p))
    assert found.network["rmse"] == pytest.approx(metrics.root_mean_squared_error(t, p))
    assert found.network["information"] == information_of_numbers(t, p) > 1
    assert found.network["mae"] == pytest.approx(metrics.mean_absolute_error(t, p))
    assert found.network["correlation"] == pytest.approx(np.corrcoef(t, p)[0, 1])
    losses = [
        metrics.mean_pinball_loss(t, p + d, alpha=a) for d, a in ((-0.5, 0.1), (0, 0.5), (0.5, 0.9))
    ]
    assert found.network["pinball"] == pytest.approx(np.mean(losses))
    assert found.network["coverage"] == pytest.approx(np.mean(np.abs(t - p) <= 0.5))
    assert math.isnan(found.models["mean"]["correlation"].value)
    assert found.verdict().tone == "unclear" or found.verdict().tone == "better"


def test_a_number_that_is_nan_is_not_hidden_and_several_targets_have_means() -> None:
    truth = np.random.default_rng(0).normal(size=(30, 2))
    broken = truth.copy()
    broken[3, 1] = np.nan
    found = regression_scores(
        truth, {"gatewise": broken, "same": truth}, part="test", groups=groups_of(np.ones(30)),
        targets=("a", "b"),
    )  # fmt: skip
    assert math.isnan(found.network["r2"])
    assert found.by_target["gatewise"]["a"]["r2"] == pytest.approx(1.0)
    assert found.models["same"]["r2"].value == pytest.approx(1.0)
    assert "rmse" not in found.network
    with pytest.raises(InputError, match=r"give \[n, 3\]"):
        regression_scores(
            truth,
            {"gatewise": truth},
            part="test",
            groups=groups_of(np.ones(30)),
            targets=tuple("abc"),
        )


def test_a_truth_that_never_varies_is_judged_by_rmse() -> None:
    found = regression_scores(
        np.full(20, 3.1), {"gatewise": np.full(20, 3.0), "mean": np.full(20, 3.2)}, part="test",
        groups=groups_of(np.ones(20)),
    )  # fmt: skip
    assert found.decides == "rmse"
    assert found.network["rmse"] == pytest.approx(0.1)


def test_text_costs_bits_by_character_and_by_token() -> None:
    bits = np.array([2.0, 4.0, 6.0, np.nan])
    found = language_scores(
        {"gatewise": bits, "n-gram": bits + 1}, part="test", groups=groups_of([4], per_step=True),
        characters=[1, 2, 3, 9], right={"gatewise": [True, False, False, True]}, unit="word",
    )  # fmt: skip
    assert found.network == {"bits_per_character": 2.0, "perplexity": 16.0, "top1": 1 / 3}
    assert found.gains["n-gram"]["bits_per_character"].value == -0.5
    assert (found.tokens, found.characters) == (3, 6)
    assert found.verdict().headline == "Better than the best baseline, n-gram"
    with pytest.raises(InputError, match="same tokens"):
        language_scores({"gatewise": bits, "n": bits[:3]}, part="test", groups=groups_of([4]))
