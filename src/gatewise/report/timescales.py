"""Gate timescales as log-sorted dots: inline SVG in percent, so that it fits every screen."""

from __future__ import annotations

import math
from html import escape

import numpy as np
from numpy.typing import NDArray

from gatewise.report.units import thinned
from gatewise.report.wording import number
from gatewise.results import GateTimescales

LONGEST = 1e6
"""Steps; the axis ends here, and what lies beyond (a gate that never closes) stands at its end."""

AXIS_HEIGHT = 34
PLOT_HEIGHT = 300


def timescales_html(timescales: GateTimescales, lookback: int | None) -> str:
    """Return one figure per layer: a dot per unit on a logarithmic axis of steps."""
    return "\n".join(_figure(timescales, layer, lookback) for layer in range(len(timescales.steps)))


def timescales_sentence(timescales: GateTimescales) -> str:
    """Return the median and the longest timescale in words."""
    known = timescales.steps[~np.isnan(timescales.steps)]
    if not known.size:
        return "No unit has a timescale that can be read off."
    return (
        f"Median {number(float(np.median(known)), 2)} steps, longest "
        f"{number(float(np.max(known)), 2)}; one step is {timescales.step_text}."
    )


def axis_bounds(steps: NDArray[np.float64], lookback: int | None) -> tuple[int, int]:
    """Return the powers of ten between which the axis runs; at least one decade."""
    known = steps[np.isfinite(steps) & (steps > 0)]
    values = np.append(known, [1.0] if lookback is None else [1.0, float(lookback)])
    low = math.floor(math.log10(max(float(values.min()), 1e-2)))
    high = math.ceil(math.log10(min(float(values.max()), LONGEST)))
    return low, max(high, low + 1)


def _figure(timescales: GateTimescales, layer: int, lookback: int | None) -> str:
    steps = timescales.steps[layer]
    low, high = axis_bounds(timescales.steps, lookback)
    order = np.argsort(-np.nan_to_num(steps, nan=-1.0), kind="stable")
    units = thinned(order)
    row = max(2.0, min(12.0, PLOT_HEIGHT / len(units)))
    height = row * len(units)
    parts = [*_grid(low, high, height), *_mark(lookback, low, high, height)]
    radius = max(1.5, min(4.0, row * 0.42))
    for rank, unit in enumerate(units):
        parts.append(_dot(int(unit), float(steps[unit]), (low, high), row * (rank + 0.5), radius))
    many = (
        f", {len(units)} of {len(order):,} shown at even distances"
        if len(units) < len(order)
        else ""
    )
    layers = len(timescales.steps)
    caption = f"Layer {layer + 1} of {layers}, " if layers > 1 else ""
    caption += (
        f"{len(order):,} units{many}. Steps on a logarithmic axis, slowest at the top. "
        f"Gate path only: {timescales.gate} gate."
    )
    label = f"Gate timescales, {caption}"
    return (
        f'<figure class="spectrum"><div class="inset"><svg role="img" '
        f'aria-label="{escape(label)}" height="{height + AXIS_HEIGHT:g}" width="100%">'
        f"{''.join(parts)}</svg></div><figcaption>{escape(caption)}</figcaption></figure>"
    )


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
        label = f"{10.0**exponent:,g}" if exponent < 0 else f"{10**exponent:,}"
        parts.append(
            f'<line class="grid" x1="{x:g}%" x2="{x:g}%" y1="0" y2="{height:g}"/>'
            f'<text x="{x:g}%" y="{height + 16:g}">{label}</text>'
        )
    return parts


def _mark(lookback: int | None, low: int, high: int, height: float) -> list[str]:
    if lookback is None:
        return []
    x = _place(float(lookback), (low, high))
    return [
        f'<line class="lookback" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="{height:g}"/>'
        f'<text class="lookback" x="{x:.2f}%" y="{height + 30:g}">lookback {lookback:,}</text>'
    ]


def _dot(unit: int, steps: float, bounds: tuple[int, int], y: float, radius: float) -> str:
    if math.isnan(steps):
        return ""
    x = _place(steps, bounds)
    text = f"unit {unit}: {number(steps)} steps (gate path only)"
    return (
        f'<g><title>{text}</title><line class="stem" x1="0" x2="{x:.2f}%" y1="{y:.1f}" '
        f'y2="{y:.1f}"/><circle cx="{x:.2f}%" cy="{y:.1f}" r="{radius:g}"/></g>'
    )
