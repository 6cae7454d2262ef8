"""Two models on the same rows: which rows, whose scores, and the interval of the difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.errors import DataError
from gatewise.estimators.forecaster.pairing import differences
from gatewise.estimators.forecaster.predictions import Predictions
from tests.estimators.data import panel, reservoir
from tests.estimators.test_forecaster import sensor

FRAME = reservoir(240)


def fitted(frame: pl.DataFrame = FRAME, **options: Any) -> gw.Forecaster:
    options = {"epochs": 2, "hidden_size": 3, "baselines": ["climatology"]} | options
    return sensor(**options).fit(frame, progress=False)


def predictions(errors: np.ndarray, series: list[str] | None = None) -> Predictions:
    """Return predictions of a truth of zeros, `errors [n, S]` off, from day to day."""
    count, steps = errors.shape
    days = np.datetime64("2001-01-01", "us") + np.arange(count) * np.timedelta64(1, "D")
    return Predictions(
        targets=("y",),
        series=np.array(series or [""] * count),
        origin=days,
        time=days[:, None] + np.arange(1, steps + 1) * np.timedelta64(1, "D"),
        truth=np.zeros((count, steps, 1)),
        point=errors[..., None],
        spread=None,
        levels=(),
        quantiles=None,
    )


def test_both_are_scored_on_the_rows_that_both_predict() -> None:
    short, long = fitted(lookback=5), fitted(lookback=60)
    found = short.compare(long, FRAME, part="training")
    own = short.evaluate(FRAME, part="training")
    assert len(own.predictions.truth) - len(found.one.predictions.truth) == 55
    assert np.array_equal(found.one.predictions.time, found.other.predictions.time)
    assert found.one.scores["climatology"]["level"] == found.other.scores["climatology"]["level"]
    (difference,) = found.differences
    scores = [each.scores["gatewise"]["level"]["rmse"] for each in (found.one, found.other)]
    assert [difference.rmse, difference.other_rmse] == pytest.approx(scores)
    assert difference.ratio == pytest.approx(scores[0] / scores[1])
    assert difference.low < difference.ratio < difference.high
    told = " ".join(found.sentences("short", "long"))
    assert "55 windows of 152 cannot be predicted by long" in told
    assert "long was trained or chosen on some of these rows" in told


def test_a_model_beside_itself_differs_by_nothing() -> None:
    model = fitted()
    (difference,) = model.compare(model, FRAME, part="test").differences
    assert (difference.ratio, difference.low, difference.high) == (1, 1, 1)
    assert not difference.clear
    assert not model.compare(model, FRAME, part="test").notes


def test_rows_that_the_other_was_chosen_on_are_told() -> None:
    early, late = fitted(FRAME[:160]), fitted(FRAME)
    assert not late.compare(early, FRAME, part="test").notes
    assert "trained or chosen" in early.compare(late, FRAME, part="test").notes[0]


def test_pairs_tell_what_the_scores_alone_do_not() -> None:
    draws = np.random.default_rng(0)
    hard = draws.gamma(0.5, 5.0, (400, 2))
    one, other = predictions(0.9 * hard), predictions(hard * draws.uniform(0.95, 1.05, hard.shape))
    (difference,) = differences(one, other)
    assert difference.clear
    assert difference.low < 0.9 < difference.high < 0.95
    assert "10 % smaller" in difference.sentence("one", "other").replace("9.9", "10")


def test_whole_series_are_drawn_of_a_panel() -> None:
    """Twelve series of which one decides all: its windows alone would give a narrow interval."""
    names = [name for name in "abcdefghijkl" for _ in range(40)]
    noise = np.random.default_rng(1).normal(size=(480, 1))
    better = noise * np.where(np.array(names) == "a", 0.2, 1.001)[:, None]
    (panelled,) = differences(predictions(better, names), predictions(noise, names))
    (pooled,) = differences(predictions(better), predictions(noise))
    assert not panelled.clear
    assert panelled.high - panelled.low > pooled.high - pooled.low


def test_too_few_windows_have_no_interval() -> None:
    (difference,) = differences(predictions(np.ones((1, 3))), predictions(2 * np.ones((1, 3))))
    assert difference.ratio == pytest.approx(0.5)
    assert np.isnan(difference.low)
    assert not difference.clear
    assert "too few for an interval" in difference.sentence("one", "other")


def test_what_cannot_be_compared_is_refused() -> None:
    model = fitted()
    with pytest.raises(DataError, match="the other forecasts it"):
        model.compare(fitted(horizon=2), FRAME)
    other = fitted(FRAME.rename({"level": "stage"}), target="stage")
    both = FRAME.with_columns(stage=pl.col("level"))
    with pytest.raises(DataError, match="no target in common: level and stage"):
        model.compare(other, both)
    with pytest.raises(DataError, match=r"no column|unique_id"):
        model.compare(fitted(panel()), FRAME)
    one, two = predictions(np.ones((20, 1))), predictions(np.ones((20, 1)))
    two.truth[3] = 5.0
    with pytest.raises(DataError, match="truth of 'y' is not the same"):
        differences(one, two)
