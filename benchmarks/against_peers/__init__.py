"""Benchmarks of gatewise against its peers on this machine; `gatewise bench` in a checkout runs them.

`measure` is the whole of it; inside, `make_request` checks what was asked for and `run` measures it.
`markdown` and `write_picture` show the report.
"""

from __future__ import annotations

from benchmarks.against_peers.command import check_agreement, measure
from benchmarks.against_peers.machine import machine
from benchmarks.against_peers.modes import modes_of
from benchmarks.against_peers.picture import check_picture, write_picture
from benchmarks.against_peers.records import Measurement, Report, read_json, write_json
from benchmarks.against_peers.suite import Request, make_request, run
from benchmarks.against_peers.tables import disagreeing, line, markdown
from benchmarks.against_peers.timing import Effort, milliseconds, ratio

__all__ = [
    "Effort",
    "Measurement",
    "Report",
    "Request",
    "check_agreement",
    "check_picture",
    "disagreeing",
    "line",
    "machine",
    "make_request",
    "markdown",
    "measure",
    "milliseconds",
    "modes_of",
    "ratio",
    "read_json",
    "run",
    "write_json",
    "write_picture",
]
