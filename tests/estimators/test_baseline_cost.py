"""What baselines cost is bounded whatever the table, can be chosen, and is said where it shows."""

from __future__ import annotations

import itertools
import json
import tracemalloc

import numpy as np
import pytest

import gatewise as gw
from gatewise.data.tables.split import split_times
from gatewise.errors import OptionError
from gatewise.estimators.forecaster.baselines import Baselines, climatology, design, fit_baselines
from gatewise.estimators.forecaster.baselines.design import MOST_FEATURES, Layout
from gatewise.estimators.forecaster.baselines.moments import Moments
from gatewise.estimators.forecaster.baselines.rows import any_of_steps
from gatewise.estimators.forecaster.page.tables import score_notes
from tests.estimators.data import reservoir
from tests.estimators.tables import make_table, wave


def layout_of(inputs: int, *, future: int = 0, horizon: int = 0, lookback: int = 365):
    columns = inputs + future + 1
    names = {"inputs": tuple(f"x{n}" for n in range(inputs))}
    names["future"] = tuple(f"f{n}" for n in range(future))
    table = make_table(**names, a=np.zeros((2, columns)))
    return Layout.of(table, lookback=lookback, horizon=horizon)


@pytest.mark.parametrize(
    ("inputs", "lookback"), [(1, 365), (8, 365), (30, 365), (31, 100), (60, 9)]
)
def test_small_tables_are_read_whole(inputs: int, lookback: int) -> None:
    layout = layout_of(inputs, lookback=lookback)
    spans = tuple(span for span in (7, 30, 90, 180, 365) if span <= lookback)
    assert (layout.lags, layout.spans) == (min(30, lookback), spans)
    assert layout.reduced(lookback) == ""


@pytest.mark.parametrize(
    ("inputs", "lags", "spans"), [(80, 8, 5), (300, 1, 2), (1000, 1, 0), (2000, None, None)]
)
def test_many_columns_are_read_less_far_back(inputs: int, lags: int | None, spans: int) -> None:
    layout = layout_of(inputs)
    if lags is None:
        assert layout is None
        return
    assert (layout.lags, len(layout.spans)) == (lags, spans)
    kept = lags + spans
    assert f"reads {kept} values of each column" in layout.reduced(365)


def test_no_table_costs_more_than_the_limits() -> None:
    sizes = itertools.product((1, 10, 300, 3000), (0, 5, 300), (1, 24, 500, 5000))
    for inputs, future, horizon in sizes:
        layout = layout_of(inputs, future=future, horizon=horizon)
        assert layout is None or layout.affordable
        assert layout is None or layout.shared + future <= MOST_FEATURES


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design, "MOST_FEATURES", 12)


@pytest.mark.parametrize("horizon", [0, 3])
def test_what_was_left_out_is_said_wherever_the_scores_stand(
    small_limit: None, horizon: int, tmp_path
) -> None:
    frame = reservoir().with_columns(other=reservoir(seed=1)["rain"])
    options = {"target": "level", "inputs": ["rain", "other"], "lookback": 20, "horizon": horizon}
    model = gw.Forecaster(**options, hidden_size=4, epochs=1)
    model.fit(frame, out=tmp_path / "run", progress=False)
    values = 3 if horizon else 6  # the value a season ago, of a forecast, is a feature too
    said = f"Ridge regression reads {values} values of each column"
    assert any(said in note for note in model.evaluation_.notes)
    assert said in str(json.loads((tmp_path / "run/metrics.json").read_text())["notes"])
    assert any(said in note for note in score_notes(model.evaluation_))
    again = gw.Forecaster.load(tmp_path / "run").evaluate(frame, part="test")
    assert again.notes == model.evaluation_.notes
    assert again.scores == model.evaluation_.scores


def test_too_many_columns_leave_ridge_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design, "MOST_FEATURES", 0)
    table = make_table(inputs=("x",), a=np.stack([wave(120), wave(120, 1)], axis=1))
    split = split_times(table, 0.2, 0.2)
    for names in (None, ["ridge"]):
        fitted = fit_baselines(table, split, lookback=10, horizon=0, names=names)
        assert fitted.names == ("climatology",)
        assert fitted.notes == ("Ridge regression is left out: 2 columns are too many for it.",)


# --- choosing -------------------------------------------------------------------------------------

EVERY = ("persistence", "seasonal_naive", "climatology", "ridge")
CHOICES = [names for size in (1, 2, 4) for names in itertools.combinations(EVERY, size)]


@pytest.mark.parametrize("names", CHOICES, ids=" ".join)
def test_each_choice_predicts_as_all_do_and_survives_a_file(names: tuple[str, ...]) -> None:
    table = make_table(a=wave(200), b=wave(200, 1))
    split, options = split_times(table, 0.2, 0.2), {"lookback": 10, "horizon": 3, "season": 7}
    options["levels"] = (0.1, 0.5, 0.9)
    every = fit_baselines(table, split, **options)
    fitted = fit_baselines(table, split, **options, names=tuple(reversed(names)))
    loaded = Baselines.from_arrays(fitted.arrays(), json.loads(json.dumps(fitted.settings())))
    origins = np.array([50, 150, 196, 300])
    expected, bands = every.predict(table, origins), every.quantiles(table, origins)
    for some in (fitted, loaded):
        assert tuple(some.predict(table, origins)) == names
        for name, values in some.predict(table, origins).items():
            np.testing.assert_array_equal(values, expected[name])
        for name, values in some.quantiles(table, origins).items():
            np.testing.assert_array_equal(values, bands[name])


@pytest.mark.parametrize("names", [[], ["ridgee"], "ridge", [1]])
def test_names_that_are_none_are_refused(names: object) -> None:
    model = gw.Forecaster(target="level", inputs="rain", baselines=names)
    with pytest.raises(OptionError, match="baselines must be a list of 'persistence', "):
        model.fit(reservoir(), progress=False)


def test_a_baseline_that_does_not_apply_is_refused_before_training() -> None:
    model = gw.Forecaster(target="level", inputs="rain", lookback=20, baselines=["persistence"])
    with pytest.raises(
        OptionError, match=r"'persistence' does not apply here .*'climatology', 'ri"
    ):
        model.fit(reservoir(), progress=False)


def test_the_choice_is_scored_alone() -> None:
    model = gw.Forecaster(
        target="level", inputs="rain", lookback=20, epochs=1, baselines=["climatology"]
    )
    assert list(model.fit(reservoir(), progress=False).evaluation_.scores) == [
        "gatewise",
        "climatology",
    ]


# --- memory ---------------------------------------------------------------------------------------


def peak_of(call) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_window_of_the_climatology_holds_no_copy_for_each_of_its_days() -> None:
    values = np.ones((100, 366, 1))
    assert peak_of(lambda: climatology._circular(values)) < 4 * values.nbytes
    np.testing.assert_array_equal(climatology._circular(values), 31 * values)


def test_origins_are_found_without_a_table_of_windows_by_steps() -> None:
    flags = np.zeros(20_000, dtype=bool)
    flags[777] = True
    origins = np.arange(19_000)
    found = any_of_steps(flags, origins, 900)
    np.testing.assert_array_equal(np.flatnonzero(found), np.arange(777))
    assert peak_of(lambda: any_of_steps(flags, origins, 900)) < 5_000_000


def test_moments_of_a_long_horizon_hold_no_products_of_steps_by_steps() -> None:
    table = make_table(future=("f",), a=np.stack([wave(900), wave(900, 1)], axis=1))
    layout = Layout.of(table, lookback=5, horizon=300)
    made = design.Design(layout, table.values, table)
    moments = Moments.of(made, np.arange(10, 500))
    held = sum(array.nbytes for array in moments._all())
    assert held < 100_000  # all products of the 606 columns are 2.9 MB
