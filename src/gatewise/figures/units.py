"""Unit by unit: saturation, idle units, gate timescales."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatewise.figures._canvas import (
    BLUE,
    FAINT,
    INK,
    LINE,
    MARKERS,
    ORANGE,
    SERIES,
    SOFT,
    begin,
    finish,
    grid,
    legend,
    literal,
    nothing,
)
from gatewise.memory.interventions.idle import IdleUnits
from gatewise.memory.records.saturation import Saturation
from gatewise.memory.records.timescale import GateTimescale
from gatewise.typing import Array
from gatewise.unit import Unit
from gatewise.wording import figure, percent, place_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes


NAMED = 40
"""Up to so many units, bars are labelled and intervals of points are drawn."""
BEYOND = 1.6
"""How far beyond the last finite timescale the endless ones are drawn, as a factor."""


def saturation(result: Saturation, ax: Axes | None = None, *, caption: bool = True) -> Axes:
    """Draw each unit's share of steps nearly open over that nearly closed, a colour for each gate.

    All layers and directions together. Raises InputError for another result.
    """
    ax = begin(result, Saturation, "saturation", ax)
    # both shares together are at most 1: no dot can lie outside this triangle
    ax.fill([0, 1, 0], [0, 0, 1], facecolor="none", edgecolor=LINE, lw=1.2, zorder=0)
    units = sum(values.size for values in result.closed.values())
    for n, (gate, closed) in enumerate(result.closed.items()):
        x, y = closed.ravel(), result.opened[gate].ravel()
        colour = SERIES[n % len(SERIES)]
        if units <= 3 * NAMED:
            span: dict[str, Any] = {"color": colour, "alpha": 0.25, "lw": 1, "zorder": 1}
            ax.hlines(y, result.closed_low[gate].ravel(), result.closed_high[gate].ravel(), **span)
            ax.vlines(x, result.opened_low[gate].ravel(), result.opened_high[gate].ravel(), **span)
        mark = MARKERS[n % len(MARKERS)]
        ax.scatter(x, y, s=22, color=colour, marker=mark, alpha=0.75, lw=0, label=f"{gate} gate")
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    below, above = (result.settings[name] for name in ("closed_below", "open_above"))
    ax.set_xlabel(f"share of steps nearly closed (below {figure(below)})")
    ax.set_ylabel(f"share of steps nearly open (above {figure(above)})")
    legend(ax, loc="upper right")
    if not units:
        nothing(ax, "no units")
    return finish(ax, "Saturation: a dot is a unit", result, caption)


def idle_units(result: IdleUnits, ax: Axes | None = None, *, caption: bool = True) -> Axes:
    """Draw what each unit is worth, the least needed first, with its interval; returns the axes.

    Raises InputError for another result.
    """
    ax = begin(result, IdleUnits, "idle_units", ax)
    order = result.order
    worth, idle = result.relative[order], result.idle[order]
    places = np.arange(len(order))
    if not np.isfinite(worth).any():
        nothing(ax, "the answers have nothing to lose")
    # many bars would vanish in the gaps between them
    width = 0.8 if len(order) <= 3 * NAMED else 1.0
    for which, colour, label in ((~idle, BLUE, "needed"), (idle, ORANGE, "idle")):
        if which.any():
            said = f"{label}: {int(which.sum())}"
            ax.bar(places[which], worth[which], width, color=colour, label=said)
    low, high = result.low[order], result.high[order]
    if np.isfinite(low + high).any():
        label = result.interval_name
        ax.vlines(
            places, low, high, color=INK, alpha=0.6, lw=min(1.0, 80 / len(order)), label=label
        )
    said = f"idle up to {percent(result.threshold)}"
    ax.axhline(result.threshold, color=SOFT, lw=0.9, ls=":", label=said)
    ax.axhline(0, color=SOFT, lw=0.8)
    ax.set_ylabel(f"share lost of\n{result.settings['against']}")
    _name(ax, [literal(str(name)) for name in result.names[order]])
    grid(ax, "y")
    legend(ax, loc="upper left")
    return finish(ax, "What each unit is worth (intervention)", result, caption)


def _name(ax: Axes, names: list[str]) -> None:
    """Label the bars with the numbers of the units, where there is room and one place alone."""
    places = {name.rpartition(" unit ")[0] for name in names}
    if len(places) == 1 and len(names) <= NAMED:
        numbers = [name.rpartition(" ")[2] for name in names]
        ax.set_xticks(range(len(names)), numbers, fontsize="small" if len(names) <= 20 else 6.5)
        ax.set_xlabel(f"unit of {places.pop()}, least needed first")
    else:
        ax.set_xlabel("rank of the unit, least needed first")
    ax.set_xlim(-0.8, len(names) - 0.2)


def gate_timescale(
    result: GateTimescale,
    ax: Axes | None = None,
    *,
    lag: float | None = None,
    unit: Unit | None = None,
    caption: bool = True,
) -> Axes:
    """Draw the timescales of all units on a logarithmic axis, longest first, beside the task's `lag`.

    Units whose gate never closes stand above the axis' last figure, those that are once fully closed
    below the first. `unit` is what a step is called. Raises InputError for another result.
    """
    ax = begin(result, GateTimescale, "gate_timescale", ax)
    known = result.steps[np.isfinite(result.steps)]
    each, plural = (unit or Unit()).axis(float(known.max(initial=0.0)))
    lag = None if lag is None else lag * each
    tau = result.steps.ravel() * each
    order = np.argsort(-np.nan_to_num(tau, nan=-1.0), kind="stable")
    order = order[~np.isnan(tau[order])]
    finite = tau[order][np.isfinite(tau[order]) & (tau[order] > 0)]
    if not len(order):
        nothing(ax, "no unit was observed")
        return finish(ax, "Gate timescale (gate path only)", result, caption)
    # beyond both ends room is left for the units without a finite timescale
    ends = (finite.min(), finite.max()) if len(finite) else (1.0, 1.0)
    ends = (min(ends[0], lag or ends[0]) / BEYOND, max(ends[1], lag or ends[1]) * BEYOND)
    low, high = (np.clip(each * end.ravel()[order], *ends) for end in (result.low, result.high))
    ranks = np.arange(1, len(order) + 1)
    if np.isfinite(low + high).any():
        label = result.interval_name
        ax.vlines(ranks, low, high, color=FAINT, lw=max(1.0, 120 / len(order)), label=label)
    _dots(ax, result, tau, order, ends)
    if lag is not None:
        ax.axhline(lag, color=INK, lw=1, ls=":", label=f"the task's lag: {figure(lag)}")
    ax.set_yscale("log")
    ax.set_ylim(ends[0] / 1.2, ends[1] * 1.2)
    ax.set_xlabel("rank of the unit, longest first")
    ax.set_ylabel(f"gate timescale ({plural})")
    grid(ax, "y")
    legend(ax)
    return finish(ax, "Gate timescale (gate path only)", result, caption)


def _dots(
    ax: Axes,
    result: GateTimescale,
    timescales: Array,
    order: NDArray[np.int64],
    ends: tuple[float, float],
) -> None:
    """Draw the units, a colour for each layer and direction, and those without an end at the edges."""
    tau, ranks = timescales[order], np.arange(1, len(order) + 1)
    lead = result.steps.shape[:-1]
    where = order // max(1, result.steps.shape[-1])
    for n, place in enumerate(np.ndindex(*lead)):
        name = place_name(place, lead) or "unit"
        inside = (where == n) & np.isfinite(tau) & (tau > 0)
        style: dict[str, Any] = {"color": SERIES[n % len(SERIES)], "ls": "none", "ms": 4.5}
        if inside.any():
            ax.plot(ranks[inside], tau[inside], MARKERS[n % len(MARKERS)], label=name, **style)
    # a logarithmic axis has no place for these, and leaving them out would hide the extremes
    for which, edge, mark, label in (
        (np.isposinf(tau), ends[1], "^", "never closes"),
        (tau == 0, ends[0], "v", "once fully closed"),
    ):
        if which.any():
            ax.plot(
                ranks[which], np.full(which.sum(), edge), mark, color=SOFT, ls="none", label=label
            )
