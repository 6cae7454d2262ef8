"""The series column from the table to the predictions: the same series, in the type it came in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from gatewise import Forecaster
from gatewise.cli import run
from gatewise.data import read_frame
from gatewise.errors import DataError
from gatewise.estimators.forecaster.preparation import read_table

ROWS = 40
DAYS = pd.date_range("2022-01-01", periods=ROWS)


def _data(ids, first=0, rows=ROWS):
    """Return columns of a panel in which each series has `rows` days from day `first` on."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2022-01-01", periods=first + rows)[first:]
    rain = rng.normal(size=rows * len(ids))
    return {
        "unique_id": [one for one in ids for _ in range(rows)],
        "ds": np.tile(days.to_numpy(), len(ids)),
        "rain": rain,
        "y": np.convolve(rain, [0.5, 0.5])[: len(rain)],
    }


def _model(**changes):
    return Forecaster(
        inputs="rain",
        **{"lookback": 3, "epochs": 1, "hidden_size": 2, "test": None, "validation": 0.3} | changes,
    )


PANDAS = {
    "int64": pd.Series([7, 3]),
    "uint8": pd.Series([7, 3], dtype="uint8"),
    "Int64": pd.Series([7, 3], dtype="Int64"),
    "int64[pyarrow]": pd.Series([7, 3], dtype="int64[pyarrow]"),
    "bool": pd.Series([True, False]),
    "boolean": pd.Series([True, False], dtype="boolean"),
    "category": pd.Series(["b", "a"], dtype=pd.CategoricalDtype(["a", "b", "c"])),
    "category of integers": pd.Series([7, 3], dtype="category"),
    "str": pd.Series(["b", "01"]),
    "object": pd.Series(["b", 1], dtype=object),
    "string[pyarrow]": pd.Series(["b", "01"], dtype="string[pyarrow]"),
}
POLARS = {
    "Int64": pl.Series([7, 3]),
    "UInt8": pl.Series([7, 3], dtype=pl.UInt8),
    "Boolean": pl.Series([True, False]),
    "Categorical": pl.Series(["b", "a"], dtype=pl.Categorical),
    "Enum": pl.Series(["b", "a"], dtype=pl.Enum(["a", "b", "c"])),
    "String": pl.Series(["b", "01"]),
}


@pytest.mark.parametrize("name", PANDAS)
def test_pandas_ids_come_back_in_their_type(name, tmp_path):
    ids = PANDAS[name]
    frame = pd.DataFrame(_data([0, 1]))
    frame["unique_id"] = ids.repeat(ROWS).array
    frame = frame.iloc[::-1].iloc[::-1].set_index(pd.Index(np.arange(2 * ROWS) // 3), drop=True)
    model = _model().fit(frame, progress=False)
    model.save(tmp_path / "model.safetensors")
    for forecaster in (model, Forecaster.load(tmp_path / "model.safetensors")):
        predicted = forecaster.predict(frame)
        assert predicted["unique_id"].dtype == ids.dtype
        assert predicted["unique_id"].unique().tolist() == ids.tolist()
        keys = pd.DataFrame({"unique_id": ids, "area": [1.5, 8.0]})
        merged = predicted.merge(keys, on="unique_id")
        assert len(merged) == len(predicted)
        assert merged["area"].iloc[0] == 1.5


@pytest.mark.parametrize("horizon", [0, 2])
@pytest.mark.parametrize("name", POLARS)
def test_polars_ids_come_back_in_their_type(name, horizon, tmp_path):
    ids = POLARS[name]
    picks = np.repeat([0, 1], ROWS)
    frame = pl.DataFrame(_data([0, 1])).with_columns(unique_id=ids[picks])
    model = _model(horizon=horizon).fit(
        frame, out=tmp_path / "run", predictions="parquet", progress=False
    )
    keys = pl.DataFrame({"unique_id": ids, "area": [1.5, 8.0]})
    for forecaster in (model, Forecaster.load(tmp_path / "run")):
        predicted = forecaster.predict(frame)
        assert predicted.schema["unique_id"] == ids.dtype
        assert predicted.join(keys, on="unique_id").height == predicted.height
        arrow = forecaster.predict(frame.to_arrow())
        assert isinstance(arrow, pa.Table)
        assert arrow["unique_id"].to_pylist() == predicted["unique_id"].to_list()
        if horizon:
            alone = forecaster.predict()
            if name != "Enum":  # whose values nobody keeps: they come back as categories
                assert alone.schema["unique_id"] == ids.dtype
            assert alone["unique_id"].cast(pl.String).unique(maintain_order=True).to_list() == (
                ids.cast(pl.String).to_list()
            )
    written = pl.read_parquet(tmp_path / "run" / "predictions.parquet")
    assert name == "Enum" or written.schema["unique_id"] == ids.dtype


def _csv(path, ids, *, quote=False, **span):
    frame = pl.DataFrame(_data(ids, **span))
    frame = frame.with_columns(pl.col("ds").cast(pl.Date))
    frame.write_csv(path, quote_style="non_numeric" if quote else "necessary")
    return path


@pytest.mark.parametrize("quote", [False, True])
@pytest.mark.parametrize(
    ("ids", "alone"),
    [
        (["01", "A2"], ["01"]),
        (["01013500", "01022500"], ["01022500"]),
        (["1", "A2"], ["1"]),
        (["true", "A2"], ["true"]),
        (["True", "A2"], ["True"]),
        (["1.5", "A2"], ["1.5"]),
        (["1.0", "A2"], ["1.0"]),
        (["1e3", "A2"], ["1e3"]),
        (["7", "8"], ["8"]),
    ],
)
def test_a_file_with_one_series_joins_its_history(ids, alone, quote, tmp_path):
    model = _model().fit(_csv(tmp_path / "all.csv", ids, quote=quote), progress=False)
    assert model.fitted_.context.series == tuple(ids)
    model.save(tmp_path / "model.safetensors")
    new = _csv(tmp_path / "new.csv", alone, quote=quote, first=ROWS, rows=5)
    for forecaster in (model, Forecaster.load(tmp_path / "model.safetensors")):
        predicted = forecaster.predict(new)
        assert predicted.height == 5
        assert predicted["unique_id"].dtype == read_frame(new)["unique_id"].dtype


def test_the_command_line_keeps_zeros(tmp_path, capsys):
    table = _csv(tmp_path / "all.csv", ["01013500", "A2"])
    new = _csv(tmp_path / "new.csv", ["01013500"], first=ROWS, rows=5)
    options = ["--inputs", "rain", "--lookback", "3", "--epochs", "1", "--test", "0.3", "--quiet"]
    assert run(["fit", str(table), *options, "--out", str(tmp_path / "run")]) == 0
    assert "\n01013500,2022" in (tmp_path / "run" / "predictions.csv").read_text()
    out = tmp_path / "predicted.csv"
    assert run(["predict", str(tmp_path / "run"), str(new), "--out", str(out)]) == 0
    lines = out.read_text().splitlines()
    assert len(lines) == 6
    assert all(line.startswith("01013500,") for line in lines[1:])
    assert "have no prediction" not in capsys.readouterr().out


def test_an_id_that_lost_its_type_on_the_way_still_joins():
    """What pandas' own reader makes of a file that holds one series only."""
    model = _model().fit(pd.DataFrame(_data(["01", "A2"])), progress=False)
    for one in (1, 1.0):
        new = pd.DataFrame(_data([one], first=ROWS, rows=5))
        predicted = model.predict(new)
        assert len(predicted) == 5
        assert predicted["unique_id"].tolist() == [one] * 5


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ("1", r"has '1', and the fitted data '01': write the names as they are there"),
        (" A2", r"has ' A2', and the fitted data 'A2'"),
        (2.5, r"holds decimals, and '2\.5' is no series of the fitted data"),
    ],
)
def test_an_id_that_is_written_otherwise_is_refused(new, told):
    model = _model().fit(pd.DataFrame(_data(["01", "A2"])), progress=False)
    with pytest.raises(DataError, match=rf"series column 'unique_id' {told}"):
        model.predict(pd.DataFrame(_data([new])))


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (["A2", "A2 "], r"has 'A2' and 'A2 ': write one series in one way"),
        (["1", "1.0"], r"has '1' and '1\.0': write"),
        (["A2", None], r"is empty in row 41"),
        ([1.0, np.nan], r"is empty in row 41"),
        ([1.0, 2.0], r"holds values of type float64: use text or integers"),
    ],
)
def test_ids_that_leave_it_open_which_series_they_mean_are_refused(ids, told):
    with pytest.raises(DataError, match=rf"series column 'unique_id' {told}"):
        _model().fit(pd.DataFrame(_data(ids)), progress=False)


def test_training_goes_on_with_the_ids_of_the_fit(tmp_path):
    model = _model(scale="per_series").fit(pd.DataFrame(_data(["01", "A2"])), progress=False)
    later = pd.DataFrame(_data([1], first=ROWS))
    model.continue_on(later, progress=False)
    assert model.fitted_.context.series == ("01",)


def test_numbers_with_zeros_in_front_are_still_numbers(tmp_path):
    path = tmp_path / "hours.csv"
    rows = "".join(f"2022-01-{day + 1:02d},{day % 24:02d},0{day}.5,{day}\n" for day in range(30))
    path.write_text("ds,hour,depth,y\n" + rows)
    table = Forecaster(inputs=["hour", "depth"], lookback=2, test=None)
    read = read_table(table, str(path))
    assert read.column("hour")[:3].tolist() == [0, 1, 2]
    assert read.column("depth")[:3].tolist() == [0.5, 1.5, 2.5]
