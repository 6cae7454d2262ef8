"""The verdict says what the numbers say, also when that is unkind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatewise.estimators.forecaster.results import Metrics
from gatewise.estimators.forecaster.verdict import Evaluation, verdict
from tests.report.summaries import build_summary


def scored(
    own: Metrics, others: dict[str, Metrics], members: tuple[float, ...] = (), part: str = "test"
) -> Evaluation:
    """Return an evaluation of one target with these scores and the members' RMSE."""
    base = build_summary(count=30, steps=20).evaluation
    scores = {name: {"discharge": metrics} for name, metrics in {"gatewise": own, **others}.items()}
    alone = tuple({"discharge": {"rmse": rmse, "nse": 1 - rmse**2}} for rmse in members)
    return replace(base, scores=scores, members=alone, part=part)


def of(rmse: float) -> Metrics:
    return {"rmse": rmse, "mae": rmse, "nse": 1 - rmse**2}


def test_clearly_better() -> None:
    said = verdict(scored(of(0.4), {"ridge": of(0.6), "climatology": of(0.9)}, (0.42, 0.45, 0.5)))
    assert said.tone == "better"
    assert said.headline == "Better than the best baseline, ridge"
    assert "NSE 0.840" in said.sentences[0]
    assert "(ridge) NSE 0.640" in said.sentences[0]
    assert "33\u00a0% smaller" in said.sentences[0]
    assert "NSE 0.750 to 0.824; all of them beat ridge" in said.sentences[1]


def test_no_better_names_the_baseline_that_won() -> None:
    said = verdict(scored(of(0.7), {"climatology": of(0.6), "ridge": of(0.65)}, (0.7, 0.7)))
    assert said.tone == "worse"
    assert said.headline == "No better than climatology"
    assert "17\u00a0% larger" in said.sentences[0]
    assert said.sentences[1] == (
        "Climatology is better here: predict with --model climatology, or predict(model='climatology')."
    )
    assert "none of them beat climatology" in said.sentences[2]


def test_a_score_of_the_training_part_recommends_no_baseline() -> None:
    said = verdict(scored(of(0.7), {"ridge": of(0.6)}, part="training"))
    assert said.headline == "No better than ridge"
    assert not any("predict with" in sentence for sentence in said.sentences)


def test_what_wins_by_the_errors_that_medians_aim_at_is_not_called_worse() -> None:
    median, mean = {"rmse": 1.6, "mae": 0.9, "crps": 0.6}, {"rmse": 1.4, "mae": 1.1, "crps": 0.7}
    said = verdict(scored(median, {"ridge": mean}))
    assert (
        said.headline
        == "No better than ridge by RMSE, but better than any baseline by MAE and CRPS"
    )
    assert said.tone == "unclear"
    assert not any("predict with" in sentence for sentence in said.sentences)
    third = {"rmse": 1.5, "mae": 1.0, "crps": 0.59}
    said = verdict(scored(median, {"ridge": mean, "climatology": third}))
    assert said.headline == "No better than ridge by RMSE, but better than any baseline by MAE"
    barely = verdict(scored(median | {"mae": 1.095, "crps": 0.71}, {"ridge": mean}))
    assert (barely.headline, barely.tone) == ("No better than ridge", "worse")


def test_equal_is_no_better() -> None:
    assert verdict(scored(of(0.6), {"ridge": of(0.6)}, (0.6,))).tone == "worse"


def test_barely_better() -> None:
    said = verdict(scored(of(0.5999), {"ridge": of(0.6)}, (0.59, 0.591)))
    assert (said.tone, said.headline) == ("unclear", "Barely better than ridge")


def test_better_only_together() -> None:
    said = verdict(scored(of(0.5), {"ridge": of(0.6)}, (0.55, 0.61)))
    assert said.tone == "unclear"
    assert "not with every seed" in said.headline
    assert "1 of them beat ridge" in said.sentences[1]


def test_worse_than_the_mean_is_said() -> None:
    said = verdict(scored(of(1.2), {"ridge": of(1.5)}, (1.2,)))
    assert said.tone == "better"
    assert "worse than always predicting the mean" in said.sentences[0]


def test_one_member_has_no_spread() -> None:
    said = verdict(scored(of(0.4), {"ridge": of(0.6)}, (0.4,)))
    assert "One member only" in said.sentences[-1]


def test_no_baseline_and_no_truth() -> None:
    alone = verdict(scored(of(0.4), {}, (0.4,)))
    assert alone.tone == "unknown"
    assert "no baseline" in alone.headline
    nothing = verdict(scored(of(float("nan")), {"ridge": of(float("nan"))}, (float("nan"),)))
    assert nothing.tone == "unknown"
    assert "no truth" in nothing.headline


@pytest.mark.parametrize(
    ("part", "words"), [("validation", "flatters"), ("training", "nothing about new data")]
)
def test_scores_that_flatter_say_so(part: str, words: str) -> None:
    said = verdict(scored(of(0.4), {"ridge": of(0.6)}, (0.4,), part))
    assert any(words in sentence for sentence in said.sentences)
    honest = verdict(scored(of(0.4), {"ridge": of(0.6)}, (0.4,), "test"))
    assert not any(words in sentence for sentence in honest.sentences)


@pytest.mark.parametrize(
    ("coverage", "word"),
    [(0.8, "about as promised"), (0.5, "too narrow"), (0.99, "wider than needed")],
)
def test_bands_are_judged_by_what_they_promise(coverage: float, word: str) -> None:
    base = build_summary(count=40, steps=20, levels=(0.1, 0.5, 0.9)).evaluation
    base.scores["gatewise"]["discharge"]["coverage"] = coverage
    said = verdict(base)
    assert said.sentences[-1] == (
        f"The 80\u00a0% band holds {coverage * 100:.0f}\u00a0% of the truth ({word})."
    )


def test_several_targets_are_counted() -> None:
    base = build_summary(count=40, steps=20, targets=("a", "b"), noise=0.01).evaluation
    for target, rmse in (("a", 1e-3), ("b", 1e3)):
        base.scores["ridge"][target]["rmse"] = rmse
        base.scores["climatology"][target]["rmse"] = 2 * rmse
    said = verdict(base)
    assert said.headline == "Better than the best baseline on 1 of 2 targets"
    assert said.tone == "unclear"


def test_the_extent_is_the_time_that_was_predicted() -> None:
    evaluation = build_summary(count=30, steps=20).evaluation
    assert "(1986-01-01 to 1986-01-30, 30 windows)" in verdict(evaluation).sentences[0]
    empty = replace(
        evaluation.predictions,
        origin=evaluation.predictions.origin[:0],
        time=evaluation.predictions.time[:0],
    )
    assert "0 windows" in verdict(replace(evaluation, predictions=empty)).sentences[0]
    assert np.size(empty.time) == 0
