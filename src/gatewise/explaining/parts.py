"""The sentences on what the network is made of, and on targets, groups of rows and other seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gatewise import memory
from gatewise.cells import CELLS
from gatewise.explaining.case import MOST_GROUPS, Case
from gatewise.explaining.confidence import apart, certain, sureness
from gatewise.explaining.finding import Finding
from gatewise.explaining.measuring import Measured
from gatewise.explaining.remembering import duration, independent
from gatewise.memory.interventions.spare import SpareUnits
from gatewise.wording import joined, percent, span

STUCK = 0.95
"""A gate that is nearly closed or open at more than this share of the steps is called stuck."""


def idle(case: Case, found: Measured) -> Finding | None:
    """Return how many units could go."""
    units = found.results.get("idle_units")
    if not isinstance(units, memory.IdleUnits):
        return None
    total = len(units.names)
    spare = found.results["spare_units"]
    assert isinstance(spare, SpareUnits)
    evidence = [f"Each unit held at its mean, {case.rows} {case.called}s."]
    for name, one in found.of_modules("redundancy").items():
        said = found.said(name)
        where = f"{said[:1].upper()}{said[1:]}: " if len(found.names) > 1 else ""
        evidence.append(where + one.reading)
    names = [
        "idle_units",
        "spare_units",
        *(found.keyed("redundancy", name) for name in found.names),
    ]
    return Finding(
        _idle_sentence(units, spare),
        " ".join(evidence),
        spare.caveat,
        # What can go at once has no interval: that of the units idle one at a time stands in for it.
        certain(units.count_high - units.count_low, total, case.rows),
        "warn" if spare.count > total / 2 else "plain",
        topic="units",
        rests_on=tuple(name for name in names if name in found.results),
    )


def _idle_sentence(units: memory.IdleUnits, spare: SpareUnits) -> str:
    against, most, total = units.settings["against"], percent(units.threshold), len(units.names)
    if not spare.count:
        return f"0 of {total} units idle: without any one of them over {most} of {against} is lost."
    some = "it is" if spare.count == 1 else "all of them are"
    sentence = (
        f"{spare.count} of {total} units idle: while {some} held at the mean, under {most} of {against} "
        "is lost."
    )
    if units.count > spare.count:
        sentence += (
            f" One at a time {units.count}{span(units.count_low, units.count_high)} could be held, but "
            f"they stand in for each other: all of those at once cost {percent(units.together)}."
        )
    return sentence


def stuck(case: Case, found: Measured) -> Finding | None:
    """Return which gate is saturated most often, and at how many units it never leaves saturation."""
    worst = saturated(found)
    if worst is None:
        return None
    name, gate, share = worst
    stuck_gates = found.of_modules("saturation")[name]
    # A gate that is always open may be what a long memory takes, so that alone is no warning.
    keeps = any(term == gate for term, _ in CELLS[found.cells[name]].terms("keep"))
    both = stuck_gates.closed[gate] + stuck_gates.opened[gate]
    where = f" of {found.said(name)}" if len(found.names) > 1 else ""
    count = int((both > STUCK).sum())
    opened, closed = np.nanmean(stuck_gates.opened[gate]), np.nanmean(stuck_gates.closed[gate])
    side = "open" if opened >= closed else "closed"
    sentence = (
        f"No gate is stuck: the {gate} gate{where}, the most saturated, is nearly closed or open "
        f"at {percent(float(np.nanmean(both)))} of the steps."
        if count == 0
        else f"The {gate} gate{where} is stuck at {count} of {both.size} units, mostly {side}: it is "
        f"nearly closed or open there at more than {percent(STUCK)} of the steps."
    )
    return Finding(
        sentence,
        stuck_gates.reading,
        stuck_gates.caveat,
        "medium",
        "warn" if share > 0.5 and not keeps else "plain",
        topic="gates",
        rests_on=(found.keyed("saturation", name),),
    )


def saturated(found: Measured) -> tuple[str, str, float] | None:
    """Return the module and gate with the largest share of stuck units, and that share."""
    worst: tuple[str, str, float] | None = None
    least = -1.0
    for name, result in found.of_modules("saturation").items():
        for gate in result.closed:
            both = result.closed[gate] + result.opened[gate]
            if np.isnan(both).all():
                continue
            share = float((both > STUCK).mean())
            rank = share + 1e-3 * float(np.nanmean(both))
            if rank > least:
                least, worst = rank, (name, gate, share)
    return worst


def growing(found: Measured) -> Finding | None:
    """Return a warning where states grow over the steps, and nothing where they do not."""
    for name, health in found.of_modules("state_health").items():
        assert isinstance(health, memory.StateHealth)
        if not health.growing.any():
            continue
        where = f" of {found.said(name)}" if len(found.names) > 1 else ""
        return Finding(
            f"The state{where} still grows at {int(health.growing.sum())} of {health.growing.size} "
            "units when the inputs end: longer sequences may lead it where it has not been.",
            health.reading,
            health.caveat,
            "medium",
            "warn",
            topic="growth",
            rests_on=(found.keyed("state_health", name),),
        )
    return None


def directions(found: Measured) -> Finding | None:
    """Return what each direction of a bidirectional model is worth."""
    share = found.results.get("direction_share")
    if not isinstance(share, memory.DirectionShare):
        return None
    return Finding(
        share.reading,
        "Each direction replaced by its mean.",
        share.caveat,
        "medium",
        topic="directions",
        rests_on=("direction_share",),
    )


def ahead(case: Case, found: Measured) -> Finding | None:
    """Return how far ahead a model with both directions reads, where every step has an answer."""
    lags = found.results.get("horizon_ahead")
    if not isinstance(lags, memory.Horizon):
        return None
    told = f"Reads ahead {duration(lags, case.unit)}."
    if not lags.depends or lags.steps == 0:
        told = f"Reads nothing ahead: no later {case.unit.noun} changes the answer at a step."
    elif lags.at_least:
        told = f"Reads ahead {duration(lags, case.unit)}, as far as the inputs reach."
    return Finding(
        told,
        f"The memory horizon of the reverse direction: the input of one {case.unit.noun} at a time "
        f"replaced after the first step of {case.rows} {case.called}s, by the same bar of 5 %.",
        lags.caveat_in(case.unit),
        sureness(lags, case.rows),
        topic="ahead",
        rests_on=("horizon_ahead",),
    )


def by_target(case: Case, found: Measured) -> Finding | None:
    """Return the horizon of each target, the longest first."""
    return _several(
        case,
        {name: found.results.get(f"horizon[{name}]") for name in case.outputs},
        "By target",
        "targets",
        "",
    )


def by_group(case: Case, found: Measured) -> Finding | None:
    """Return the horizon of each group of rows, the longest first."""
    note = (
        "rows of a group share their conditions and their inputs are replaced by one another's; "
        "what is 5 % of the largest effect differs from group to group"
    )
    if case.grouped_by == "season":
        note += "; seasons of the northern hemisphere, by the month in which the window ends"
    told = _several(
        case,
        {group.name: found.results.get(f"horizon[{group.name}]") for group in case.groups},
        f"By {case.grouped_by or 'group'}",
        "groups",
        note,
    )
    starts = [
        f"{group.name} ({percent(lags.start)} of the largest effect)"
        for group in case.groups
        if isinstance(lags := found.results.get(f"horizon[{group.name}]"), memory.Horizon)
        and lags.start > float(lags.settings["share"])
    ]
    if told is not None and starts:
        told = replace(
            told,
            evidence=f"{told.evidence} The first {case.unit.counted(found.run_in)} of each "
            f"{case.called}, where the network begins with no state, are left out; they would have "
            f"counted as memory for {joined(starts)}.",
        )
    left_out = case.chosen.get("by_left_out")
    if told is None or not left_out:
        return told
    # With all places taken, some of those left out may have had windows enough.
    why = "Too few windows" if len(case.groups) < MOST_GROUPS else "Not asked about"
    return replace(told, evidence=f"{told.evidence} {why}: {', '.join(left_out)}.")


def seeds(case: Case, found: Measured) -> Finding | None:
    """Return the horizons of the other members, the control for the seed."""
    names = [f"horizon[member {place + 2}]" for place in range(len(case.others))]
    others = [lags for name in names if isinstance(lags := found.results.get(name), memory.Horizon)]
    first = found.results["horizon"]
    if not others or not isinstance(first, memory.Horizon):
        return None
    lengths = [lags.steps if lags.depends else 0 for lags in (first, *others)]
    low, high = min(lengths), max(lengths)
    alike = high <= 2 * low or high - low <= 2
    words = joined([duration(lags, case.unit) if lags.depends else "nothing" for lags in others])
    return Finding(
        f"The other members, trained from other seeds, remember {words}: "
        + ("the same within a factor of two." if alike else "the figure depends on the seed."),
        "The same measurement on each member; every other sentence is on the first.",
        "members of one fit share their data and settings",
        "medium",
        "plain" if alike else "warn",
        topic="seeds",
        rests_on=("horizon", *(name for name in names if name in found.results)),
    )


def _several(
    case: Case, found: dict[str, Any], lead: str, topic: str, caveat: str
) -> Finding | None:
    horizons = {name: lags for name, lags in found.items() if isinstance(lags, memory.Horizon)}
    if len(horizons) < 2:
        return None
    falling = sorted(
        horizons, key=lambda name: -horizons[name].steps if horizons[name].depends else 1
    )
    order = falling if topic == "targets" else list(horizons)  # seasons in the order of the year
    parts = [
        f"{name} {duration(horizons[name], case.unit) if horizons[name].depends else 'nothing'}"
        for name in order
    ]
    first, last = falling[0], falling[-1]
    longest, shortest = horizons[first], horizons[last]
    differ = apart(longest, shortest)
    ending = {
        True: f"longest for {first}, shortest for {last}: their intervals do not overlap",
        False: "the intervals overlap, so that no difference is shown",
        None: "without intervals, so that no difference is shown",
    }[differ]
    # The longest and the shortest of several were picked after the fact: never sure.
    level = min(
        (sureness(lags, independent(case, lags)) for lags in horizons.values()),
        key=("low", "medium", "high").index,
    )
    level = "medium" if level == "high" else level
    return Finding(
        f"{lead}, it remembers: {'; '.join(parts)} ({ending}).",
        "; ".join(f"{name}: {horizons[name].settings['rows']} {case.called}s" for name in order)
        + ".",
        caveat or longest.caveat_in(case.unit),
        level if differ else "low",
        "plain",
        topic=topic,
        rests_on=tuple(f"horizon[{name}]" for name in order),
    )
