"""The bundled sets are what their descriptions say."""

from __future__ import annotations

import datetime
import gzip

import numpy as np
import polars as pl
import pytest

from gatewise.data import datasets, read_frame, split_times
from gatewise.data.catalog import FOLDER, bundled_path
from gatewise.errors import DataError, FileError


def test_names():
    assert datasets.names() == ("fulda", "soil", "stocks")


@pytest.mark.parametrize("name", datasets.names())
def test_descriptions_fit_their_files(name):
    about, frame = datasets.describe(name), datasets.load(name)
    assert frame.height == about.rows
    assert frame.columns == list(about.columns)
    assert about.terms
    assert about.citation
    assert bundled_path(name).stat().st_size < 1_000_000
    assert f"{name}.csv.gz" in (FOLDER / "DATA-LICENSES.md").read_text()
    header = bundled_path(name).read_bytes()[:8]
    assert header[4:8] == b"\0\0\0\0", "the gzip header holds no time: the file is reproducible"
    assert gzip.decompress(bundled_path(name).read_bytes()).isascii()


def test_unknown_set_names_the_nearest():
    with pytest.raises(FileError, match=r"'fluda'\. Did you mean 'fulda'\? There are: fulda, soil"):
        read_frame("dataset:fluda")
    with pytest.raises(FileError, match="'Soil'"):
        datasets.describe("Soil")


def test_fulda(read):
    frame = datasets.load("fulda")
    table = read(frame, target="discharge", inputs=["rain", "tmax", "tmin"])
    assert table.step.text == "1 day"
    assert frame["ds"][0] == datetime.date(1979, 1, 1)
    assert frame["ds"][-1] == datetime.date(1988, 12, 31)
    assert frame.row(0) == (datetime.date(1979, 1, 1), 1.0, -12.9, -20.1, 143.0)
    assert (frame["tmin"] <= frame["tmax"]).all()
    split = split_times(table, "1985-01-01", "1986-01-01")
    counts = [split.part_rows(table, part).sum() for part in ("train", "validation", "test")]
    assert counts == [2192, 365, 1096]


def test_soil_keeps_its_gaps_and_its_odd_rain(read):
    frame = datasets.load("soil")
    assert frame["groundwater"].null_count() == 3012
    assert frame["rain"].max() == pytest.approx(2056.548871)
    target = ["moisture_10cm", "moisture_25cm", "moisture_40cm"]
    with pytest.raises(
        DataError,
        match=r"'groundwater' has 3012 missing values, the first in row 6040 \(2014-09-09",
    ):
        read(frame, target=target, inputs="groundwater")
    assert read(frame, target=target, inputs="groundwater", missing="mask").step.text == "1 hour"


def test_the_dates_of_soil_are_in_their_right_order():
    """The publisher's file swaps day and month; level and pressure then jump at every midnight."""
    frame = datasets.load("soil")
    midnight = np.flatnonzero(frame["ds"].dt.hour().to_numpy() == 0)[1:]
    for column, largest in (("groundwater", 0.005), ("pressure", 0.6), ("temperature", 1.0)):
        values = frame[column].to_numpy()
        jump = np.nanmean(np.abs(values[midnight] - values[midnight - 1]))
        assert jump < largest, column


def test_stocks_are_a_panel_of_trading_days(read):
    frame = datasets.load("stocks")
    inputs = ["open", "high", "low", "volume"]
    table = read(frame, target="close", inputs=inputs, frequency="rows")
    assert table.series == ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    assert np.diff(table.starts).tolist() == [3270, 196, 2148, 3270, 3270]
    assert (frame["low"] <= frame["high"]).all()
    with pytest.raises(
        DataError, match=r"'ds' is irregular: row 4 \(2000-03-06\) of series 'AAPL'"
    ):
        read(frame, target="close", inputs=inputs)


def test_loading_twice_gives_equal_frames():
    assert datasets.load("fulda").equals(datasets.load("fulda"))
    assert isinstance(datasets.load("fulda"), pl.DataFrame)
