"""Gate timescales in one sentence."""

from __future__ import annotations

import numpy as np

from gatewise.estimators.forecaster.results import GateTimescales
from gatewise.unit import Unit
from gatewise.wording import number


def timescales_sentence(timescales: GateTimescales) -> str:
    """Return the median and the longest timescale in words."""
    known = timescales.steps[~np.isnan(timescales.steps)]
    if not known.size:
        return "No unit has a timescale that can be read off."
    unit = Unit.of(timescales.step_text)
    long = f"; one step is {unit.size}" if unit.size else ""
    return (
        f"Median {number(float(np.median(known)), 2)} {unit.plural}, longest "
        f"{number(float(np.max(known)), 2)}{long}."
    )
