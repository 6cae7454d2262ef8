"""The figures that the native engine is to reach, beside what was measured: met or missed, plainly."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.against_peers.modes.against import BFLOAT16_TORCH, FLOAT32_TORCH
from benchmarks.against_peers.modes.gates import LOOP, PLAIN
from benchmarks.against_peers.modes.scaling import EVEN, ONE
from benchmarks.against_peers.peers import TORCH
from benchmarks.against_peers.records import Measurement, Report
from benchmarks.against_peers.rows import MAIN
from gatewise.wording import counted

Value = Callable[[Measurement], float | None]

SPEEDUPS = (
    # title, mode, cell, the peers of which the fastest counts, geometric mean, every row
    ("LSTM training against torch", "train", "lstm", (TORCH,), 3.0, 1.15),
    ("GRU training against torch", "train", "gru", (TORCH,), 8.0, 1.2),
    ("RNN training against torch", "train", "rnn", (TORCH,), 6.0, 1.1),
    ("packed LSTM training against torch packed", "packed", "lstm", (TORCH,), 10.0, 3.0),
    ("packed GRU training against torch packed", "packed", "gru", (TORCH,), 10.0, 3.0),
    ("LSTM inference against torch and ONNX Runtime", "infer", "lstm", (TORCH, "onnx"), 1.7, 1.0),
    ("GRU inference against torch and ONNX Runtime", "infer", "gru", (TORCH, "onnx"), 1.7, 1.0),
    (
        "LSTM bf16 training against torch f32 and bf16",
        "bf16",
        "lstm",
        (BFLOAT16_TORCH, FLOAT32_TORCH),
        4.5,
        1.5,
    ),
)

PEAK_SHARES = ((256, math.inf, 0.85), (128, 128, 0.75), (64, 64, 0.62), (32, 32, 0.48))
"""Hidden units from, to, and the share of the peak that training is to reach with B >= 16."""

KINDS = {"train": "training", "infer": "inference"}
PEAK_BATCH, TEAM_BATCH = 16, 32
GATES_TRAINING, GATES_INFERENCE, LOOP_TIMES = 1.03, 1.25, 15.0
STEP_SECONDS, TEAM_TIMES, ODD_TIMES, MEMORY_TIMES, LONG_BYTES = 2e-6, 1.8, 1.3, 1.0, 2 * 2**30


@dataclass(frozen=True)
class Goal:
    """One figure asked for: its measured value, and whether that is enough."""

    title: str
    asked: str
    measured: str
    met: bool


def goals(report: Report) -> list[Goal]:
    """Return the goals about which the report has something to say."""
    found: list[Goal] = []
    for title, mode, cell, peers, mean, least in SPEEDUPS:
        records = _of(report, mode, cell)
        if all(record.side(peer) for record in records for peer in peers):
            found += _speedup(title, records, peers, mean, least)
    found += _peak_shares(report)
    found += _gates(report)
    found += _others(report)
    return found


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean of some positive values."""
    return math.exp(statistics.fmean(math.log(value) for value in values))


def fastest_ratio(record: Measurement, peers: tuple[str, ...]) -> float | None:
    """Return the time of the fastest of `peers` as a multiple of ours; None where ours has none."""
    ratios = [record.ratio(peer) for peer in peers]
    return min((value for value in ratios if value is not None), default=None)


def _speedup(
    title: str, records: list[Measurement], peers: tuple[str, ...], mean: float, least: float
) -> list[Goal]:
    values = [(record, fastest_ratio(record, peers)) for record in records]
    main = [value for record, value in values if record.row in MAIN and value is not None]
    found = []
    if main:
        average = geometric_mean(main)
        missing = sum(record.row in MAIN for record in records) - len(main)
        text = f"{average:.2f} over {len(main)} of the {len(MAIN)} rows"
        found.append(Goal(title, f"mean ≥ {mean:g}", text, average >= mean and not missing))
    return found + _every(f"{title}, every row", records, lambda r: fastest_ratio(r, peers), least)


def _peak_shares(report: Report) -> list[Goal]:
    found: list[Goal] = []
    for low, high, share in PEAK_SHARES:
        records = [
            record
            for record in report.records
            if record.mode == "train" and low <= record.row.H <= high
            if record.row.B >= PEAK_BATCH and record.peak in report.peaks
        ]
        sizes = f"H ≥ {low}" if high > low else f"H = {low}"
        for cell in ("lstm", "gru", "rnn"):
            of_cell = [record for record in records if record.cell == cell]
            title = f"{cell.upper()} training, share of the peak, {sizes}"
            found += _every(title, of_cell, report.fraction, share)
    return found


def _gates(report: Report) -> list[Goal]:
    found: list[Goal] = []
    for kind, most in zip(KINDS, (GATES_TRAINING, GATES_INFERENCE), strict=True):
        for cell in ("lstm", "gru", "rnn"):
            records = _of(report, f"gates {kind}", cell)
            title = f"{cell.upper()} {KINDS[kind]} with gates, times without"
            found += _every(title, records, _inverse(PLAIN), most, most=True)
    loops = [r for r in _of(report, "gates infer", "lstm") if r.side(LOOP)]
    ratios = [value for record in loops if (value := record.ratio(LOOP)) is not None]
    if ratios:
        mean, low = geometric_mean(ratios), min(ratios)
        text = f"mean {mean:.1f}, lowest {low:.1f}, {counted(len(ratios), 'row')}"
        title = "loop of LSTMCell that collects cell states, times ours with gates"
        found.append(Goal(title, f"≥ {LOOP_TIMES:g}", text, low >= LOOP_TIMES))
    return found


def _others(report: Report) -> list[Goal]:
    found: list[Goal] = []
    for record in _of(report, "step"):
        if record.ours.values:
            text = f"{record.ours.median * 1e6:.2f} µs at B,I,H = {str(record.row)[2:]}"
            title = f"one {record.cell.upper()} step through Stream"
            found.append(Goal(title, "≤ 2 µs", text, record.ours.median <= STEP_SECONDS))
    for kind, noun in KINDS.items():
        wide = [r for r in _of(report, f"threads {kind}") if r.row.B >= TEAM_BATCH]
        title = f"{noun} on all threads against one, B ≥ {TEAM_BATCH}"
        found += _every(title, wide, lambda r: r.ratio(ONE), TEAM_TIMES)
        title = f"{noun} at odd sizes, time per operation, times the next even size's"
        found += _every(title, _of(report, f"odd {kind}"), _inverse(EVEN), ODD_TIMES, most=True)
    title = "peak memory of a training step, times torch's"
    found += _every(title, _of(report, "memory"), _inverse(TORCH), MEMORY_TIMES, most=True)
    for record in _of(report, "long"):
        notes = record.notes
        same = "the same gradient" if notes["equal"] and notes["finite"] else "ANOTHER gradient"
        text = f"{notes['peak_bytes'] / 2**30:.2f} GiB, {same} with another budget"
        met = notes["peak_bytes"] <= LONG_BYTES and notes["equal"] and notes["finite"]
        found.append(Goal(f"{record.row.T:,} steps, the whole process", "≤ 2 GiB", text, met))
    return found


def _of(report: Report, mode: str, cell: str | None = None) -> list[Measurement]:
    return [r for r in report.records if r.mode == mode and cell in (None, r.cell)]


def _every(
    title: str, records: list[Measurement], value: Value, bound: float, *, most: bool = False
) -> list[Goal]:
    """Return the goal that every record's value is at least `bound`, or at most, if there are any."""
    asked = f"{'≤' if most else '≥'} {bound:g}"
    found = [(number, record) for record in records if (number := value(record)) is not None]
    if not found:
        refused = [record for record in records if record.ours.refused]
        return [Goal(title, asked, f"{len(refused)} without a result", False)] if refused else []
    worst, where = (max if most else min)(found, key=lambda pair: pair[0])
    missing = len(records) - len(found)
    text = f"{'highest' if most else 'lowest'} {worst:.2f} at {where.row}, {counted(len(found), 'row')}"
    text += f"; {missing} without a result" if missing else ""
    met = (worst <= bound if most else worst >= bound) and not missing
    return [Goal(title, asked, text, met)]


def _inverse(name: str) -> Value:
    """Return a function that gives ours as a multiple of another side."""

    def value(record: Measurement) -> float | None:
        found = record.ratio(name)
        return None if found is None else 1 / found

    return value
