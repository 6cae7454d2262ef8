"""What a forecaster makes of the times of its data, from the table to the predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from gatewise import Forecaster
from gatewise.data.tables.season import find_seasons
from gatewise.data.tables.zones import local
from gatewise.errors import DataError
from gatewise.estimators.forecaster.page.charts import RunCharts
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.preparation import prepare, read_table
from gatewise.report import contents_of_run, render_page


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
    assert find_seasons(table)[0].rows == season


def test_quarters_have_the_seasonal_naive_beside_them():
    texts = [f"{1956 + k // 4}Q{k % 4 + 1}" for k in range(120)]
    frame = pl.DataFrame({"when": texts, "y": np.tile([5.0, 1.0, 3.0, 9.0], 30)})
    model = Forecaster(horizon=2, lookback=8)
    prepared = prepare(model, read_table(model, frame))
    predicted = prepared.baselines.predict(prepared.table, prepared.windows("test").origins)
    truth = prepared.table.column("y")[
        prepared.windows("test").target_rows(np.arange(len(prepared.windows("test"))))
    ]
    np.testing.assert_allclose(predicted["seasonal_naive"][..., 0], truth)


TOKYO = pd.date_range("2022-03-01", "2022-04-20", freq="3h", tz="Asia/Tokyo")
NEW_YORK = pd.date_range("2022-02-25", periods=len(TOKYO), freq="3h", tz="America/New_York")


def _zoned(stamps):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"when": stamps, "rain": rng.normal(size=len(stamps)), "y": 0.0}).assign(
        y=lambda frame: frame["rain"].rolling(3, min_periods=1).mean()
    )


def _model(**changes):
    small = {"lookback": 4, "epochs": 1, "hidden_size": 2, "horizon": 2, "validation": 0.2}
    return Forecaster(target="y", inputs="rain", **(small | changes))


@pytest.mark.parametrize("stamps", [TOKYO, NEW_YORK], ids=["Tokyo", "New York"])
def test_every_way_out_keeps_the_zone(stamps, tmp_path):
    """The change of clocks of New York lies in the data."""
    zone = str(stamps.tz)
    frame = _zoned(stamps)
    model = _model(test="2022-04-01").fit(frame, out=tmp_path / "run", progress=False)
    written = (tmp_path / "run" / "predictions.csv").read_text().splitlines()
    header, first = written[0].split(","), written[1].split(",")
    time = pd.Timestamp(first[header.index("when")])
    expected = stamps[stamps >= "2022-04-01"][0]
    assert time == expected
    assert first[header.index("when")] == expected.strftime("%Y-%m-%d %H:%M:%S") + (
        "+09:00" if zone == "Asia/Tokyo" else "-04:00"
    )
    last = stamps[-1] + pd.Timedelta("3h")
    for forecaster in (model, Forecaster.load(tmp_path / "run")):
        without = forecaster.predict()
        assert without.schema["when"] == pl.Datetime("us", zone)
        assert without["when"][0] == last
        given = forecaster.predict(frame)
        assert str(given["when"].dt.tz) == zone
        assert given["when"].iloc[0] == last
        polar = forecaster.predict(pl.from_pandas(frame))
        assert polar.schema["when"].time_zone == zone
    window = model.gates(frame, at=stamps[300].strftime("%Y-%m-%d %H:%M"))
    assert window.zone == zone
    assert "T".join(str(stamps[297])[:16].split()) in repr(window)
    assert window.time[3] == stamps[300].tz_convert(None).to_datetime64()


def test_parquet_predictions_keep_zone_and_the_page_shows_the_local_clock(tmp_path):
    frame = _zoned(TOKYO)
    model = _model(test="2022-04-01").fit(
        frame, out=tmp_path / "run", predictions="parquet", progress=False
    )
    written = pl.read_parquet(tmp_path / "run" / "predictions.parquet")
    assert written.schema["when"] == pl.Datetime("us", "Asia/Tokyo")
    assert str(written["when"][0]) == "2022-04-01 00:00:00+09:00"
    summary = model.summary(frame)
    assert summary.data["time_zone"] == "Asia/Tokyo"
    assert summary.data["parts"]["test"]["first"] == "2022-04-01"
    contents = contents_of_run(summary)
    assert contents.time[0] == local(summary.window.time, "Asia/Tokyo")[0]
    assert "2022-04-01 to 2022-04-20, " in render_page(summary)


def test_the_chart_is_labelled_by_the_clock_of_the_zone():
    frame = _zoned(NEW_YORK)
    model = _model(test="2022-03-01").set_params(validation="2022-02-27")
    table = read_table(model, frame)
    rows = np.arange(20, len(table))
    made = Predictions(
        *(("y",), np.array([""] * len(rows)), table.time[rows], table.time[rows][:, None]),
        *(table.values[rows][:, None, :1], table.values[rows][:, None, :1], None, (), None),
        zone=table.zone,
    )
    clock = RunCharts(made).charts().payload["clock"]
    change = pd.Timestamp("2022-03-13 07:00", tz="UTC").timestamp()
    assert [ahead / 3600 for _, ahead in clock] == [-5, -4]
    assert 0 <= clock[1][0] - change < 3 * 3600


def test_a_backtest_cuts_at_instants_of_the_zone():
    frame = _zoned(TOKYO)
    result = _model(test=None).backtest(frame, folds=2, size=40)
    first = result.folds[0]
    assert first.test_from == "2022-04-10T03:00:00.000000+09:00"
    assert first.evaluation.predictions.time[0, 0] == np.datetime64("2022-04-09T18:00")
    assert result.folds[1].test_until == np.datetime64("2022-04-20")


def test_times_of_another_kind_than_in_the_fit_are_refused():
    model = _model(test=None).fit(_zoned(TOKYO), progress=False)
    naive = _zoned(TOKYO.tz_localize(None))
    for use in (model.predict, model.evaluate, model.continue_on):
        with pytest.raises(DataError, match=r"'when' has no time zone, .* has Asia/Tokyo"):
            use(naive)
