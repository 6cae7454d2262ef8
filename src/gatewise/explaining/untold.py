"""The sentences on what an explanation does not tell: what was not measured, or not looked at."""

from __future__ import annotations

from gatewise.explaining.case import Case
from gatewise.explaining.finding import Finding
from gatewise.explaining.measuring import Measured, scoreless
from gatewise.memory.intervals import MIN_GROUPS
from gatewise.wording import joined

ASKED = {
    "transplant": "which state carries it",
    "ablation": "what a wiped state costs",
    "context_need": "the window needed",
    "idle_units": "idle units",
    "connectivity": "the gradient",
    "highway": "the gradient through the state",
    "direction_share": "what each direction is worth",
    "horizon_ahead": "how far ahead it reads",
    "importance": "which input matters",
    "integrated_gradients": "which input moves the answers",
    "gate_timescale": "gate timescales",
    "retention_curve": "what gates alone would hold",
    "saturation": "stuck gates",
    "still_units": "units that never move",
    "redundancy": "units that repeat others",
    "state_health": "states that grow",
}
"""What each result would have told."""


def left_out(case: Case, found: Measured) -> Finding | None:
    """Return what is not told and why, where the model or its inputs do not allow it."""
    if not found.skipped:
        return None
    said = {
        name: ASKED.get(name.split("[")[0], "horizon")
        + (f" of {found.called.get(of, of)}" if (of := name[:-1].partition("[")[2]) else "")
        for name in found.skipped
    }
    # One clause for all that fails for one reason: a reader meets it once.
    why = scoreless(case)
    alike = [said[name] for name, reason in found.skipped.items() if reason == why]
    others = [said[name] for name, reason in found.skipped.items() if reason != why]
    clauses = [f"{joined(alike)}, since {why}"] if alike else []
    clauses += [joined(others)] if others else []
    return Finding(
        f"Not told: {'; '.join(clauses)}.",
        " ".join(
            f"{said[name][:1].upper()}{said[name][1:]}: {reason}."
            for name, reason in found.skipped.items()
        ),
        topic="left out",
    )


def sampled(case: Case) -> Finding | None:
    """Return what was left out, where it could change what the sentences say."""
    every, whole = case.chosen.get("rows_of", case.rows), case.chosen.get("steps_of", case.steps)
    if case.steps < whole:
        return Finding(
            f"Only the last {case.unit.counted(case.steps)} of {whole:,} were looked at: memory further "
            "back than that cannot be seen here.",
            f"{case.rows:,} of {every:,} rows; the budget allows no more.",
            "a larger budget looks at more",
            tone="warn",
            topic="sample",
        )
    if case.rows < MIN_GROUPS:
        return Finding(
            f"{case.rows} rows are too few for intervals: at least {MIN_GROUPS} are needed.",
            f"{case.rows:,} of {every:,} rows of {whole:,} steps.",
            tone="warn",
            topic="sample",
        )
    return None
