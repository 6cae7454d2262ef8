"""The essentials of a forecast on one sheet, A4 across: verdict, plot, scores and memory curve."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatewise.curve import Curve
from gatewise.figures._canvas import (
    BLUE,
    INK,
    LINE,
    ORANGE,
    SOFT,
    grid,
    legend,
    library,
    literal,
)
from gatewise.figures._painting import paint
from gatewise.figures.pictures import draw_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (11.69, 8.27)
"""Inches of A4 across."""
LEFT, RIGHT = 0.07, 0.97
WIDE = 104
"""Letters of a line of small text across the sheet."""
MOST_PICTURES, BETWEEN = 2, 0.08
WIDE_HEAD = 12
"""Letters of a line of a table's head."""
FEW = 60
"""Up to so many points each has a dot."""


@dataclass(frozen=True, eq=False, repr=False)
class Plot:
    """Truth, prediction and the forecast beyond the data, NaN where there is none; P points."""

    time: NDArray[Any]  # [P] datetimes or numbers
    truth: NDArray[np.float64]  # [P]
    prediction: NDArray[np.float64]  # [P]
    bands: tuple[tuple[str, NDArray[np.float64], NDArray[np.float64]], ...]  # name, low, high
    ahead: int  # of the last points, how many lie beyond the data
    label: str  # of the axis of values
    title: str


@dataclass(frozen=True)
class Scores:
    """A small table of texts; `best` has the cells to mark, as (row, column)."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  # each begins with the model's name
    best: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, eq=False, repr=False)
class Sheet:
    """What stands on the sheet; parts that are None are left out."""

    title: str
    about: str = ""
    verdict: str = ""
    plot: Plot | None = None
    pictures: tuple[Any, ...] = ()  # of the page, in place of a plot, side by side
    scores: Scores | None = None
    memory: str = ""  # the sentence over the curve
    curve: Curve | None = None
    foot: str = ""


def sheet(content: Sheet) -> Figure:
    """Return the figure of a sheet; OptionError where matplotlib is not installed."""
    figure: Figure = library("figure").Figure(SIZE, facecolor="white")
    _head(figure, content)
    whole = content.plot is None and not content.pictures
    below = (0.09, 0.66) if whole else (0.09, 0.31)
    if content.plot is not None:
        _draw_plot(figure.add_axes((LEFT, 0.53, RIGHT - LEFT, 0.26)), content.plot)
    for place, picture in enumerate(content.pictures[:MOST_PICTURES]):
        count = min(len(content.pictures), MOST_PICTURES)
        wide = (RIGHT - LEFT + BETWEEN) / count
        ax = figure.add_axes((LEFT + place * wide, 0.5, wide - BETWEEN, 0.3))
        _plain(ax)
        draw_picture(ax, picture)
    if content.scores is not None:
        _draw_scores(figure.add_axes((LEFT, below[0], 0.4, below[1])), content.scores)
    if content.curve is not None:
        _draw_memory(figure.add_axes((0.57, below[0], RIGHT - 0.57, below[1])), content)
    marked = content.scores is not None and bool(content.scores.best)
    foot = "bold: the best · " * marked + content.foot
    figure.text(LEFT, 0.02, literal(foot), fontsize=8, color=SOFT)
    return figure


def check() -> None:
    """Raise OptionError where matplotlib is not installed."""
    library("figure")


def _head(figure: Figure, content: Sheet) -> None:
    title = textwrap.shorten(content.title, 66, placeholder=" …")
    figure.text(LEFT, 0.94, literal(title), fontsize=17, fontweight="bold", color=INK)
    about = textwrap.shorten(content.about, WIDE + 30, placeholder=" …")
    figure.text(LEFT, 0.907, literal(about), fontsize=10, color=SOFT)
    verdict = textwrap.shorten(content.verdict, 90, placeholder=" …")
    figure.text(LEFT, 0.862, literal(verdict), fontsize=13, fontweight="bold", color=BLUE)


def _draw_plot(ax: Axes, plot: Plot) -> None:
    _plain(ax)
    first = len(plot.time) - plot.ahead
    marker = "." if len(plot.time) <= FEW else ""
    for name, low, high in plot.bands:
        known = np.isfinite(low) & np.isfinite(high)
        ax.fill_between(
            plot.time, low, high, where=known, color=BLUE, alpha=0.16, lw=0, label=literal(name)
        )
    ax.plot(plot.time, plot.truth, color=INK, lw=0.9, marker=marker, label="truth")
    ax.plot(
        plot.time[:first],
        plot.prediction[:first],
        color=BLUE,
        lw=1.6,
        marker=marker,
        label="prediction",
    )
    if plot.ahead:
        beyond = slice(first, None)
        label = "forecast beyond the data"
        ax.plot(
            plot.time[beyond], plot.prediction[beyond], color=ORANGE, lw=1.6, ls="--", label=label
        )
        ax.axvspan(plot.time[first], plot.time[-1], color=LINE, alpha=0.5, lw=0)
    if np.issubdtype(plot.time.dtype, np.datetime64):
        dates = library("dates")
        locator = dates.AutoDateLocator(minticks=4, maxticks=12)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    else:
        ax.set_xlabel("step", fontsize=9, color=SOFT)
    ax.set_ylabel(literal(plot.label), fontsize=9, color=SOFT)
    ax.margins(x=0.01)
    grid(ax)
    _title(ax, plot.title)
    legend(ax, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=5, borderaxespad=0.2)


def _draw_scores(ax: Axes, scores: Scores) -> None:
    ax.axis("off")
    _title(ax, textwrap.shorten(scores.title, 56, placeholder=" …"))
    # two words of a head beside each other would reach over that of the next column
    heads = [textwrap.fill(head, WIDE_HEAD) for head in scores.columns]
    cells = (("Model", *heads), *scores.rows)
    first = 0.26  # of the width, for the names of models
    table = ax.table(
        cellText=[[literal(text) for text in row] for row in cells],
        colWidths=[first] + [(1 - first) / len(scores.columns)] * len(scores.columns),
        loc="upper center",
        cellLoc="right",
        edges="horizontal",
    )
    table.auto_set_font_size(False)
    for (row, column), cell in table.get_celld().items():
        lines = 1.6 if row == 0 and any("\n" in head for head in heads) else 1.0
        cell.set_height(lines * min(0.11, 0.9 / (len(scores.rows) + 1)))
        cell.set_edgecolor(LINE)
        bold = (row - 1, column - 1) in scores.best
        cell.set_text_props(
            color=SOFT if row == 0 else INK,
            fontsize=8.5 if row == 0 else 9.5,
            fontweight="bold" if bold else "normal",
            ha="left" if column == 0 else "right",
        )
        if column == 0:
            cell.PAD = 0.0


def _draw_memory(ax: Axes, content: Sheet) -> None:
    assert content.curve is not None
    _plain(ax)
    paint(ax, content.curve)
    ax.xaxis.label.set_fontsize(9)
    ax.yaxis.label.set_fontsize(9)
    said = textwrap.shorten(content.memory or content.curve.name, 52, placeholder=" …")
    _title(ax, said)
    legend(ax, loc="best")


def _plain(ax: Axes) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(SOFT)
    ax.tick_params(colors=SOFT, labelcolor=INK, labelsize=9)


def _title(ax: Axes, text: str) -> None:
    ax.set_title(literal(text), loc="left", fontsize=10.5, fontweight="bold", color=INK)
