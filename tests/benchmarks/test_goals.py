"""Goals beside figures that are known: met, missed, and not asked where nothing was measured."""

from __future__ import annotations

import pytest

from benchmarks.against_peers.goals import goals
from benchmarks.against_peers.modes.gates import LOOP, PLAIN
from benchmarks.against_peers.modes.scaling import EVEN, ONE
from benchmarks.against_peers.records import OURS, Measurement, Report, Side
from benchmarks.against_peers.rows import MAIN, ODD, Row, flops
from benchmarks.against_peers.tables import goal_table


def record(mode: str, cell: str, row: Row, **values: float) -> Measurement:
    sides = tuple(Side(name, (value,)) for name, value in {OURS: 1.0, **values}.items())
    operations = flops(cell, row, training=True)
    return Measurement(mode, cell, row, sides, flops=operations, peak="f32@2")


def report(*records: Measurement, peak: float | None = None) -> Report:
    return Report({}, {} if peak is None else {"f32@2": peak}, list(records))


def by_title(found: Report) -> dict[str, tuple[str, bool]]:
    return {f"{g.title} {g.asked}": (g.measured, g.met) for g in goals(found)}


def test_nothing_measured_is_nothing_asked() -> None:
    assert goals(report()) == []


def test_speedups_have_a_mean_over_the_main_rows_and_a_least_over_all() -> None:
    rows = [record("train", "lstm", row, torch=3.0 if row in MAIN else 1.2) for row in MAIN + ODD]
    found = by_title(report(*rows))
    assert found["LSTM training against torch mean ≥ 3"] == ("3.00 over 10 of the 10 rows", True)
    worst = found["LSTM training against torch, every row ≥ 1.15"]
    assert worst == (f"lowest 1.20 at {ODD[0]}, 17 rows", True)


def test_the_fastest_peer_counts() -> None:
    fast = record("infer", "gru", MAIN[0], torch=5.0, onnx=0.9)
    found = by_title(report(fast))
    title = "GRU inference against torch and ONNX Runtime, every row ≥ 1"
    assert found[title] == (f"lowest 0.90 at {MAIN[0]}, 1 row", False)
    # Without ONNX Runtime there is nothing to say about the faster of the two.
    assert goals(report(record("infer", "gru", MAIN[0], torch=5.0))) == []


def test_a_row_without_a_result_is_a_miss() -> None:
    refused = Measurement("train", "lstm", MAIN[0], (Side(OURS, refused="differs"), Side("torch")))
    found = by_title(report(refused, record("train", "lstm", MAIN[1], torch=9.0)))
    assert found["LSTM training against torch mean ≥ 3"][1] is False
    text, met = found["LSTM training against torch, every row ≥ 1.15"]
    assert (text.endswith("; 1 without a result"), met) == (True, False)


def test_the_share_of_the_peak_is_by_hidden_units_and_wide_batches() -> None:
    row, narrow = Row(100, 32, 16, 64), Row(100, 1, 16, 64)
    rate = flops("rnn", row, training=True) / 1e9
    one = [record("train", "rnn", each, torch=2.0) for each in (row, narrow)]
    found = by_title(report(*one, peak=rate / 0.7))
    assert found["RNN training, share of the peak, H = 64 ≥ 0.62"] == (
        f"lowest 0.70 at {row}, 1 row",
        True,
    )


@pytest.mark.parametrize(
    ("made", "title", "met"),
    [
        (
            ("gates train", {PLAIN: 1 / 1.02}),
            "LSTM training with gates, times without ≤ 1.03",
            True,
        ),
        (
            ("gates infer", {PLAIN: 1 / 1.3}),
            "LSTM inference with gates, times without ≤ 1.25",
            False,
        ),
        (
            ("gates infer", {LOOP: 16.0}),
            "loop of LSTMCell that collects cell states, times ours with gates ≥ 15",
            True,
        ),
        (("threads train", {ONE: 1.7}), "training on all threads against one, B ≥ 32 ≥ 1.8", False),
        (
            ("odd train", {EVEN: 0.9}),
            "training at odd sizes, time per operation, times the next even size's ≤ 1.3",
            True,
        ),
        (("memory", {"torch": 0.9}), "peak memory of a training step, times torch's ≤ 1", False),
    ],
)
def test_other_goals(made: tuple[str, dict[str, float]], title: str, met: bool) -> None:
    mode, values = made
    found = by_title(report(record(mode, "lstm", MAIN[0], **values)))
    assert found[title][1] is met


def test_a_step_and_a_long_sequence() -> None:
    step = Measurement("step", "lstm", Row(1, 1, 16, 64), (Side(OURS, (1.5e-6,)),))
    notes = {"peak_bytes": 2**30, "equal": True, "finite": True}
    long = Measurement("long", "lstm", Row(10**6, 1, 16, 64), (Side(OURS, (9.0,)),), notes=notes)
    found = goals(report(step, long))
    assert [goal.met for goal in found] == [True, True]
    assert found[0].measured == "1.50 µs at B,I,H = 1,16,64"
    notes["equal"] = False
    [_, missed] = goals(report(step, long))
    assert not missed.met
    assert "| **missed** |" in goal_table([missed])
