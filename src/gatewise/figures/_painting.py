"""A curve as matplotlib draws it: the one painter of what results describe in `gatewise.curve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.curve import Curve, Line
from gatewise.figures._canvas import (
    BLUE,
    GREEN,
    MARK,
    ORANGE,
    SERIES,
    SOFT,
    band,
    caption_below,
    finish,
    grid,
    legend,
    literal,
    marked,
    nothing,
    titled,
)
from gatewise.memory.result import Result
from gatewise.unit import Unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"intervention": BLUE, "score": BLUE, "gradient": ORANGE, "gate path": GREEN, "": SOFT}
"""A view of memory has its colour in every figure; what is not to be read is grey."""
DASHES = ("--", "-.", ":")
FEW = 40
"""Up to so many points each has a dot, since the line between two is a guess."""


def paint(ax: Axes, curve: Curve, *, empty: str = "nothing to draw") -> None:
    """Draw the lines, bands, marks and level of a curve, its axes' labels and a legend.

    `empty` is said where no line has a point.
    """
    drawn = [line for line in curve.lines if np.isfinite(line.y).any()]
    if curve.log_x:
        ax.set_xscale("log")
    dashes = iter(DASHES)
    told: set[str] = set()  # what bands are called stands in the legend once
    for line in drawn:
        _paint_line(ax, curve, line, next(dashes, ":") if line.dashed else "-", told)
    if not drawn:
        nothing(ax, empty)
    elif curve.log_y:
        ax.set_yscale("log")
    if curve.level is not None:
        label = literal(curve.level.text)
        ax.axhline(curve.level.at, color=SOFT, linewidth=0.9, linestyle=":", label=label)
    for mark in curve.marks:
        if np.isfinite(mark.low) and np.isfinite(mark.high):
            ax.axvspan(mark.low, mark.high, color=MARK, alpha=0.1, lw=0)
        marked(ax, mark.at, literal(mark.text))
    ax.set_xlabel(literal(curve.x_label))
    ax.set_ylabel(literal(curve.y_label))
    grid(ax)


def _paint_line(ax: Axes, curve: Curve, line: Line, style: str, told: set[str]) -> None:
    colour = COLOURS[line.kind] if line.colour is None else SERIES[line.colour % len(SERIES)]
    if line.low is not None and line.high is not None:
        label = "_" if line.interval in told else line.interval
        told.add(line.interval)
        band(ax, curve.x, (line.low, line.high), colour, label)
    if line.colour is not None and line.colour >= len(SERIES) and not line.dashed:
        style = "-."  # a sixth line has the first one's colour
    options: dict[str, Any] = {"color": colour, "linestyle": style, "label": literal(line.name)}
    if len(curve.x) <= FEW and not line.dashed:
        options |= {"marker": ".", "markersize": 4}
    ax.plot(curve.x, line.y, **options)


def finish_curve(
    ax: Axes, curve: Curve, result: Result, *, view: str, unit: Unit | None, caption: bool
) -> Axes:
    """Give a painted curve its legend, its title with the view of memory, and a caption if asked for.

    The caption is the result's own reading, in steps; where `unit` says what a step is, that of the
    curve, which counts as its axis does.
    """
    legend(ax)
    title = f"{curve.name} ({view})"
    if unit is None:
        return finish(ax, title, result, caption)
    titled(ax, title)
    if caption:
        caption_below(ax, f"{curve.reading} {curve.note}".rstrip())
    return ax
