"""Curves over lags, windows and steps: horizon, context need, highway, the three views, state health."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatewise.curve import Curve, Line, Mark
from gatewise.errors import InputError
from gatewise.figures._canvas import (
    BLUE,
    INK,
    ORANGE,
    SOFT,
    axes_of,
    begin,
    caption_below,
    finish,
    grid,
    legend,
    nothing,
    place_of,
    place_title,
    titled,
)
from gatewise.figures._lanes import lanes
from gatewise.figures._painting import finish_curve, paint
from gatewise.memory.gradients.highway_result import Highway
from gatewise.memory.interventions.context import ContextNeed
from gatewise.memory.interventions.horizon_result import Horizon
from gatewise.memory.records.health import StateHealth
from gatewise.memory.result import FELT, known_band
from gatewise.typing import Array
from gatewise.unit import Unit
from gatewise.wording import figure, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


FEW_NAMES = 5
"""More names than this stand beside the axes, where they hide no line."""
LEAST = 1e-4
"""Where the axis of the three views ends; what is 0 lies below it."""


def curve(curve: Curve, ax: Axes | None = None, *, caption: bool = True) -> Axes:
    """Draw any curve of the page, such as a study's, with its marks and level; returns the axes.

    The caption is the curve's own reading and note. Raises InputError for anything but a curve.
    """
    if not isinstance(curve, Curve):
        raise InputError(
            f"figures.curve: draws a gatewise.report.Curve; got {type(curve).__name__}"
        )
    ax = axes_of(ax, "curve")
    paint(ax, curve)
    named = len(ax.get_legend_handles_labels()[0])
    legend(ax, **({"loc": "upper left", "bbox_to_anchor": (1, 1)} if named > FEW_NAMES else {}))
    titled(ax, curve.name)
    if caption:
        caption_below(ax, f"{curve.reading} {curve.note}".strip())
    return ax


def horizon(
    result: Horizon,
    ax: Axes | None = None,
    *,
    lag: float | None = None,
    unit: Unit | None = None,
    caption: bool = True,
) -> Axes:
    """Draw M(k) over the lag, its interval, what counts, and the horizon; returns the axes.

    `lag` is the task's own in steps, drawn beside the horizon where it is known; `unit` is what a step
    is called, such as `gw.report.Unit.of("1 day")`. Raises InputError for another result.
    """
    ax = begin(result, Horizon, "horizon", ax)
    curve = result.as_curve(unit)
    paint(ax, curve)
    _task(ax, lag, unit, float(result.lags[-1]))
    ax.set_ylim(bottom=0)
    return finish_curve(ax, curve, result, view="intervention", unit=unit, caption=caption)


def _task(ax: Axes, lag: float | None, unit: Unit | None, furthest: float) -> None:
    """Draw the task's lag on an axis up to `furthest` steps."""
    if lag is not None:
        each, _ = (unit or Unit()).axis(furthest)
        at = lag * each
        ax.axvline(
            at, color=INK, linewidth=1, linestyle=":", label=f"the task's lag: {figure(at, 6)}"
        )


def context_need(
    result: ContextNeed,
    ax: Axes | None = None,
    *,
    unit: Unit | None = None,
    caption: bool = True,
) -> Axes:
    """Draw the loss with the last n steps, less that with all, over n; returns the axes.

    `unit` is what a step is called. Raises InputError for another result.
    """
    ax = begin(result, ContextNeed, "context_need", ax)
    curve = result.as_curve(unit)
    paint(ax, curve)
    return finish_curve(ax, curve, result, view="intervention", unit=unit, caption=caption)


def highway(
    result: Highway,
    ax: Axes | None = None,
    *,
    unit: Unit | None = None,
    caption: bool = True,
) -> Axes:
    """Draw the norm of `dc_T/dc_(T-k)` on a logarithmic axis: total, and by the gates alone.

    A norm of 0 has no place on that axis and is left out. `unit` is what a step is called. Raises
    InputError for another result.
    """
    ax = begin(result, Highway, "highway", ax)
    curve = result.as_curve(unit)
    paint(ax, curve, empty="no gradient at any lag")
    return finish_curve(ax, curve, result, view="gradient", unit=unit, caption=caption)


def three_views(
    horizon: Horizon,
    highway: Highway,
    ax: Axes | None = None,
    *,
    lag: float | None = None,
    unit: Unit | None = None,
    caption: bool = True,
) -> Axes:
    """Draw gate path, total gradient and intervention over one lag axis; returns the axes.

    The intervention is the curve of `horizon`, as a share of its largest effect; the gradient and the
    gate path are the curves of `highway`, as shares of their norms at lag 0 (gain and gate gain). The
    axis ends at 0.0001. `lag` is the task's own in steps, `unit` what a step is called.

    Raises InputError for other results.
    """
    ax = begin(horizon, Horizon, "three_views", ax)
    begin(highway, Highway, "three_views", ax)
    curve = _side_by_side(horizon, highway, unit or Unit())
    paint(ax, curve)
    # the lag goes by the same unit as the axis, which the furthest lag of both results decides
    _task(ax, lag, unit, float(max(horizon.reach, highway.lags[-1])))
    ax.set_ylim(bottom=LEAST)
    legend(ax)
    ax.set_title(curve.name, loc="left", fontsize="medium", fontweight="bold")
    if caption:
        caption_below(ax, f"Intervention: {horizon.reading} Gradient: {highway.reading}")
    return ax


def _side_by_side(horizon: Horizon, highway: Highway, unit: Unit) -> Curve:
    """Return the three views on the lags of both results, each as a share of its own reference."""
    read = horizon.lags <= horizon.reach
    known = horizon.lags[read]
    lags = np.union1d(known, highway.lags)
    peak = float(np.nanmax(horizon.curve[read], initial=0.0)) or math.nan

    def on_axis(at: NDArray[np.int64], values: Array) -> Array:
        # each result has other lags, and 0 has no place on a logarithmic axis: it lies below the end
        between = np.interp(lags, at, values, right=np.nan)
        return np.asarray(np.maximum(between, LEAST / 10))

    low, high = (
        end if end is None else on_axis(known, end[read] / peak)
        for end in known_band(horizon.curve_low, horizon.curve_high)
    )
    effect = on_axis(known, horizon.curve[read] / peak)
    gain = on_axis(highway.lags, highway.gain)
    lines = [
        Line(
            *("intervention: M(k) / its maximum", effect, low, high, "intervention"),
            interval=horizon.interval_name,
        ),
        Line("total gradient / that at lag 0", gain, kind="gradient", dashed=True),
    ]
    if highway.has_gate_path:
        alone = on_axis(highway.lags, highway.gate_gain)
        lines.append(Line("gate gain (gate path only)", alone, kind="gate path", dashed=True))
    each, plural = unit.axis(float(lags[-1]))
    return Curve(
        "Three views of one memory",
        f"lag ({plural})",
        lags * each,
        tuple(lines),
        y_label="share of its own reference",
        log_y=True,
        level=Mark(FELT, percent(FELT)),
    )


def state_health(
    result: StateHealth,
    ax: Axes | None = None,
    *,
    place: Sequence[int] | None = None,
    caption: bool = True,
) -> Axes:
    """Draw the size of the state over the steps and, where known, its distance to the reference.

    `place` is (layer, direction), by default the last layer, forwards. Raises InputError for another
    result and a place that it does not have.
    """
    ax = begin(result, StateHealth, "state_health", ax)
    at = place_of(place, result.size.shape[:-1], "state_health")
    parts = [ax] if result.distance is None else lanes(ax, 2)
    size = result.size[at]
    if not len(size):
        nothing(ax, "no steps")
    parts[0].plot(np.arange(len(size)), size, color=BLUE, label="root mean square over units, rows")
    start = result.settings["from_step"]
    if start < len(size):
        parts[0].axvline(start, color=SOFT, linestyle=":", lw=1, label="growth is judged from here")
    parts[0].set_ylim(bottom=0)
    parts[0].set_ylabel("size of the state")
    if result.distance is not None and result.limit is not None:
        _distances(parts[1], result.distance[at], float(result.limit[at]))
    for part in parts:
        grid(part)
        legend(part)
    # lanes share their axis of steps, so that the lowest alone names it
    (ax if result.distance is None else parts[-1]).set_xlabel("step")
    return finish(ax, f"State health{place_title(at, result.size.shape[:-1])}", result, caption)


def _distances(ax: Axes, distance: Array, limit: float) -> None:
    """Draw the middle row's distance at each step, and the furthest."""
    known = np.where(np.isnan(distance).all(axis=1, keepdims=True), 0.0, distance)
    empty = np.isnan(distance).all(axis=1)
    steps = np.arange(len(distance))
    for values, style, label in (
        (np.nanmedian(known, axis=1), "-", "middle row"),
        (np.nanmax(known, axis=1, initial=-np.inf), ":", "furthest row"),
    ):
        ax.plot(steps, np.where(empty, np.nan, values), color=ORANGE, ls=style, label=label)
    ax.axhline(limit, color=SOFT, lw=0.9, ls="--", label=f"limit {figure(limit)}")
    ax.set_ylim(bottom=0)
    ax.set_ylabel("distance to reference")
