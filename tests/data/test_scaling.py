"""Scaling knows the training part and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from gatewise.data import Scaler
from gatewise.errors import DataError, OptionError

NAN = float("nan")


@pytest.fixture
def panel(read):
    """Return two series of 40 rows, whose levels are far apart, with a static column."""
    rng = np.random.default_rng(3)
    return read(
        {
            "unique_id": ["a"] * 40 + ["b"] * 40,
            "ds": np.tile(np.arange(40), 2),
            "y": np.concatenate([rng.normal(0, 1, 40), rng.normal(1000, 50, 40)]),
            "x": rng.normal(5, 2, 80),
            "area": np.repeat([10.0, 30.0], 40),
        },
        inputs="x",
        static="area",
    )


def train(table):
    return table.time < 30


def test_known_answer(read):
    table = read({"y": [1.0, 3.0, 5.0, 7.0, 100.0], "x": [0.0, 0.0, 4.0, 4.0, 4.0]}, inputs="x")
    scaler = Scaler.fit(table, np.arange(5) < 4)
    np.testing.assert_array_equal(scaler.mean, [[4.0, 2.0]])
    np.testing.assert_allclose(scaler.std, [[np.sqrt(5.0), 2.0]], rtol=1e-15)
    np.testing.assert_allclose(scaler.transform(table)[4], [96 / np.sqrt(5.0), 1.0], rtol=1e-15)


def test_training_part_has_mean_0_and_spread_1(panel):
    scaled = Scaler.fit(panel, train(panel)).transform(panel)[train(panel)]
    np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1.0, rtol=1e-12)


def test_per_series_does_so_in_each_series_but_for_statics(panel):
    scaled = Scaler.fit(panel, train(panel), mode="per_series").transform(panel)
    for number in (0, 1):
        part = scaled[train(panel) & (panel.series_index() == number)]
        np.testing.assert_allclose(part[:, :2].mean(axis=0), 0.0, atol=1e-12)
        np.testing.assert_allclose(part[:, :2].std(axis=0), 1.0, rtol=1e-12)
    assert sorted(set(scaled[:, 2])) == [-1.0, 1.0]


def test_no_scaling(panel):
    scaled = Scaler.fit(panel, train(panel), mode="none").transform(panel)
    np.testing.assert_array_equal(scaled, panel.values)


@pytest.mark.parametrize("mode", ["standard", "per_series"])
def test_values_outside_the_training_part_do_not_leak(panel, mode):
    before = Scaler.fit(panel, train(panel), mode=mode)
    panel.values[~train(panel), :2] = 1e9
    after = Scaler.fit(panel, train(panel), mode=mode)
    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.std, after.std)


def test_missing_values_stay_and_do_not_count(read):
    table = read({"y": [1.0, NAN, 3.0, 8.0]}, missing="mask")
    scaler = Scaler.fit(table, np.arange(4) < 3)
    np.testing.assert_array_equal(scaler.transform(table).ravel(), [-1.0, NAN, 1.0, 6.0])


@pytest.mark.parametrize("mode", ["standard", "per_series", "none"])
def test_targets_come_back(panel, mode):
    scaler = Scaler.fit(panel, train(panel), mode=mode)
    scaled = scaler.transform(panel)
    rows = np.array([70, 3, 41])
    stack = np.stack([scaled[rows - 1, :1], scaled[rows, :1]], axis=1)  # [n, S, K]
    truth = np.stack([panel.values[rows - 1, :1], panel.values[rows, :1]], axis=1)
    np.testing.assert_allclose(scaler.inverse_targets(stack, panel, rows), truth, rtol=1e-12)
    quantiles = np.repeat(stack[..., None], 3, axis=-1)  # [n, S, K, Q]
    np.testing.assert_allclose(
        scaler.inverse_targets(quantiles, panel, rows),
        np.repeat(truth[..., None], 3, -1),
        rtol=1e-12,
    )


def test_a_large_level_costs_no_digits(read):
    values = np.arange(8.0)
    high = read({"y": 1e9 + values})
    np.testing.assert_allclose(Scaler.fit(high, np.ones(8, bool)).std, [[values.std()]], rtol=1e-12)


def test_series_follow_by_name_not_by_position(panel, read):
    scaler = Scaler.fit(panel, train(panel), mode="per_series")
    data = {
        "unique_id": ["b", "a"],
        "ds": [0, 0],
        "y": [1000.0, 0.0],
        "x": [5, 5],
        "area": [30, 10],
    }
    scaled = scaler.transform(read(data, inputs="x", static="area"))
    assert np.abs(scaled[:, 0]).max() < 1.0


def test_unknown_series_and_columns_at_predict(panel, read):
    scaler = Scaler.fit(panel, train(panel), mode="per_series")
    data = {"unique_id": ["A"], "ds": [0], "y": [1.0], "x": [5.0], "area": [30.0]}
    with pytest.raises(DataError, match=r"series 'A' was not in .*Did you mean 'a'.*'standard'"):
        scaler.transform(read(data, inputs="x", static="area"))
    with pytest.raises(DataError, match="the columns are y, area, but were y, x, area"):
        scaler.transform(read(data, inputs="area"))
    standard = Scaler.fit(panel, train(panel))
    assert np.isfinite(standard.transform(read(data, inputs="x", static="area"))).all()


@pytest.mark.parametrize("mode", ["standard", "per_series", "none"])
def test_a_constant_column_is_named(read, mode):
    table = read({"y": np.arange(5.0), "x": [0.1, 0.1, 0.1, 0.1, 0.9]}, inputs="x")
    with pytest.raises(
        DataError,
        match=r"column 'x' is constant in the training part \(always 0\.1, 4 rows, 0 to 3",
    ):
        Scaler.fit(table, table.time < 4, mode=mode)


def test_rounding_makes_no_column_vary(read):
    table = read({"y": np.arange(4.0), "x": [0.3, 0.1 + 0.2, 0.3, 0.3]}, inputs="x")
    with pytest.raises(DataError, match="column 'x' is constant"):
        Scaler.fit(table, np.ones(4, bool))


def test_a_constant_target_is_named(read):
    table = read({"y": np.ones(5), "x": np.arange(5.0)}, inputs="x")
    with pytest.raises(DataError, match=r"column 'y' is constant .*nothing to predict"):
        Scaler.fit(table, np.ones(5, bool))


def test_a_column_constant_in_one_series_is_named_with_it(panel):
    panel.column("x")[40:] = 3.0
    Scaler.fit(panel, train(panel))
    with pytest.raises(DataError, match=r"column 'x' of series 'b' is constant .*'standard'"):
        Scaler.fit(panel, train(panel), mode="per_series")


def test_a_static_column_of_one_series_tells_nothing(read):
    table = read({"y": np.arange(5.0), "area": np.full(5, 2.0)}, static="area")
    with pytest.raises(DataError, match="column 'area' is constant"):
        Scaler.fit(table, np.ones(5, bool))


def test_an_empty_column_is_named(read):
    table = read({"y": np.arange(5.0), "x": [NAN] * 4 + [1.0]}, inputs="x", missing="mask")
    with pytest.raises(DataError, match=r"column 'x' has no values in the training part"):
        Scaler.fit(table, np.arange(5) < 4)


def test_a_series_without_training_rows_is_named(panel):
    rows = train(panel) & (panel.series_index() == 1)
    Scaler.fit(panel, rows | (np.arange(80) < 2))
    with pytest.raises(DataError, match=r"series 'a' has no rows in the training part"):
        Scaler.fit(panel, rows, mode="per_series")
    with pytest.raises(DataError, match="the training part has no rows"):
        Scaler.fit(panel, np.zeros(80, bool))


def test_unknown_mode(panel):
    with pytest.raises(OptionError, match=r"scale='standart'.*Did you mean 'standard'"):
        Scaler.fit(panel, train(panel), mode="standart")


@pytest.mark.parametrize("mode", ["standard", "per_series", "none"])
def test_arrays_round_trip(panel, mode):
    scaler = Scaler.fit(panel, train(panel), mode=mode)
    again = Scaler.from_arrays(scaler.arrays())
    assert (again.mode, again.columns, again.series) == (mode, scaler.columns, scaler.series)
    np.testing.assert_array_equal(again.transform(panel), scaler.transform(panel))
    assert all(array.dtype != object for array in scaler.arrays().values())
