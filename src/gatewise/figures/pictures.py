"""The main pictures of a page of sequences, painted by matplotlib.

They are what `report.pictures` writes as HTML, told apart by the names of their classes: figures know no
page, and take any that has their fields.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.figures._canvas import BLUE, INK, LINE, ORANGE, SERIES, SOFT, grid, legend, literal
from gatewise.typing import Indices

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LETTERS = 150
"""Steps of a strand up to which each has its letter."""
PER_LINE, LINES = 132, 9
"""Letters of a line of coloured text, and lines of it."""
DARKEST = 12.0
"""Bits from which a token is as dark as it gets, as on the page."""


def draw_picture(ax: Axes, picture: Any) -> None:
    """Draw a picture of a page into axes; one of a kind that is not known leaves its title alone."""
    draws: dict[str, Any] = {
        "Matrix": _matrix,
        "Scatter": _scatter,
        "Strand": _strand,
        "ColouredText": _text,
    }
    draw = draws.get(type(picture).__name__)
    if draw is None:
        ax.axis("off")
    else:
        draw(ax, picture)
    title = literal(textwrap.shorten(picture.title, 90, placeholder=" …"))
    ax.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=INK)


def _matrix(ax: Axes, matrix: Any) -> None:
    total = matrix.counts.sum(axis=1, keepdims=True)
    share = matrix.counts / np.where(total > 0, total, 1.0)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1.4, aspect="auto")
    ax.set_xticks(range(len(matrix.columns)), [literal(_short(one)) for one in matrix.columns])
    ax.set_yticks(range(len(matrix.rows)), [literal(_short(one)) for one in matrix.rows])
    for row, counts in enumerate(matrix.counts.tolist()):
        for column, count in enumerate(counts):
            ax.text(column, row, f"{count:,.10g}", ha="center", va="center", fontsize=8, color=INK)
    ax.set_xlabel(literal(matrix.column_head), fontsize=9, color=SOFT)
    ax.set_ylabel(literal(matrix.row_head), fontsize=9, color=SOFT)
    ax.tick_params(length=0, labelsize=8)


def _scatter(ax: Axes, scatter: Any) -> None:
    known = np.isfinite(scatter.x) & np.isfinite(scatter.y)
    x, y = scatter.x[known], scatter.y[known]
    if scatter.low is not None and scatter.high is not None:
        ax.vlines(x, scatter.low[known], scatter.high[known], color=BLUE, alpha=0.25, lw=0.8)
    size: Any = 10 if scatter.weights is None else 10 + 90 * scatter.weights[known]
    ax.scatter(x, y, s=size, color=BLUE, alpha=0.6, linewidths=0)
    if scatter.joined:
        ax.plot(x, y, color=BLUE, lw=1)
    if len(x):
        ends = [min(x.min(), y.min()), max(x.max(), y.max())]
        ax.plot(ends, ends, color=SOFT, lw=1, ls="--")
    ax.set_xlabel(literal(scatter.x_label), fontsize=9, color=SOFT)
    ax.set_ylabel(literal(scatter.y_label), fontsize=9, color=SOFT)
    grid(ax)


def _strand(ax: Axes, strand: Any) -> None:
    steps = strand.start + 1 + np.arange(len(strand.predicted))
    for place, (name, values) in enumerate(strand.probabilities):
        ax.plot(steps, values, color=SERIES[place % len(SERIES)], lw=1, label=literal(name))
    rows = [("predicted", strand.predicted)]
    rows += [] if strand.truth is None else [("truth", strand.truth)]
    for place, (_, codes) in enumerate(rows):
        for code in np.unique(codes[codes >= 0]).tolist():
            spans = [(first + steps[0] - 0.5, last - first) for first, last in _runs(codes == code)]
            named = literal(strand.classes[code]) if place == 0 or code not in rows[0][1] else None
            colour = LINE if code == 0 else SERIES[(code - 1) % len(SERIES)]
            ax.broken_barh(spans, (1.12 + 0.2 * place, 0.15), facecolors=colour, label=named)
    ends = [1.195 + 0.2 * place for place in range(len(rows))]
    ax.set_yticks([0, 0.5, 1, *ends], ["0", "0.5", "1", *(name for name, _ in rows)])
    if strand.letters and len(strand.letters) <= MOST_LETTERS:
        for step, letter in zip(steps.tolist(), strand.letters, strict=True):
            ax.text(step, 1.05, literal(letter), ha="center", va="center", fontsize=6, color=INK)
    ax.set_xlabel(strand.step, fontsize=9, color=SOFT)
    ax.margins(x=0.0)
    legend(ax, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=5, borderaxespad=0.2)


def _text(ax: Axes, text: Any) -> None:
    ax.axis("off")
    ax.set(xlim=(0, PER_LINE), ylim=(LINES, 0))
    column, line = 0, 0
    for token, bits in zip(text.tokens, text.bits.tolist(), strict=True):
        written = token.replace("\n", "↵").replace("\t", " ")
        if column + len(written) > PER_LINE:
            column, line = 0, line + 1
        if line >= LINES:
            return
        depth = 0.7 * min(max(bits / DARKEST, 0.0), 1.0) if np.isfinite(bits) else 0.0
        ends = [column, column + len(written)]
        ax.fill_between(ends, line, line + 0.9, color=ORANGE, alpha=depth, lw=0)
        for place, letter in enumerate(written):
            where = (column + place + 0.5, line + 0.5)
            ax.text(*where, literal(letter), ha="center", va="center", fontsize=7, color=INK)
        column += len(written)
        if "\n" in token:
            column, line = 0, line + 1


def _runs(flags: Any) -> list[tuple[int, int]]:
    """Return first step and the one after the last of each run of true ones."""
    edges: Indices = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _short(name: str) -> str:
    return textwrap.shorten(name, 16, placeholder=" …")
