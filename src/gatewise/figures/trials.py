"""The scores of a search's trials, in the order in which they began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gatewise.figures._canvas import BLUE, ORANGE, axes_of, grid, legend, literal, nothing, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def trials(
    scores: Sequence[float], metric: str, *, higher: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw the score of each trial, and the best so far; returns the axes.

    `scores` are NaN where a trial was stopped or failed; `higher` tells that more is better.
    """
    ax = axes_of(ax, "trials")
    values = np.asarray(scores, dtype=np.float64)
    numbers = np.arange(1, len(values) + 1)
    if not np.isfinite(values).any():
        nothing(ax, "no trial came to its end")
    else:
        best = (np.fmax if higher else np.fmin).accumulate(values)
        ax.plot(numbers, values, "o", color=BLUE, markersize=4, label="trial")
        ax.step(numbers, best, where="post", color=ORANGE, linewidth=1.4, label="best so far")
        legend(ax)
    ax.set_xlabel("trial")
    ax.set_ylabel(literal(f"{metric} on the validation part"))
    grid(ax)
    titled(ax, "Trials")
    return ax
