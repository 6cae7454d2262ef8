"""Records as text: a line while they come in, Markdown tables for the docs."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from benchmarks.against_peers.goals import Goal, geometric_mean, goals
from benchmarks.against_peers.machine import described
from benchmarks.against_peers.peers import title_of
from benchmarks.against_peers.records import OURS, Measurement, Report, Side
from gatewise.wording import counted

TITLES = {
    "train": "training",
    "infer": "inference",
    "packed": "training on packed sequences, T/4 to T steps",
    "bf16": "training under bfloat16 autocast",
    "gates train": "training with all gates returned",
    "gates infer": "inference with all gates returned",
    "step": "one step at a time",
    "threads train": "training on all threads and on one",
    "threads infer": "inference on all threads and on one",
    "odd train": "training at odd sizes; the next even size's time is scaled to the same operations",
    "odd infer": "inference at odd sizes; the next even size's time is scaled to the same operations",
    "memory": "memory: how far a training step raises the resident set",
    "long": "a long sequence",
}
UNITS = {"step": ("µs", 1e6), "memory": ("MiB", 2.0**-20), "long": ("s", 1.0)}
MILLISECONDS = ("ms", 1e3)
FEW = 5
"""Fewer rounds than these are said beside the range."""


def line(report: Report, record: Measurement) -> str:
    """Return one record in one line."""
    unit, scale = UNITS.get(record.mode, MILLISECONDS)
    parts = []
    for side in record.sides:
        if not side.values:
            parts.append(f"{title_of(side.name)} {side.refused or 'not timed'}")
            continue
        times = record.ratio(side.name)
        more = "" if side is record.ours or times is None else f" = {times:.2f}x"
        parts.append(f"{title_of(side.name)} {_range(side, scale)} {unit}{more}")
    text = f"{record.mode} {record.cell} {record.row}: {', '.join(parts)}"
    rate, share = _rate(record), report.fraction(record)
    text += f"; {rate} GF/s" if rate else ""
    return text + ("" if share is None else f", {share:.0%} of the peak")


def markdown(report: Report) -> str:
    """Return every table, the goals last."""
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for record in report.records:
        groups.setdefault((record.mode, record.cell), []).append(record)
    parts = [f"Machine: {described(report.machine)}."]
    if report.peaks:
        peaks = (f"{key.replace('@', ' on ')}: {rate:.0f}" for key, rate in report.peaks.items())
        parts[0] += f" Multiply-add peak in this run, GF/s (type on threads): {', '.join(peaks)}."
    parts.append(
        "Medians (range); × is a side's time as a multiple of gatewise's, the median over the rounds."
    )
    for (mode, cell), records in groups.items():
        parts.append(f"### {cell.upper()}, {TITLES[mode]}\n\n{_table(report, records)}")
    asked = goals(report)
    if asked:
        parts.append(f"### Goals\n\n{goal_table(asked)}")
    return "\n\n".join(parts) + "\n"


def goal_table(asked: list[Goal]) -> str:
    """Return the goals as a Markdown table."""
    lines = ["| goal | asked | measured | |", "|---|---|---|---|"]
    for goal in asked:
        verdict = "met" if goal.met else "**missed**"
        lines.append(f"| {goal.title} | {goal.asked} | {goal.measured} | {verdict} |")
    return "\n".join(lines)


def _table(report: Report, records: list[Measurement]) -> str:
    names = list(dict.fromkeys(side.name for record in records for side in record.sides))
    others = names[1:]
    unit, scale = UNITS.get(records[0].mode, MILLISECONDS)
    rated = any(record.flops is not None for record in records)
    heads = ["T, B, I, H", f"{names[0]}, {unit}", *(["GF/s", "of peak"] if rated else [])]
    for name in others:
        heads += [f"{title_of(name)}, {unit}", "×"]
    lines = [_row(heads), _row(["---"] * len(heads))]
    for record in records:
        cells = [str(record.row).replace(",", ", "), _cell(record.ours, scale)]
        if rated:
            cells += [_rate(record), _number(report.fraction(record), "{:.0%}")]
        for name in others:
            side = record.side(name)
            cells += ["" if side is None else _cell(side, scale), _number(record.ratio(name))]
        lines.append(_row(cells))
    if others and len(records) > 1:
        for label, reduce in (("geometric mean", geometric_mean), ("lowest", min)):
            lines.append(_summary(label, reduce, records, others, rated))
    return "\n".join(lines) + _notes(records)


def _summary(
    label: str,
    reduce: Callable[[list[float]], float],
    records: list[Measurement],
    others: list[str],
    rated: bool,
) -> str:
    cells = [label, "", *(["", ""] if rated else [])]
    for name in others:
        ratios = [value for record in records if (value := record.ratio(name)) is not None]
        cells += ["", f"**{reduce(ratios):.2f}**" if ratios else ""]
    return _row(cells)


def _notes(records: list[Measurement]) -> str:
    """Return why sides have no time, once for each side and row, and what else was noted."""
    lines = [
        f"- {record.row}, {title_of(side.name)}: {side.refused}"
        for record in records
        for side in record.sides
        if side.refused
    ]
    lines += [_budgets(record) for record in records if record.mode == "long"]
    return "\n\n" + "\n".join(lines) if lines else ""


def _budgets(record: Measurement) -> str:
    notes = record.notes
    return (
        f"- max_memory of {notes['max_memory'] / 2**20:.0f} MiB, as in the table, 'sqrt' "
        f"({notes['seconds_sqrt']:.1f} s) and None ({notes['seconds_without']:.1f} s): gradients equal "
        f"bit for bit: {'yes' if notes['equal'] else 'NO'}; peak of the whole process "
        f"{notes['peak_bytes'] / 2**30:.2f} GiB, with None {notes['peak_bytes_without'] / 2**30:.2f} GiB"
    )


def _rate(record: Measurement) -> str:
    rate = record.gflops()
    return "" if rate is None else _short(rate)


def _cell(side: Side, scale: float) -> str:
    if side.values:
        return _range(side, scale)
    return "refused" if side.refused else "not timed"


def _range(side: Side, scale: float) -> str:
    low, high = min(side.values) * scale, max(side.values) * scale
    middle = statistics.median(side.values) * scale
    few = "" if len(side.values) >= FEW else f", {counted(len(side.values), 'round')}"
    return f"{_short(middle)} ({_short(low)}–{_short(high)}{few})"


def _short(value: float) -> str:
    """Return three significant digits, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _number(value: float | None, form: str = "{:.2f}") -> str:
    return "" if value is None else form.format(value)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def disagreeing(report: Report) -> list[str]:
    """Return the measurements in which ours differs from torch."""
    return [
        f"{record.mode} {record.cell} {record.row}"
        for record in report.records
        if record.ours.name == OURS and record.ours.refused
    ]
