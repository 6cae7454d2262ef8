"""The page of memory: a panel for each result; and the panel of any one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gatewise.errors import InputError, OptionError
from gatewise.figures import bars, curves, heatmaps, inputs, units
from gatewise.figures._canvas import INK, literal, new_figure
from gatewise.memory.drift import Drift
from gatewise.memory.gradients.highway_result import Highway
from gatewise.memory.interventions.ablation import Ablation
from gatewise.memory.interventions.connectivity_result import Connectivity
from gatewise.memory.interventions.context import ContextNeed
from gatewise.memory.interventions.direction import DirectionShare
from gatewise.memory.interventions.horizon_result import Horizon
from gatewise.memory.interventions.idle import IdleUnits
from gatewise.memory.interventions.importance_result import Importance
from gatewise.memory.interventions.integrated_result import IntegratedGradients
from gatewise.memory.interventions.probe import Probe
from gatewise.memory.interventions.transplant import Transplant
from gatewise.memory.records.health import StateHealth
from gatewise.memory.records.ledger import Ledger
from gatewise.memory.records.redundancy import Redundancy
from gatewise.memory.records.retention_curve import RetentionCurve
from gatewise.memory.records.saturation import Saturation
from gatewise.memory.records.timescale import GateTimescale
from gatewise.memory.records.traffic import Traffic
from gatewise.memory.result import Result
from gatewise.unit import Unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS: dict[type[Result], Callable[..., Axes]] = {
    Horizon: curves.horizon,
    ContextNeed: curves.context_need,
    Highway: curves.highway,
    GateTimescale: units.gate_timescale,
    Saturation: units.saturation,
    IdleUnits: units.idle_units,
    RetentionCurve: heatmaps.retention_curve,
    Traffic: heatmaps.traffic,
    Ledger: heatmaps.ledger,
    Connectivity: heatmaps.connectivity,
    Importance: inputs.importance,
    IntegratedGradients: inputs.integrated_gradients,
    Redundancy: bars.redundancy,
    Transplant: bars.transplant,
    Ablation: bars.ablation,
    Probe: bars.probe,
    DirectionShare: bars.direction_share,
    StateHealth: curves.state_health,
    Drift: bars.training_drift,
}
TIMED = (Horizon, GateTimescale, RetentionCurve)
"""The results whose panels take the lag of the task."""
IN_UNITS = (Horizon, ContextNeed, Highway, GateTimescale)
"""The results whose panels count steps in a unit of time."""
WIDTH, HEIGHT = 6.0, 4.6
"""Inches of one panel of the page, its caption included."""


def draw(result: Result, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw any result that has a panel, in `ax` or in a figure of its own; returns the axes.

    `options` are those of its panel. Raises InputError for what has none.
    """
    return _panel(result, "draw")(result, ax, **options)


def has_panel(result: object) -> bool:
    """Return whether `draw` has a panel for a result."""
    return any(kind in PANELS for kind in type(result).__mro__)


def _panel(result: object, caller: str) -> Callable[..., Axes]:
    for kind in type(result).__mro__:
        if kind in PANELS:
            return PANELS[kind]
    known = ", ".join(kind.__name__ for kind in PANELS)
    raise InputError(
        f"figures.{caller}: there is no panel for {type(result).__name__}; there is one for {known}"
    )


def memory_page(
    *results: Result,
    title: str = "",
    lag: float | None = None,
    unit: Unit | None = None,
    columns: int = 2,
    caption: bool = True,
) -> Figure:
    """Return a page with a panel for each result, in the order given; six make the page of memory.

    These are horizon, context need, highway, gate timescale, saturation and idle units: what is
    remembered by intervention, gradient and gate path, and by which units. It is saved by
    `figure.savefig("memory.png")`.

    Args:
        results: One or more results of `gatewise.memory`.
        title: Stands above all.
        lag: The task's own lag in steps, where it is known; drawn where lags and timescales are.
        unit: What a step is called, such as `gw.report.Unit.of("1 day")`; axes of lags then count in it.
        columns: Panels in a row.
        caption: Whether each panel has its reading below it.

    Raises InputError where there is no result or one without a panel, and OptionError for `columns`.
    """
    if not results:
        raise InputError(
            "figures.memory_page: give at least one result, such as gatewise.memory.horizon(...)"
        )
    if not isinstance(columns, int) or columns < 1:
        raise OptionError(f"figures.memory_page: columns must be at least 1; got {columns!r}")
    panels = [_panel(result, "memory_page") for result in results]  # all, before any is drawn
    columns = min(columns, len(results))
    rows = math.ceil(len(results) / columns)
    figure = new_figure((WIDTH * columns, HEIGHT * rows + (0.4 if title else 0)))
    places = figure.subplots(rows, columns, squeeze=False).flatten()
    for panel, result, ax in zip(panels, results, places, strict=False):
        options: dict[str, Any] = {"lag": lag} if isinstance(result, TIMED) else {}
        if isinstance(result, IN_UNITS):
            options["unit"] = unit
        panel(result, ax, caption=caption, **options)
    for ax in places[len(results) :]:
        ax.set_visible(False)
    if title:
        figure.suptitle(literal(title), x=0.01, ha="left", fontsize="x-large", color=INK)
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.15, h_pad=0.12, wspace=0.03, hspace=0.03)
    return figure
