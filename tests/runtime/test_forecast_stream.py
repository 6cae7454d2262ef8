"""A stream of rows gives what a table of them gives, or what a longer window would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.estimators.data import reservoir
from tests.runtime.forecasters import CASES, FORECAST, KNOWN, ROWS, USUAL, part, table

import gatewise as gw
from gatewise import runtime
from gatewise.errors import DataError, FileError, GatewiseWarning, OptionError

NEW = 4
"""Rows that are streamed in a test of every case."""


def of_series(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame.filter(pl.col("unique_id") == name) if name else frame


def batch(model: Any, case: str, last: int) -> pl.DataFrame:
    """Return what is predicted from a table of the rows after the fit up to `last`, dates as text."""
    frame, future = table(case), "future" in CASES[case]
    rows = part(frame, KNOWN, last + 1 + (3 if future else 0))
    if future:
        known = pl.int_range(pl.len()).over("unique_id") <= last - KNOWN
        hidden = [pl.when(known).then(pl.col(name)).otherwise(None) for name in ("level", "rain")]
        rows = rows.with_columns(
            each.alias(name) for each, name in zip(hidden, ("level", "rain"), strict=True)
        )
    found = model.predict(rows)
    return found.with_columns(
        pl.col(name).cast(pl.String) for name in found.columns if "ds" in name
    )


@pytest.mark.parametrize("case", CASES)
def test_a_window_is_the_batch_prediction(runs: Path, case: str) -> None:
    model = runtime.load(runs / case)
    stream, frame = model.stream(), table(case)
    names = frame["unique_id"].unique(maintain_order=True) if "unique_id" in frame.columns else [""]
    for last in range(KNOWN, KNOWN + NEW):
        expected = batch(model, case, last)
        for name in names:
            rows = of_series(frame, name)
            ahead = rows[last + 1 : last + 4].to_dicts() if "future" in CASES[case] else ()
            found = stream.step(rows.row(last, named=True), ahead)
            wanted = of_series(expected, name).tail(len(found))
            assert len(found) == max(model.horizon, 1)
            for column in wanted.columns:
                ours, theirs = [row[column] for row in found], wanted[column].to_list()
                if column == "origin":
                    theirs = [str(one) for one in theirs]
                if wanted[column].dtype == pl.Float64:
                    assert ours == pytest.approx(theirs, rel=1e-12), column
                else:
                    assert ours == theirs, column


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fit a sensor and a forecast whose windows have no level of their own, and so may be carried on."""
    folder = tmp_path_factory.mktemp("carried")
    plain = {**USUAL, "normalise": "none", "transform": "none", "refit": False, "members": 2}
    sensor = {"target": "level", "inputs": ["rain"], "horizon": 0}
    for name, options in (
        ("sensor", {**sensor, "num_layers": 2}),
        ("forecast", {**FORECAST, "cell": "gru", "quantiles": [0.1, 0.5, 0.9]}),
        ("filled", {**FORECAST, "fill": "forward", "fill_limit": 2, "cell": "rnn"}),
    ):
        gw.Forecaster(**{**plain, **options}).fit(
            reservoir(ROWS)[:KNOWN], out=folder / name, progress=False
        )
    return folder


@pytest.mark.parametrize("name", ["sensor", "forecast"])
def test_a_carried_state_is_a_window_that_reaches_back_to_the_first_row(
    carried: Path, name: str
) -> None:
    stream = runtime.load(carried / name).stream(mode="carry")
    longer = gw.Forecaster.load(carried / name)
    first = KNOWN - len(longer.fitted_.context)
    for last in range(KNOWN, KNOWN + NEW):
        found = stream.step(reservoir(ROWS).row(last, named=True))
        longer.fitted_.settings.lookback = last + 1 - first
        expected = longer.predict(reservoir(ROWS)[first : last + 1])
        for column in expected.columns:
            if expected[column].dtype == pl.Float64:
                ours = [row[column] for row in found]
                assert ours == pytest.approx(expected[column].to_list(), rel=1e-5, abs=1e-6), column


def test_how_far_a_carried_state_is_from_a_window_is_measured(carried: Path) -> None:
    model = runtime.load(carried / "sensor")
    untold = model.stream(mode="carry")
    assert untold.differs == {}
    assert "was not measured" in untold.told()
    assert model.stream().told() == ""
    history = reservoir(ROWS)
    stream = model.stream(history[:100], mode="carry")
    measured = stream.differs["level"]
    both = [model.stream(history[:20], mode=mode) for mode in ("window", "carry")]
    apart = []
    for row in range(20, 100):
        answers = [each.step(history.row(row, named=True)) for each in both]
        apart.append(abs(answers[0][0]["level_predicted"] - answers[1][0]["level_predicted"]))
    # rows from 16 on, two windows, are compared: the four before 20 are not in `apart`
    assert measured.rows == 84
    assert measured.most == pytest.approx(max(apart), rel=1e-6)
    assert 0 < measured.mean < measured.most
    assert f"over {measured.rows} predictions" in stream.told()


GO_ON = """
import json, sys
from gatewise import runtime

run, state, rows = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
stream = runtime.load(run).stream(state=state)
print(json.dumps([stream.step(row) for row in rows]))
assert "torch" not in sys.modules and "polars" not in sys.modules
"""


@pytest.mark.parametrize("mode", ["window", "carry"])
def test_a_state_goes_on_in_another_process_and_a_fork_by_itself(
    carried: Path, tmp_path: Path, mode: Any
) -> None:
    stream = runtime.load(carried / "forecast").stream(mode=mode)
    rows = [{**row, "ds": str(row["ds"])} for row in reservoir(ROWS)[KNOWN : KNOWN + 8].to_dicts()]
    for row in rows[:4]:
        stream.step(row)
    stream.save(tmp_path / "state")
    fork = stream.fork()
    expected = [stream.step(row) for row in rows[4:]]
    assert [fork.step(row) for row in rows[4:]] == expected
    command = [sys.executable, "-c", GO_ON, carried / "forecast", tmp_path / "state"]
    done = subprocess.run(
        [*map(str, command), json.dumps(rows[4:])], check=True, capture_output=True, timeout=120
    )
    assert json.loads(done.stdout) == expected


def test_the_state_of_another_model_and_damaged_ones_are_refused(
    carried: Path, tmp_path: Path
) -> None:
    state, sensor = tmp_path / "state", runtime.load(carried / "sensor")
    sensor.stream(mode="carry").save(state)
    with pytest.raises(FileError, match="state of a stream of another model"):
        runtime.load(carried / "forecast").stream(state=state)
    with pytest.raises(OptionError, match="not both"):
        sensor.stream(reservoir(ROWS), state=state)
    whole = state.read_bytes()
    for length in (0, 9, len(whole) // 2, len(whole) - 1):
        state.write_bytes(whole[:length])
        with pytest.raises(FileError, match="open the stream anew"):
            sensor.stream(state=state)
    with pytest.raises(FileError, match="there is no stream's state"):
        sensor.stream(state=tmp_path / "nothing")


def test_gaps_are_filled_as_in_a_table_and_longer_ones_begin_anew(carried: Path) -> None:
    model = runtime.load(carried / "filled")
    rows = reservoir(ROWS).with_columns(
        rain=pl.when(pl.int_range(pl.len()) == KNOWN + 1).then(None).otherwise(pl.col("rain"))
    )
    rows = pl.concat([rows[KNOWN : KNOWN + 3], rows[KNOWN + 5 : KNOWN + 7]])
    for mode in ("window", "carry"):
        stream = model.stream(mode=mode)
        answers = [stream.step(row) for row in rows.to_dicts()]
        assert all(answers[:3])
        if mode == "window":
            expected = model.predict(rows)["level_predicted"].to_list()
            assert [row["level_predicted"] for row in answers[-1]] == pytest.approx(expected)
        with pytest.warns(GatewiseWarning, match="does not follow that at .* begins anew"):
            assert stream.step(reservoir(ROWS).row(KNOWN + 15, named=True)) == []


def test_a_row_that_cannot_be_used_leaves_the_stream_as_it_was(carried: Path) -> None:
    stream, same = (runtime.load(carried / "forecast").stream(mode="carry") for _ in range(2))
    row = {**reservoir(ROWS).row(KNOWN, named=True), "ds": "2001-04-01"}
    for changes, message in (
        ({"rain": "much"}, "column 'rain' must hold numbers, not 'much'"),
        ({"rain": float("inf")}, "column 'rain' is infinite"),
        ({"rain": None}, "column 'rain' is missing at 2001-04-01"),
        ({"level": ""}, "column 'level' is missing at 2001-04-01"),
        ({"ds": "soon"}, "'soon' is no time such as 2001-03-31"),
        ({"ds": "2001-03-31"}, "repeats 2001-03-31, after 2001-03-31"),
        ({"ds": "2001-03-01"}, "goes back to 2001-03-01, after 2001-03-31"),
        ({"level": [1]}, r"must hold numbers, not \[1\]"),
    ):
        with pytest.raises(DataError, match=message):
            stream.step({**row, **changes})
    with pytest.raises(DataError, match=r"lacks column 'rain'.*Did you mean 'rian'"):
        stream.step({"ds": row["ds"], "level": 1, "rian": 2})
    with pytest.raises(DataError, match="must have names and values"):
        stream.step([1, 2])  # type: ignore[arg-type]
    assert stream.step(row) == same.step(row)


def test_series_begin_and_are_forgotten_by_themselves(runs: Path) -> None:
    stream = runtime.load(runs / "panel of labels").stream()
    assert stream.series == ("north", "south")
    row = of_series(table("panel of labels"), "north").row(KNOWN, named=True)
    assert stream.step({**row, "unique_id": "west"}) == []
    assert len(stream.step(row)) == 3
    stream.reset("west")
    with pytest.raises(DataError, match="no row of a series 'west' is known"):
        stream.reset("west")
    with pytest.raises(DataError, match="series column 'unique_id' is empty"):
        stream.step({**row, "unique_id": None})
    stream.reset()
    assert stream.series == ()


def test_what_is_known_ahead_must_be_given(runs: Path) -> None:
    stream = runtime.load(runs / "panel").stream()
    rows = of_series(table("panel"), "north")
    row, ahead = rows.row(KNOWN, named=True), rows[KNOWN + 1 : KNOWN + 4].to_dicts()
    with pytest.raises(DataError, match="future column 'plan' of series 'north' is not known at"):
        stream.step(row)
    with pytest.raises(DataError, match=r"the row ahead at .* does not follow"):
        stream.step(row, ahead[1:])
    assert len(stream.step(row, ahead)) == 3


def test_rows_ahead_at_the_end_of_a_history_are_not_taken_for_rows_that_came(runs: Path) -> None:
    model, rows = runtime.load(runs / "panel"), of_series(table("panel"), "north")
    known = pl.int_range(pl.len()) < 103
    hidden = rows[:106].with_columns(
        pl.when(known).then(pl.col(name)).otherwise(None) for name in ("level", "rain")
    )
    row, ahead = rows.row(103, named=True), rows[104:107].to_dicts()
    answers = [model.stream(each).step(row, ahead) for each in (hidden, rows[:103])]
    assert answers[0] == answers[1] != []


def test_modes_that_would_mean_nothing_are_refused(runs: Path) -> None:
    for case, message in (("quantiles", "has a level of its own"), ("counts", "has a rate of its")):
        with pytest.raises(OptionError, match=message):
            runtime.load(runs / case).stream(mode="carry")
    with pytest.raises(OptionError, match=r"use 'window' or 'carry'\. Did you mean 'carry'"):
        runtime.load(runs / "sensor").stream(mode="carri")  # type: ignore[arg-type]
