"""The sentences on memory itself: how long, what carries it, whether the views agree, which window."""

from __future__ import annotations

from gatewise import memory
from gatewise.explaining.case import Case
from gatewise.explaining.confidence import certain, level_of, sureness
from gatewise.explaining.finding import Finding
from gatewise.explaining.measuring import Measured
from gatewise.explaining.views import Views, said
from gatewise.report import Unit
from gatewise.wording import figure, percent, span

LITTLE = 0.25
"""Of what one state carries, less than this makes the other one "not"."""


def remembered(case: Case, found: Measured) -> Finding:
    """Return how far back the answer depends on the input: the headline."""
    lags = found.results["horizon"]
    assert isinstance(lags, memory.Horizon)
    evidence = (
        f"Memory horizon: the input of one {case.unit.noun} at a time replaced by another one of the "
        f"data, {case.rows} {case.called}s of {case.unit.counted(case.steps)}; the furthest back whose "
        f"effect is above 5 % of the largest ({level_of(lags)})."
    )
    beside = ""
    if case.adds_to:
        # The figures are of the network: a forecast leans on its level however short they are.
        beside = f", beside {case.adds_to}"
        evidence += f" The network adds to {case.adds_to}: that level is no part of these figures."
    sentence, tone = f"Remembers {duration(lags, case.unit)}{beside}.", "good"
    if not lags.depends:
        sentence, tone = (
            f"Remembers nothing{beside}: the answer does not depend on the input at all.",
            "warn",
        )
    elif lags.at_least:
        sentence = (
            f"Remembers {duration(lags, case.unit)}{beside}, as far as the inputs reach"
            f"{' without their start' if lags.run_in else ''}: longer ones would show where it ends."
        )
    elif lags.steps == 0:
        known = span(lags.low, lags.high)
        sentence = f"Remembers nothing{beside}: only the current {case.unit.noun} counts{known}."
        tone = "warn"
    sentence += of_start(case, lags)
    if lags.rows_there < min(int(lags.rows.max()), case.rows):
        evidence += (
            f" Only {lags.rows_there} {case.called}s are so long that they have such an input."
        )
    caveat = lags.caveat_in(case.unit)
    free = independent(case, lags)
    if free < case.rows:
        caveat += (
            f"; the windows overlap, only about {free} lie further apart than this memory, so that the "
            "interval is narrower than that of new data"
        )
    return Finding(
        sentence,
        evidence,
        caveat,
        sureness(lags, free),
        tone,  # type: ignore[arg-type]  # one of the three
        topic="memory",
        rests_on=("horizon",),
    )


def of_start(case: Case, lags: memory.Horizon) -> str:
    """Return what is said of the start of the rows where it would have been taken for memory."""
    if not lags.run_in or lags.start <= float(lags.settings["share"]):
        return ""
    return (
        f" The first {case.unit.counted(lags.run_in)} of each {case.called} are left out: there the "
        "network begins with no state, and what they change is no memory."
    )


def independent(case: Case, lags: memory.Horizon) -> int:
    """Return how many rows that are long enough share nothing that counts.

    Of windows, those further apart than the memory is long.
    """
    rows = min(int(lags.settings["rows"]), lags.rows_there)
    if case.successive is None:
        return rows
    return min(rows, case.successive // max(lags.steps, 1))


def duration(lags: memory.Horizon, unit: Unit) -> str:
    """Return "about 37 days (31–44)", or "at least 179 days (interval from 70)"."""
    if lags.at_least:
        known = ""
        if lags.low < lags.steps:  # False without an interval
            known = f" (interval from {unit.of_interval(lags.steps, lags.low)})"
        return f"at least {unit.counted(lags.steps)}{known}"
    return f"about {unit.spanned(lags.steps, lags.low, lags.high)}"


def carried(case: Case, found: Measured, views: Views) -> Finding | None:
    """Return which state carries the memory: by transplant, with what the Jacobian says beside it."""
    moved = found.results.get("transplant")
    if (
        not isinstance(moved, memory.Transplant)
        or not views.carrier
        or not views.intervention.steps
    ):
        return None
    kinds = set(found.cells.values())
    alone = "both" not in moved.share
    clear = _clear(moved, views.carrier)
    sentence = {
        "cell": "The cell carries it: c, not h"
        if clear
        else "The cell carries most of it: c more than h",
        "hidden": "The hidden state carries it: h, not the cell c"
        if clear
        else "The hidden state carries most of it: h more than the cell c",
        "each": "Both states carry it, each on its own: c as well as h",
        "together": "Neither state carries it alone: c and h do together",
        "none": f"The state carries next to nothing over the last {case.unit.counted(found.before)}: "
        "the inputs after it decide",
    }[views.carrier]
    if alone and views.carrier == "hidden":
        sentence = f"The hidden state carries it: the only state of a {_kinds(kinds)}"
    paths = {
        "cell": "through the gates' own path",
        "recurrent": "through the recurrent weights W_hh, past the gates",
        "both": "partly through the gates, partly through W_hh",
        "cancelled": "through the gates, partly undone by W_hh",
    }
    # Near the end the gates may carry what they would have lost over the whole horizon.
    doubtful = views.path == "cell" and not views.gate_alike and views.gate_shorter
    if views.path in paths and views.carrier != "none" and views.carrier_alike and not doubtful:
        sentence += f", {paths[views.path]}"
    shares = ", ".join(
        f"{_state(name)} {percent(value)}{_share_span(moved, name)}"
        for name, value in moved.share.items()
    )
    evidence = (
        f"State transplant {case.unit.counted(found.before)} before the end: how far another run's "
        f"answer follows the state put in: {shares}."
    )
    if isinstance(wiped := found.results.get("ablation"), memory.Ablation):
        evidence += _wiped(wiped)
    known = moved.share.get("both", moved.share["hidden"])
    sure = "low" if case.rows < 10 else "high" if known > 0.5 and clear else "medium"
    return Finding(
        f"{sentence}.",
        evidence,
        moved.caveat,
        sure,  # type: ignore[arg-type]
        "plain",
        topic="carrier",
        rests_on=tuple(name for name in ("transplant", "ablation") if name in found.results),
    )


def compared(case: Case, found: Measured, views: Views) -> Finding | None:
    """Return the three views side by side, with a warning where they disagree, and what that means."""
    parts = [
        (view, reach)
        for view, reach in (
            ("gate reach", views.gate),
            ("gradient reach", views.gradient),
            ("horizon", views.intervention),
        )
        if reach is not None
    ]
    if len(parts) < 2:
        return None
    side = ", ".join(f"{view} {said(reach, case.unit)}" for view, reach in parts)
    reasons = _reasons(case, found, views)
    head = "The views agree" if views.agree else "The views disagree"
    sentence = f"{head}: {side}."
    if reasons:
        sentence += " " + " ".join(reasons)
    return Finding(
        sentence,
        "How far back each view sees, down to a twentieth of the largest. Gate reach: what the unit "
        "that holds longest keeps by its gates alone; gradient reach: |dy/dx| of the whole model; "
        "horizon: what replaced inputs change."
        + (
            f" Path of the Jacobian {views.where} at the transplant: {views.path}."
            if views.path
            else ""
        ),
        "the three measure different things: within a factor of two they are said to agree; where they "
        "do not, the intervention says what the network does",
        "medium" if case.rows >= 10 else "low",
        "plain" if views.agree else "warn",
        topic="views",
        rests_on=tuple(
            name
            for name in found.results
            if name.split("[")[0] in ("retention_curve", "connectivity", "highway")
            or name == "horizon"
        ),
    )


def _reasons(case: Case, found: Measured, views: Views) -> list[str]:
    """Return what each disagreement means."""
    reasons = []
    real = views.intervention
    lags = found.results["horizon"]
    depends = isinstance(lags, memory.Horizon) and lags.depends
    if not views.gate_alike and views.gate is not None:
        reasons.append(_gate_reason(case, views, depends))
    if not views.gradient_alike and views.gradient is not None:
        reasons.append(
            "Small changes fade sooner than whole inputs do: the gradient understates the memory, as it "
            "does where a network latches."
            if views.gradient.far() < real.far()
            else "Small changes are felt further back than whole inputs count."
        )
    if not views.carrier_alike:
        reasons.append(_path_reason(views))
    return reasons


def _gate_reason(case: Case, views: Views, depends: bool) -> str:
    assert views.gate is not None
    if views.gate_shorter:
        how = (
            "the recurrent weights carry it"
            if views.path in ("recurrent", "both") or views.carrier == "hidden"
            else "it does not travel by the gates' own path alone"
        )
        return f"The gates alone would have lost it after {said(views.gate, case.unit)}: {how}."
    if not depends:
        return "The gates could hold something, but nothing of the input is written and read."
    return (
        "The gates could hold longer than the answer makes use of: what they hold is overwritten, "
        "drowned or not read."
    )


def _path_reason(views: Views) -> str:
    by = {"cell": "the cell c", "hidden": "the hidden state h"}.get(
        views.carrier, "the state, c and h,"
    )
    if views.path == "none":
        return f"The transplant shows that {by} carries it, while the gradient has vanished there."
    way = "the recurrent weights" if views.path == "recurrent" else "the cell's own path"
    return f"The transplant shows that {by} carries it, while the gradient runs through {way}."


def windowed(case: Case, found: Measured) -> Finding | None:
    """Return which window loses next to nothing."""
    need = found.results.get("context_need")
    if not isinstance(need, memory.ContextNeed):
        return None
    of = "score" if case.targets is not None else "answers' spread"
    lost = f"under {percent(need.tolerance)} of the {of}"
    if need.at_least:
        sentence = (
            f"Every {case.unit.noun} of the {case.unit.counted(case.steps)} counts: any shorter window "
            f"tried would lose {percent(need.tolerance)} of the {of} or more."
        )
    else:
        length = case.unit.spanned(need.steps, need.low, need.high)
        sentence = f"A window of {length} would lose {lost}."
    evidence = (
        f"Context need: {need.settings['loss']} from a fresh state with the last of "
        f"{case.unit.counted(case.steps)}, against all of them (loss {figure(need.full)})."
    )
    return Finding(
        sentence,
        evidence,
        need.caveat,
        certain(need.high - need.low, need.steps, case.rows),
        topic="window",
        rests_on=("context_need",),
    )


OTHER = {"cell": "hidden", "hidden": "cell"}


def _clear(moved: memory.Transplant, carrier: str) -> bool:
    """Return whether the other state carries next to nothing: under a quarter, and surely less."""
    other = OTHER.get(carrier)
    if other is None or other not in moved.share:
        return True  # nothing is said of one state against the other
    little = moved.share[other] < LITTLE * moved.share[carrier]
    return (
        little and not moved.high[other] >= moved.low[carrier]
    )  # without intervals, by the shares


def _wiped(ablation: memory.Ablation) -> str:
    """Return what the answer loses with each state at the same moment."""
    if ablation.spread == 0:
        return ""
    parts = ", ".join(
        f"{_state(name)} by {percent(value)}{span(100 * ablation.low[name], 100 * ablation.high[name])}"
        for name, value in ablation.relative.items()
    )
    return (
        f" Wiped at that moment, it moves the answer, of the distance between two rows': {parts}."
    )


def _state(name: str) -> str:
    return {"cell": "c", "hidden": "h"}.get(name, name)


def _share_span(moved: memory.Transplant, name: str) -> str:
    return span(100 * moved.low[name], 100 * moved.high[name])


def _kinds(kinds: set[str]) -> str:
    return "/".join(sorted(_kind(kind) for kind in kinds)) or "network"


def _kind(cell: str) -> str:
    """Return how a cell's name is written: "RNN" of "rnn_tanh", "LEAKY RNN" of "leaky_rnn"."""
    return cell.removesuffix("_tanh").removesuffix("_relu").replace("_", " ").upper()
