"""Rolling origins: where the parts of each fold begin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gatewise.data.tables.split import split_times
from gatewise.errors import OptionError
from gatewise.estimators.forecaster.backtest import rolling_origins
from tests.estimators.tables import make_table, wave


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
            part: split.part_rows(origin.table, part) for part in ("train", "validation", "test")
        }
        counts = {part: len(np.unique(origin.table.time[rows])) for part, rows in days.items()}
        before = first + 2 * place
        assert counts["test"] == 2
        assert counts["train"] + counts["validation"] == before
        assert counts["train"] >= 1
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
