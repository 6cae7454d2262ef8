"""The contents of a page, as plain dataclasses of NumPy arrays and text: fill `Contents`, then write it.

Everything but the title is optional, and what is absent is absent from the page. Sizes: T steps of
the page's one time axis, H units of a record, N points of a curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from gatewise.cells import CELLS, CellSpec
from gatewise.curve import Curve, Mark, check_band, check_one_of
from gatewise.errors import InputError
from gatewise.report.inputs import InputPanel
from gatewise.report.pictures import Picture
from gatewise.report.table import Table
from gatewise.typing import Floats
from gatewise.unit import Unit
from gatewise.wording import figure

ROUNDING = 1e-5
"""How far a gate may lie outside 0 to 1 before it is no activated gate."""

Confidence = Literal["", "low", "medium", "high"]
Tone = Literal["good", "plain", "warn"]
Role = Literal["input", "target", "prediction"]

AHEAD = "Error by step ahead"
TRAINING = "Training"
"""Groups of curves that stand behind the tables: they tell of scores, not of the inside."""

TRACE = 'trace["{module}"].{quantity}[{layer}, {direction}, :, {row}][{time}, {units}]'


@dataclass(frozen=True)
class Finding:
    """One sentence of the verdict, with what it rests on and what it does not say."""

    sentence: str
    evidence: str = ""
    caveat: str = ""
    confidence: Confidence = ""
    tone: Tone = "plain"

    def __post_init__(self) -> None:
        check_one_of("Finding.tone", self.tone, ("good", "plain", "warn"))
        check_one_of("Finding.confidence", self.confidence, ("", "low", "medium", "high"))
        _check_text("Finding.sentence", self.sentence)


@dataclass(frozen=True, eq=False, repr=False)
class Series:
    """One line of the strip above the gates; a target and its prediction have the same name.

    Attributes:
        row: The row of the records that it belongs to; None: all of them.
        lane: Lines of the same lane are drawn together, under its name.
        classes: What the values 0, 1, ... are called, where they are classes: then blocks are drawn,
            class 0 as the background.
        colour: Of a line in a lane: 0 is the background's, others are of the palette.

    Raises InputError unless `values`, `low` and `high` are `[T]`.
    """

    name: str
    values: Floats  # [T], NaN where unknown
    role: Role = "input"
    unit: str = ""  # of measure, such as "m³/s"
    low: Floats | None = None  # [T], the band of a prediction
    high: Floats | None = None
    row: int | None = None
    lane: str = ""
    classes: tuple[str, ...] = ()
    colour: int = 1

    def __post_init__(self) -> None:
        check_one_of("Series.role", self.role, ("input", "target", "prediction"))
        check_band(f"Series {self.name!r}", self.values, self.low, self.high)

    def __repr__(self) -> str:
        return f"Series({self.name!r}, {self.role}, {len(self.values)} steps)"


@dataclass(frozen=True, repr=False)
class Symbols:
    """What stands at each step of one row: its letters, characters, words or pieces.

    Attributes:
        symbols: As many as the row has steps, which may be fewer than the page's.
        row: The row of the records.
        first: The number of the first of them in its sequence, counted from 1.
        expected: What a model held for the likeliest in their place; () where it predicts no symbols.
    """

    symbols: tuple[str, ...]
    row: int = 0
    first: int = 1
    expected: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Symbols({len(self.symbols)} of row {self.row}, from {self.first})"


@dataclass(frozen=True, eq=False, repr=False)
class UnitColumn:
    """One column of the table of units; `values` is `[H]`, NaN for "unknown"."""

    name: str
    values: Floats
    description: str = ""

    def __repr__(self) -> str:
        return f"UnitColumn({self.name!r}, {len(self.values)} units)"


@dataclass(frozen=True, eq=False, repr=False)
class Record:
    """The gates and states of one layer and direction of one module, over one row of a batch.

    Names of quantities are those of the cell's description, which says what each of them does; others
    are drawn on a scale symmetric around 0. Values past the end of a short row are NaN. A projected
    `hidden` may have another number of units.

    Attributes:
        cell: How the page calls the cell.
        kind: The registered name of the cell, as records have it; by default `cell` in lower case.
            For a cell that is not registered the page tells neither timescales nor a ledger.
        quantities: Name to `[T, H]`; the same T in all records of a page.
        layer, direction: Indices, as in the trace: the page calls layer 0 "layer 1", and direction 1,
            which reads the row backwards, "reverse".
        row: Its number in the batch; `row_name` is what the page calls it.
        tau: `[H]` gate timescale in steps; computed from what keeps the state where it is None.
        orders: Further orders of units to choose from: name to a permutation of 0..H-1.
        columns: Further columns of the table of units; a column of the same name is replaced.
        initial: `[H]` the state before the first step, for the ledger; None where unknown.
        start: The first step's number in the trace, where only a part of it is shown.
        python: How the selection is written to paste; see `TRACE` for what may stand in it. Time and
            units have brackets of their own: in one pair with the others NumPy would turn them round.
        setup: The lines of Python that have to run before it, such as those that make the trace.

    Raises InputError for shapes that do not fit and for gates outside 0 to 1.
    """

    module: str
    cell: str
    quantities: Mapping[str, Floats]
    layer: int = 0
    direction: int = 0
    row: int = 0
    row_name: str = ""
    tau: Floats | None = None
    orders: Mapping[str, NDArray[np.integer[Any]]] = field(default_factory=dict)
    columns: tuple[UnitColumn, ...] = ()
    initial: Floats | None = None
    start: int = 0
    python: str = TRACE
    setup: str = ""
    kind: str = ""

    def __post_init__(self) -> None:
        _check_record(self)

    @property
    def key(self) -> tuple[str, int, int, int]:
        """What tells this record from the others of a page."""
        return self.module, self.row, self.layer, self.direction

    @property
    def spec(self) -> CellSpec | None:
        """The description of the cell; None for one that is not registered."""
        return CELLS.get(self.kind or self.cell.lower())

    @property
    def steps(self) -> int:
        """T."""
        return len(next(iter(self.quantities.values())))

    @property
    def size(self) -> int:
        """H, the units of the first quantity other than `hidden`, or of `hidden` alone."""
        names = [name for name in self.quantities if name != "hidden"] or ["hidden"]
        return int(self.quantities[names[0]].shape[1])

    def __repr__(self) -> str:
        place = f"{self.module!r}, layer={self.layer}, direction={self.direction}, row={self.row}"
        return (
            f"Record({self.cell} {place}: {', '.join(self.quantities)} [{self.steps}, {self.size}])"
        )


@dataclass(frozen=True)
class Charts:
    """Charts of truth against prediction, and what the page says about them."""

    payload: dict[str, Any]  # JSON values; each chart has arrays, `time` [P] and `lines` [L, P]
    notes: tuple[str, ...]  # what was left out
    band: str  # what the band is, or "" without one


class HasCharts(Protocol):
    """A scored part that can be drawn, such as the predictions of a forecaster."""

    def charts(self) -> Charts:
        """Return truth against prediction, on an axis of its own."""


class HasPage(Protocol):
    """Something with a page, such as the summary of a run."""

    def contents(self) -> Contents:
        """Return what its page shows."""


@dataclass(frozen=True, eq=False, repr=False)
class Contents:
    """Everything on one page.

    Attributes:
        subtitle: One line under the title; `facts` are short words after it, such as "64 units".
        findings: The verdict: the first one is the headline.
        time: `[T]` datetimes, numbers or text labels of the steps; None numbers them from 0.
        unit: What one step is called, such as `Unit.of("1 day")`: the page then counts in days.
        series: Inputs, predictions and targets along that axis; `series_note` says what they are.
        symbols: What stands at the steps of each row, drawn along that axis.
        marks: Labelled steps, drawn in every panel of that axis.
        records: Gates and states along that axis.
        records_note: What the records are of, such as which window, which member.
        readable: Whether the network has learnt anything; if not, gates are shown and no memory is read
            off them.
        inputs: What each column of the inputs is worth.
        lag: The task's lag in steps, drawn where timescales are; `lag_name` is what it is called there.
        predictions: A scored part, drawn as truth against prediction, on an axis of its own.
        pictures: What else is drawn on the first screen, such as a confusion matrix: see
            `report.pictures`. A single one takes its whole width.
        details: Pictures that stand beneath the first screen.
        scores: A small table that stands on the first screen: the model beside baselines.
        memory: The sentence that stands with the first memory curve; by default the curve's reading.
        inspect: The command that shows the gates of a window chosen in the plot, with `{at}` and
            `{series}` where these belong; "" where there is none.
        provenance: Heading to names and values: command, versions, settings.

    Raises InputError where lengths disagree or two records are the same.
    """

    title: str
    subtitle: str = ""
    facts: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    time: NDArray[Any] | None = None
    unit: Unit = field(default_factory=Unit)
    series: tuple[Series, ...] = ()
    series_note: str = ""
    symbols: tuple[Symbols, ...] = ()
    marks: tuple[Mark, ...] = ()
    records: tuple[Record, ...] = ()
    records_note: str = ""
    readable: bool = True
    curves: tuple[Curve, ...] = ()
    inputs: InputPanel | None = None
    lag: float | None = None
    lag_name: str = "lag"
    predictions: HasCharts | None = None
    pictures: tuple[Picture, ...] = ()
    details: tuple[Picture, ...] = ()
    scores: Table | None = None
    memory: str = ""
    inspect: str = ""
    tables: tuple[Table, ...] = ()
    provenance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_contents(self)

    @property
    def steps(self) -> int:
        """T, or 0 for a page without a time axis."""
        if self.time is not None:
            return len(self.time)
        lengths = [len(s.values) for s in self.series] + [r.steps for r in self.records]
        return max(lengths, default=0)

    def __repr__(self) -> str:
        return (
            f"Contents({self.title!r}: {len(self.findings)} findings, {len(self.records)} records, "
            f"{len(self.curves)} curves, {len(self.tables)} tables)"
        )


def contents_of_run(summary: HasPage) -> Contents:
    """Return the page of `summary`; `dataclasses.replace` adds what explains the network."""
    return summary.contents()


def _check_text(where: str, value: str) -> None:
    """Raise InputError for an empty text."""
    if not value.strip():
        raise InputError(f"{where} is empty: write a sentence, or leave the finding out")


def _check_record(record: Record) -> None:
    """Raise InputError unless shapes agree and gates lie between 0 and 1."""
    where = f"Record {record.module!r} (layer={record.layer}, direction={record.direction})"
    if not record.quantities:
        raise InputError(f"{where} has no quantities")
    for name, values in record.quantities.items():
        if np.ndim(values) != 2 or 0 in np.shape(values):
            raise InputError(
                f"{where}: {name} must be [T, H], one row of the batch; got shape "
                f"{list(np.shape(values))}"
            )
    steps, size = record.steps, record.size
    for name, values in record.quantities.items():
        # A projection gives the hidden state a width of its own.
        if len(values) != steps or (name != "hidden" and values.shape[1] != size):
            raise InputError(
                f"{where}: {name} has shape {list(values.shape)}; the others have {[steps, size]}"
            )
        if record.spec and name in record.spec.fractions:
            _check_gate(f"{where}: {name}", values)
    if record.direction not in (0, 1):
        raise InputError(f"{where}: direction must be 0 (forward) or 1 (reverse)")
    lengths = {"tau": record.tau, "initial": record.initial}
    lengths |= {f"column {column.name!r}": column.values for column in record.columns}
    for name, row in lengths.items():
        if row is not None and np.shape(row) != (size,):
            raise InputError(f"{where}: {name} must be [{size}]; got shape {list(np.shape(row))}")
    for name, order in record.orders.items():
        if not np.array_equal(np.sort(order), np.arange(size)):
            raise InputError(f"{where}: order {name!r} must hold each of 0..{size - 1} once")


def _check_contents(contents: Contents) -> None:
    """Raise InputError unless all that stands on the time axis is as long as it."""
    steps = contents.steps
    _check_text("Contents.title", contents.title)
    if (
        contents.time is not None
        and contents.time.dtype.kind == "M"
        and np.isnat(contents.time).any()
    ):
        raise InputError(
            f"Contents: time has no value at step {int(np.isnat(contents.time).argmax())}; give every "
            "step a time, or none"
        )
    # All panels share one axis and one selection of steps, so nothing may be longer or shorter.
    parts = [(f"series {s.name!r}", len(s.values)) for s in contents.series]
    parts += [(repr(r), r.steps) for r in contents.records]
    for one in contents.symbols:
        if len(one.symbols) > steps:
            raise InputError(f"Contents: {one!r} has more steps than the time axis, {steps}")
    for name, length in parts:
        if length != steps:
            raise InputError(
                f"Contents: {name} has {length} steps, the time axis {steps}; cut it, or fill it "
                "up with NaN"
            )
    # The page's address selects a record by its key.
    keys = [record.key for record in contents.records]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            module, row, layer, direction = key
            raise InputError(
                f"Contents: two records of {module!r}, row={row}, layer={layer}, direction="
                f"{direction}; each needs a key of its own"
            )


def _check_gate(where: str, values: Any) -> None:
    low, high = np.nanmin(values, initial=0.0), np.nanmax(values, initial=0.0)
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise InputError(
            f"{where} must lie between 0 and 1 (an activated gate); it runs from {figure(low)} to "
            f"{figure(high)}"
        )
