"""Several small charts in the place of one: lanes above each other, and small multiples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gatewise.figures._canvas import INK, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAP = 0.12
"""Between lanes, as a share of the axes' height; twice that between small multiples."""


def lanes(ax: Axes, count: int, gap: float = GAP) -> list[Axes]:
    """Return `count` axes above each other inside `ax`, whose own frame is taken off."""
    return multiples(ax, count, columns=1, gap=gap)


def multiples(ax: Axes, count: int, columns: int, gap: float = 2 * GAP) -> list[Axes]:
    """Return `count` axes in rows of `columns` inside `ax`, from the upper left on."""
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set(xticks=[], yticks=[])
    rows = math.ceil(count / columns)
    height = (1 - gap * (rows - 1)) / rows if rows > 1 else 1.0
    aside = 0.16 if columns > 1 else 0.0
    width = (1 - aside * (columns - 1)) / columns
    made = []
    for n in range(count):
        row, column = divmod(n, columns)
        box = (column * (width + aside), 1 - height - row * (height + gap), width, height)
        child = ax.inset_axes(box)
        for side in ("top", "right"):
            child.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            child.spines[side].set_color(SOFT)
        child.tick_params(colors=SOFT, labelcolor=INK, labelsize="small")
        if row < rows - 1 and columns == 1:
            child.tick_params(labelbottom=False)
        made.append(child)
    return made
