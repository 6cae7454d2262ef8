"""Why a seed was not solved: the stage that it stood at, and the gate that is to blame there.

What a unit holds at the end is its write at the mark, and the sum of what it wrote at all other steps,
which is about the root of their number times one of them. Right answers need the first to stand out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

LEAST = 5.0
"""Times that a write at the mark has to be the noise of all others."""
LOST = 3.0
"""Time constants in a sequence, of the unit that keeps longest, from which on a state is lost."""
LEARNT = 0.5
"""Mean loss of a batch, in nats, from which on nothing was learnt: guessing a bit has .69."""


def cause_of(entry: Mapping[str, Any]) -> str:
    """Return the cause in a few words, of a seed's kept figures; "" where it was solved."""
    if entry.get("solved"):
        return ""
    stood = int(entry["longest"])
    return f"at {stood:,} steps: {_cause(entry, stood)}"


def _cause(entry: Mapping[str, Any], steps: int) -> str:
    if entry["loss"] > LEARNT and len(entry["stages"]) == 1:
        return "nothing was learnt"
    if "leak" not in entry:
        return f"loss {entry['loss']:.2g} when the budget was spent"
    if entry["leak"][0] * steps > LOST:
        return "the gate that keeps lets the state go"
    times = max(entry["written"]) / (entry["written elsewhere"] * math.sqrt(steps))
    if times < LEAST:
        return f"the gate that writes opens too little at the mark: {times:.1f} times the noise"
    if "accuracy" not in entry:
        return f"loss {entry['loss']:.2g}, with gates as they have to be, when the budget was spent"
    return (
        f"{entry['accuracy']:.3f} right, with gates as they have to be, when the budget was spent"
    )
