"""Pictures of what `gatewise.memory` found: each panel alone, and the page of memory.

    ax = figures.horizon(result)  # a figure of its own: ax.figure.savefig("horizon.png")
    figures.horizon(result, ax=axes[0])  # or in axes of yours

Every panel takes a result and returns the matplotlib axes. Two arguments are the same for all of them:

Args:
    ax: The axes to draw in; without them the panel makes a figure of its own.
    caption: Whether the result's reading and its caveat stand below the panel.

Needs matplotlib (the extra `figures`); pyplot is not used.
"""

from __future__ import annotations

from gatewise.figures.bars import (
    ablation,
    direction_share,
    probe,
    redundancy,
    training_drift,
    transplant,
)
from gatewise.figures.curves import context_need, curve, highway, horizon, state_health, three_views
from gatewise.figures.heatmaps import connectivity, ledger, retention_curve, traffic
from gatewise.figures.inputs import importance, integrated_gradients
from gatewise.figures.page import draw, memory_page
from gatewise.figures.units import gate_timescale, idle_units, saturation

__all__ = [
    "ablation",
    "connectivity",
    "context_need",
    "curve",
    "direction_share",
    "draw",
    "gate_timescale",
    "highway",
    "horizon",
    "idle_units",
    "importance",
    "integrated_gradients",
    "ledger",
    "memory_page",
    "probe",
    "redundancy",
    "retention_curve",
    "saturation",
    "state_health",
    "three_views",
    "traffic",
    "training_drift",
    "transplant",
]
