"""What a forecaster makes of the times of its data, from the table to the predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from gatewise import Forecaster
from gatewise.models.baselines.season import default_season
from gatewise.models.preparation import prepare, read_table


@pytest.mark.parametrize(
    ("form", "frequency", "season"),
    [
        ("{y}Q{q}", "Q", 4),
        ("{y} Q{q}", "Q", 4),
        ("Q{q} {y}", "Q", 4),
        ("{y}M{m:02d}", "M", 12),
        ("{y}-W{w:02d}", "W", 52),
    ],
)
def test_a_season_follows_from_the_spelling(form, frequency, season):
    periods = pd.period_range("1956-01-02", periods=3 * season, freq=frequency)
    texts = [
        form.format(y=one.year, q=one.quarter, m=one.month, w=one.start_time.isocalendar().week)
        for one in periods
    ]
    wave = np.sin(2 * np.pi * np.arange(len(texts)) / season)
    table = read_table(Forecaster(lookback=4), pl.DataFrame({"quarter": texts, "y": wave}))
    assert default_season(table) == season


def test_quarters_have_the_seasonal_naive_beside_them():
    texts = [f"{1956 + k // 4}Q{k % 4 + 1}" for k in range(120)]
    frame = pl.DataFrame({"when": texts, "y": np.tile([5.0, 1.0, 3.0, 9.0], 30)})
    model = Forecaster(horizon=2, lookback=8)
    prepared = prepare(model, read_table(model, frame))
    predicted = prepared.baselines.predict(prepared.table, prepared.test.origins)
    truth = prepared.table.column("y")[prepared.test.target_rows(np.arange(len(prepared.test)))]
    np.testing.assert_allclose(predicted["seasonal_naive"][..., 0], truth)
