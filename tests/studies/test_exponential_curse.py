"""The figure of `exponential-curse`: networks with lags of their own over one axis."""

from __future__ import annotations

import numpy as np
import pytest

from studies.common.kept import kept
from studies.exponential_curse.study import STUDY, between


def test_a_line_runs_from_one_measured_lag_to_the_next() -> None:
    found = between([10, 20, 30, 40, 60], [20, 40], [1.0, 3.0])
    np.testing.assert_allclose(found, [np.nan, 1, 2, 3, np.nan])
    # What was not learnt at a measured lag is not bridged.
    np.testing.assert_allclose(between([10, 20, 30], [10, 30], [1.0, np.nan])[1:], [np.nan] * 2)


def test_no_line_of_the_figure_has_a_hole() -> None:
    told = kept(STUDY.name)
    assert told is not None
    figure = STUDY.curves(told["seeds"], told["settings"])[0]
    for line, lags in zip(figure.lines, told["settings"]["lags"].values(), strict=True):
        inside = (figure.x >= lags[0]) & (figure.x <= lags[-1])
        assert np.isfinite(line.y[inside]).all()
        assert np.isnan(line.y[~inside]).all()
    at = list(figure.x).index(told["settings"]["lags"]["rnn"][0])
    expected = np.median(np.exp([seed["log_n rnn"][0] for seed in told["seeds"]]))
    assert figure.lines[0].y[at] == pytest.approx(expected)
