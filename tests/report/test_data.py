"""The data inside the page: nothing lost that is not said, nothing that can break out of it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gatewise.data.tables.zones import time_text
from gatewise.estimators.forecaster.by_series import SeriesScores
from gatewise.estimators.forecaster.page.charts import RunCharts, band_text
from gatewise.estimators.forecaster.page.curves import training_curves
from gatewise.estimators.forecaster.page.timescales import timescales_sentence
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.results import GateTimescales, MeasuredTargets
from gatewise.estimators.forecaster.score_names import metric_text
from gatewise.report.contents import Charts
from gatewise.report.downsample import keep_extremes
from gatewise.report.embed import packed, script_json, seconds
from gatewise.report.timescales import axis_bounds, spectrum
from gatewise.report.units import thinned
from gatewise.unit import Unit
from gatewise.wording import number
from tests.report.summaries import build_summary


def unpacked(value: dict[str, str]) -> NDArray[Any]:
    kind = "u1" if value["kind"] == "u1" else f"<{value['kind']}"
    return np.frombuffer(base64.b64decode(value["data"]), dtype=kind)


def forecast_data(predictions: Predictions) -> Charts:
    return RunCharts(predictions).charts()


@settings(deadline=None)
@given(
    st.integers(1, 3),
    st.integers(2, 400),
    st.integers(8, 60),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_no_peak_is_lost(lines: int, count: int, limit: int, seed: int, gaps: bool) -> None:
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(lines, count))
    if gaps:
        values[generator.random(values.shape) < 0.3] = np.nan
    kept = keep_extremes(values, limit)
    assert np.all(np.diff(kept) > 0)
    assert kept[0] == 0
    assert kept[-1] == count - 1
    for line in values:
        known = line[np.isfinite(line)]
        if known.size:
            assert np.nanmin(line[kept]) == known.min()
            assert np.nanmax(line[kept]) == known.max()
        assert np.isnan(line[kept]).any() == np.isnan(line).any()


def test_short_lines_stay_whole_and_long_ones_get_short() -> None:
    np.testing.assert_array_equal(keep_extremes(np.zeros((1, 50)), 50), np.arange(50))
    long = np.random.default_rng(0).normal(size=(2, 100_000))
    assert len(keep_extremes(long, 4000)) <= 4002


def test_a_single_planted_peak_in_a_long_part_is_drawn() -> None:
    predictions = build_summary(count=60_000, steps=20).evaluation.predictions
    predictions.truth[31_415] = 999.0
    predictions.point[27_182] = -777.0
    data = forecast_data(predictions)
    chart = data.payload["charts"]["0/0/0/0"]
    truth, point = chart["lines"][:2]
    assert truth.max() == 999
    assert point.min() == -777
    assert len(truth) < 9_000
    assert any("Overview: 60,000 time steps" in note for note in data.notes)
    detail = data.payload["charts"]["0/0/0/1"]
    np.testing.assert_array_equal(detail["lines"][0], predictions.truth[-1000:, 0, 0])


def test_short_parts_are_drawn_point_by_point() -> None:
    predictions = build_summary(count=300, steps=20).evaluation.predictions
    data = forecast_data(predictions)
    chart = data.payload["charts"]["0/0/0/0"]
    np.testing.assert_array_equal(chart["lines"][0], predictions.truth[:, 0, 0])
    np.testing.assert_array_equal(chart["time"], seconds(predictions.time[:, 0]))
    assert data.payload["ranges"] == ["whole part"]
    assert data.notes == ()


def test_a_long_pause_breaks_the_line() -> None:
    predictions = build_summary(count=100, steps=20).evaluation.predictions
    time = predictions.time.copy()
    time[60:] += np.timedelta64(90, "D")
    chart = forecast_data(replace(predictions, time=time)).payload["charts"]["0/0/0/0"]
    truth = chart["lines"][0]
    assert np.flatnonzero(np.isnan(truth)).tolist() == [60]
    assert np.all(np.diff(chart["time"]) > 0)


def test_hundreds_of_series_are_all_there_in_the_order_of_their_numbers() -> None:
    names = tuple(f"site {k}" for k in range(300))
    predictions = build_summary(count=20, steps=20, series=names).evaluation.predictions
    data = forecast_data(predictions)
    assert [series["name"] for series in data.payload["series"]] == list(names)
    for place in (0, 117, 299):
        rows = predictions.series == names[place]
        chart = data.payload["charts"][f"{place}/0/0/0"]
        np.testing.assert_array_equal(chart["lines"][1], predictions.point[rows, 0, 0])


def test_the_series_shown_first_is_neither_the_best_nor_the_largest() -> None:
    names = ("a", "b", "c", "d", "e")
    predictions = build_summary(count=40, steps=20, series=names).evaluation.predictions
    point, truth = predictions.point.copy(), predictions.truth.copy()
    for name, error in zip(names, (0.5, 0.1, 0.9, 0.3, 0.7), strict=True):
        rows = predictions.series == name
        scale = 1000.0 if name == "a" else 1.0  # unlike scales compare by their own spread
        truth[rows] *= scale
        point[rows] = truth[rows] + error * truth[rows].std()
    data = forecast_data(replace(predictions, point=point, truth=truth))
    assert data.payload["first"] == names.index("a")
    assert "a is shown first" in data.notes[0]


def test_a_panel_is_told_by_the_scores_of_its_series() -> None:
    names = ("a", "b", "c")
    summary = build_summary(count=20, horizon=3, steps=20, series=names)
    mase = {"gatewise": [0.9, 0.2, 0.5], "ridge": [0.8, 0.3, 0.6]}
    scores = {m: {"discharge": {"mase": np.array(v)}} for m, v in mase.items()}
    for of_all in summary.evaluation.scores.values():
        of_all["discharge"]["mase"] = 0.7
    evaluation = replace(summary.evaluation, by_series=SeriesScores(names, scores))
    contents = replace(summary, evaluation=evaluation).contents()
    assert contents.predictions is not None
    payload = contents.predictions.charts().payload
    assert [one["score"] for one in payload["series"]] == ["MASE 0.900", "MASE 0.200", "MASE 0.500"]
    assert payload["first"] == 2
    table = contents.scores
    assert table is not None
    assert table.title == "Scores on the test part, medians over 3 series"
    assert [head.text for head in table.columns][:2] == ["MASE", "series beaten"]
    assert [cell.text for cell in table.groups[0].rows[1].cells][:2] == ["0.600", "2 of 3"]


def test_too_many_charts_are_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatewise.estimators.forecaster.page.charts.MAX_CHARTS", 4)
    names = tuple(f"site {k}" for k in range(6))
    data = forecast_data(build_summary(count=9, series=names, steps=9).evaluation.predictions)
    assert len(data.payload["series"]) == 4
    assert any("4 of 6 series are in this page" in note for note in data.notes)


def test_whole_forecasts_follow_one_another_up_to_the_last() -> None:
    predictions = build_summary(count=30, horizon=7, steps=40).evaluation.predictions
    data = forecast_data(predictions)
    assert [view["name"] for view in data.payload["views"]] == [
        *("1 to 7 steps ahead", "1 step ahead", "4 steps ahead"),
        "7 steps ahead",
    ]
    chart = data.payload["charts"]["0/0/-1/0"]
    rows = [1, 8, 15, 22, 29]
    np.testing.assert_array_equal(chart["lines"][1], predictions.point[rows, :, 0].ravel())
    np.testing.assert_array_equal(chart["time"], seconds(predictions.time[rows].ravel()))
    assert chart["ahead"] == 0


def test_the_forecast_beyond_the_data_follows_what_was_measured_and_scored() -> None:
    predictions = build_summary(count=30, horizon=7, steps=40, members=1).evaluation.predictions
    day = np.timedelta64(1, "D")
    first, last = predictions.time[0, 0], predictions.time[-1, -1]
    ahead = replace(
        predictions,
        series=predictions.series[:1],
        origin=np.array([last]),
        time=(last + np.arange(1, 8) * day)[None],
        truth=np.full((1, 7, 1), np.nan),
        point=np.arange(7.0)[None, :, None],
        spread=None,
    )
    before = first - np.arange(100, 0, -1) * day
    measured = MeasuredTargets(np.full(100, ""), before, np.arange(100.0)[:, None])
    charts = RunCharts(
        predictions, ahead, measured, {"discharge": "m³/s"}, Unit("day"), 40
    ).charts()
    chart = charts.payload["charts"]["0/0/-1/0"]
    assert chart["ahead"] == 7
    np.testing.assert_array_equal(chart["lines"][1][-7:], np.arange(7.0))
    assert np.isnan(chart["lines"][0][-7:]).all()
    np.testing.assert_array_equal(chart["lines"][0][:40], np.arange(60.0, 100))
    assert chart["scored"] == chart["time"][40]
    assert charts.payload["targets"][0]["label"] == "discharge in m³/s"
    assert charts.payload["lookback"] == 40 * 86400
    assert any("not known yet" in note for note in charts.notes)


def test_the_band_says_what_it_is() -> None:
    summary = build_summary(count=30, steps=20, levels=(0.1, 0.5, 0.9))
    quantiles = summary.evaluation.predictions
    assert "0.1 to 0.9 quantile" in band_text(quantiles)
    assert forecast_data(quantiles).band == band_text(quantiles)
    assert len(forecast_data(quantiles).payload["charts"]["0/0/0/0"]["lines"]) == 4
    members = forecast_data(build_summary(count=30, steps=20).evaluation.predictions)
    assert "how far the seeds disagree" in members.band
    alone = forecast_data(build_summary(count=30, steps=20, members=1).evaluation.predictions)
    assert alone.band == ""
    assert len(alone.payload["charts"]["0/0/0/0"]["lines"]) == 2


def test_every_axis_of_a_run_has_its_unit() -> None:
    summary = replace(
        build_summary(count=60, horizon=3, steps=20, targets=("discharge", "level")),
        units={"discharge": "m³/s"},
    )
    labels = {curve.name: curve.y_label for curve in summary.contents().curves}
    assert labels["RMSE of discharge"] == "RMSE in m³/s"
    assert labels["RMSE of level"] == "RMSE in units of level"
    assert labels["NSE of level"] == "NSE"
    assert all(labels.values())


def test_the_first_screen_has_the_most_telling_measures() -> None:
    summary = build_summary(count=60, horizon=3, steps=20, levels=(0.1, 0.5, 0.9))
    scores = summary.evaluation.scores
    for place, model in enumerate(scores):
        scores[model]["discharge"] |= {"mase": 0.5 + place, "crps": 0.2 + place}
    table = replace(summary, units={"discharge": "m³/s"}).contents().scores
    assert table is not None
    assert table.columns[-1].text == "coverage"
    assert len(table.columns) == 4
    assert "RMSE, m³/s" in [head.text for head in table.columns]
    assert table.groups[0].rows[0].head.text == "gatewise"
    assert any("more measures" in note for note in table.notes)


def test_how_long_training_took_is_told_only_where_it_is_known() -> None:
    summary = build_summary()
    (known,) = training_curves(summary.histories)
    assert "(lowest validation loss at epoch 29), 32 s." in known.note
    loaded = tuple(replace(history, seconds=0.0) for history in summary.histories)
    (curve,) = training_curves(loaded)
    assert " s." not in curve.note
    single = tuple(replace(one, train=one.train[:1], validation=()) for one in loaded)
    assert training_curves(single) == ()  # a point is no curve


def test_thinning_keeps_the_ends() -> None:
    order = np.random.default_rng(0).permutation(1000)
    kept = thinned(order, 256)
    assert len(kept) == len(set(kept.tolist())) == 256
    assert (kept[0], kept[-1]) == (order[0], order[-1])


def test_timescales_stand_where_they_should() -> None:
    steps = np.array([1.0, 10.0, 100.0, np.inf, np.nan])
    html = spectrum(steps, "forget", "", axis_bounds(steps, None), lag=None, unit=Unit("day"))
    assert axis_bounds(steps, None) == (0, 2)
    for place in ("0.00%", "50.00%", "100.00%"):
        assert f'cx="{place}"' in html
    assert html.count("<circle") == 4  # no dot for what could not be read off
    assert "gate path only" in html.lower()
    scales = GateTimescales("forget", steps[None], "1 day")
    assert timescales_sentence(scales) == "Median 55 days, longest ∞."
    quarters = GateTimescales("forget", np.array([[1.0, 12.0, 96.0]]), "15 minutes")
    assert timescales_sentence(quarters) == "Median 3.0 hours, longest 24."


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_text_ends_the_script(text: str) -> None:
    embedded = script_json({"name": text + "</script><!--", "values": [float("nan"), 1.5]})
    assert not set("<>&\u2028\u2029") & set(embedded)
    assert json.loads(embedded) == {"name": text + "</script><!--", "values": [None, 1.5]}


@pytest.mark.parametrize("kind", ["u1", "f4", "f8"])
def test_arrays_survive_packing(kind: str) -> None:
    values = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(unpacked(packed(values, kind)), values.ravel())


def test_numbers_and_times_read_well() -> None:
    assert [number(v) for v in (0.0, 12.345, -0.05, 1234567.0, 1e9, float("nan"))] == [
        *("0", "12.3", "−0.0500", "1,234,567", "1.00e+09", "–")
    ]
    assert metric_text("nse", -0.5) == "−0.500"
    assert metric_text("rmse", 12.0) == "12.00"
    assert time_text(np.datetime64("1986-01-01T00:00:00.000000")) == "1986-01-01"
    assert time_text(np.datetime64("1986-01-01T06:30")) == "1986-01-01 06:30:00"
    assert time_text(np.int64(7)) == "7"
