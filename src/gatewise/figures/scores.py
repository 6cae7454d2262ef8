"""Scores of models beside each other, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gatewise.figures._canvas import BLUE, ORANGE, SOFT, axes_of, grid, literal, nothing, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def score_dots(
    rows: Mapping[str, tuple[float, float, float]],
    members: Sequence[float],
    measure: str,
    title: str,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw a dot for each model, the first on top, with its interval; returns the axes.

    `rows` has each model's figure, low and high (NaN: no interval); `members` are the first's alone.
    """
    ax = axes_of(ax, "score_dots")
    known = [(name, row) for name, row in rows.items() if np.isfinite(row[0])]
    if not known:
        nothing(ax, "nothing was scored")
    for place, (_, (value, low, high)) in enumerate(known):
        colour = BLUE if place == 0 else SOFT
        if np.isfinite([low, high]).all():
            ax.plot([low, high], [place, place], color=colour, linewidth=1.6)
        ax.plot([value], [place], "o", color=colour, markersize=6)
    if known and len(members) > 1:
        ax.plot(members, np.full(len(members), 0.18), "|", color=ORANGE, markersize=8)
    ax.set_yticks(range(len(known)), [literal(name) for name, _ in known])
    ax.set_ylim(len(known) - 0.5, -0.5)
    ax.set_xlabel(literal(measure))
    grid(ax)
    titled(ax, title)
    return ax
