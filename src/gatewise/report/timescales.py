"""Gate timescales as log-sorted dots: inline SVG in percent, so that it fits every screen."""

from __future__ import annotations

import math
from html import escape

import numpy as np
from numpy.typing import NDArray

from gatewise.curve import Mark
from gatewise.report.units import thinned
from gatewise.unit import Unit
from gatewise.wording import figure, number

LONGEST = 1e6
"""Steps; the axis ends here, and what lies beyond (a gate that never closes) stands at its end."""

AXIS_HEIGHT = 34
PLOT_HEIGHT = 300
MOST_DOTS = 256


CAVEAT = (
    "Gate path only. These times are read off the gate that keeps the state: how slowly a unit "
    "would fade, to 37 %, if nothing else carried its content. (Gate reach, in the sentences on "
    "memory, is something else: until a twentieth is left, about three times as long.) Gates "
    "alone mislead: a network also remembers through its recurrent weights, and networks that "
    "solved a recall over 80 to 99 steps have shown gate timescales of only 6 to 12. Do not read "
    "the longest one as how far back the network remembers."
)


def spectrum(
    steps: NDArray[np.float64],
    gate: str,
    place: str,
    bounds: tuple[int, int],
    *,
    lag: Mark | None,
    unit: Unit,
) -> str:
    """Return a dot per unit of `steps` [H] on a logarithmic axis, as HTML; `place` names the layer."""
    low, high = bounds
    order = np.argsort(-np.nan_to_num(steps, nan=-1.0), kind="stable")
    drawn = thinned(order, MOST_DOTS)
    # Few units get a row that can be read each, many share the height that a screen has.
    row = max(2.0, min(12.0, PLOT_HEIGHT / len(drawn)))
    height = row * len(drawn)
    parts = [*_grid(low, high, height), *_mark(lag, low, high, height)]
    radius = max(1.5, min(4.0, row * 0.42))
    for rank, index in enumerate(drawn):
        text = f"unit {index}: {number(float(steps[index]))} {unit.plural} (gate path only)"
        parts.append(_dot(text, float(steps[index]), bounds, row * (rank + 0.5), radius))
    many = f", {len(drawn)} shown at even distances" if len(drawn) < len(order) else ""
    name = unit.plural.capitalize()
    caption = (
        f"{place}{': ' if place else ''}{len(order):,} units{many}. {name} on a logarithmic axis, "
        f"slowest at the top. Gate path only: {gate} gate."
    )
    return (
        f'<figure class="spectrum"><div class="inset"><svg role="img" '
        f'aria-label="{escape(f"Gate timescales, {caption}")}" height="{height + AXIS_HEIGHT:g}" '
        f'width="100%">{"".join(parts)}</svg></div><figcaption>{escape(caption)}</figcaption></figure>'
    )


def axis_bounds(steps: NDArray[np.float64], lag: float | None) -> tuple[int, int]:
    """Return the powers of ten between which the axis runs; at least one decade."""
    known = steps[np.isfinite(steps) & (steps > 0)]
    values = np.append(known, [1.0] if lag is None else [1.0, lag])
    low = math.floor(math.log10(max(float(values.min()), 1e-2)))
    high = math.ceil(math.log10(min(float(values.max()), LONGEST)))
    return low, max(high, low + 1)


def _place(value: float, bounds: tuple[int, int]) -> float:
    """Return where `value` stands on the axis, in percent."""
    low, high = bounds
    if math.isinf(value):
        return 100.0
    exponent = math.log10(max(value, 10.0**low))
    return 100.0 * min(1.0, max(0.0, (exponent - low) / (high - low)))


def _grid(low: int, high: int, height: float) -> list[str]:
    parts = []
    for exponent in range(low, high + 1):
        x = _place(10.0**exponent, (low, high))
        label = figure(10.0**exponent) if exponent < 0 else f"{10**exponent:,}"
        parts.append(
            f'<line class="grid" x1="{x:g}%" x2="{x:g}%" y1="0" y2="{height:g}"/>'
            f'<text x="{x:g}%" y="{height + 16:g}">{label}</text>'
        )
    return parts


def _mark(lag: Mark | None, low: int, high: int, height: float) -> list[str]:
    if lag is None:
        return []
    x = _place(lag.at, (low, high))
    return [
        f'<line class="lag" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="{height:g}"/>'
        f'<text class="lag" x="{x:.2f}%" y="{height + 30:g}">{escape(lag.text)}</text>'
    ]


def _dot(text: str, steps: float, bounds: tuple[int, int], y: float, radius: float) -> str:
    if math.isnan(steps):
        return ""
    x = _place(steps, bounds)
    return (
        f'<g><title>{escape(text)}</title><line class="stem" x1="0" x2="{x:.2f}%" y1="{y:.1f}" '
        f'y2="{y:.1f}"/><circle cx="{x:.2f}%" cy="{y:.1f}" r="{radius:g}"/></g>'
    )
