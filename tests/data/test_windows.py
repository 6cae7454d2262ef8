"""Windows equal a plain loop, and nothing from after now reaches them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gatewise.data import Columns, Step, Table, Windows, make_windows
from gatewise.errors import DataError, OptionError

NAN = float("nan")


def panel(lengths: list[int], columns: Columns, seed: int = 0) -> Table:
    """Return a table of random numbers, whose static columns hold one value per series."""
    rng = np.random.default_rng(seed)
    count = sum(lengths)
    values = rng.normal(size=(count, len(columns.values)))
    for position, name in enumerate(columns.values):
        if name in columns.static:
            values[:, position] = np.repeat(rng.normal(size=len(lengths)), lengths)
    return Table(
        columns,
        values,
        np.concatenate([np.arange(length) for length in lengths]),
        tuple(f"s{number}" for number in range(len(lengths))),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        Step("fixed", 1, clock=False),
    )


SENSOR = Columns(("y", "z"), ("a", "b"), (), ("s",), "ds", "unique_id")
FORECAST = Columns(("y", "z"), ("a",), ("f",), ("s",), "ds", "unique_id")


def looped(table: Table, origin: int, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Return one window [T, F] and its targets [S, K], written as the definition reads."""
    columns, horizon = table.columns, windows.horizon
    steps = []
    for row in range(origin - windows.lookback + 1, origin + horizon + 1):
        past = row <= origin
        step = []
        if horizon:
            step += [table.column(name)[row] if past else 0.0 for name in columns.target]
        step += [table.column(name)[row] if past else 0.0 for name in columns.inputs]
        step += [table.column(name)[row] for name in columns.future + columns.static]
        if horizon:
            step.append(0.0 if past else 1.0)
        steps.append(step)
    predicted = range(origin + 1, origin + horizon + 1) if horizon else [origin]
    return np.array(steps, np.float32), np.array(
        [[table.column(name)[row] for name in columns.target] for row in predicted], np.float32
    )


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    lookback=st.integers(1, 8),
    horizon=st.integers(0, 4),
    cut=st.integers(0, 20),
    seed=st.integers(0, 100),
)
def test_windows_equal_a_plain_loop(lengths, lookback, horizon, cut, seed):
    table = panel(lengths, FORECAST if horizon else SENSOR, seed)
    rows = table.time >= cut
    ahead = max(horizon, 1)
    expected = [
        origin
        for first, last in zip(table.starts[:-1], table.starts[1:], strict=True)
        for origin in range(first + lookback - 1, last - horizon)
        if all(rows[origin + (horizon > 0) + step] for step in range(ahead))
    ]
    options = {"lookback": lookback, "horizon": horizon}
    if not expected:
        with pytest.raises(DataError, match="too few rows"):
            make_windows(table, table.values, rows, **options)
        return
    windows = make_windows(table, table.values, rows, **options)
    assert windows.origins.tolist() == expected
    assert len(windows) == len(expected)
    picks = np.random.default_rng(seed).integers(0, len(windows), 5)
    x, y = windows.gather(picks)
    assert x.shape == (windows.steps, 5, len(windows.names))
    assert y.shape == (5, ahead, 2)
    for place, pick in enumerate(picks):
        one_x, one_y = looped(table, expected[pick], windows)
        np.testing.assert_array_equal(x[:, place], one_x)
        np.testing.assert_array_equal(y[place], one_y)
        np.testing.assert_array_equal(
            table.values[windows.target_rows(picks)[place], :2].astype(np.float32), one_y
        )


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=3),
    horizon=st.integers(0, 5),
    data=st.data(),
)
def test_windows_apart_are_the_most_that_share_no_predicted_row(lengths, horizon, data):
    assume(max(lengths) > horizon + 1)
    table = panel(lengths, FORECAST if horizon else SENSOR)
    whole = make_windows(table, table.values, table.time >= 0, lookback=2, horizon=horizon)
    kept = data.draw(st.sets(st.sampled_from(range(len(whole))), min_size=1, max_size=8))
    windows = replace(whole, origins=whole.origins[sorted(kept)])
    rows = [set(each.tolist()) for each in windows.target_rows(np.arange(len(windows)))]
    choices = (
        chosen
        for count in range(len(rows) + 1)
        for chosen in itertools.combinations(rows, count)
        if len(set().union(*chosen)) == sum(map(len, chosen))
    )
    assert windows.apart == max(map(len, choices))


def test_names_and_what_is_known_ahead():
    table = panel([20], FORECAST)
    windows = make_windows(table, table.values, np.ones(20, bool), lookback=3, horizon=2)
    assert windows.names == ("y", "z", "a", "f", "s", "ahead")
    assert windows.known_ahead.tolist() == [False, False, False, True, True, True]
    sensor = panel([20], SENSOR)
    windows = make_windows(sensor, sensor.values, np.ones(20, bool), lookback=3, horizon=0)
    assert windows.names == ("a", "b", "s")


def test_batches_are_contiguous_fresh_float32():
    table = panel([50], FORECAST)
    windows = make_windows(table, table.values, np.ones(50, bool), lookback=5, horizon=3)
    before = windows.features.copy()
    x, y = windows.gather(np.arange(4))
    assert x.flags.c_contiguous
    assert y.flags.c_contiguous
    assert x.dtype == y.dtype == np.float32
    x[:] = 7.0
    np.testing.assert_array_equal(windows.features, before)
    np.testing.assert_array_equal(windows.gather(np.arange(4))[1], y)


@pytest.mark.parametrize("horizon", [0, 3])
def test_nothing_outside_the_window_or_after_now_reaches_it(horizon):
    """Change all that the network must not see, by huge amounts: the window stays the same."""
    columns = FORECAST if horizon else SENSOR
    table = panel([40, 40], columns)
    everywhere = np.ones(80, bool)

    def window(changed: Table) -> np.ndarray:
        windows = make_windows(changed, changed.values, everywhere, lookback=6, horizon=horizon)
        return windows.gather(np.flatnonzero(windows.origins == 60))[0]

    expected = window(table)
    hidden = table.values.copy()
    hidden[:55] = 1e6  # before the window, and the other series
    hidden[60 + horizon + 1 :] = -1e6  # after it
    seen_ahead = [columns.values.index(name) for name in columns.future + columns.static]
    unseen = [place for place in range(hidden.shape[1]) if place not in seen_ahead]
    hidden[np.ix_(range(61, 61 + horizon), unseen)] = 1e9
    if not horizon:
        hidden[:, :2] = 1e9  # a virtual sensor never sees its target
    np.testing.assert_array_equal(window(_with_values(table, hidden)), expected)


@pytest.mark.parametrize(("row", "column"), [(55, "a"), (60, "a"), (60, "y"), (63, "f"), (58, "s")])
def test_all_that_may_be_seen_is_seen(row, column):
    """The counterpart: each value inside the window matters."""
    table = panel([80], FORECAST)
    options = {"lookback": 6, "horizon": 3}
    changed = table.values.copy()
    changed[row, FORECAST.values.index(column)] += 1.0
    batches = [
        make_windows(table, values, np.ones(80, bool), **options).gather(np.array([55]))[0]
        for values in (table.values, changed)
    ]
    assert (batches[0] != batches[1]).sum() == 1


def _with_values(table: Table, values: np.ndarray) -> Table:
    return Table(table.columns, values, table.time, table.series, table.starts, table.step)


def test_the_lookback_reaches_into_the_part_before():
    table = panel([30], SENSOR)
    rows = table.time >= 25
    windows = make_windows(table, table.values, rows, lookback=20, horizon=0)
    assert windows.origins.tolist() == [25, 26, 27, 28, 29]


def test_missing_values_become_0_beside_an_indicator():
    table = panel([10], FORECAST)
    for row, name in ((3, "a"), (4, "y"), (6, "f"), (5, "a")):
        table.values[row, FORECAST.values.index(name)] = NAN
    windows = make_windows(
        table, table.values, np.ones(10, bool), lookback=3, horizon=2, missing="mask"
    )
    assert windows.names == (
        *("y", "z", "a", "f", "s"),
        *("y:missing", "z:missing", "a:missing", "f:missing", "s:missing"),
        "ahead",
    )
    assert windows.known_ahead.tolist() == [False, False, False, True, True] * 2 + [True]
    pick = np.flatnonzero(windows.origins == 4)  # rows 2 .. 4, then 5 and 6 ahead
    x, _ = windows.gather(pick)
    seen = {name: x[:, 0, place].tolist() for place, name in enumerate(windows.names)}
    assert seen["a"][1] == 0.0
    assert seen["a:missing"] == [0, 1, 0, 0, 0]  # row 5 is after now: not told
    assert seen["y:missing"] == [0, 0, 1, 0, 0]
    assert seen["f:missing"] == [0, 0, 0, 0, 1]
    assert seen["f"][4] == 0.0
    assert seen["ahead"] == [0, 0, 0, 1, 1]
    assert np.isfinite(x).all()


def test_windows_whose_target_is_missing_are_dropped_at_training_only():
    table = panel([10], SENSOR)
    table.values[5, 1] = NAN
    options = {"lookback": 2, "horizon": 0, "missing": "mask"}
    rows = np.ones(10, bool)
    assert make_windows(table, table.values, rows, **options).origins.tolist() == [
        *range(1, 5),
        *range(6, 10),
    ]
    free = make_windows(table, table.values, rows, **options, need_target=False)
    assert free.origins.tolist() == list(range(1, 10))
    x, y = free.gather(np.array([4]))
    assert np.isfinite(x).all()
    assert np.isnan(y).ravel().tolist() == [False, True]


def test_a_horizon_is_dropped_with_any_target_it_lacks():
    table = panel([10], FORECAST)
    table.values[5, 0] = NAN
    windows = make_windows(
        table, table.values, np.ones(10, bool), lookback=1, horizon=2, missing="mask"
    )
    assert windows.origins.tolist() == [0, 1, 2, 5, 6, 7]


def test_without_a_mask_no_window_sees_a_gap():
    """Rows past the end of the data have no inputs: they may be predicted, never looked back on."""
    columns = Columns(("y",), ("a",), (), (), None, None)
    table = panel([10], columns).extended(3)
    windows = make_windows(
        table, table.values, np.ones(13, bool), lookback=4, horizon=3, need_target=False
    )
    assert windows.origins.tolist() == [3, 4, 5, 6, 7, 8, 9]
    x, _ = windows.gather(np.array([6]))
    assert np.isfinite(x).all()
    assert windows.target_rows(np.array([6])).tolist() == [[10, 11, 12]]


def test_future_columns_must_reach_as_far_as_the_horizon():
    table = panel([10], FORECAST).extended(3)
    options = {"lookback": 4, "horizon": 3, "need_target": False}
    windows = make_windows(table, table.values, np.ones(13, bool), **options)
    assert windows.origins.max() == 6
    with pytest.raises(
        DataError, match=r"each of the 1 windows of the last part lacks a value.* f"
    ):
        make_windows(table, table.values, np.arange(13) >= 10, **options, part="last")


@pytest.mark.parametrize(
    ("lookback", "horizon", "told"),
    [
        (
            40,
            0,
            r"lookback=40 and horizon=0 need 40 rows of one series in a row up to its end, 1 of ",
        ),
        (
            20,
            15,
            r"need 35 rows of one series in a row up to its end, 15 of them in the training part",
        ),
        (40, 0, r"there are 12, 12 of them in the training part: .* lookback of at most 12"),
    ],
)
def test_too_few_rows_say_how_many_are_needed(lookback, horizon, told):
    table = panel([30, 10], FORECAST if horizon else SENSOR)
    with pytest.raises(DataError, match=told):
        make_windows(
            table,
            table.values,
            table.time < 12,
            lookback=lookback,
            horizon=horizon,
            part="training",
        )


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"lookback": 0}, "lookback=0: use an integer of at least 1"),
        ({"lookback": 2.5}, r"lookback=2\.5"),
        ({"lookback": True}, "lookback=True"),
        ({"horizon": -1}, "horizon=-1: use an integer of at least 0"),
        ({"horizon": "7"}, "horizon='7'"),
        ({"horizon": 0}, r"future=\['f'\] with horizon=0.*under inputs"),
    ],
)
def test_option_values(option, told):
    table = panel([30], FORECAST)
    with pytest.raises(OptionError, match=told):
        make_windows(
            table, table.values, np.ones(30, bool), **{"lookback": 3, "horizon": 1, **option}
        )


def test_a_virtual_sensor_needs_inputs():
    table = panel([30], Columns(("y",), (), (), ("s",), None, None))
    with pytest.raises(OptionError, match="horizon=0 needs inputs"):
        make_windows(table, table.values, np.ones(30, bool), lookback=3, horizon=0)


def test_the_flags_name_is_taken():
    table = panel([30], Columns(("y",), ("ahead",), (), (), None, None))
    with pytest.raises(OptionError, match=r"'ahead'.*rename"):
        make_windows(table, table.values, np.ones(30, bool), lookback=3, horizon=1)


def test_a_forecast_of_the_target_alone_needs_no_inputs():
    table = panel([30], Columns(("y",), (), (), (), None, None))
    windows = make_windows(table, table.values, np.ones(30, bool), lookback=3, horizon=1)
    assert windows.names == ("y", "ahead")
