"""Records in the page: bytes, honest pooling, the order and table of units, the ledger's terms."""

from __future__ import annotations

import base64
import gzip
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gatewise.cells import CELLS, CellSpec
from gatewise.errors import InputError
from gatewise.estimators.forecaster.page.run import contents_of_run
from gatewise.report import Contents, Curve, Finding, Line, Record, Series, Table, UnitColumn
from gatewise.report.blobs import KINDS, Blobs
from gatewise.report.ledger import needed, parts, timescale
from gatewise.report.levels import MISSING, pool, pool_to, scale_of, to_bytes
from gatewise.report.records import records_data
from gatewise.report.series import strip_data
from gatewise.report.units import columns_of, default_order, tau_of
from gatewise.unit import Unit
from tests.browser.pages import gru, lstm, small
from tests.report.summaries import build_summary

LSTM = CELLS["lstm"]


def arrays_of(blobs: Blobs) -> dict[str, str]:
    text = blobs.early_html() + blobs.late_html()
    return dict(re.findall(r'id="gatewise-(\w+)">([^<]*)<', text))


def unpacked(text: str, kind: str) -> NDArray[Any]:
    return np.frombuffer(gzip.decompress(base64.b64decode(text)), KINDS[kind])


def changed(record: Record, **fields: Any) -> Record:
    return replace(record, **fields)


def test_every_quantity_survives_as_bytes_to_half_a_level() -> None:
    record, blobs = lstm(90, 5), Blobs()
    (data,) = records_data((record,), blobs, 0, Unit())
    found = arrays_of(blobs)
    assert [q["name"] for q in data["quantities"]] == list(record.quantities)
    for quantity in data["quantities"]:
        assert quantity["stride"] == 1
        levels = unpacked(found[quantity["overview"]], "u1").reshape(5, 90)
        span = quantity["high"] - quantity["low"]
        restored = quantity["low"] + levels / 254 * span
        truth = record.quantities[quantity["name"]][:, data["slots"]].T
        truth = np.clip(truth, quantity["low"], quantity["high"])
        assert np.max(np.abs(restored - truth)) <= span / 508 + 1e-6


def test_scales_are_fixed_for_gates_and_symmetric_for_states() -> None:
    quantities = lstm(90, 8).quantities
    for gate in ("forget", "input", "output"):
        assert scale_of(LSTM, gate, quantities[gate])[:2] == (0, 1)
    assert scale_of(LSTM, "candidate", quantities["candidate"])[:2] == (-1, 1)
    low, high, *_ = scale_of(LSTM, "cell", quantities["cell"])
    assert low == -high


def test_an_outlying_cell_does_not_wash_out_the_rest() -> None:
    cell = np.random.default_rng(1).normal(size=(400, 20))
    cell[-1, 7] = 5000.0
    scale = scale_of(LSTM, "cell", cell)
    assert scale.clipped
    assert 1 < scale.high < 5
    assert not scale_of(LSTM, "cell", np.delete(cell, 7, axis=1)).clipped


@settings(deadline=None)
@given(st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_pooling_keeps_the_extreme_of_what_is_known(steps: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    levels = generator.integers(0, 255, (3, steps), dtype=np.uint8)
    levels[generator.random(levels.shape) < 0.3] = MISSING
    for mode in ("minimum", "maximum", "extreme"):
        found = pool(levels, mode)
        for row, column in np.ndindex(found.shape):
            cells = levels[row, 4 * column : 4 * column + 4]
            known = cells[cells != MISSING].astype(int)
            if not known.size:
                expected = MISSING
            elif mode == "minimum":
                expected = known.min()
            elif mode == "maximum":
                expected = known.max()
            else:
                low, high = known.min(), known.max()
                expected = low if 127 - low > high - 127 else high
            assert found[row, column] == expected


def test_a_single_reset_survives_every_level_of_the_pyramid() -> None:
    forget = np.ones((5000, 3), np.float32)
    forget[1234, 1] = 0.0
    levels = to_bytes(forget, scale_of(LSTM, "forget", forget))
    for stride in (1, 4, 16, 64, 256, 1024):
        level = pool_to(levels, "minimum", stride)
        assert np.flatnonzero(level[1] == 0).tolist() == [1234 // stride]
        assert (level[[0, 2]] == 254).all()


def test_raw_steps_stop_at_the_limit_with_the_slowest_units_first() -> None:
    record, limit = lstm(5000, 80), 900_000
    blobs = Blobs()
    (data,) = records_data((record,), blobs, limit, Unit())
    kept = [len(quantity["blocks"]) for quantity in data["quantities"]]
    assert kept == sorted(kept, reverse=True)
    assert 0 < sum(kept) < 6 * 3
    assert max(kept) - min(kept) <= 1
    found = arrays_of(blobs)
    forget = data["quantities"][0]
    block = unpacked(found[forget["blocks"][0]], "u1").reshape(32, 5000)
    slowest = record.quantities["forget"][:, data["slots"][:32]]
    np.testing.assert_array_equal(block, to_bytes(slowest, scale_of(LSTM, "forget", slowest)))
    raw = sum(len(found[name]) for q in data["quantities"] for name in q["blocks"])
    assert raw <= limit
    nothing = records_data((record,), Blobs(), 0, Unit())[0]
    assert all(quantity["blocks"] == [] for quantity in nothing["quantities"])


@pytest.mark.parametrize("record", [lstm(70, 6, initial=True), gru(70, 6)], ids=["LSTM", "GRU"])
def test_the_ledger_gives_the_state_back(record: Record) -> None:
    found = parts(record, np.arange(6))
    assert found is not None
    assert record.initial is not None
    state = record.initial.astype(np.float64)
    for t in range(70):
        state = found.keep[t] * state + found.write[t]
        np.testing.assert_allclose(found.state[t], state, rtol=1e-5, atol=1e-5)


def test_a_record_without_all_terms_has_no_ledger() -> None:
    full = lstm(20, 3)
    for gone in ("forget", "input", "candidate", "cell"):
        rest = {name: v for name, v in full.quantities.items() if name != gone}
        assert parts(changed(full, quantities=rest), np.arange(3)) is None


def test_timescales_follow_their_formula_and_its_limits() -> None:
    keep = np.full((50, 4), 0.9)
    keep[:, 1] = 1.0
    keep[3, 2] = 0.0
    keep[:, 3] = np.nan
    keep[40:, 0] = np.nan
    np.testing.assert_allclose(timescale(keep), [-1 / np.log(0.9), np.inf, 0, np.nan])


def test_units_are_ordered_by_tau_or_by_persistence() -> None:
    record = lstm(400, 12)
    order, text = default_order(record)
    tau = tau_of(record)
    assert tau is not None
    assert np.all(np.diff(tau[order]) <= 0)
    assert "τ" in text
    given_tau = np.arange(12.0)
    assert default_order(changed(record, tau=given_tau))[0].tolist() == list(range(12))[::-1]
    slow, fast = np.sin(np.arange(200) / 30), np.cos(np.arange(200) * 3.0)
    simple = Record("rnn", "RNN", {"hidden": np.stack([fast, slow], axis=1)})
    assert default_order(simple)[0].tolist() == [1, 0]
    assert "hidden" in default_order(simple)[1]


def test_the_timescale_of_a_new_cell_is_right_or_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a minimal gated unit `forget` overwrites: what it keeps is one minus that."""
    writes = np.full((50, 2), 1 - np.exp(-1 / 20.5))
    other = np.zeros((50, 2))
    quantities = {"forget": writes, "candidate": other, "hidden": other}
    unknown = Record("m", "MADE_UP", quantities)
    assert tau_of(unknown) is None
    assert "τ" not in [name for name, _, _ in columns_of(unknown, Unit())]
    assert parts(unknown, np.arange(2)) is None
    spec = CellSpec(
        name="made_up",
        packing=("forget", "candidate"),
        states=("hidden",),
        recorded=("forget", "candidate", "hidden"),
        step=CELLS["gru"].step,
        write_gate="forget",
    )
    monkeypatch.setitem(CELLS, "made_up", spec)
    for record in (unknown, Record("m", "Minimal gated unit", quantities, kind="made_up")):
        np.testing.assert_allclose(tau_of(record), 20.5, rtol=1e-12)
        found = parts(record, np.arange(2))
        assert found is not None
        np.testing.assert_allclose(found.keep + writes, 1)
        assert found.state_name == "hidden"
    lstm_ = Record("m", "LSTM", quantities)
    np.testing.assert_allclose(tau_of(lstm_), -1 / np.log(writes[0]))


def test_what_each_array_says_on_the_page() -> None:
    lstm, gru = CELLS["lstm"], CELLS["gru"]
    assert lstm.meaning("forget") == "1 keeps the cell, 0 erases it"
    assert lstm.meaning("input") == "1 lets the candidate in"
    assert lstm.meaning("output") == "1 shows the cell to the network"
    assert lstm.meaning("cell") == "what is stored"
    assert gru.meaning("reset") == "0 hides the past from the candidate"
    assert gru.meaning("update") == "1 keeps the hidden state, 0 replaces it"
    for spec in (lstm, gru):
        assert spec.meaning("candidate") == "what would be written"
        assert spec.meaning("hidden") == "what the network passes on"
    assert replace(gru, keep_gate=None, write_gate="update").meaning("update") == (
        "1 replaces the hidden state, 0 keeps it"
    )


def test_what_a_record_lacks_for_a_ledger() -> None:
    forget = np.full((5, 2), 0.5)
    assert needed(Record("m", "LSTM", {"forget": forget})) == (
        "forget gate, input gate, candidate and cell state"
    )
    assert needed(Record("m", "GRU", {"update": forget})) == (
        "update gate, candidate and hidden state"
    )
    assert needed(Record("m", "RNN", {"hidden": forget}, kind="rnn_tanh")) == ""


def test_the_table_counts_saturation_and_takes_further_columns() -> None:
    forget = np.array([[0.05, 0.95], [0.5, 0.95], [0.95, np.nan], [0.05, np.nan]])
    extra = (UnitColumn("ablation", np.array([1.0, 2.0])), UnitColumn("τ", np.array([7.0, 8.0])))
    record = Record("cell", "LSTM", {"forget": forget}, columns=extra)
    table = {name: values.tolist() for name, values, _ in columns_of(record, Unit())}
    assert table["forget < 0.1"] == [0.5, 0.0]
    assert table["forget > 0.9"] == [0.25, 1.0]
    assert table["ablation"] == [1.0, 2.0]
    assert table["τ"] == [7.0, 8.0]


def test_the_table_counts_times_in_the_unit_of_the_data() -> None:
    tau = np.array([2.0, 6.0, np.inf, 40.0])
    record = Record("cell", "LSTM", {"forget": np.full((3, 4), 0.5)}, tau=tau)
    (_, values, told), (_, halves, _), *_ = columns_of(record, Unit.of("30 minutes"))
    assert values.tolist() == [1.0, 3.0, np.inf, 20.0]
    np.testing.assert_allclose(halves, values * np.log(2))
    assert "in hours" in told
    assert columns_of(record, Unit())[0][1].tolist() == tau.tolist()
    for unit, said in ((Unit.of("30 minutes"), "hours"), (Unit(), "steps"), (Unit("day"), "days")):
        (data,) = records_data((record,), Blobs(), 10**6, unit)
        assert data["timesIn"] == said


def test_a_prediction_gets_its_error_beneath() -> None:
    blobs = Blobs()
    data = strip_data(small(), blobs)
    assert [lane["name"] for lane in data["lanes"]] == [
        *("rain", "temperature", "discharge", "error of discharge")
    ]
    line = data["lanes"][-1]["lines"][0]
    error = unpacked(arrays_of(blobs)[line["low"]], "f4")
    target, predicted = (s.values for s in small().series if s.name == "discharge")
    np.testing.assert_allclose(error, predicted - target, rtol=1e-5, atol=1e-5)


def test_very_long_lines_keep_the_range_of_each_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatewise.report.series.LANE_VALUES", 1000)
    values = np.random.default_rng(0).normal(size=5001)
    values[3000:3100] = np.nan
    blobs = Blobs()
    data = strip_data(Contents("long", series=(Series("a", values),)), blobs)
    line, found = data["lanes"][0]["lines"][0], arrays_of(blobs)
    low, high = (unpacked(found[line[name]], "f4") for name in ("low", "high"))
    for column in range(len(low)):
        known = values[column * line["stride"] : (column + 1) * line["stride"]]
        known = known[np.isfinite(known)]
        if known.size:
            assert low[column] == np.float32(known.min())
            assert high[column] == np.float32(known.max())
        else:
            assert np.isnan(low[column])
    assert "every 16 steps" in data["notes"][0]


def test_a_forecast_window_brings_its_own_prediction_and_now() -> None:
    summary = build_summary(count=400, horizon=10, steps=40, levels=(0.1, 0.5, 0.9))
    assert summary.window is not None
    predictions = summary.evaluation.predictions
    window = replace(
        summary.window, time=predictions.time[50, -1] - np.arange(40)[::-1] * np.timedelta64(1, "D")
    )
    contents = contents_of_run(replace(summary, window=window))
    assert contents.marks[0].at == 30
    target, predicted = (s for s in contents.series if s.name == "discharge")
    np.testing.assert_array_equal(predicted.values[30:], predictions.point[50, :, 0])
    assert np.isnan(predicted.values[:30]).all()
    np.testing.assert_array_equal(target.values[30:], predictions.truth[50, :, 0])
    assert predicted.low is not None
    assert np.all(predicted.low[30:] <= predicted.values[30:])


GATE = {"forget": np.full((5, 2), 0.5)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Record("m", "LSTM", {}), "no quantities"),
        (lambda: Record("m", "LSTM", {"forget": np.zeros(5)}), r"must be \[T, H\].*shape \[5\]"),
        (lambda: Record("m", "LSTM", {"forget": np.full((5, 2), 1.5)}), "between 0 and 1"),
        (lambda: Record("m", "LSTM", {**GATE, "cell": np.zeros((4, 2))}), r"\[4, 2\]"),
        (lambda: Record("m", "LSTM", GATE, tau=np.zeros(3)), r"tau must be \[2\]"),
        (lambda: Record("m", "LSTM", GATE, direction=2), "direction"),
        (lambda: Record("m", "LSTM", GATE, orders={"x": np.array([0, 0])}), "each of 0..1 once"),
        (lambda: Finding(" "), "sentence"),
        (lambda: Finding("x", tone="bad"), "good"),  # type: ignore[arg-type]
        (lambda: Series("a", np.zeros(4), low=np.zeros(4)), "belong together"),
        (lambda: Series("a", np.zeros((4, 2))), "one row"),
        (lambda: Curve("c", "x", np.array([2.0, 1.0]), (Line("l", np.zeros(2)),)), "increasing"),
        (lambda: Curve("c", "x", np.arange(3.0), (Line("l", np.zeros(2)),)), "2 points, x has 3"),
        (lambda: Curve.of("c", "x", np.arange(3.0), np.ones(3), log_x=True), "above 0"),
        (lambda: Table.of("t", ("a", "b"), [("x",)]), "0 cells for 1 columns"),
        (lambda: Contents("p", records=(Record("m", "L", GATE),) * 2), "two records of 'm'"),
        (lambda: Contents("p", time=np.arange(4), records=(Record("m", "L", GATE),)), "5 steps"),
        (lambda: Contents("  "), "title"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
