"""Points of two numbers on axes of one scale, beside the line on which both are the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

import numpy as np

from gatewise.errors import InputError
from gatewise.typing import Array, Indices
from gatewise.wording import figure, number

WIDTH, HEIGHT = 460.0, 300.0
LEFT, BOTTOM, EDGE = 58.0, 42.0, 16.0
MOST = 1500
"""Points that are drawn: more would only cover each other."""


@dataclass(frozen=True, eq=False, repr=False)
class Scatter:
    """Points [n] against the diagonal: predictions against the truth, or what was promised against it.

    Attributes:
        x, y: [n]; points where either is not finite are left out.
        weights: [n] how large each point is drawn, from 0 to 1; None: all alike and small.
        joined: Whether a line runs through the points in their order.
        low, high: [n] the interval of y.

    Raises InputError where lengths disagree.
    """

    title: str
    x: Array
    y: Array
    x_label: str
    y_label: str
    weights: Array | None = None
    joined: bool = False
    low: Array | None = None
    high: Array | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("y", "weights", "low", "high"):
            values = getattr(self, name)
            if values is not None and np.shape(values) != np.shape(self.x):
                raise InputError(f"Scatter {self.title!r}: {name} must be [{len(self.x)}], as x is")

    def html(self) -> str:
        """Return the drawing."""
        shown = np.flatnonzero(np.isfinite(self.x) & np.isfinite(self.y))
        if not len(shown):
            return '<p class="hint">There is nothing to draw.</p>'
        low, high = self._bounds(shown)
        picks = shown[:: math.ceil(len(shown) / MOST)]
        parts = [*_axes(low, high, self.x_label, self.y_label), _diagonal()]
        parts += self._intervals(picks, low, high)
        if self.joined:
            corners = " ".join(
                f"{_across(self.x[k], low, high):.1f},{_up(self.y[k], low, high):.1f}"
                for k in picks
            )
            parts.append(f'<polyline class="join" points="{corners}"/>')
        parts += [self._point(int(k), low, high) for k in picks]
        return (
            f'<svg class="drawn scatter" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
            f'aria-label="{escape(self.title)}">{"".join(parts)}</svg>'
        )

    def _bounds(self, shown: Indices) -> tuple[float, float]:
        every = np.concatenate([self.x[shown], self.y[shown]])
        low, high = float(every.min()), float(every.max())
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    def _intervals(self, picks: Indices, low: float, high: float) -> list[str]:
        if self.low is None or self.high is None:
            return []
        ends = [(k, self.low[k], self.high[k]) for k in picks]
        return [
            f'<line class="interval" x1="{_across(self.x[k], low, high):.1f}" '
            f'x2="{_across(self.x[k], low, high):.1f}" y1="{_up(a, low, high):.1f}" '
            f'y2="{_up(b, low, high):.1f}"/>'
            for k, a, b in ends
            if np.isfinite(a) and np.isfinite(b)
        ]

    def _point(self, k: int, low: float, high: float) -> str:
        size = 2.0 if self.weights is None else 2.0 + 5.0 * math.sqrt(float(self.weights[k]))
        said = (
            f"{self.x_label} {number(float(self.x[k]))}, {self.y_label} {number(float(self.y[k]))}"
        )
        return (
            f'<circle cx="{_across(self.x[k], low, high):.1f}" cy="{_up(self.y[k], low, high):.1f}" '
            f'r="{size:.1f}"><title>{escape(said)}</title></circle>'
        )


def _across(value: float, low: float, high: float) -> float:
    return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - EDGE)


def _up(value: float, low: float, high: float) -> float:
    place = min(
        max((value - low) / (high - low), 0.0), 1.0
    )  # an interval may reach out of the axes
    return HEIGHT - BOTTOM - place * (HEIGHT - BOTTOM - EDGE)


def _diagonal() -> str:
    return (
        f'<line class="same" x1="{LEFT:g}" y1="{HEIGHT - BOTTOM:g}" x2="{WIDTH - EDGE:g}" '
        f'y2="{EDGE:g}"/>'
    )


def _axes(low: float, high: float, x_label: str, y_label: str) -> list[str]:
    """Return both axes with some round numbers, and what they are of."""
    parts = []
    for value in ticks(low, high):
        x, y = _across(value, low, high), _up(value, low, high)
        text = escape(figure(value))
        parts.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{EDGE:g}" y2="{HEIGHT - BOTTOM:g}"/>'
            f'<line class="grid" x1="{LEFT:g}" x2="{WIDTH - EDGE:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="across" x="{x:.1f}" y="{HEIGHT - BOTTOM + 15:g}">{text}</text>'
            f'<text class="up" x="{LEFT - 6:g}" y="{y + 4:.1f}">{text}</text>'
        )
    middle = (LEFT + WIDTH - EDGE) / 2
    parts.append(
        f'<text class="across" x="{middle:g}" y="{HEIGHT - 6:g}">{escape(x_label)}</text>'
        f'<text class="across" transform="translate(13 {(HEIGHT - BOTTOM) / 2:g}) rotate(-90)">'
        f"{escape(y_label)}</text>"
    )
    return parts


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers between two bounds, some `about` of them."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(each for each in (1, 2, 5, 10) if each * power >= rough)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]
