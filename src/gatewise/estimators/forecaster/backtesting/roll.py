"""The folds of a backtest, one fit after the other."""

from __future__ import annotations

from typing import Any

from gatewise.estimators.forecaster.backtesting.origins import rolling_origins, short_time
from gatewise.estimators.forecaster.backtesting.result import Backtest, Fold
from gatewise.estimators.forecaster.preparation import read_table
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.training.progress import say


def roll(model: Any, data: Any, *, folds: int, size: int | None, progress: bool) -> Backtest:
    """Fit a copy of `model`, a forecaster, before each test block, and score it on the block."""
    settings: ForecasterSettings = model
    settings.check_options()
    table = read_table(settings, data)
    origins = rolling_origins(
        table, folds=folds, size=size, validation=settings.validation, horizon=settings.horizon
    )
    done = []
    for place, origin in enumerate(origins, 1):
        fresh = type(model)(**settings.get_params())
        # nothing is predicted beyond a fold, only scored
        fresh.set_params(validation=origin.validation, test=origin.test, refit=False)
        if progress:
            say(f"fold {place} of {folds}: tested from {short_time(origin.test)}")
        fresh.fit(origin.table, progress=progress)
        done.append(Fold(origin.test, origin.test_until, fresh.evaluation_))
    return Backtest.from_folds(tuple(done), table.columns)
