"""A series whose target is not known at all: the others are forecast as if it were not there."""

from __future__ import annotations

import warnings

import polars as pl
import pytest

import gatewise as gw
from gatewise.data.tables.split import Part
from gatewise.errors import DataError, GatewiseWarning
from tests.estimators.data import panel, reservoir

NAMES = ("a", "b", "c")
SMALL = {"target": "level", "inputs": "rain", "lookback": 20, "hidden_size": 4, "epochs": 1}
KNOWN_AHEAD = {"future": ["plan"], "inputs": ["rain"]}


def table(rows: int = 120) -> pl.DataFrame:
    return panel(NAMES, rows).with_columns(plan=pl.col("rain") * 2)


def without(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Return the frame with no target for these series."""
    return frame.with_columns(
        level=pl.when(pl.col("unique_id").is_in(names)).then(None).otherwise("level")
    )


@pytest.fixture(scope="module", params=[1, 3], ids=lambda horizon: f"horizon {horizon}")
def model(request: pytest.FixtureRequest) -> gw.Forecaster:
    fitted = gw.Forecaster(**SMALL, horizon=request.param, missing="mask")
    return fitted.fit(table(), progress=False)


@pytest.mark.parametrize("name", NAMES)
def test_one_series_without_a_target_is_named_and_left_out(model: gw.Forecaster, name: str) -> None:
    new = table(160)
    expected = model.predict(new.filter(pl.col("unique_id") != name))
    with pytest.warns(
        GatewiseWarning, match=rf"no prediction for 1 of 3 series: '{name}': no row .*\(level\)"
    ):
        got = model.predict(without(new, name))
    assert got.equals(expected)
    assert len(got) == 2 * model.horizon


@pytest.mark.parametrize("rows", [30, 20, 19, 5, 1])
@pytest.mark.parametrize("name", NAMES)
def test_counts_do_not_grow_by_the_horizon(model: gw.Forecaster, name: str, rows: int) -> None:
    # a year later, so that nothing joins the fitted data
    new = table(600).filter(pl.col("ds") >= pl.date(2002, 3, 1))
    new = without(new.filter(pl.int_range(pl.len()).over("unique_id") < rows), name)
    if rows < model.lookback:
        with pytest.raises(
            DataError, match=f"needs lookback=20 rows up to there; there are {rows}:"
        ):
            model.predict(new)
        return
    with pytest.warns(GatewiseWarning, match=f"1 of 3 series: '{name}': no row"):
        assert len(model.predict(new)) == 2 * model.horizon


def test_short_series_and_unknown_ones_are_told_apart(model: gw.Forecaster) -> None:
    new = table(600).filter(pl.col("ds") >= pl.date(2002, 3, 1))
    new = without(new, "c").filter((pl.col("unique_id") != "b") | (pl.col("ds").dt.month() == 3))
    new = new.filter((pl.col("unique_id") != "b") | (pl.col("ds").dt.day() < 9))
    with pytest.warns(
        GatewiseWarning, match=r"2 of 3 series: 'b': lookback=20 rows .*; 'c': no row has"
    ):
        assert model.predict(new)["unique_id"].unique().to_list() == ["a"]


def test_no_series_at_all_with_a_target(model: gw.Forecaster) -> None:
    new = table(600).filter(pl.col("ds") >= pl.date(2002, 3, 1))
    for frame in (without(new, *NAMES), new.drop("level")):
        with pytest.raises(DataError, match="needs lookback=20 rows up to there; there are 0:"):
            model.predict(frame)


def test_a_target_that_ends_in_the_fitted_data_is_gone_on_from_there(model: gw.Forecaster) -> None:
    rows = table(123).filter(pl.col("ds") > table()["ds"].max())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.predict(without(rows, *NAMES)).equals(model.predict())


def test_a_lone_series_without_a_target() -> None:
    model = gw.Forecaster(**SMALL, horizon=3).fit(reservoir(), progress=False)
    later = reservoir(60, start="2005-01-01").with_columns(level=pl.lit(None, dtype=pl.Float64))
    for frame in (later, later.drop("level")):
        with pytest.raises(DataError, match="there are 0: add the rows before"):
            model.predict(frame)


def test_a_series_that_the_fit_never_saw_a_target_of() -> None:
    frame = without(table(), "c")
    model = gw.Forecaster(**SMALL, horizon=2, missing="mask")
    with pytest.warns(GatewiseWarning, match=r"no training and no score for 1 of 3 series: 'c'"):
        model.fit(frame, progress=False)
    assert model.fitted_.context.starts.tolist() == [0, 20, 40, 60]
    with pytest.warns(GatewiseWarning, match="'c': no row"):
        assert model.predict()["unique_id"].to_list() == ["a"] * 2 + ["b"] * 2


@pytest.mark.parametrize("horizon", [0, 2])
def test_a_fit_names_each_series_that_it_cannot_learn_from(horizon: int) -> None:
    first = table()["ds"].min()
    short = table().filter((pl.col("unique_id") != "b") | (pl.col("ds") == first))
    model = gw.Forecaster(**SMALL, horizon=horizon, missing="mask")
    with pytest.warns(GatewiseWarning) as caught:
        model.fit(without(short, "c"), progress=False)
    needed = 20 + horizon
    assert [str(one.message) for one in caught] == [
        f"no training and no score for 2 of 3 series: 'b': lookback=20 and horizon={horizon} need "
        f"{needed} rows: give more, or leave the series out; 'c': no row has its target (level): "
        "give known rows, or leave the series out"
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", ["all", "test"])
def test_an_evaluation_names_a_series_without_a_target(
    model: gw.Forecaster, name: str, part: Part
) -> None:
    expected = model.evaluate(table().filter(pl.col("unique_id") != name), part=part).scores
    told = rf"^no score for 1 of 3 series: '{name}': no row has its target \(level\)"
    with pytest.warns(GatewiseWarning, match=told):
        got = model.evaluate(without(table(), name), part=part).scores
    assert got["gatewise"] == expected["gatewise"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.evaluate(table(), part=part)


def test_rows_that_follow_the_fitted_data_are_scored_though_few(model: gw.Forecaster) -> None:
    later = table(125).filter(pl.col("ds") > table()["ds"].max())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(model.evaluate(later).predictions.origin) == 3 * (6 - model.horizon)


@pytest.mark.parametrize("name", NAMES)
def test_known_ahead_is_asked_for_where_there_is_a_forecast(name: str) -> None:
    options = {**SMALL, **KNOWN_AHEAD, "horizon": 2}
    model = gw.Forecaster(**options).fit(table(), progress=False)
    new = without(table(160), name)
    known = pl.int_range(pl.len()).over("unique_id") < 158
    ahead = new.with_columns(level=pl.when(known).then("level"), rain=pl.when(known).then("rain"))
    with pytest.warns(GatewiseWarning, match=f"1 of 3 series: '{name}': no row"):
        assert len(model.predict(ahead)) == 4
    with pytest.raises(DataError, match=rf"'plan' of series '{'b' if name == 'a' else 'a'}'"):
        model.predict(new)


@pytest.mark.parametrize("name", NAMES)
def test_a_sensor_needs_no_target_of_any_series(name: str) -> None:
    model = gw.Forecaster(**SMALL).fit(table(), progress=False)
    new = table(160)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = model.predict(new)
        assert model.predict(without(new, name)).equals(expected)
        assert model.predict(new.drop("level")).equals(expected)
    assert len(expected) == 3 * (160 - 19)
