"""Rolling origins: where the parts of each fold begin."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from gatewise.data.tables.split import split_times
from gatewise.errors import InputError, OptionError
from gatewise.estimators.forecaster.backtesting.origins import rolling_origins
from tests.estimators.data import panel
from tests.estimators.tables import make_table, wave
from tests.estimators.test_forecaster import sensor


@pytest.mark.parametrize("share", [0.001, 0.15, 0.5, 0.9, 0.999, np.float32(0.15)])
@pytest.mark.parametrize("first", [2, 3, 4, 7, 30])
def test_every_fold_trains_watches_and_tests(first: int, share: Any) -> None:
    """With 3 steps before the block, .15 of them rounded to none: validation began with the test."""
    table = make_table(a=wave(first + 6), b=wave(first + 6))
    origins = rolling_origins(table, folds=3, size=2, validation=share)
    assert len(origins) == 3
    for place, origin in enumerate(origins):
        split = split_times(origin.table, origin.validation, origin.test)
        days = {
            part: split.part_rows(origin.table, part) for part in ("training", "validation", "test")
        }
        counts = {part: len(np.unique(origin.table.time[rows])) for part, rows in days.items()}
        before = first + 2 * place
        assert counts["test"] == 2
        assert counts["training"] + counts["validation"] == before
        assert counts["training"] >= 1
        assert counts["validation"] == pytest.approx(
            max(1, min(share * before, before - 1)), abs=0.5
        )


def test_a_block_holds_a_whole_forecast() -> None:
    table = make_table(a=wave(60))
    default = rolling_origins(table, folds=2, size=None, validation=0.2, horizon=12)
    assert [origin.test[:10] for origin in default] == ["2001-02-06", "2001-02-18"]
    with pytest.raises(OptionError, match=r"block of 5 steps .* horizon=12 it needs at least 12"):
        rolling_origins(table, folds=2, size=5, validation=0.2, horizon=12)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"folds": 0}, "folds must be a whole number of at least 1, not 0"),
        ({"folds": 2.5}, "folds must be a whole number of at least 1, not 2.5"),
        ({"folds": True}, "folds must be"),
        ({"size": 0}, "size must be a whole number of at least 1, not 0"),
        ({"size": "ten"}, "size must be a whole number of at least 1, not 'ten'"),
        ({"validation": "2001-01-10"}, "validation must be a share"),
        ({"validation": 5}, "validation must be a share"),
    ],
)
def test_what_no_fold_can_be_made_of_is_refused(given: dict[str, Any], said: str) -> None:
    options: dict[str, Any] = {"folds": 2, "size": 5, "validation": 0.2} | given
    with pytest.raises(OptionError, match=said):
        rolling_origins(make_table(a=wave(40)), **options)


def test_a_backtest_sums_up_its_folds() -> None:
    frame = panel()
    model = sensor(epochs=1, hidden_size=2, horizon=2, quantiles=[0.1, 0.9], lookback=10)
    result = model.backtest(frame, folds=2, size=10)
    first, second = (fold.evaluation for fold in result.folds)
    means = result.scores["gatewise"]["level"]
    each = [one.shown["gatewise"]["level"]["mae"] for one in (first, second)]
    assert means["mae"] == pytest.approx(np.mean(each))
    assert result.spread["gatewise"]["level"]["mae"] == pytest.approx(np.std(each))
    table = result.to_frame()
    assert table.columns[:4] == ["fold", "unique_id", "origin", "step"]
    assert table["fold"].to_list() == sorted(table["fold"].to_list())
    errors = table.with_columns(error=(pl.col("level") - pl.col("level_predicted")).abs())
    by_series = errors.group_by("fold", "unique_id").agg(pl.col("error").mean())
    medians = by_series.group_by("fold").agg(pl.col("error").median()).sort("fold")["error"]
    assert medians.to_list() == pytest.approx(each)
    assert len(result.score_rows()) == 2 * len(first.scores)
    assert json.loads(json.dumps(result.to_dict()))["folds"][1]["windows"] == 18
    assert "Over 2 folds gatewise has a mean median" in result.sentences[0]
    assert "is better in" in repr(result)


def test_a_backtest_is_drawn_fold_by_fold() -> None:
    model = sensor(epochs=1, hidden_size=2, horizon=3, quantiles=[0.1, 0.9], lookback=10)
    result = model.backtest(panel(), folds=2, size=10)
    ax = result.plot(series="south")
    assert ax.get_title("left") == "level, south: truth and prediction"
    labels = [line.get_label() for line in ax.lines]
    assert labels[0] == "truth"
    assert {"fold 1", "fold 2"} < set(labels)
    # Of each time the last forecast is drawn, which looked back from nearest.
    drawn = next(line for line in ax.lines if line.get_label() == "fold 1")
    frame = result.to_frame().filter((pl.col("fold") == 1) & (pl.col("unique_id") == "south"))
    last = frame.sort("ds", "origin").group_by("ds", maintain_order=True).last()
    assert np.asarray(drawn.get_ydata()) == pytest.approx(last["level_predicted"].to_numpy())
    with pytest.raises(InputError, match=r"there is no series 'sout' here. Did you mean 'south'"):
        result.plot(series="sout")
