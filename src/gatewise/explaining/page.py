"""The page of an explanation: gates of one row of a plain model, unit columns for every record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise import memory
from gatewise.engines.gates import Gates
from gatewise.errors import InputError
from gatewise.explaining.affordable import sizes
from gatewise.explaining.case import Case
from gatewise.explaining.measuring import Measured
from gatewise.memory.interventions.subject import Subject
from gatewise.report import Contents, Record, Series, UnitColumn
from gatewise.report.contents import TRACE
from gatewise.report.records import python_text
from gatewise.tracing import Trace, trace
from gatewise.wording import DIRECTIONS, figure, layer_name

MOST_INPUTS = 12


def plain_page(case: Case, found: Measured) -> Contents:
    """Return the page of a model without its verdicts, with the row furthest from the mean answer."""
    subject = Subject(case.model, case.inputs, caller="explain", time=case.time, output=case.output)
    answers = subject.answer
    off = np.abs(answers - answers.mean(axis=0)).reshape(subject.rows, -1).max(axis=1)
    row = int(off.argmax())
    inputs = subject.sequences[0][row].detach().cpu().double().numpy()
    inputs = inputs.reshape(subject.steps, -1)
    beyond = np.arange(subject.steps) > subject.ends[row]  # padding, which is no data

    def inside(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(beyond, np.nan, values)

    series = [
        Series(f"input {k}", inside(inputs[:, k])) for k in range(min(inputs.shape[1], MOST_INPUTS))
    ]
    if subject.per_step:
        for k in range(min(answers.shape[-1], MOST_INPUTS)):
            series.append(Series(f"answer {k}", inside(answers[row, :, k]), "prediction"))
            if case.targets is not None and case.targets.shape == answers.shape:
                truth = inside(case.targets[row, :, k].double().numpy())
                series.append(Series(f"answer {k}", truth, "target"))
    record, place = (_alone(subject, row), 0) if subject.sorts else (found.trace, row)
    records = tuple(
        made
        for name in found.names
        if record is not None and name in record
        for made in _records(case, found, name, record[name], row=row, place=place, subject=subject)
    )
    weights, units = sizes(case.model)
    name = type(case.model).__name__
    return Contents(
        title=f"What {name} remembers",
        unit=case.unit,
        facts=(name, f"{units:,} units", f"{weights:,} recurrent weights"),
        series=tuple(series),
        series_note="Inputs as the model was given them.",
        records=records,
        records_note=f"Row {_given(case, row):,} of the inputs: of the {case.rows:,} rows looked at, "
        "its answer is furthest from the mean.",
    )


SETUP = """import gatewise as gw
import torch

model.eval()
with torch.no_grad(), gw.trace(model) as trace:
    model({call}){note}
"""


def _setup(case: Case) -> str:
    """Return the lines that make the trace, from the `model` and `inputs` that were explained."""
    call, note = case.given_as + "inputs", ""
    if case.steps < int(case.chosen.get("steps_of", case.steps)):
        note = f"  # with the last {case.steps} steps of each sequence, as on the page"
        if not case.given_as:
            call, note = f"inputs[{':, ' if case.time else ''}-{case.steps}:]", ""
    return SETUP.format(call=call, note=note)


def _given(case: Case, row: int) -> int:
    """Return the number that a row has in the inputs as they were given."""
    return row if case.picks is None else int(case.picks[row])


def _alone(subject: Subject, row: int) -> Trace | None:
    """Return the trace of one row alone: in that of all, a sorting model has another in its place."""
    try:
        with trace(subject.model) as record:
            rows = torch.tensor([row], device="cpu")
            subject.answers([sequence[row : row + 1] for sequence in subject.sequences], rows)
    except InputError:  # the model takes no single row
        return None
    return record


def _records(
    case: Case,
    found: Measured,
    name: str,
    gates: Gates,
    *,
    row: int,
    place: int,
    subject: Subject,
) -> list[Record]:
    """Return the records of a row, which stands at `place` among those of `gates`."""
    layers, directions, length = gates.hidden.shape[:3]
    if length > subject.steps or (length < subject.steps and not subject.sorts):
        return []  # a module that runs over steps of its own has no place on the page's axis
    if place >= gates.hidden.shape[3]:
        return []
    python = TRACE.replace(
        "{module}", python_text(name)
    )  # the model itself is called "" in a trace
    if subject.sorts:
        python = "# the model sorts its rows by length: run row {row} alone to read its gates"
    given = _given(case, row)
    return [
        Record(
            module=name or "model",
            cell=found.cells[name].removesuffix("_tanh").removesuffix("_relu").upper(),
            kind=found.cells[name],
            quantities={
                key: _padded(_array(value[layer, direction, :, place]), subject.steps)
                for key, value in gates.items()
            },
            layer=layer,
            direction=direction,
            row=given,
            row_name=f"row {given}",
            python=python,
            setup=_setup(case),
            tau=_tau(found, name, layer, direction),
        )
        for layer in range(layers)
        for direction in range(directions)
    ]


def _padded(values: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Return `values` `[T', H]` on the page's axis of `steps`, NaN past their end."""
    return np.pad(values, ((0, steps - len(values)), (0, 0)), constant_values=np.nan)


def _tau(found: Measured, name: str, layer: int, direction: int) -> NDArray[np.float64] | None:
    timescale = found.of_modules("gate_timescale").get(name)
    return (
        timescale.steps[layer, direction] if isinstance(timescale, memory.GateTimescale) else None
    )


def with_columns(
    record: Record, results: Mapping[str, memory.Result], modules: tuple[str, ...], name: str
) -> Record:
    """Return a record with what the results say of each of its units."""
    # The records of a run count layers through the network, where each is a module of one layer.
    layer = record.layer if name == (record.module if record.module != "model" else "") else 0
    columns = []
    idle = results.get("idle_units")
    if isinstance(idle, memory.IdleUnits) and not np.isnan(idle.scale):
        places = _unit_prefixes(name, layer, record.direction)
        picked = np.array([str(one).startswith(places) for one in idle.names])
        if int(picked.sum()) == record.size:
            columns.append(
                UnitColumn(
                    "worth",
                    idle.relative[picked],
                    "share lost when the unit is held at its mean, of "
                    f"{idle.settings['against']}; up to {figure(idle.threshold)} it is called idle",
                )
            )
    key = "redundancy" if len(modules) == 1 else f"redundancy[{name}]"
    repeated = results.get(key)
    if isinstance(repeated, memory.Redundancy) and repeated.cluster.ndim == 3:
        cluster = repeated.cluster[layer, record.direction]
        if len(cluster) == record.size:
            columns.append(
                UnitColumn(
                    "says the same as",
                    np.where(
                        (cluster >= 0) & (cluster != np.arange(len(cluster))),
                        cluster.astype(float),
                        np.nan,
                    ),
                    "the first unit that it goes along with, at a correlation above "
                    f"{figure(repeated.settings['threshold'])}",
                )
            )
    return replace(record, columns=(*record.columns, *columns))


def _unit_prefixes(module: str, layer: int, direction: int) -> tuple[str, ...]:
    """Return what the names of a place's units may begin with; see `place_names`."""
    layers = [f" {layer_name(layer)}", *([""] if layer == 0 else [])]
    ways = [f" ({DIRECTIONS[direction]})", *([""] if direction == 0 else [])]
    return tuple(f"{module or 'model'}{one}{way} unit " for one in layers for way in ways)


def _array(value: torch.Tensor) -> NDArray[np.float64]:
    return value.detach().cpu().double().numpy()
