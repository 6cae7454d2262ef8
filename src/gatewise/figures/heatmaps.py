"""Pictures of two axes: retention, connectivity, ledger, traffic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import InputError
from gatewise.figures._canvas import (
    BLUE,
    INK,
    ORANGE,
    SEQUENTIAL,
    begin,
    colour_bar,
    finish,
    grid,
    legend,
    nothing,
    number_of,
    place_of,
    place_title,
    pooled,
    signed_map,
    steps_label,
    symbols_below,
)
from gatewise.memory.interventions.connectivity_result import Connectivity
from gatewise.memory.records.ledger import Ledger
from gatewise.memory.records.retention_curve import RetentionCurve
from gatewise.memory.records.traffic import Traffic
from gatewise.typing import Array
from gatewise.wording import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


TICKS = 8
LANES = ("write", "erase", "read")
BRIGHTEST = 0.995
"""The quantile at which the colours of traffic end, so that one spike does not darken all."""


def retention_curve(
    result: RetentionCurve,
    ax: Axes | None = None,
    *,
    place: Sequence[int] | None = None,
    lag: float | None = None,
    caption: bool = True,
) -> Axes:
    """Draw what is left of each unit's content over the lag, longest half-life on top; 0 to 1.

    `place` is (layer, direction), by default the last layer, forwards; `lag` the task's. Raises
    InputError for another result and a place that it does not have.
    """
    ax = begin(result, RetentionCurve, "retention_curve", ax)
    at = place_of(place, result.half_life.shape[:-1], "retention_curve")
    # A half-life that is not reached is longer than any; where it is unknown, the curve's sum decides.
    total = np.nansum(result.curve[at], axis=-1)
    order = np.lexsort((-total, -np.nan_to_num(result.half_life[at], nan=0.0)))
    heat = result.curve[at][order]
    image = _image(ax, heat, vmin=0, vmax=1)
    if image is not None:
        ticks = np.unique(np.linspace(0, len(result.lags) - 1, TICKS).astype(int))
        ax.set_xticks(ticks, [f"{result.lags[k]:,}" for k in ticks])
        ax.locator_params(axis="y", integer=True)
        colour_bar(ax, image, "share that is left")
        if lag is not None:
            where = float(np.interp(lag, result.lags, np.arange(len(result.lags))))
            ax.axvline(
                where, color="white", lw=1.4, ls=":", label=f"the task's lag: {figure(lag, 6)}"
            )
            ax.legend(fontsize="small", loc="upper right")
    ax.set_xlabel("lag (steps, not evenly spaced)")
    ax.set_ylabel("rank of the unit, longest half-life on top")
    return finish(
        ax,
        f"Retention (gate path only){place_title(at, result.half_life.shape[:-1])}",
        result,
        caption,
    )


def connectivity(
    result: Connectivity,
    ax: Axes | None = None,
    *,
    symbols: Sequence[str] | None = None,
    caption: bool = True,
) -> Axes:
    """Draw the norm of `dy_t/dx_s` over s: a line for each t, or for one t a line for each input.

    `symbols` are the letters or words of the steps, drawn where there is room. Raises InputError for
    another result, and for symbols that are not one for each step.
    """
    ax = begin(result, Connectivity, "connectivity", ax)
    one = len(result.times) == 1
    heat, stride = pooled(result.channels[0].T if one else result.heat)
    image = _image(ax, heat, steps=result.heat.shape[-1], vmin=0)
    if image is not None:
        colour_bar(ax, image, "norm of dy/dx")
        ticks = np.unique(np.linspace(0, len(heat) - 1, TICKS).astype(int))
        ax.set_yticks(ticks, [f"{k if one else result.times[k]}" for k in ticks])
        symbols_below(ax, symbols, result.heat.shape[-1], "connectivity")
    ax.set_xlabel(steps_label(stride, "s: step of the input"))
    ax.set_ylabel("input" if one else "t: step of the answer")
    title = "Connectivity (gradient)" + (f", answer at step {result.times[0]}" if one else "")
    return finish(ax, title, result, caption)


def ledger(
    result: Ledger,
    ax: Axes | None = None,
    *,
    place: Sequence[int] | None = None,
    row: int = 0,
    unit: int | None = None,
    symbols: Sequence[str] | None = None,
    caption: bool = True,
) -> Axes:
    """Draw when the content was written: bars over s for one step, a triangle s × t for several.

    Of all units the sizes are added; of one `unit` the sign is kept. `place` is (layer, direction), by
    default the last layer, forwards. What was there before the first step stands at -1. `symbols` are
    the letters or words of the steps, drawn where there is room.

    Raises InputError for another result, for a place, row or unit that it does not have, and for symbols
    that are not one for each step.
    """
    ax = begin(result, Ledger, "ledger", ax)
    at = place_of(place, result.half.shape[1:], "ledger")
    row = number_of(row, result.at.shape[-1], "row", "ledger")
    every: tuple[Any, ...] = (slice(None), *at)
    entries = np.concatenate(
        (result.carried[every][:, None, row], result.written[every][:, :, row]), axis=1
    )  # [A, 1 + T, H]  # fmt: skip
    # parts of several units with opposite signs would cancel, so their sizes are added
    if unit is None:
        amounts = np.abs(entries).sum(axis=-1)
        what = "sum of sizes over all units"
    else:
        unit = number_of(unit, entries.shape[-1], "unit", "ledger")
        amounts, what = entries[..., unit], f"part of unit {unit}"
    taken = result.at[(*every, row)]
    if len(amounts) == 1:
        _bars(ax, amounts[0], int(taken[0]), what)
    else:
        _triangle(ax, amounts, taken, what, signed=unit is not None)
    symbols_below(ax, symbols, amounts.shape[-1] - 1, "ledger")
    title = f"Ledger (gate path only), row {row}{place_title(at, result.half.shape[1:])}"
    return finish(ax, title, result, caption)


def _bars(ax: Axes, amounts: Array, taken: int, what: str) -> None:
    if not np.isfinite(amounts).any():
        return nothing(ax, "the row does not reach the step")
    steps = np.arange(-1, len(amounts) - 1)
    ax.bar(steps[1:], amounts[1:], width=0.9, color=BLUE, label="written at the step")
    if amounts[0]:
        ax.bar(steps[:1], amounts[:1], width=0.9, color=ORANGE, label="from before the first step")
    ax.axhline(0, color=INK, lw=0.8)
    ax.axvline(taken, color=INK, lw=1, ls=":", label=f"looked at: step {taken}")
    ax.set_xlabel("s: step of the write")
    ax.set_ylabel(what)
    grid(ax, "y")
    legend(ax)
    return None


def _triangle(ax: Axes, amounts: Array, taken: NDArray[Any], what: str, signed: bool) -> None:
    later = np.arange(-1, amounts.shape[1] - 1)[None] > taken[:, None]
    shown = np.where(later & (amounts == 0), np.nan, amounts)  # not yet written: left white
    known = taken >= 0
    if signed:
        most = float(np.nanmax(np.abs(amounts), initial=0.0)) or 1.0
        image = _image(ax, shown[known], start=-1, vmin=-most, vmax=most, cmap=signed_map())
    else:
        image = _image(ax, shown[known], start=-1, vmin=0)
    if image is not None:
        colour_bar(ax, image, what)
        ticks = np.unique(np.linspace(0, known.sum() - 1, TICKS).astype(int))
        ax.set_yticks(ticks, [str(t) for t in taken[known][ticks]])
    ax.set_xlabel("s: step of the write (-1: before the first)")
    ax.set_ylabel("t: step looked at")


def traffic(
    result: Traffic,
    ax: Axes | None = None,
    *,
    place: Sequence[int] | None = None,
    row: int = 0,
    order: Sequence[int] | None = None,
    symbols: Sequence[str] | None = None,
    caption: bool = True,
) -> Axes:
    """Draw what each unit takes in, loses and shows at each step: three lanes on one colour scale.

    `order` says which units to draw, from top to bottom; all by number by default. Long rows are drawn
    as the maximum of several steps, which the label says. `symbols` are the letters or words of the
    steps, drawn where there is room. Raises InputError for another result, for a place, row or unit that
    it does not have, and for symbols that are not one for each step.
    """
    ax = begin(result, Traffic, "traffic", ax)
    amount = result.write.amount
    at = place_of(place, amount.shape[:-3], "traffic")
    row = number_of(row, amount.shape[-2], "row", "traffic")
    units = _units(order, amount.shape[-1])
    flows = [getattr(result, name).amount[at][:, row, units].T for name in LANES]
    steps, high = amount.shape[-3], len(units)
    values = np.stack(flows)
    known = values[np.isfinite(values)]
    if not known.size:
        nothing(ax, "the row has no step")
    else:
        # a single spike would leave all else dark: the scale ends at a quantile, and says so
        top = float(np.quantile(known, BRIGHTEST)) or float(known.max()) or 1.0
        gap = 0.08 * high
        middles = []
        for n, flow in enumerate(flows):
            heat, stride = pooled(flow)
            upper = n * (high + gap)
            image = ax.imshow(
                np.ma.masked_invalid(heat),
                extent=(-0.5, heat.shape[-1] * stride - 0.5, upper + high, upper),
                cmap=SEQUENTIAL, vmin=0, vmax=top, aspect="auto", interpolation="nearest",
            )  # fmt: skip
            middles.append(upper + high / 2)
        ax.set(xlim=(-0.5, steps - 0.5), ylim=(3 * high + 2 * gap, 0))
        ax.set_yticks(middles, LANES)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        colour_bar(ax, image, "amount", "max" if known.max() > top else "neither")
        symbols_below(ax, symbols, steps, "traffic")
        ax.set_xlabel(steps_label(stride))
    ax.set_ylabel(f"{high} units in each lane")
    return finish(
        ax, f"Write, erase, read: row {row}{place_title(at, amount.shape[:-3])}", result, caption
    )


def _units(order: Sequence[int] | None, count: int) -> NDArray[np.int64]:
    if order is None:
        return np.arange(count)
    units = np.asarray(order)
    if units.ndim != 1 or units.dtype.kind not in "iu" or not len(units):
        raise InputError(f"figures.traffic: order must be a list of units; got {order!r:.60}")
    return np.array([number_of(int(unit), count, "unit", "traffic") for unit in units])


def _image(
    ax: Axes,
    heat: NDArray[Any],
    *,
    start: int = 0,
    steps: int | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    cmap: Any = SEQUENTIAL,
) -> Any:
    """Draw `[lines, columns]`, the first line on top; None, and why, where there is nothing to draw."""
    if not np.isfinite(heat).any():
        nothing(ax, "nothing was observed")
        return None
    width = heat.shape[1] if steps is None else steps
    image = ax.imshow(
        np.ma.masked_invalid(heat),
        extent=(start - 0.5, start + width - 0.5, heat.shape[0] - 0.5, -0.5),
        cmap=cmap, vmin=vmin, vmax=vmax, aspect="auto", interpolation="nearest",
    )  # fmt: skip
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    return image
