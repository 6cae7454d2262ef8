"""A saved forecaster predicts without torch what it predicts with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.estimators.data import reservoir
from tests.runtime.forecasters import CASES, FORECAST, ROWS, table
from tests.tolerances import FORECAST_FLOOR

import gatewise as gw
from gatewise import runtime
from gatewise.errors import EngineError, FileError, InputError, OptionError

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
        allowed = FORECAST_FLOOR * (units + np.abs(theirs))
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
