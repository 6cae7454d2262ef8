"""The work of `gatewise bench`: check what was asked for, measure, write.

Nothing here knows the command line, which loads it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.against_peers.picture import check_picture, write_picture
from benchmarks.against_peers.records import Measurement, Report, write_json
from benchmarks.against_peers.suite import make_request, run
from benchmarks.against_peers.tables import disagreeing, line
from benchmarks.against_peers.timing import Effort
from gatewise.errors import EngineError


def measure(
    *,
    mode: tuple[str, ...],
    cells: tuple[str, ...],
    rows: tuple[str, ...],
    peers: tuple[str, ...],
    engine: str,
    threads: int | None,
    rounds: int,
    seconds: float,
    records: Path | None,
    picture: Path | None,
) -> Report:
    """Measure what was asked for, with a line to stderr as each measurement comes.

    Files that are named are replaced. Raises OptionError and FileError before any work.
    """
    plan = make_request(
        modes=mode,
        cells=cells,
        rows=rows,
        peers=peers,
        engine=engine,
        threads=(os.cpu_count() or 1) if threads is None else threads,
        effort=Effort(rounds, seconds),
    )
    if picture is not None:
        check_picture(picture, plan.modes)

    def done(report: Report, record: Measurement) -> None:
        print(line(report, record), file=sys.stderr, flush=True)
        if records is not None:
            write_json(report, records)  # anew each time: an interrupted run leaves what it has

    report = run(plan, done)
    if picture is not None:
        write_picture(report, picture)
    return report


def check_agreement(report: Report, engine: str) -> None:
    """Raise EngineError where results of `engine` differ from torch's."""
    wrong = disagreeing(report)
    if wrong:
        raise EngineError(
            f"the results of engine {engine!r} differ from torch's: {'; '.join(wrong)}"
        )
