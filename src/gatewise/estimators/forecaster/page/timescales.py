"""Gate timescales in one sentence."""

from __future__ import annotations

import numpy as np

from gatewise.estimators.forecaster.results import GateTimescales
from gatewise.report.units import time_scale
from gatewise.unit import Unit
from gatewise.wording import number


def timescales_sentence(timescales: GateTimescales) -> str:
    """Return the median and the longest timescale in words."""
    known = timescales.steps[~np.isnan(timescales.steps)]
    if not known.size:
        return "No unit has a timescale that can be read off."
    median, longest = float(np.median(known)), float(np.max(known))
    each, many = time_scale(known, Unit.of(timescales.step_text))
    return f"Median {number(median * each, 2)} {many}, longest {number(longest * each, 2)}."
