"""The results that an explanation rests on: what the model does, and what its gates recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise import memory
from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.explaining.case import Case
from gatewise.memory import Result, Sampling
from gatewise.memory.interventions.arguments import Arguments, Inputs
from gatewise.memory.interventions.spare import spare_units
from gatewise.memory.interventions.subject import Output
from gatewise.nn.quiet import quiet
from gatewise.tracing import Trace, trace

CARRIED = 0.2
"""The share of an answer that a state has to take along for its parts to be told from each other."""

GATE_ROWS = 64
HIGHWAY_ROWS = 32


@dataclass
class Measured:
    """Results by name, and why some were left out.

    Attributes:
        results: Name to result. Those of one of several recurrent modules are called
            "highway[encoder.lstm]" and so on; horizons apart "horizon[NAME]".
        skipped: Name to the reason why there is no such result.
        trace: The gates of all modules over the first rows.
        names: The recurrent modules looked into.
        before: How many steps before the end states were changed.
        run_in: How many steps at the start of rows no curve reads.
        called: As the case has it.
    """

    results: dict[str, Result] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    trace: Trace | None = None
    names: tuple[str, ...] = ()
    cells: dict[str, str] = field(default_factory=dict)
    before: int = 1
    run_in: int = 0
    called: Mapping[str, str] = field(default_factory=dict)

    def attempt(self, name: str, measured: Callable[[], Result]) -> None:
        """Keep a result, or the reason why the model or its inputs do not allow it."""
        try:
            self.results[name] = measured()
        except InputError as error:
            self.skipped[name] = str(error)

    def of_modules(self, name: str) -> dict[str, Any]:
        """Return the results of that name by module."""
        return {
            module: self.results[key]
            for module in self.names
            if (key := self.keyed(name, module)) in self.results
        }

    def said(self, module: str) -> str:
        """Return what a module is called in a sentence: by its path, unless it has a better name."""
        return self.called.get(module, repr(module))

    def keyed(self, name: str, module: str) -> str:
        """Return the name of a module's result."""
        return name if len(self.names) == 1 else f"{name}[{module}]"


def measure(case: Case, sampling: Sampling) -> Measured:
    """Return everything that one explanation is written from."""
    found = Measured(called=case.module_names)
    lags = _asked(case, case.inputs, case.output, sampling)
    found.results["horizon"] = lags
    found.before, found.run_in = boundary(lags, case.steps), lags.run_in
    _interventions(case, found, sampling)
    found.attempt(
        "connectivity",
        lambda: memory.connectivity(
            case.model,
            case.inputs,
            at=case.at() or _last(case),
            run_in=found.run_in,
            **_how(case, sampling),
        ),
    )
    _recorded(case, found, sampling)
    _apart(case, found, sampling)
    return found


def set_scoreless_aside(case: Case, found: Measured) -> None:
    """Take results out that are shares of a score which is not shown to be there, with that reason.

    The network may have skill, and no score to speak of over the fewer rows or steps that a measure
    asks about: that is told once, and not measure by measure.
    """
    for name in [name for name, one in found.results.items() if not one.has_score]:
        del found.results[name]
        found.skipped[name] = scoreless(case)
    if "idle_units" not in found.results:
        found.results.pop("spare_units", None)


def scoreless(case: Case) -> str:
    """Return why shares of the score cannot be told."""
    if case.targets is None:
        return "all answers are the same"
    return (
        f"{case.beyond}the score of these {case.rows} {case.called}s is not shown to be above that of "
        "one answer for all"
    )


def boundary(lags: memory.Horizon, steps: int) -> int:
    """Return how many steps before the end a state is changed: half of what is remembered is older.

    At the lag up to which half of the sum of M(k) lies, so that what the answer rests on has to pass.
    """
    if not lags.depends or lags.steps == 0:
        return 1
    known = lags.lags <= lags.steps
    x, y = lags.lags[known].astype(float), lags.curve[known]
    area = np.concatenate([[0.0], np.cumsum(np.diff(x) * (y[1:] + y[:-1]) / 2)])
    half = int(x[int(np.searchsorted(area, area[-1] / 2))])
    return int(np.clip(half, 1, steps - 1))


def _how(case: Case, sampling: Sampling) -> dict[str, Any]:
    return {"time": case.time, "output": case.output, "sampling": sampling}


def _last(case: Case) -> int | None:
    return case.steps - 1 if case.per_step else None


def _asked(
    case: Case,
    inputs: Inputs,
    output: Output | None,
    sampling: Sampling,
    *,
    model: torch.nn.Module | None = None,
    run_in: int | None = None,
) -> memory.Horizon:
    return memory.horizon(
        model or case.model,
        inputs,
        at=case.at(),
        run_in=run_in,
        time=case.time,
        output=output,
        sampling=sampling,
    )


def _interventions(case: Case, found: Measured, sampling: Sampling) -> None:
    """Change states and windows: transplant, ablation, shorter windows, units held, directions."""
    how: dict[str, Any] = _how(case, sampling)
    scored: dict[str, Any] = {"targets": case.targets, "loss": case.loss}
    # First, since it may move `before` nearer to the end, and states are wiped at the same moment.
    _transplanted(case, found, how)
    where: dict[str, Any] = {"at": case.steps - found.before, "module": case.module}
    found.attempt("ablation", lambda: memory.ablation(case.model, case.inputs, **where, **how))
    found.attempt(
        "context_need", lambda: memory.context_need(case.model, case.inputs, **scored, **how)
    )
    found.attempt(
        "idle_units",
        lambda: memory.idle_units(case.model, case.inputs, module=case.module, **scored, **how),
    )
    alone = found.results.get("idle_units")
    if isinstance(alone, memory.IdleUnits):
        found.results["spare_units"] = spare_units(
            case.model,
            case.inputs,
            alone,
            module=case.module,
            time=case.time,
            output=case.output,
            **scored,
        )
    if any(getattr(part, "bidirectional", False) for part in case.model.modules()):
        found.attempt(
            "direction_share",
            lambda: memory.direction_share(case.model, case.inputs, **scored, **how),
        )
        if case.per_step:
            found.attempt(
                "horizon_ahead",
                lambda: memory.horizon(case.model, case.inputs, future=True, **how),
            )


def _transplanted(case: Case, found: Measured, how: dict[str, Any]) -> None:
    """Put states into other runs, nearer to the end where so far back they carry little.

    What lies far back may count by the horizon's bar and yet be a small part of the answer.
    """
    while True:
        found.attempt(
            "transplant",
            lambda: memory.transplant(
                case.model,
                case.inputs,
                at=case.steps - found.before,
                module=case.module,
                **how,
            ),
        )
        transplant = found.results.get("transplant")
        if not isinstance(transplant, memory.Transplant) or found.before == 1:
            return
        if transplant.distance == 0:
            return
        if transplant.share.get("both", transplant.share["hidden"]) > CARRIED:
            return
        found.before //= 2


def _recorded(case: Case, found: Measured, sampling: Sampling) -> None:
    """Run the model once and read its gates, then its Jacobians, module by module."""
    modules = None if case.module is None else [case.module]
    with quiet(case.model), trace(case.model, modules=modules) as record:
        call(case.model, case.inputs)
    found.trace = record
    found.names = tuple(name for name in record.names if record.count(name))
    for name in found.names:
        cell = found.cells[name] = record.cell(name)
        gates = record[name]
        rows = gates.hidden.shape[3]
        arrays = {key: value[:, :, :, :GATE_ROWS].cpu().numpy() for key, value in gates.items()}
        _gates(found, name, cell, arrays, sampling)
        found.attempt(
            found.keyed("highway", name),
            lambda name=name, rows=rows: memory.highway(  # type: ignore[misc]  # bound at once
                case.model,
                _few(case, rows),
                module=name,
                call=-1,
                at=None if case.last is None else [case.last],
                run_in=found.run_in,
                sampling=sampling,
            ),
        )


def _gates(
    found: Measured, name: str, cell: str, arrays: Mapping[str, NDArray[Any]], sampling: Sampling
) -> None:
    """Add what the recorded gates and states of one module say."""
    steps = next(iter(arrays.values())).shape[2]
    run_in = found.run_in if steps > 2 * found.run_in else 0  # a module with steps of its own
    record = {**arrays, "kind": cell}
    readings: dict[str, Callable[[], Result]] = {
        "still_units": lambda: memory.still_units(record),
        "redundancy": lambda: memory.redundancy(record, sampling=sampling),
        "state_health": lambda: memory.state_health(record, sampling=sampling),
    }
    spec = CELLS[cell]
    if spec.keep_gate or spec.write_gate:
        readings |= {
            "gate_timescale": lambda: memory.gate_timescale(record, sampling=sampling),
            "retention_curve": lambda: memory.retention_curve(
                record,
                lags=_lags(steps - run_in),
                run_in=run_in,
                sampling=sampling,
            ),
        }
    if spec.fractions:
        readings["saturation"] = lambda: memory.saturation(record, sampling=sampling)
    for key, measured in readings.items():
        found.attempt(found.keyed(key, name), measured)


def _lags(steps: int) -> list[int]:
    """Return the lags for which retention is averaged: each up to 32, then a tenth more each time."""
    lags = list(range(1, min(32, steps - 1) + 1))
    while lags[-1] < steps - 1:
        lags.append(min(steps - 1, lags[-1] + max(1, lags[-1] // 10)))
    return lags


def _few(case: Case, rows: int) -> Inputs:
    """Return the inputs of the rows that Jacobians are taken of."""
    if rows <= HIGHWAY_ROWS:
        return case.inputs
    arguments = Arguments(case.inputs, case.time, caller="explain")
    index = torch.from_numpy(
        np.linspace(0, arguments.rows - 1, HIGHWAY_ROWS).round().astype(np.int64)
    )
    sequences = [one.index_select(0, index.to(one.device)) for one in arguments.sequences]
    args, named = arguments.call(sequences, index)
    return named or args


def _apart(case: Case, found: Measured, sampling: Sampling) -> None:
    """Ask for the horizon of each target, of each group of rows, and of the other networks.

    The run-in is the network's, whatever it is asked about, and known best from all rows.
    """
    lags = found.results["horizon"]
    assert isinstance(lags, memory.Horizon)
    run_in = None if lags.settings["run_in_untold"] else lags.run_in
    for name, output in case.outputs.items():
        found.attempt(
            f"horizon[{name}]",
            lambda output=output: _asked(  # type: ignore[misc]
                case, case.inputs, output, sampling, run_in=run_in
            ),
        )
    for group in case.groups:
        found.attempt(
            f"horizon[{group.name}]",
            lambda group=group: _asked(  # type: ignore[misc]
                case, group.inputs, case.output, sampling, run_in=run_in
            ),
        )
    for place, other in enumerate(case.others):
        found.attempt(
            f"horizon[member {place + 2}]",
            lambda other=other: _asked(case, case.inputs, case.output, sampling, model=other),  # type: ignore[misc]
        )


def call(model: torch.nn.Module, inputs: Inputs) -> Any:
    """Call a model with its arguments."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple | list) else model(inputs)
