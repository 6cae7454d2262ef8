"""Records of what each side took, as dataclasses and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.against_peers.rows import Row
from benchmarks.against_peers.timing import ratio
from gatewise.errors import FileError, cause
from gatewise.files import atomic_write_text

FORMAT = "gatewise-bench-1"
OURS = "gatewise"


@dataclass(frozen=True)
class Side:
    """One competitor's values, one per round; or why it has none."""

    name: str
    values: tuple[float, ...] = ()
    difference: float | None = None  # largest from torch's results, as a share of their size
    refused: str | None = None

    @property
    def median(self) -> float:
        """The median value."""
        return statistics.median(self.values)


@dataclass(frozen=True)
class Measurement:
    """One measurement; the first side is the one that the others are compared with."""

    mode: str
    cell: str
    row: Row
    sides: tuple[Side, ...]
    unit: str = "s"  # of the values: s, bytes
    flops: float | None = None  # of one call of the first side
    peak: str | None = None  # the key of `Report.peaks`
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def ours(self) -> Side:
        """The first side."""
        return self.sides[0]

    def side(self, name: str) -> Side | None:
        """Return a side by name; None where it was not asked for."""
        return next((side for side in self.sides if side.name == name), None)

    def ratio(self, name: str) -> float | None:
        """Return a side's value as a multiple of the first side's; None where one has none, or 0."""
        other = self.side(name)
        if other is None or not other.values or not self.ours.values or 0 in self.ours.values:
            return None
        return ratio(other.values, self.ours.values)

    def gflops(self) -> float | None:
        """Return the rate of the first side in 1e9 operations per second."""
        if self.flops is None or not self.ours.values:
            return None
        return self.flops / self.ours.median / 1e9


@dataclass
class Report:
    """Everything that one run measured."""

    machine: dict[str, Any]
    peaks: dict[str, float] = field(default_factory=dict)  # GF/s by "type@threads"
    records: list[Measurement] = field(default_factory=list)

    def fraction(self, record: Measurement) -> float | None:
        """Return a record's rate as a fraction of the peak measured in the same run."""
        rate, peak = record.gflops(), self.peaks.get(record.peak or "")
        return None if rate is None or peak is None else rate / peak


def write_json(report: Report, path: Path) -> None:
    """Write a report; the file appears whole or not at all. Raises FileError where that fails."""
    text = json.dumps({"format": FORMAT, **asdict(report)}, indent=1, allow_nan=False)
    atomic_write_text(path, text + "\n")


def read_json(paths: Iterable[Path]) -> Report:
    """Return one report of several files; a later file's record replaces an earlier one's.

    Raises FileError for a file that cannot be read or is something else.
    """
    reports = [_read(path) for path in paths]
    if not reports:
        raise FileError("no file of benchmark records was named")
    peaks: dict[str, float] = {}
    records: dict[tuple[str, str, Row], Measurement] = {}
    for report in reports:
        for key, value in report.peaks.items():
            peaks[key] = max(value, peaks.get(key, 0.0))
        records.update({(each.mode, each.cell, each.row): each for each in report.records})
    return Report(reports[-1].machine, peaks, list(records.values()))


def _read(path: Path) -> Report:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"cannot read {path}: {cause(error)}") from None
    except ValueError as error:
        raise FileError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise FileError(f"{path} was not written by `gatewise bench --json` ({FORMAT})")
    return Report(found["machine"], found["peaks"], [_record(each) for each in found["records"]])


def _record(found: dict[str, Any]) -> Measurement:
    sides = tuple(Side(**{**side, "values": tuple(side["values"])}) for side in found["sides"])
    return Measurement(**{**found, "row": Row(**found["row"]), "sides": sides})
