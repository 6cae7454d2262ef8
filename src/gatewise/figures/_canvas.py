"""The parts that all panels share: axes, colours, titles, captions, and the check of the result given.

Matplotlib is imported only when something is drawn. Figures are made without pyplot, so that no state is
left behind and no display is needed.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewise.errors import InputError, OptionError, how_to_install
from gatewise.memory.result import Result
from gatewise.wording import place_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The colours of the page, in its light scheme: told apart by the colour-blind.
INK, SOFT, LINE = "#1c1e21", "#5d6268", "#e3e3de"
BLUE, ORANGE, GREEN, PURPLE, OLIVE = "#0b66a8", "#c8611a", "#0b7a5c", "#a8518a", "#7a6a12"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, OLIVE)
MARKERS = ("o", "s", "^", "D", "v")
MARK = "#d6006c"
FAINT = "#c3c5c8"
BAND = 0.18
SEQUENTIAL = "viridis"
SIGNED_STOPS = ("#0b3c7d", "#4a96cc", "#f3f2ee", "#e58f3e", "#8a3d05")

PANEL = (6.4, 4.4)
"""Inches of a figure made for one panel."""
CAPTION_SIZE = 8.5
LETTER = 6.5
"""Points that a letter at a step takes up, with its space."""
BELOW_LABEL = 40
"""Points from the axes to the caption: room for the labels of ticks and axis."""


def library(name: str) -> Any:
    """Return the module `matplotlib.<name>`; raises OptionError where matplotlib is not installed."""
    try:
        return import_module(f"matplotlib.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise OptionError(f"drawing needs matplotlib: {how_to_install('figures')}") from None


def new_figure(size: tuple[float, float]) -> Figure:
    """Return an empty figure of `size` inches on a light ground, with room kept for every label."""
    figure: Figure = library("figure").Figure(size, layout="constrained", facecolor="white")
    show_in_notebooks(figure, figure)
    return figure


def show_in_notebooks(drawn: Any, figure: Figure) -> None:
    """Let axes, or a figure, show the picture where a notebook's cell ends with them.

    Without pyplot nothing else would: a notebook knows no axes, and no figure either before pyplot.
    """
    drawn._repr_png_ = partial(_png, figure)


def _png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100, bbox_inches="tight")
    return content.getvalue()


def begin(result: Any, kind: type[Result], caller: str, ax: Axes | None) -> Axes:
    """Return the axes to draw `result` in, a new figure's own where `ax` is None.

    Raises InputError for a result of another kind and for an `ax` that is none.
    """
    if not isinstance(result, kind):
        raise InputError(
            f"figures.{caller}: draws a {kind.__name__}, which gatewise.memory returns; got "
            f"{type(result).__name__}"
            + ("; figures.draw takes every kind" if isinstance(result, Result) else "")
        )
    return axes_of(ax, caller)


def axes_of(ax: Axes | None, caller: str) -> Axes:
    """Return `ax`, or the axes of a new figure; raises InputError for anything else."""
    drawn: Axes
    if ax is None:
        figure = new_figure(PANEL)
        drawn = figure.subplots()
        show_in_notebooks(drawn, figure)
    elif isinstance(ax, library("axes").Axes):
        drawn = ax
    else:
        several = "; pick one of them" if isinstance(ax, np.ndarray | list | tuple) else ""
        raise InputError(
            f"figures.{caller}: ax must be one matplotlib Axes, or None for a new figure; got "
            f"{type(ax).__name__}{several}"
        )
    for side in ("top", "right"):
        drawn.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        drawn.spines[side].set_color(SOFT)
    drawn.tick_params(colors=SOFT, labelcolor=INK)
    return drawn


def finish(ax: Axes, title: str, result: Result, caption: bool) -> Axes:
    """Give a panel its title and, if asked for, its caption: the reading and the caveat."""
    titled(ax, title)
    if caption:
        caption_below(ax, f"{result.reading} {result.note}".rstrip())
    return ax


def titled(ax: Axes, title: str) -> None:
    """Give a panel its title, above the titles of lanes within it."""
    children: list[Any] = ax.child_axes
    above = 18 if children and children[0].get_title("left") else None  # points
    ax.set_title(
        literal(title), loc="left", pad=above, fontsize="medium", fontweight="bold", color=INK
    )


def caption_below(ax: Axes, text: str) -> None:
    """Write text below the axes and their labels, wrapped to their width."""
    box = ax.get_position()
    inches = box.width * ax.get_figure(root=True).get_figwidth()  # type: ignore[union-attr]
    letters = max(30, int(inches * 72 / (0.5 * CAPTION_SIZE)))
    ax.annotate(
        literal(textwrap.fill(text, letters)),
        (0, 0),
        (0, -BELOW_LABEL),
        xycoords="axes fraction",
        textcoords="offset points",
        va="top",
        ha="left",
        fontsize=CAPTION_SIZE,
        color=SOFT,
        annotation_clip=False,
        gid="caption",
    )


def literal(text: str) -> str:
    """Return text that matplotlib draws as it is: two `$` of a name would make it a formula."""
    return text.replace("$", r"\$")


def nothing(ax: Axes, why: str) -> None:
    """Say in an empty panel why it is empty."""
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", color=SOFT)


def grid(ax: Axes, axis: Any = "both") -> None:
    """Draw faint lines behind the figures."""
    ax.grid(axis=axis, color=LINE, linewidth=0.7)
    ax.set_axisbelow(True)


def band(
    ax: Axes, x: ArrayLike, interval: tuple[ArrayLike, ArrayLike], colour: str, label: str
) -> None:
    """Draw an interval as a band; none where the result has none."""
    low, high = (np.asarray(end, dtype=np.float64) for end in interval)
    known = np.isfinite(low) & np.isfinite(high)
    if known.any():
        ax.fill_between(x, low, high, where=known, color=colour, alpha=BAND, lw=0, label=label)


def marked(ax: Axes, at: float, text: str) -> None:
    """Draw a labelled vertical line at x."""
    ax.axvline(at, color=MARK, linewidth=1.1, linestyle=(0, (5, 3)), label=text)


def legend(ax: Axes, **options: Any) -> None:
    """Draw the legend, if there is anything in it."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize="small", labelcolor=INK, **options)


def place_of(place: Sequence[int] | None, lead: tuple[int, ...], caller: str) -> tuple[int, ...]:
    """Return the layer and direction to draw: by default the last layer, forwards.

    Raises InputError for one that the result does not have.
    """
    if place is None:
        return (lead[0] - 1, 0) if len(lead) == 2 and all(lead) else (0,) * len(lead)
    found = tuple(int(index) for index in place)
    if len(found) != len(lead) or any(
        not -size <= i < size for i, size in zip(found, lead, strict=True)
    ):
        raise InputError(
            f"figures.{caller}: place must be an index into the leading axes {list(lead)} (layers, "
            f"directions); got {place!r}"
        )
    return tuple(i % size for i, size in zip(found, lead, strict=True))


def place_title(place: tuple[int, ...], lead: tuple[int, ...], before: str = ", ") -> str:
    """Return the layer and direction for a title; nothing where the result has one alone."""
    return place_name(place, lead, before)


def number_of(index: int, count: int, name: str, caller: str) -> int:
    """Return a row or unit counted from 0; raises InputError for one that is not there."""
    if not -count <= index < count:
        raise InputError(
            f"figures.{caller}: {name}={index} is not there; the result has {count} "
            f"(0 to {count - 1})"
        )
    return index % count


def signed_map() -> Any:
    """Return the page's colours from negative to positive."""
    return library("colors").LinearSegmentedColormap.from_list("gatewise", SIGNED_STOPS)


def colour_bar(ax: Axes, drawn: Any, label: str, extend: str = "neither") -> None:
    """Draw the scale of an image beside it."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(drawn, ax=ax, label=label, extend=extend, pad=0.02, aspect=25)
    bar.outline.set_visible(False)


def pooled(values: NDArray[Any], columns: int = 600) -> tuple[NDArray[Any], int]:
    """Return the maxima of each `stride` steps of `[..., T]` in at most `columns` columns, and `stride`.

    The maximum, since a mean would hide what happens at one step alone. NaN only where all steps are.
    """
    steps = values.shape[-1]
    stride = max(1, math.ceil(steps / columns))
    if stride == 1:
        return values, 1
    short = -steps % stride
    padded = np.pad(
        values.astype(np.float64), [(0, 0)] * (values.ndim - 1) + [(0, short)],
        constant_values=np.nan,
    )  # fmt: skip
    split = padded.reshape(*values.shape[:-1], -1, stride)
    return np.fmax.reduce(split, axis=-1), stride


def symbols_below(ax: Axes, symbols: Sequence[str] | None, steps: int, caller: str) -> None:
    """Write the symbol of each step below it, upright where words are long; nothing without room.

    Every tenth step keeps its number. Raises InputError unless there is a symbol for each step.
    """
    if symbols is None:
        return
    if len(symbols) != steps:
        raise InputError(
            f"figures.{caller}: there are {len(symbols)} symbols for {steps} steps; give one for each"
        )
    figure = ax.get_figure(root=True)
    assert figure is not None
    each = ax.get_position().width * figure.get_figwidth() * 72 / max(steps, 1)  # points
    longest = max((len(one) for one in symbols), default=1)
    upright = longest > 1 and longest * LETTER > each
    if each < LETTER:
        return
    apart = " " if upright else "\n"
    shown = [f"{one}{apart}{k}" if k % 10 == 0 else one for k, one in enumerate(symbols)]
    ax.set_xticks(range(steps), [literal(one) for one in shown], fontsize="small")
    ax.tick_params(axis="x", rotation=90 if upright else 0)


def steps_label(stride: int, name: str = "step") -> str:
    """Return the label of a time axis, with how many steps a column holds."""
    return name if stride == 1 else f"{name} (1 column = {stride} steps, maximum)"
