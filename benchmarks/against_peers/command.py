"""What `gatewise bench` does once it knows what was typed: check, measure, print and write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.against_peers.picture import check_picture, write_picture
from benchmarks.against_peers.records import Record, Report, write_json
from benchmarks.against_peers.suite import make_plan, run
from benchmarks.against_peers.tables import disagreeing, line, markdown
from benchmarks.against_peers.timing import Effort
from gatewise.cli.opening import check_new_file
from gatewise.cli.output import console
from gatewise.errors import EngineError


def command(
    *,
    modes: tuple[str, ...],
    cells: tuple[str, ...],
    rows: tuple[str, ...],
    peers: tuple[str, ...],
    engine: str,
    threads: int | None,
    rounds: int,
    seconds: float,
    records: str | None,
    picture: str | None,
    overwrite: bool,
) -> None:
    """Measure what was asked for: lines to stderr as they come, tables to stdout, files where named.

    Raises OptionError and FileError before any work, EngineError where results differ from torch's.
    """
    records_path = None if records is None else Path(records)
    picture_path = None if picture is None else Path(picture)
    plan = make_plan(
        modes=modes,
        cells=cells,
        rows=rows,
        peers=peers,
        engine=engine,
        threads=(os.cpu_count() or 1) if threads is None else threads,
        effort=Effort(rounds, seconds),
    )
    if records_path is not None:
        check_new_file(records_path, overwrite, ending=".json")
    if picture_path is not None:
        check_new_file(picture_path, overwrite)
        check_picture(picture_path, plan.modes)

    def done(report: Report, record: Record) -> None:
        print(line(report, record), file=sys.stderr, flush=True)
        if records_path is not None:
            write_json(
                report, records_path
            )  # anew each time: an interrupted run leaves what it has

    report = run(plan, done)
    console().print(markdown(report), end="")
    if picture_path is not None:
        write_picture(report, picture_path)
    wrong = disagreeing(report)
    if wrong:
        raise EngineError(
            f"the results of engine {engine!r} differ from torch's: {'; '.join(wrong)}"
        )
