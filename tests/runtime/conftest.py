"""Forecasters of every kind, fitted once for all tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.runtime.forecasters import CASES, KNOWN, new_rows, part, table

import gatewise as gw


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fit every case, and leave for each its run, the rows to predict from and torch's predictions."""
    folder = tmp_path_factory.mktemp("runs")
    for case, options in CASES.items():
        usual = {
            "lookback": 8,
            "hidden_size": 4,
            "epochs": 1,
            "baselines": ["climatology"],
            "engine": "native",
        }
        model = gw.Forecaster(**{**usual, **options})
        model.fit(part(table(case), 0, KNOWN), out=folder / case, progress=False)
        rows = new_rows(case)
        rows.write_parquet(folder / f"{case}.rows.parquet")
        model.predict(rows).write_parquet(folder / f"{case}.torch.parquet")
    return folder
