"""Curves over lags, windows and steps: horizon, context need, highway, the three views, state health."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gatewise.figures.canvas import (
    BLUE,
    GREEN,
    INK,
    MARK,
    ORANGE,
    SOFT,
    band,
    begin,
    caption_below,
    finish,
    grid,
    interval_name,
    legend,
    marked,
    nothing,
    place_of,
    place_title,
)
from gatewise.figures.lanes import lanes
from gatewise.memory.gradients.highway_result import Highway
from gatewise.memory.interventions.context import ContextNeed
from gatewise.memory.interventions.horizon import Horizon
from gatewise.memory.records.health import StateHealth
from gatewise.typing import Array
from gatewise.wording import figure, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


FELT = 0.05
LEAST = 1e-4
"""Where the axis of the three views ends; what is 0 lies below it."""


def horizon(
    result: Horizon, ax: Axes | None = None, *, lag: float | None = None, caption: bool = True
) -> Axes:
    """Draw M(k) over the lag, its interval, what counts, and the horizon; returns the axes.

    `lag` is the task's own, drawn beside the horizon where it is known. Raises InputError for another
    result.
    """
    ax = begin(result, Horizon, "horizon", ax)
    way = "ahead" if result.future else "back"
    read = result.lags <= result.reach
    lags, curve = result.lags[read], result.curve[read]
    band(ax, lags, (result.curve_low[read], result.curve_high[read]), BLUE, interval_name(result))
    ax.plot(lags, curve, color=BLUE, marker=".", markersize=4, label="M(k)")
    if result.run_in:
        start = result.lags >= lags[-1]
        name = f"not read: the first {result.run_in} steps of each row"
        ax.plot(result.lags[start], result.curve[start], color=SOFT, linestyle="--", label=name)
    share = float(result.settings["share"])
    if np.isfinite(curve).any():
        bar = max(share * float(np.nanmax(curve)), result.floor)
        ax.axhline(bar, color=SOFT, linewidth=0.9, linestyle=":", label=_counts(share))
    if result.depends:
        if np.isfinite(result.low) and np.isfinite(result.high):
            ax.axvspan(result.low, result.high, color=MARK, alpha=0.1, lw=0)
        least = "at least " if result.at_least else ""
        marked(ax, result.steps, f"horizon: {least}{result.steps}")
    _task(ax, lag)
    ax.set_ylim(bottom=0)
    ax.set_xlabel(f"lag: steps {way} of the input that is replaced")
    ax.set_ylabel("mean change of the answer")
    grid(ax)
    legend(ax)
    return finish(ax, "Memory horizon (intervention)", result, caption)


def _counts(share: float) -> str:
    return f"{percent(share)} of the maximum"


def _task(ax: Axes, lag: float | None) -> None:
    if lag is not None:
        ax.axvline(lag, color=INK, linewidth=1, linestyle=":", label=f"the task's lag: {lag:g}")


def context_need(result: ContextNeed, ax: Axes | None = None, *, caption: bool = True) -> Axes:
    """Draw the loss with the last n steps, less that with all, over n; returns the axes.

    Raises InputError for another result.
    """
    ax = begin(result, ContextNeed, "context_need", ax)
    band(ax, result.lengths, (result.curve_low, result.curve_high), BLUE, interval_name(result))
    ax.plot(result.lengths, result.curve, color=BLUE, marker=".", markersize=4, label="added loss")
    if result.score > 0:
        bar = result.tolerance * result.score
        said = f"{percent(result.tolerance)} of the score"
        ax.axhline(bar, color=SOFT, linewidth=0.9, linestyle=":", label=said)
    if result.steps > 0:
        if np.isfinite(result.low) and np.isfinite(result.high):
            ax.axvspan(result.low, result.high, color=MARK, alpha=0.1, lw=0)
        marked(ax, result.steps, f"needed: {'all ' if result.at_least else ''}{result.steps}")
    ax.set_xlabel("n: the last steps that the model is given")
    ax.set_ylabel(f"loss with n steps - loss with all\n({result.settings['loss']})")
    grid(ax)
    legend(ax)
    return finish(ax, "Context need (intervention)", result, caption)


def highway(result: Highway, ax: Axes | None = None, *, caption: bool = True) -> Axes:
    """Draw the norm of `dc_T/dc_(T-k)` on a logarithmic axis: total, and by the gates alone.

    A norm of 0 has no place on that axis and is left out. Raises InputError for another result.
    """
    ax = begin(result, Highway, "highway", ax)
    drawn = False
    for values, colour, style, label in (
        (result.total, ORANGE, "-", "total gradient"),
        (result.direct, GREEN, "--", "gate path only"),
    ):
        line = _positive(values)
        if np.isfinite(line[1:]).any():  # an RNN has no gate path beyond lag 0
            ax.plot(result.lags, line, color=colour, linestyle=style, label=label)
            drawn = True
    if drawn:
        ax.set_yscale("log")
    else:
        nothing(ax, "no gradient at any lag")
    name = interval_name(result)
    band(ax, result.lags, (_positive(result.low), _positive(result.high)), ORANGE, name)
    if result.reach:
        marked(ax, result.reach, f"falls to {percent(FELT)} after {result.reach}")
    state = result.settings["symbol"]
    ax.set_xlabel("lag k (steps)")
    ax.set_ylabel(f"norm of d{state}(T) / d{state}(T-k)")
    grid(ax)
    legend(ax)
    return finish(ax, "Gradient highway (gradient)", result, caption)


def _positive(values: Array) -> Array:
    """Return what a logarithmic axis has a place for, NaN for the rest."""
    return np.where((values > 0) & np.isfinite(values), values, np.nan)


def three_views(
    horizon: Horizon,
    highway: Highway,
    ax: Axes | None = None,
    *,
    lag: float | None = None,
    caption: bool = True,
) -> Axes:
    """Draw gate path, total gradient and intervention over one lag axis; returns the axes.

    The intervention is the curve of `horizon`, as a share of its largest effect; the gradient and the
    gate path are the curves of `highway`, as shares of their norms at lag 0 (gain and gate gain). The
    axis ends at 0.0001.

    Raises InputError for other results.
    """
    ax = begin(horizon, Horizon, "three_views", ax)
    begin(highway, Highway, "three_views", ax)
    read = horizon.lags <= horizon.reach
    curve = horizon.curve[read]
    peak = float(np.nanmax(curve, initial=0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        lines = (
            (horizon.lags[read], curve / peak, BLUE, "-", "intervention: M(k) / its maximum"),
            (highway.lags, highway.gain, ORANGE, "--", "total gradient / that at lag 0"),
            (highway.lags, highway.gate_gain, GREEN, "-.", "gate gain (gate path only)"),
        )
    for lags, values, colour, style, label in lines:
        if (values[1:] > 0).any():
            ax.plot(
                lags, np.maximum(values, LEAST / 10), color=colour, linestyle=style, label=label
            )
    if peak > 0:
        low, high = horizon.curve_low[read] / peak, horizon.curve_high[read] / peak
        ends = (np.maximum(low, LEAST / 10), np.maximum(high, LEAST / 10))
        band(ax, horizon.lags[read], ends, BLUE, "")
    ax.axhline(FELT, color=SOFT, linewidth=0.9, linestyle=":", label=percent(FELT))
    _task(ax, lag)
    ax.set_yscale("log")
    ax.set_ylim(bottom=LEAST)
    ax.set_xlabel("lag (steps)")
    ax.set_ylabel("share of its own reference")
    grid(ax)
    legend(ax)
    ax.set_title("Three views of one memory", loc="left", fontsize="medium", fontweight="bold")
    if caption:
        caption_below(ax, f"Intervention: {horizon.reading} Gradient: {highway.reading}")
    return ax


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
