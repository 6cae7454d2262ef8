"""The rates that counts are measured in."""

from __future__ import annotations

import numpy as np
import pytest
from tests.estimators.tables import make_table

from gatewise.data.tables.rates import Rates
from gatewise.data.tables.windows import make_windows


def rates_of(values, horizon=2, lookback=3):
    table = make_table(a=np.array(values))
    usual = np.full((len(table), 1), 5.0)
    return table, Rates.of(table, usual, lookback=lookback, horizon=horizon)


def test_a_rate_is_the_mean_of_what_the_window_sees():
    _, found = rates_of([4.0, 0.0, np.nan, 2.0, 0.0, 0.0, 0.0])
    # Half a count more, by the number that is known.
    assert found.rate[2:, 0].tolist() == [4.5 / 2, 2.5 / 2, 2.5 / 2, 2.5 / 3, 0.5 / 3]


def test_a_window_without_a_known_count_and_a_sensor_take_the_usual_rate():
    _, found = rates_of([np.nan, np.nan, np.nan, 1.0])
    assert found.rate[2, 0] == 5.0
    _, sensor = rates_of([1.0, 2.0, 3.0], horizon=0)
    assert (sensor.rate == 5.0).all()


def test_the_network_sees_multiples_of_the_rate_and_its_logarithm_and_answers_counts():
    table, rates = rates_of([4.0, 0.0, 2.0, 6.0, 1.0, 8.0, 3.0])
    windows = make_windows(
        table, table.values, np.ones(7, bool), lookback=3, horizon=2, rates=rates
    )
    x, y = windows.gather(np.arange(len(windows)))
    rate = 6.5 / 3
    assert x[:3, 0, 0] == pytest.approx(np.array([4.0, 0.0, 2.0]) / rate, rel=1e-6)
    assert x[:, 0, -1] == pytest.approx(np.full(5, np.log(rate)), rel=1e-6)
    assert y[0, :, 0].tolist() == [6.0, 1.0]
    assert not windows.measured[:, -1].any()  # no noise is put on it
    over = rates.over_rate(y, windows.origins)
    assert rates.restored(over, windows.origins) == pytest.approx(y)


def test_nothing_after_now_reaches_the_rate():
    before = rates_of([4.0, 0.0, 2.0, 6.0, 1.0])[1].rate[2]
    after = rates_of([4.0, 0.0, 2.0, 9.0, 7.0])[1].rate[2]
    assert before == after
