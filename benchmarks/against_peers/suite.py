"""A whole run: every mode, cell and row that was asked for, one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from benchmarks.against_peers.machine import facts, peak_gflops, torch_threads
from benchmarks.against_peers.modes import MODES, Mode, cells_of, modes_of
from benchmarks.against_peers.peers import peers_of
from benchmarks.against_peers.problem import MODULES
from benchmarks.against_peers.records import Measurement, Report
from benchmarks.against_peers.rows import Row, rows_of
from benchmarks.against_peers.setting import Setting
from benchmarks.against_peers.timing import Effort
from gatewise.errors import OptionError

PEAKS = 9
DAY = 86_400
"""Measurements of the peak before each group of rows."""


@dataclass(frozen=True)
class Request:
    """What to measure; no cells or rows are those of each mode."""

    setting: Setting
    modes: tuple[str, ...]
    cells: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()

    def tasks(self) -> Iterator[tuple[str, Mode, str, tuple[Row, ...]]]:
        """Yield the mode, by name and itself, the cell and the rows of each group."""
        for name in self.modes:
            mode = MODES[name]
            for cell in self.cells or mode.cells:
                yield name, mode, cell, self.rows or mode.rows


def make_request(
    *,
    modes: tuple[str, ...],
    cells: tuple[str, ...] = (),
    rows: tuple[str, ...] = (),
    peers: tuple[str, ...] = (),
    engine: str = "native",
    threads: int,
    effort: Effort,
) -> Request:
    """Return a plan of words as they are typed. Raises OptionError for the first that is wrong.

    Raises EngineError where the engine cannot run here.
    """
    plan = Request(
        Setting(
            engine, peers_of(peers), _between_one_and(4096, "threads", threads), _checked(effort)
        ),
        modes_of(modes),
        cells_of(cells),
        rows_of(rows),
    )
    # One step of each cell: an engine that cannot run here is refused before anything is measured.
    for cell in plan.cells or tuple(MODULES):
        MODULES[cell](1, 1, engine=engine)(torch.zeros(1, 1, 1, dtype=torch.float32, device="cpu"))
    return plan


def run(plan: Request, done: Callable[[Report, Measurement], None]) -> Report:
    """Measure everything; `done` is called with the report so far and each new record."""
    threads = plan.setting.threads
    with torch_threads(threads):
        report = Report(facts())
        for _, mode, cell, rows in plan.tasks():
            for count in {1, threads}:
                _note_peak(report, mode.type, count)
            for row in rows:
                for record in mode.measure(plan.setting, cell, row):
                    report.records.append(record)
                    done(report, record)
        return report


def _note_peak(report: Report, type: str, threads: int) -> None:
    """Measure the peak before each group: the highest of the run counts, as the machine's.

    A measurement lasts milliseconds, so that one stolen slice of time halves it: the best of several.
    """
    found, key = max(peak_gflops(type, threads) for _ in range(PEAKS)), f"{type}@{threads}"
    if not math.isnan(found):
        report.peaks[key] = max(found, report.peaks.get(key, 0.0))


def _checked(effort: Effort) -> Effort:
    _between_one_and(1_000_000, "rounds", effort.rounds)
    if not 0 <= effort.seconds <= DAY:
        raise OptionError(f"seconds must be a number from 0 to {DAY}; got {effort.seconds}")
    return replace(effort, rounds=effort.rounds + 1 - effort.rounds % 2)


def _between_one_and(most: int, name: str, value: int) -> int:
    if not 1 <= value <= most:
        raise OptionError(f"{name} must be at least 1 and at most {most:,}; got {value}")
    return value
