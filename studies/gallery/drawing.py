"""The figure of a study as files, SVG and PNG, drawn by gatewise's own painter of curves."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from gatewise import figures
from gatewise.files import atomic_write_bytes
from gatewise.report import Curve

ENDINGS = ("svg", "png")
PANEL = (6.2, 4.6)
"""Inches of one curve with its caption."""
LETTERS = 58
"""Of the title above one curve, in a line."""
COLUMNS = 2
DOTS = 160
"""Dots an inch of the PNG."""


def draw(title: str, curves: Sequence[Curve]) -> Figure:
    """Return one figure of all curves of a study, two in a row."""
    columns = min(COLUMNS, len(curves))
    rows = math.ceil(len(curves) / columns)
    size = (PANEL[0] * columns, PANEL[1] * rows + 0.4)
    figure = Figure(size, layout="constrained", facecolor="white")
    places = figure.subplots(rows, columns, squeeze=False).flatten()
    for place, curve in zip(places, curves, strict=False):
        figures.curve(curve, place)
    for place in places[len(curves) :]:
        place.set_visible(False)
    told = textwrap.fill(title, LETTERS * columns).replace("$", r"\$")
    figure.suptitle(told, x=0.01, ha="left", fontsize="large")
    return figure


def write_figures(title: str, curves: Sequence[Curve], stem: Path) -> list[Path]:
    """Write the figure beside its page, as `stem`.svg and `stem`.png; return the files.

    The same curves give the same bytes: no date, and ids that do not come from chance.
    """
    figure = draw(title, curves)
    about = {"svg": {"Date": None, "Title": title}, "png": {"Title": title, "Software": None}}
    written = []
    for ending in ENDINGS:
        held = io.BytesIO()
        with mpl.rc_context({"svg.hashsalt": "gatewise"}):
            figure.savefig(held, format=ending, dpi=DOTS, metadata=about[ending])
        path = stem.with_name(f"{stem.name}.{ending}")
        atomic_write_bytes(path, held.getvalue())
        written.append(path)
    return written
