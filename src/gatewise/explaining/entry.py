"""`gw.explain`: measure, then write the sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from gatewise import memory
from gatewise.errors import InputError, OptionError
from gatewise.explaining import inputs, parts, remembering, untold
from gatewise.explaining.affordable import BUDGET, affordable, sizes
from gatewise.explaining.case import (
    Case,
    Group,
    HasCase,
    TakesLabels,
    case_of,
    chosen_from,
    inputs_of,
    spread,
)
from gatewise.explaining.explanation import Explanation
from gatewise.explaining.finding import Finding
from gatewise.explaining.measuring import Measured, measure, set_scoreless_aside
from gatewise.explaining.page import plain_page
from gatewise.explaining.skill import Skill, little, nothing, unlearnt
from gatewise.explaining.views import Views, compared_figures, views_of
from gatewise.memory import Sampling
from gatewise.memory.checking import checked_options
from gatewise.memory.interventions.importance import check_columns
from gatewise.memory.interventions.losses import Loss
from gatewise.memory.interventions.spare import SpareUnits
from gatewise.memory.interventions.subject import Output
from gatewise.report import Contents, Unit
from gatewise.wording import joined


@checked_options
def explain(
    model: torch.nn.Module | HasCase,
    data: Any,
    targets: Any = None,
    *,
    module: str | None = None,
    loss: Loss | None = None,
    columns: Any = None,
    by: str | Sequence[Any] | None = None,
    part: Any = None,
    time: int | None = None,
    output: Output | None = None,
    unit: str = "1 step",
    budget: float = BUDGET,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
) -> Explanation:
    """Say what a model remembers, for how long and where, which input matters, and what is idle.

    Three views stand side by side: what the gates alone would hold, how far the gradient reaches, and
    what interventions on inputs and states do. The sentences rest on the interventions, and say so
    where the views disagree. Of a network that is not shown to do better on its targets than one answer
    for all nothing is said but that.

    Args:
        model: Any torch module that holds an LSTM, GRU, RNN or cell, or a fitted estimator, such as a
            `gw.Forecaster` or a `gw.Tagger`.
        data: The inputs `[B, T, I]` or `[T, B, I]`, or the call's arguments with them first. For a
            forecaster a table: its windows and targets are made as the forecaster makes them. For an
            estimator of sequences its sequences, with `targets` as their labels.
        targets: What the answers should be, `[B, K]` or `[B, T, K]`; without them what counts is the
            change of the model's own answers. A forecaster has those of its table.
        module: The path of the recurrent module to look into; all by default.
        loss: "mse", "mae", "cross_entropy" or a function to one number a row.
        columns: What the features of the inputs are called, to say which matters: a name for each, or
            names with the numbers of features; a forecaster has those of its table.
        by: Rows to ask about apart: a label for each row; for a forecaster "season", "month" or
            "series".
        part: For a fitted estimator: "training", "validation", "test" or "all"; as in `summary`.
        time: The axis of time in `data`; by default read off the model's calls.
        output: Takes what the model returns to its answers `[B, K]` or `[B, T, K]`.
        unit: What one step is, such as "1 day"; a forecaster knows.
        budget: Seconds that this may take, by a rough count of multiplications and not by a clock: it
            decides how many rows and steps are looked at, which `settings` says.
        sampling: Level, resamples and seed of the intervals.

    Raises InputError for a model without recurrence, data, targets and labels that do not fit, and a
    budget that is too small; OptionError for an unknown option.
    """
    if isinstance(model, HasCase):
        if targets is not None and isinstance(model, TakesLabels):
            data, targets = model.given(data, targets), None
        _refuse_given(targets=targets, loss=loss, columns=columns, time=time, output=output)
        case = model.explain_case(
            data, part=part, by=by, module=module, budget=budget, sampling=sampling
        )
    else:
        if part is not None:
            raise InputError("explain: part= is for a forecaster and its table; leave it out")
        case = _plain_case(
            *(model, data, targets),
            module=module,
            loss=loss,
            columns=columns,
            by=by,
            time=time,
            output=output,
            unit=Unit.of(unit),
            budget=budget,
            sampling=sampling,
        )
    return _explained(case, budget, sampling)


def _refuse_given(**given: Any) -> None:
    """Raise InputError for what a model with a case of its own knows itself."""
    for name, value in given.items():
        if value is not None:
            raise InputError(f"explain: {name}= is the estimator's own; leave it out")


def _explained(case: Case, budget: float, sampling: Sampling) -> Explanation:
    """Measure, and write the sentences."""
    if nothing(case.skill):
        return _unread(case, budget, sampling)
    found = measure(case, sampling)
    inputs.measure_inputs(case, found, sampling)
    set_scoreless_aside(case, found)
    views = views_of(found, case.steps)
    if case.base is None:
        case = replace(case, base=partial(plain_page, case, found))
    return Explanation(
        findings=_findings(case, found, views),
        results=found.results,
        figures=_figures(case, found, views),
        skipped=found.skipped,
        settings={**case.chosen, "budget": budget, "before_the_end": found.before}
        | sampling.settings(),
        unit=case.unit,
        modules=found.names,
        _apart=_apart(case),
        _called=case.module_names,
        _change=f"change of the answer{case.scale}",
        _base=case.base,
    )


def _unread(case: Case, budget: float, sampling: Sampling) -> Explanation:
    """Return the explanation of a network that has learnt nothing: that, and no figure of memory."""
    name = type(case.model).__name__
    return Explanation(
        findings=(_unlearnt(case, case.skill),),
        results={},
        figures={**_first_figures(case), "horizon": None},
        skipped={"every result": "the network has learnt nothing to read"},
        settings={**case.chosen, "budget": budget} | sampling.settings(),
        unit=case.unit,
        modules=(),
        _base=case.base or partial(Contents, title=f"What {name} remembers", unit=case.unit),
    )


def _unlearnt(case: Case, skills: Mapping[str, Skill]) -> Finding:
    """Return what is said of the network, or of the targets among `skills`, without skill."""
    return unlearnt(skills, *_of_skill(case, skills))


def _little(case: Case) -> Finding | None:
    """Return that the network has learnt little, where it has."""
    return little(case.skill, *_of_skill(case, case.skill))


def _of_skill(case: Case, skills: Mapping[str, Skill]) -> tuple[str, str, str]:
    """Return what the skill is called, the rows that it is of, and whose it is, in words."""
    of_part = "part" in case.chosen
    who, count = "The network", case.judged or case.chosen.get("rows_of", case.rows)
    if of_part and case.others:
        who = "The first member"
    if len(skills) < len(case.skill):
        who += f", for {joined(list(skills))},"
    where = f"over {count:,} {case.called}s"
    if of_part:
        where += f" of the {case.chosen['part']} part"
    measure = "NSE" if case.loss in (None, "mse") else "skill"
    if case.targets is not None and not case.targets.is_floating_point():
        measure = "skill"
    return measure, where, who


def _first_figures(case: Case) -> dict[str, Any]:
    """Return the figures that every explanation has."""
    figures: dict[str, Any] = {
        "step": f"1 {case.unit.noun}" if not case.unit.size else case.unit.size
    }
    if case.skill:
        figures["learnt"] = not nothing(case.skill)
        for name, end in (("skill", "value"), ("skill_low", "low"), ("skill_high", "high")):
            skills = {target: getattr(one, end) for target, one in case.skill.items()}
            figures[name] = skills if len(skills) > 1 else next(iter(skills.values()))
    return figures


def _plain_case(
    model: torch.nn.Module,
    data: Any,
    targets: Any,
    *,
    module: str | None,
    loss: Loss | None,
    columns: Any,
    by: Any,
    time: int | None,
    output: Output | None,
    unit: Unit,
    budget: float,
    sampling: Sampling,
) -> Case:
    """Return the case of a torch model on as many rows and steps as the budget allows."""
    if not isinstance(model, torch.nn.Module):
        raise InputError(
            "explain: model must be a torch.nn.Module or a fitted estimator; got "
            f"{type(model).__name__}"
        )
    whole, subject = case_of(
        *(model, data, targets),
        loss=loss,
        module=module,
        time=time,
        output=output,
        sampling=sampling,
    )
    check_columns(subject, columns)
    labels = _labels(by, subject.rows)
    names = list(dict.fromkeys(labels))
    chosen = affordable(subject.model, subject.rows, subject.steps, budget, horizons=len(names))
    case = chosen_from(whole, subject, spread(subject.rows, chosen.rows), chosen.steps)
    groups = []
    for name in names:
        # Of all rows: among those chosen for the whole, a small group might have hardly any.
        labelled = np.flatnonzero([label == name for label in labels])
        picked = labelled[spread(len(labelled), chosen.rows)]
        groups.append(Group(name, inputs_of(subject, picked, chosen.steps), len(picked)))
    return replace(
        case,
        unit=unit,
        columns=columns,
        groups=tuple(groups),
        grouped_by="group" if groups else "",
        chosen={
            "rows": case.rows,
            "rows_of": subject.rows,
            "steps": case.steps,
            "steps_of": subject.steps,
            "seconds_estimated": chosen.seconds,
            "units": sizes(subject.model)[1],
        },
    )


def _labels(by: Any, rows: int) -> list[str]:
    if by is None:
        return []
    if isinstance(by, str) or not isinstance(by, Sequence | np.ndarray | torch.Tensor):
        raise OptionError(
            f"explain: by must be one label for each of the {rows} rows; got {by!r:.60}. Names such as "
            "'season' are for a forecaster and its dated table"
        )
    labels = [str(label) for label in (by.tolist() if hasattr(by, "tolist") else by)]
    if len(labels) != rows:
        raise InputError(
            f"explain: by has {len(labels)} labels, the inputs {rows} rows; give one for each"
        )
    for name in set(labels):
        if labels.count(name) < 2:
            raise InputError(f"explain: by={name!r} names one row only; a group needs some")
    return labels


def _findings(case: Case, found: Measured, views: Views) -> tuple[Finding, ...]:
    """Return every sentence that there is something to say for, the headline first."""
    every = [
        _little(case),
        remembering.remembered(case, found),
        remembering.carried(case, found, views),
        remembering.compared(case, found, views),
        _unlearnt(case, poor)
        if (poor := {name: one for name, one in case.skill.items() if not one.shown})
        else None,
        parts.by_target(case, found),
        parts.by_group(case, found),
        inputs.counting(case, found),
        inputs.going_together(case, found),
        inputs.ranked_otherwise(case, found),
        inputs.by_target(case, found),
        remembering.windowed(case, found),
        parts.idle(case, found),
        parts.stuck(case, found),
        parts.directions(found),
        parts.ahead(case, found),
        parts.growing(found),
        parts.seeds(case, found),
        untold.sampled(case),
        untold.left_out(case, found),
    ]
    return tuple(finding for finding in every if finding is not None)


def _figures(case: Case, found: Measured, views: Views) -> Mapping[str, Any]:
    """Return the figures of the sentences by name, for thresholds, comparison and JSON."""
    lags, need = found.results["horizon"], found.results.get("context_need")
    idle, spare = found.results.get("idle_units"), found.results.get("spare_units")
    worst = parts.saturated(found)
    assert isinstance(lags, memory.Horizon)
    figures: dict[str, Any] = {
        **_first_figures(case),
        "horizon": lags.steps if lags.depends else 0,
        "horizon_low": lags.low,
        "horizon_high": lags.high,
        "horizon_at_least": lags.at_least,
        "depends": lags.depends,
        "window": None,
        "idle": None,
        **compared_figures(views),
        **inputs.input_figures(found),
    }
    if isinstance(need, memory.ContextNeed):
        figures |= {
            "window": need.steps,
            "window_low": need.low,
            "window_high": need.high,
            "window_at_least": need.at_least,
        }
    if isinstance(idle, memory.IdleUnits) and isinstance(spare, SpareUnits):
        figures |= {
            "units": spare.units,
            "idle": spare.count,
            "idle_share": spare.count / spare.units,
            "idle_alone": idle.count,
        }
    further = found.results.get("horizon_ahead")
    if isinstance(further, memory.Horizon):
        figures["horizon_ahead"] = further.steps if further.depends else 0
    if worst is not None:
        figures |= {"saturated_gate": worst[1], "saturated_share": worst[2]}
    for key in (key for names in _apart(case).values() for key in names if key != "horizon"):
        horizon = found.results.get(key)
        if isinstance(horizon, memory.Horizon):
            figures[key] = horizon.steps if horizon.depends else 0
            figures[f"{key} low"], figures[f"{key} high"] = horizon.low, horizon.high
    return figures


def _apart(case: Case) -> dict[str, dict[str, str]]:
    """Return the horizons asked for apart, by what tells them apart: name of the result to its words."""
    members = [f"member {place + 2}" for place in range(len(case.others))]
    found = {
        "target": {f"horizon[{name}]": name for name in case.outputs},
        case.grouped_by: {f"horizon[{group.name}]": group.name for group in case.groups},
        "member": {f"horizon[{name}]": name for name in members},
    }
    if members:
        found["member"] = {"horizon": "member 1", **found["member"]}
    return {what: names for what, names in found.items() if names}
