"""A saved forecaster predicts without torch what it predicts with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.estimators.data import panel, reservoir
from tests.tolerances import FLOAT32_FLOOR

import gatewise as gw
from gatewise import runtime
from gatewise.errors import EngineError, FileError, InputError, OptionError

ROWS = 120
KNOWN = 90
"""Rows that are fitted; the prediction begins with the last 30 of them, so that it joins history."""
FORECAST = {"target": "level", "inputs": ["rain"], "horizon": 3}
PANEL = {**FORECAST, "series": "unique_id", "static": ["area"]}

USUAL = {
    "baselines": ["climatology"],
    "lookback": 8,
    "hidden_size": 4,
    "epochs": 1,
    "engine": "native",
}

CASES: dict[str, dict[str, Any]] = {
    "sensor": {"horizon": 0, "target": "level", "inputs": ["rain"], "missing": "mask"},
    "two sensors": {
        "horizon": 0,
        "target": ["level", "rain"],
        "inputs": ["level2"],
        "members": 2,
        "cell": "rnn",
        "quantiles": [0.1, 0.5, 0.9],
    },
    "quantiles": {
        **FORECAST,
        "quantiles": [0.05, 0.5, 0.9],
        "members": 2,
        "cell": "gru",
        "num_layers": 2,
        "baselines": ["ridge"],
        "engine": "torch",
    },
    "panel": {
        **PANEL,
        "future": ["plan"],
        "calendar": ["month", "weekday"],
        "members": 2,
        "normalise": "last",
        "transform": "log",
        "positive": True,
    },
    "panel of labels": {
        **PANEL,
        "categories": ["kind"],
        "inputs": ["rain", "kind"],
        "missing": "mask",
        "cell": "slstm",
        "heads": 2,
        "quantiles": [0.25, 0.5, 0.75],
        "refit": False,
    },
    "gaussian": {**FORECAST, "likelihood": "gaussian", "cell": "gru", "members": 2},
    "student-t": {**FORECAST, "likelihood": "student-t", "scale": "standard"},
    "mixture": {**FORECAST, "likelihood": "mixture", "normalise": "none"},
    "counts": {"target": "count", "horizon": 2, "likelihood": "negative-binomial", "members": 2},
    "residuals": {**FORECAST, "likelihood": "residuals", "cell": "rnn"},
}


def table(case: str) -> pl.DataFrame:
    """Return the rows of a case: those of the fit and those that follow."""
    if "panel" in case:
        days = np.arange(ROWS)
        names = ("north", "south")
        frame = panel(names, ROWS).with_columns(
            plan=pl.Series(np.tile(np.sin(days), len(names))),
            kind=pl.Series([f"k{day % 3}" for day in days] * len(names)),
        )
    else:
        frame = reservoir(ROWS).with_columns(
            level2=pl.col("level").shift(1).fill_null(5.0), count=pl.col("rain").round()
        )
    if CASES[case].get("missing") == "mask":
        holes = [None if day % 17 == 5 else 1.0 for day in range(len(frame))]
        frame = frame.with_columns(rain=pl.col("rain") * pl.Series(holes, dtype=pl.Float64))
    return frame


def part(frame: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    """Return rows `first` to `last` of each series."""
    if "unique_id" not in frame.columns:
        return frame[first:last]
    return pl.concat([one[first:last] for one in frame.partition_by("unique_id")])


def new_rows(case: str) -> pl.DataFrame:
    """Return rows to predict from; of a forecast with columns known ahead, rows ahead of the targets."""
    rows = part(table(case), KNOWN - 30, ROWS)
    if "future" in CASES[case]:
        ahead = pl.int_range(pl.len()).over("unique_id") >= ROWS - KNOWN + 30 - 3
        rows = rows.with_columns(
            pl.when(~ahead).then(pl.col(name)).otherwise(None) for name in ("level", "rain")
        )
    return rows


@pytest.fixture(scope="module")
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


BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, Blocked())
"""
PREDICT = """
import json, warnings
warnings.simplefilter("error")
import polars as pl
from gatewise import runtime

folder, *cases = json.loads(sys.argv[1])
for case in cases:
    rows = pl.read_parquet(f"{folder}/{case}.rows.parquet")
    model = runtime.load(f"{folder}/{case}")
    model.predict(rows).write_parquet(f"{folder}/{case}.without.parquet")
assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module")
def without_torch(runs: Path) -> Path:
    """Predict every case in a process that has no torch."""
    command = [sys.executable, "-c", BLOCKED + PREDICT, json.dumps([str(runs), *CASES])]
    subprocess.run(command, check=True, timeout=300)
    return runs


@pytest.mark.parametrize("case", CASES)
def test_predictions_are_those_of_torch(without_torch: Path, case: str) -> None:
    found, expected = (
        pl.read_parquet(without_torch / f"{case}.{kind}.parquet") for kind in ("without", "torch")
    )
    assert found.schema == expected.schema
    assert len(found)
    units = float(table(case).select(pl.col("level").std()).item())
    for name in found.columns:
        if found[name].dtype != pl.Float64:
            assert found[name].equals(expected[name], null_equal=True), name
            continue
        ours, theirs = found[name].to_numpy(), expected[name].to_numpy()
        assert np.isfinite(theirs).all()
        # in one place a sum of few float32 terms in another order, times the units of the target
        allowed = 8 * FLOAT32_FLOOR * (units + np.abs(theirs))
        assert (np.abs(ours - theirs) <= allowed).all(), (name, np.abs(ours - theirs).max())


def test_the_end_of_the_fitted_data_baselines_and_files(runs: Path, tmp_path: Path) -> None:
    with_torch, without = gw.Forecaster.load(runs / "quantiles"), runtime.load(runs / "quantiles")
    assert without.predict(model="ridge").equals(with_torch.predict(model="ridge"))
    found, expected = without.predict(), with_torch.predict()
    assert found.columns == expected.columns
    assert found["level_predicted"].to_numpy() == pytest.approx(
        expected["level_predicted"].to_numpy(), rel=1e-5
    )
    with_torch.save(tmp_path / "model.safetensors")
    assert runtime.load(tmp_path / "model.safetensors").predict().equals(found)
    with pytest.raises(OptionError, match="was not fitted here"):
        without.predict(model="theta")


def test_pandas_in_pandas_out_and_a_path(runs: Path) -> None:
    model, rows = runtime.load(runs / "sensor"), runs / "sensor.rows.parquet"
    frame = pl.read_parquet(rows)
    expected = model.predict(frame)
    assert model.predict(rows).equals(expected)
    pandas = model.predict(frame.to_pandas())
    assert type(pandas).__module__.startswith("pandas")
    assert pandas["level_predicted"].tolist() == expected["level_predicted"].to_list()


def test_what_cannot_be_loaded_is_told(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no run folder or model file"):
        runtime.load(tmp_path / "nothing")
    with pytest.raises(FileError, match="not a gatewise run folder"):
        runtime.load(tmp_path)
    file = runs / "sensor" / "model.safetensors"
    whole = file.read_bytes()
    cut = tmp_path / "cut.safetensors"
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:length])
        with pytest.raises(FileError, match=r"cut\.safetensors"):
            runtime.load(cut)
    damaged = bytearray(whole)
    damaged[-3] ^= 1
    cut.write_bytes(damaged)
    with pytest.raises(FileError, match="damaged"):
        runtime.load(cut)


def test_another_estimator_and_another_cell_are_refused_by_name(tmp_path: Path) -> None:
    gw.Classifier(hidden_size=2, epochs=1).fit(
        ["AACC", "CCAA", "ACAC", "CACA"] * 8,
        ["a", "b"] * 16,
        out=tmp_path / "letters",
        progress=False,
    )
    for place in (tmp_path / "letters", tmp_path / "letters" / "model.safetensors"):
        with pytest.raises(InputError, match=r"model of a Classifier.*gw\.Classifier\.load"):
            runtime.load(place)
    options = {**FORECAST, "cell": "mgu", "lookback": 8, "hidden_size": 2, "epochs": 1}
    gw.Forecaster(**options, baselines=["climatology"]).fit(
        reservoir(ROWS), out=tmp_path / "mgu", progress=False
    )
    with pytest.raises(EngineError, match=r"the cell 'mgu', which the native core.*gw\.Forecaster"):
        runtime.load(tmp_path / "mgu")
