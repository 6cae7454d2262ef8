"""Benchmarks: gatewise against its peers on this machine. Used by the command line only.

`make_plan` checks what was typed, `run` measures it, `markdown` and `write_picture` show it.
"""

from __future__ import annotations

from gatewise.bench.machine import machine
from gatewise.bench.modes import modes_of
from gatewise.bench.picture import check_picture, write_picture
from gatewise.bench.records import Record, Report, read_json, write_json
from gatewise.bench.suite import Plan, make_plan, run
from gatewise.bench.tables import disagreeing, line, markdown
from gatewise.bench.timing import Effort, milliseconds, ratio

__all__ = [
    "Effort",
    "Plan",
    "Record",
    "Report",
    "check_picture",
    "disagreeing",
    "line",
    "machine",
    "make_plan",
    "markdown",
    "milliseconds",
    "modes_of",
    "ratio",
    "read_json",
    "run",
    "write_json",
    "write_picture",
]
