"""scikit-learn's searches and cross-validation on a forecaster: rows cut in time, by position."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone, is_regressor
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    TimeSeriesSplit,
    cross_val_score,
    cross_validate,
)
from sklearn.utils.validation import check_is_fitted

import gatewise as gw
from gatewise.errors import DataError, NotFittedError, OptionError
from tests.estimators.data import panel, reservoir

FRAMES = {"polars": reservoir(200), "pandas": reservoir(200).to_pandas()}
SPLIT = TimeSeriesSplit(n_splits=2, test_size=30)


def model(**options: Any) -> gw.Forecaster:
    return gw.Forecaster(
        **{"target": "level", "inputs": "rain", "lookback": 10, "test": None, "epochs": 2}
        | {"hidden_size": 3, "baselines": ["climatology"]}
        | options
    )


class Quiet(gw.Forecaster):
    """A forecaster that tells nothing of its training, for searches that fit it in their own way."""

    def fit(self, data: Any, y: Any = None, **options: Any) -> Quiet:
        return super().fit(data, y, **{"progress": False} | options)


@pytest.mark.parametrize("kind", FRAMES)
def test_cross_validation_fits_before_and_scores_after(kind: str) -> None:
    frame = FRAMES[kind]
    found = cross_validate(
        model(), frame, cv=SPLIT, params={"progress": False}, return_estimator=True,
        return_train_score=True,
    )  # fmt: skip
    for (train, test), fitted, score in zip(
        SPLIT.split(frame), found["estimator"], found["test_score"], strict=True
    ):
        assert fitted.fitted_.data["rows"] == len(train)
        rows = frame.iloc[test] if isinstance(frame, pd.DataFrame) else frame[test]
        # The test rows follow directly, so that none of them lacks history.
        evaluation = fitted.evaluate(rows)
        assert len(evaluation.predictions.truth) == len(test)
        assert score == pytest.approx(evaluation.scores["gatewise"]["level"]["nse"])
        again = clone(fitted).fit(
            frame.iloc[train] if isinstance(frame, pd.DataFrame) else frame[train], progress=False
        )
        assert again.score(rows) == pytest.approx(score)
    assert np.isfinite(found["train_score"]).all()


def test_searches_find_the_better_settings_and_refit() -> None:
    frame = FRAMES["polars"]
    grid = GridSearchCV(
        model(), {"learning_rate": [1e-6, 0.05], "cell": ["gru"]}, cv=SPLIT, error_score="raise"
    ).fit(frame, progress=False)
    assert grid.best_params_["learning_rate"] == 0.05
    assert grid.best_estimator_.fitted_.data["rows"] == len(frame)
    assert grid.predict(frame).equals(grid.best_estimator_.predict(frame))
    assert grid.score(frame) == grid.best_estimator_.score(frame)
    drawn = RandomizedSearchCV(
        model(), {"hidden_size": [2, 3, 4]}, n_iter=2, cv=SPLIT, random_state=0
    ).fit(frame, progress=False)
    assert len(drawn.cv_results_["mean_test_score"]) == 2
    assert np.isfinite(drawn.cv_results_["mean_test_score"]).all()


def test_the_target_may_come_as_y() -> None:
    frame = FRAMES["polars"]
    apart, level = frame.drop("level"), frame["level"].to_numpy()
    whole = model().fit(frame, progress=False)
    assert model().fit(apart, level, progress=False).predict(apart).equals(whole.predict(frame))
    assert model().fit(frame, level, progress=False).score(apart, level) == whole.score(frame)
    quiet = Quiet(**model().get_params())
    scores = cross_val_score(quiet, apart, level, cv=SPLIT)
    assert scores == pytest.approx(cross_val_score(quiet, frame, cv=SPLIT))
    both = frame.with_columns(twice=2.0 * pl.col("level"))
    two = Quiet(**model(target=["level", "twice"]).get_params())
    columns = both.select("level", "twice").to_numpy()
    assert two.fit(apart, columns).score(both) == pytest.approx(two.score(apart, columns))


@pytest.mark.parametrize(
    ("y", "error", "said"),
    [
        (np.zeros(199), DataError, r"y is \[199\] for a table of 200 rows and 1 targets \(level\)"),
        (np.zeros((200, 2)), DataError, r"y is \[200, 2\]"),
        (np.zeros(200), DataError, "y differs from the column 'level' of the table in data row 1"),
    ],
)
def test_a_target_that_is_not_the_tables_is_refused(y: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        model().fit(FRAMES["polars"], y, progress=False)
    with pytest.raises(OptionError, match="y goes with a table in memory"):
        model().fit("river.csv", y, progress=False)


def test_a_panel_is_cut_in_time_where_its_rows_are_in_that_order() -> None:
    frame = panel().sort("ds", "unique_id")
    split = TimeSeriesSplit(n_splits=2, test_size=60)
    found = cross_validate(
        model(series="unique_id"),
        frame,
        cv=split,
        params={"progress": False},
        return_estimator=True,
    )
    assert np.isfinite(found["test_score"]).all()
    assert [len(each.fitted_.context.series) for each in found["estimator"]] == [2, 2]


def test_what_scikit_learn_asks_of_an_estimator() -> None:
    assert is_regressor(model())
    with pytest.raises(NotFittedError):
        model().score(FRAMES["polars"])
    check_is_fitted(model().fit(FRAMES["polars"], progress=False))


def test_an_option_that_there_is_not_is_named_with_the_nearest_one() -> None:
    with pytest.raises(OptionError, match=r"no option 'hiden_size'\. Did you mean 'hidden_size'"):
        gw.Forecaster(hiden_size=3)  # type: ignore[call-arg]
    with pytest.raises(OptionError, match=r"no option 'hiden_size'\. Did you mean 'hidden_size'"):
        gw.Forecaster(hidden_size=3).set_params(cell="gru", hiden_size=3)


def test_only_what_was_set_is_written() -> None:
    assert repr(gw.Forecaster()) == "Forecaster()"
    assert repr(gw.Forecaster(target="sold", horizon=12, inputs=["price"])) == (
        "Forecaster(target='sold', inputs=['price'], horizon=12)"
    )
