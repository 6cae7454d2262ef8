"""The three views of memory side by side, and whether they say the same.

Gate reach: how far back the gates alone would hold something. Gradient reach: how far back a small
change is felt. Horizon, by intervention: how far back a replaced input changes the answer. Each is a
number of steps, by the same bar of a twentieth of the largest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gatewise.explaining.measuring import Measured
from gatewise.memory import Connectivity, Highway, Horizon, RetentionCurve, Transplant
from gatewise.memory.result import FELT
from gatewise.report import Unit
from gatewise.wording import layer_name

ALIKE = 2.0
"""Two views within this factor of each other, or within two steps, say the same."""


@dataclass(frozen=True)
class Reach:
    """How far back one view sees; `at_least` where it is as far as it could look."""

    steps: int
    at_least: bool = False
    low: float = math.nan
    high: float = math.nan

    def far(self) -> float:
        """Return the steps to compare with; infinity where the view has no end."""
        return math.inf if self.at_least else float(self.steps)


@dataclass(frozen=True)
class Views:
    """The three views; None where a cell has no gate that keeps, or inputs have no gradient.

    Attributes:
        gate, gradient, intervention: How far back each sees.
        path: What the Jacobian says carries it over the boundary: "cell", "recurrent", "both",
            "cancelled" or "none"; "" where it was not taken.
        where: Which Jacobian that is, such as "dc/dc in layer 1 of 2"; "" where none was taken.
        carrier: What the transplant says: "cell", "hidden", "each", "together", "none"; or "".
    """

    gate: Reach | None
    gradient: Reach | None
    intervention: Reach
    path: str
    where: str
    carrier: str
    one_state: bool = False  # h alone, which the gates keep: GRU and RNN

    @property
    def gate_alike(self) -> bool:
        """Whether the gate path reaches as far as interventions do; True where there is none."""
        return self.gate is None or alike(self.gate, self.intervention)

    @property
    def gate_shorter(self) -> bool:
        """Whether the gates alone would hold for fewer steps than interventions reach."""
        return self.gate is not None and self.gate.far() < self.intervention.far()

    @property
    def gradient_alike(self) -> bool:
        """Whether the gradient does."""
        return self.gradient is None or alike(self.gradient, self.intervention)

    @property
    def carrier_alike(self) -> bool:
        """Whether transplant and Jacobian name the same carrier; True where nothing is carried."""
        if not self.intervention.steps:
            return True
        if self.one_state:
            return (self.path, self.carrier) != ("none", "hidden")
        return (self.path, self.carrier) not in (
            ("cell", "hidden"),
            ("recurrent", "cell"),
            ("none", "cell"),
            ("none", "hidden"),
            ("none", "each"),
            ("none", "together"),
        )

    @property
    def agree(self) -> bool:
        """Whether all that was measured says the same."""
        return self.gate_alike and self.gradient_alike and self.carrier_alike


def alike(one: Reach, other: Reach) -> bool:
    """Return whether two reaches are the same within a factor of two, two steps, or an interval."""
    if one.at_least or other.at_least:
        shorter, longer = sorted((one, other), key=Reach.far)
        return shorter.at_least or shorter.steps * ALIKE >= longer.steps
    if other.low <= one.steps <= other.high:
        return True
    low, high = sorted((one.steps, other.steps))
    return high - low <= 2 or high <= ALIKE * low


def views_of(found: Measured, steps: int) -> Views:
    """Return the three views from what was measured."""
    lags = found.results["horizon"]
    assert isinstance(lags, Horizon)
    intervention = Reach(
        lags.steps if lags.depends else 0, lags.at_least and lags.depends, lags.low, lags.high
    )
    moved = found.results.get("transplant")
    module, jacobian = _furthest(found)
    return Views(
        gate=_gate(found, steps),
        gradient=_gradient(found, steps),
        intervention=intervention,
        path=_path(jacobian, found.before),
        where=_where(jacobian, found.said(module) if len(found.names) > 1 else ""),
        carrier=moved.carrier if isinstance(moved, Transplant) and lags.depends else "",
        one_state=isinstance(moved, Transplant) and "both" not in moved.share,
    )


def _gate(found: Measured, steps: int) -> Reach | None:
    """Return the largest lag at which some unit keeps a twentieth by its gates alone."""
    curves = list(found.of_modules("retention_curve").values())
    reaches = [_longest(curve) for curve in curves if isinstance(curve, RetentionCurve)]
    if not reaches:
        return None
    longest = max(reaches)
    return Reach(longest, at_least=longest >= steps - 1 - found.run_in)


def _longest(curve: RetentionCurve) -> int:
    kept = curve.curve.reshape(-1, len(curve.lags))
    with np.errstate(invalid="ignore"):
        felt = (kept > FELT).any(axis=0)
    return int(curve.lags[np.nonzero(felt)[0][-1]]) if felt.any() else 0


def _gradient(found: Measured, steps: int) -> Reach | None:
    connectivity = found.results.get("connectivity")
    if not isinstance(connectivity, Connectivity):
        return None
    if not connectivity.curve.any():
        return Reach(0)
    back = max(connectivity.reach, 0)
    low, high = connectivity.reach_low, connectivity.reach_high
    return Reach(back, back >= int(connectivity.lags[-1]), low, high)


def _furthest(found: Measured) -> tuple[str, Highway | None]:
    """Return the module that the Jacobian reaches furthest in, and its highway."""
    highways = {
        k: one for k, one in found.of_modules("highway").items() if isinstance(one, Highway)
    }
    return max(highways.items(), key=lambda item: item[1].reach) if highways else ("", None)


def _path(jacobian: Highway | None, before: int) -> str:
    """Return what the Jacobian over the steps after the boundary says."""
    if jacobian is None:
        return ""
    place = min(int(np.searchsorted(jacobian.lags, before)), len(jacobian.lags) - 1)
    if not jacobian.gain[place] >= FELT:
        return "none"
    ratio = float(jacobian.ratio[place])
    if ratio > 2:
        return "cancelled"
    return "cell" if ratio >= 0.5 else "recurrent" if ratio < 0.1 else "both"


def _where(jacobian: Highway | None, module: str) -> str:
    if jacobian is None:
        return ""
    symbol = jacobian.settings["symbol"]
    text = f"d{symbol}/d{symbol}"
    if (layers := jacobian.settings["layers"]) > 1:
        text += f" in {layer_name(jacobian.settings['layer'])} of {layers}"
    return f"{text} of {module}" if module else text


def said(reach: Reach, unit: Unit) -> str:
    """Return a reach in words."""
    return f"{'at least ' if reach.at_least else ''}{unit.counted(reach.steps)}"


def compared_figures(views: Views) -> dict[str, object]:
    """Return the views as figures by name."""
    return {
        "gate_reach": None if views.gate is None else views.gate.steps,
        "gate_reach_at_least": views.gate is not None and views.gate.at_least,
        "gradient_reach": None if views.gradient is None else views.gradient.steps,
        "carrier": views.carrier or None,
        "gradient_path": views.path or None,
        "views_agree": views.agree,
    }
