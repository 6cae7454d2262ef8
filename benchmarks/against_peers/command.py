"""The work of `gatewise bench`: check what was typed, measure, print and write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.against_peers.picture import check_picture, write_picture
from benchmarks.against_peers.records import Measurement, Report, write_json
from benchmarks.against_peers.suite import make_request, run
from benchmarks.against_peers.tables import disagreeing, line, markdown
from benchmarks.against_peers.timing import Effort
from gatewise.cli.opening import check_new_file
from gatewise.cli.output import console
from gatewise.errors import EngineError


def command(
    *,
    mode: tuple[str, ...],
    cells: tuple[str, ...],
    rows: tuple[str, ...],
    peers: tuple[str, ...],
    engine: str,
    threads: int | None,
    rounds: int,
    seconds: float,
    as_json: str | None,
    plot: str | None,
    overwrite: bool,
) -> None:
    """Measure what was asked for: lines to stderr as they come, tables to stdout, files where named.

    Raises OptionError and FileError before any work, EngineError where results differ from torch's.
    """
    records = None if as_json is None else Path(as_json)
    picture = None if plot is None else Path(plot)
    plan = make_request(
        modes=mode,
        cells=cells,
        rows=rows,
        peers=peers,
        engine=engine,
        threads=(os.cpu_count() or 1) if threads is None else threads,
        effort=Effort(rounds, seconds),
    )
    if records is not None:
        check_new_file(records, overwrite, ending=".json")
    if picture is not None:
        check_new_file(picture, overwrite)
        check_picture(picture, plan.modes)

    def done(report: Report, record: Measurement) -> None:
        print(line(report, record), file=sys.stderr, flush=True)
        if records is not None:
            write_json(report, records)  # anew each time: an interrupted run leaves what it has

    report = run(plan, done)
    console().print(markdown(report), end="")
    if picture is not None:
        write_picture(report, picture)
    wrong = disagreeing(report)
    if wrong:
        raise EngineError(
            f"the results of engine {engine!r} differ from torch's: {'; '.join(wrong)}"
        )
