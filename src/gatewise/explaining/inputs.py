"""Which input matters: permutation importance and integrated gradients, and the sentences on both."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise import memory
from gatewise.explaining.case import Case
from gatewise.explaining.confidence import certain
from gatewise.explaining.finding import Finding
from gatewise.explaining.measuring import Measured
from gatewise.memory import Importance, IntegratedGradients, Sampling
from gatewise.memory.intervals import MIN_GROUPS
from gatewise.memory.interventions.arguments import Inputs
from gatewise.wording import figure, joined, percent

PASSES = 128
"""Passes over the rows that whole columns may take, of all networks together."""

REPEATS = 8
"""Other rows that each row takes a column from, at most."""

SAID = 4
"""Columns that a sentence names, at most."""


def measure_inputs(case: Case, found: Measured, sampling: Sampling) -> None:
    """Add both measures, as far as the model and its inputs allow them."""
    found.attempt("importance", lambda: importance_of(case, sampling))
    if case.labels:
        found.skipped["integrated_gradients"] = (
            f"{joined(case.labels)} {'hold' if len(case.labels) > 1 else 'holds'} labels, and a "
            "gradient has no way from one label to another"
        )
        return
    found.attempt(
        "integrated_gradients",
        lambda: memory.integrated_gradients(case.model, _inputs(case), **_how(case, sampling)),
    )


def importance_of(case: Case, sampling: Sampling) -> Importance:
    """Return what each column is worth, by as many networks and repeats as the passes allow."""
    width = max(len(case.columns or ()), 1)
    others = case.others if width * (1 + len(case.others)) <= PASSES else ()
    return memory.importance(
        case.model,
        _inputs(case),
        case.targets,
        loss=case.loss,
        repeats=int(np.clip(PASSES // (width * (1 + len(others))), 1, REPEATS)),
        distance=case.distance,
        others=others,
        apart=case.outputs,
        **_how(case, sampling),
    )


def _inputs(case: Case) -> Inputs:
    return case.inputs if case.whole is None else case.whole


def _how(case: Case, sampling: Sampling) -> dict[str, Any]:
    return {
        "columns": case.columns,
        "now": case.now,
        "time": case.time,
        "output": case.output,
        "sampling": sampling,
    }


def counting(case: Case, found: Measured) -> Finding | None:
    """Return which column counts most and of which days, and which add nothing."""
    columns = found.results.get("importance")
    if not isinstance(columns, Importance):
        return None
    names = tuple(name for name in ("importance", "integrated_gradients") if name in found.results)
    if case.columns is None and len(columns.columns) == 1 and not columns.lags_said(0, case.unit):
        return None  # "what counts is the input" says nothing
    first = int(columns.order[0])
    known = not np.isnan(columns.low).all()
    return Finding(
        _sentence(case, columns) if known else _too_few(case, columns),
        _evidence(case, found, columns),
        columns.caveat,
        certain(float(columns.high[first] - columns.low[first]), 1.0, case.rows),
        "plain" if known else "warn",
        topic="inputs",
        rests_on=names,
    )


def _named(case: Case, columns: Importance, place: int) -> str:
    """Return a column and the lags at which it counts: "rain of the last 3 days"."""
    return f"{columns.columns[place]} {columns.lags_said(place, case.unit)}".rstrip()


def _sentence(case: Case, columns: Importance) -> str:
    idle, unsure = columns.adds_nothing, columns.unsure
    told = [n for n in columns.order if columns.varies[n] and not (idle | unsure)[n]]
    if not told:
        text = "No input is shown to count"
        unsure = unsure & False  # that says it of all
    elif len(columns.columns) == 1:
        text = f"What counts is {_named(case, columns, told[0])}, the only input"
    else:
        text = (
            f"Of the inputs, {_named(case, columns, told[0])} counts most: with that of another "
            f"{case.called} {columns.share_said(told[0])} of the {_whole(case)} is lost"
        )
    parts = []
    rest = [f"{_named(case, columns, n)} {columns.share_said(n)}" for n in told[1:SAID]]
    if rest:
        parts.append(f"with {joined(rest)}")
    if len(told) > SAID:
        parts.append(f"with {len(told) - SAID} others less")
    for picked, one, several in (
        (idle, "adds nothing", "add nothing"),
        (unsure, "is not shown to add anything", "are not shown to add anything"),
        (~columns.varies, "never changes here", "never change here"),
    ):
        if picked.any():
            parts.append(f"{_listed(columns, picked)} {one if picked.sum() == 1 else several}")
    return "; ".join([text, *parts]) + "."


def _listed(columns: Importance, picked: Any) -> str:
    names = [str(name) for name in columns.columns[picked]]
    if len(names) > SAID:
        names = [*names[: SAID - 1], f"{len(names) - SAID + 1} others"]
    return joined(names)


def _too_few(case: Case, columns: Importance) -> str:
    first = int(columns.order[0])
    return (
        f"Too few {case.called}s to say what each input adds: {columns.columns[first]} costs most, "
        f"{percent(float(columns.relative[first]))} of the {_whole(case)}, without an interval."
    )


def _whole(case: Case) -> str:
    return "score" if case.targets is not None else "answers' spread"


def _evidence(case: Case, found: Measured, columns: Importance) -> str:
    settings = columns.settings
    networks = f", {settings['networks']} members" if settings["networks"] > 1 else ""
    text = (
        f"Permutation importance: one column of a {case.called} at a time, its steps in their order, "
        f"taken from another {case.called} ({case.rows} {case.called}s, {settings['repeats']} others "
        f"each{networks}); the loss ({settings['loss']}) is {figure(columns.full)}, and "
        f"{figure(columns.full + columns.score)} for one answer for all, which is what the "
        f"{_whole(case)} is counted from: above 100 % the answers become worse than that."
    )
    if case.adds_to:
        text += (
            f" The answers are what the network adds to {case.adds_to}, in units of the {case.called}'s "
            "spread; that level stays as it is, whatever column is taken from another."
        )
    if np.isnan(columns.low).all():
        text += (
            f" An interval needs {MIN_GROUPS} {case.called}s or more that do not resemble their "
            "neighbours too much."
        )
    ways = found.results.get("integrated_gradients")
    if isinstance(ways, IntegratedGradients) and not np.isnan(ways.share).all():
        shares = [f"{ways.columns[n]} {percent(float(ways.share[n]))}" for n in ways.order[:SAID]]
        text += (
            " Integrated gradients, of what moves the answers from those to "
            f"{ways.settings['baseline']}: {joined(shares)} (the parts add up within "
            f"{percent(ways.error)})."
        )
    elif (reason := found.skipped.get("integrated_gradients")) is not None:
        text += f" No integrated gradients: {reason.removeprefix('integrated_gradients: ')}."
    return text


def going_together(case: Case, found: Measured) -> Finding | None:
    """Return what columns that go together are worth together, beside what each is alone."""
    columns = found.results.get("importance")
    if not isinstance(columns, Importance) or not columns.groups:
        return None
    told = [_group(columns, place) for place in range(min(len(columns.groups), SAID))]
    return Finding(
        f"Columns that go together: {'; '.join(told)}.",
        f"Each two of a group have a rank correlation of {figure(columns.settings['correlated'])} or "
        f"more, or of minus that; together means taken from one other {case.called}. Where that costs "
        "more than one at a time, they stand in for each other; where it costs less, one at a time "
        "brings pairs that never occur, and the figure together is the one to believe.",
        "which of them the network reads may depend on the seed; the group's figure hardly does",
        certain(float(columns.group_high[0] - columns.group_low[0]), 1.0, case.rows),
        topic="inputs together",
        rests_on=("importance",),
    )


def _group(columns: Importance, place: int) -> str:
    group = columns.groups[place]
    names = [str(columns.columns[n]) for n in group]
    strongest = max(
        (columns.correlation[a, b] for a in group for b in group if a < b), key=abs, default=np.nan
    )
    low, high = columns.group_low[place], columns.group_high[place]
    ends = "" if np.isnan(low) else f" ({figure(100 * low)}–{figure(100 * high)})"
    alone = joined([percent(float(columns.relative[n])) for n in group[:SAID]])
    return (
        f"{joined(names[:SAID])} (rank correlation {figure(float(strongest))}) cost "
        f"{percent(float(columns.group_relative[place]))}{ends} together, {alone} one at a time"
    )


def by_target(case: Case, found: Measured) -> Finding | None:
    """Return which column counts most for each target."""
    columns = found.results.get("importance")
    if not isinstance(columns, Importance) or len(columns.targets) < 2:
        return None
    told = [
        f"{columns.columns[int(np.argmax(row))]} for {name} ({percent(float(row.max()))})"
        for name, row in zip(columns.targets, columns.by_target, strict=True)
        if np.isfinite(row).all()
    ]
    if len(told) < 2:
        return None
    return Finding(
        f"By target, what counts most: {joined(told)}.",
        "The same measurement, as a share of each target's own score.",
        "these shares have no interval",
        "low" if case.rows < 30 else "medium",
        topic="inputs by target",
        rests_on=("importance",),
    )


def ranked_otherwise(case: Case, found: Measured) -> Finding | None:
    """Return a warning where the two measures surely rank two columns the other way round."""
    columns = found.results.get("importance")
    ways = found.results.get("integrated_gradients")
    if not isinstance(columns, Importance) or not isinstance(ways, IntegratedGradients):
        return None
    count = range(len(columns.columns))
    turned = [
        (int(a), int(b))
        for a in count
        for b in count
        if columns.low[a] > columns.high[b] and ways.high[a] < ways.low[b]
    ]
    if not turned:
        return None
    a, b = max(turned, key=lambda pair: columns.relative[pair[0]] - columns.relative[pair[1]])
    one, other = str(columns.columns[a]), str(columns.columns[b])
    return Finding(
        f"Integrated gradients rank them otherwise: {other} before {one} "
        f"({percent(float(ways.share[b]))} against {percent(float(ways.share[a]))} of what moves the "
        f"answers), while without {one} more of the {_whole(case)} is lost.",
        "Both orders are beyond their intervals. Permutation asks what the score rests on, integrated "
        f"gradients what takes an answer away from that to {ways.settings['baseline']}.",
        "what moves an answer need not make it better, and columns that go together share the gradient: "
        "trust the permutation for what the score needs",
        "medium",
        "warn",
        topic="inputs ranked",
        rests_on=("importance", "integrated_gradients"),
    )


def input_figures(found: Measured) -> dict[str, Any]:
    """Return the figures of the sentences: what each column is worth, and the first of them."""
    columns = found.results.get("importance")
    if not isinstance(columns, Importance):
        return {}
    names = [str(name) for name in columns.columns]
    return {
        "inputs": dict(zip(names, columns.relative.tolist(), strict=True)),
        "inputs_low": dict(zip(names, columns.low.tolist(), strict=True)),
        "inputs_high": dict(zip(names, columns.high.tolist(), strict=True)),
        "first_input": names[int(columns.order[0])],
    }
