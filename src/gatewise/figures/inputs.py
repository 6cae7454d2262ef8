"""What each column of the inputs is worth: bars with intervals, and its lags as a strip below them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gatewise.figures._canvas import BLUE, GREEN, ORANGE, begin, finish, literal, nothing
from gatewise.figures._lanes import lanes
from gatewise.figures.bars import Bar, bars
from gatewise.memory.interventions.importance_result import Importance
from gatewise.memory.interventions.integrated_result import IntegratedGradients
from gatewise.wording import figure, joined, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 12
"""Columns that are drawn, at most: the most important ones."""


def importance(result: Importance, ax: Axes | None = None, *, caption: bool = True) -> Axes:
    """Draw the share of the score that each column is worth, and that of its lags; returns the axes.

    Raises InputError for another result.
    """
    ax = begin(result, Importance, "importance", ax)
    picked = result.order[:MOST]
    names = [str(name) for name in result.columns]
    drawn = [
        Bar(
            names[n],
            float(result.relative[n]),
            float(result.low[n]),
            float(result.high[n]),
            BLUE,
            percent(float(result.relative[n])),
        )
        for n in picked
    ]
    for place, group in enumerate(result.groups[:MOST]):
        ends = float(result.group_low[place]), float(result.group_high[place])
        share = float(result.group_relative[place])
        drawn.append(Bar(joined([names[n] for n in group]), share, *ends, GREEN, percent(share)))
    known = [n for n in picked if np.isfinite(result.by_lag[n]).any()]
    top = ax
    if known:
        top, below = lanes(ax, 2, gap=0.4)
        _strip(below, result, known)
        top.tick_params(labelbottom=True)
    bars(top, drawn)
    if not result.has_score:
        nothing(ax, "there is no score to lose")
    top.set_xlabel("share of the score lost", fontsize="small")
    return finish(ax, "Which input matters (permutation)", result, caption)


def _strip(ax: Axes, result: Importance, known: list[int]) -> None:
    """Draw what each range of lags costs, the darker the more."""
    heat = np.clip(result.by_lag[known], 0, None)
    ax.imshow(
        np.ma.masked_invalid(heat), aspect="auto", cmap="Blues", vmin=0, interpolation="nearest"
    )
    ends = zip(result.lag_first, result.lag_last, strict=True)
    ticks = [str(first) if first == last else f"{first}–{last}" for first, last in ends]
    ax.set_xticks(range(len(ticks)), ticks, rotation=45)
    ax.set_yticks(range(len(known)), [literal(str(result.columns[n])) for n in known])
    # above, since the caption stands right below
    ax.set_title("of these, by lag (steps back)", fontsize="small", loc="left")


def integrated_gradients(
    result: IntegratedGradients, ax: Axes | None = None, *, caption: bool = True
) -> Axes:
    """Draw how far each column moves the answers from those at the baseline; returns the axes.

    Raises InputError for another result.
    """
    ax = begin(result, IntegratedGradients, "integrated_gradients", ax)
    drawn = [
        Bar(
            str(result.columns[n]),
            float(result.share[n]),
            float(result.low[n]),
            float(result.high[n]),
            ORANGE,
            percent(float(result.share[n])),
        )
        for n in result.order[:MOST]
    ]
    bars(ax, drawn)
    if np.isnan(result.share).all():
        nothing(ax, "no answer moves")
    ax.set_xlabel(f"share of what moves the answers (error {figure(result.error)})")
    return finish(ax, "Which input moves the answer (integrated gradients)", result, caption)
