"""The picture of a run: how many times longer each peer takes, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.against_peers.machine import described
from benchmarks.against_peers.peers import title_of
from benchmarks.against_peers.records import Measurement, Report
from benchmarks.against_peers.tables import TITLES
from gatewise.errors import FileError, OptionError, how_to_install
from gatewise.files import atomic_write_bytes

ENDINGS = (".png", ".svg")
DRAWN = ("train", "infer", "packed", "bf16")
"""The modes that have other implementations for peers."""

# Okabe and Ito's colours, told apart by the colour-blind; and a shape each for print in grey.
STYLES = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#E69F00", "v"),
    ("#56B4E9", "P"),
)
COLUMNS = 3
PANEL_WIDTH, ROW_HEIGHT, PANEL_SPACE = 5.2, 0.27, 0.95
HEAD, FOOT = 0.35, 0.22
"""Inches; above the panels is the legend, below them the machine."""

Groups = dict[tuple[str, str], list[Measurement]]


def check_picture(path: Path, modes: Iterable[str]) -> None:
    """Raise OptionError or FileError, before any work, unless these modes can be drawn there."""
    if path.suffix.lower() not in ENDINGS:
        raise FileError(f"cannot write {path}: a picture ends in {' or '.join(ENDINGS)}")
    if not set(modes) & set(DRAWN):
        raise OptionError(f"nothing to draw: a picture shows the modes {', '.join(DRAWN)}")
    if find_spec("matplotlib") is None:
        raise OptionError(f"a picture needs matplotlib: {how_to_install('bench')}")


def write_picture(report: Report, path: Path) -> None:
    """Write a panel per mode and cell: ratios on a logarithmic axis, our time at 1.

    Raises FileError where nothing was timed, or the file cannot be written.
    """
    groups: Groups = {}
    for record in report.records:
        timed = any(record.ratio(side.name) is not None for side in record.sides[1:])
        if record.mode in DRAWN and timed:
            groups.setdefault((record.mode, record.cell), []).append(record)
    if not groups:
        raise FileError(f"nothing to draw in {path}: no side was timed beside gatewise")
    figure = _figure(groups, described(report.machine))
    drawn = BytesIO()
    figure.savefig(drawn, dpi=150, format=path.suffix[1:].lower())
    atomic_write_bytes(path, drawn.getvalue())


def _figure(groups: Groups, foot: str) -> Any:
    columns = min(COLUMNS, len(groups))
    lines = -(-len(groups) // columns)
    tallest = max(len(records) for records in groups.values())
    width, height = PANEL_WIDTH * columns, (ROW_HEIGHT * tallest + PANEL_SPACE) * lines
    height += HEAD + FOOT
    figure = import_module("matplotlib.figure").Figure((width, height), layout="constrained")
    room = (0, FOOT / height, 1, 1 - (FOOT + HEAD) / height)
    figure.get_layout_engine().set(rect=room)
    styles = _styles(groups)
    _legend(figure, styles)
    panels = figure.subplots(lines, columns, squeeze=False).flatten()
    for panel, ((mode, cell), records) in zip(panels, groups.items(), strict=False):
        _draw(panel, records, styles)
        panel.set_title(f"{cell.upper()}, {TITLES[mode]}", fontsize=9, loc="left")
    for panel in panels[len(groups) :]:
        panel.set_visible(False)
    figure.text(0.01, 0.03 / height, foot, fontsize=6.5, color="#555555", va="bottom", wrap=True)
    return figure


def _styles(groups: Groups) -> dict[str, tuple[str, str]]:
    """Return a colour and a shape for each side: the same ones in every panel."""
    names = dict.fromkeys(
        side.name for records in groups.values() for record in records for side in record.sides[1:]
    )
    return dict(zip(names, cycle(STYLES), strict=False))


def _legend(figure: Any, styles: dict[str, tuple[str, str]]) -> None:
    line = import_module("matplotlib.lines").Line2D
    handles = [
        line(
            [], [], color=colour, marker=shape, linestyle="none", markersize=6, label=title_of(name)
        )
        for name, (colour, shape) in styles.items()
    ]
    handles.append(line([], [], color="black", linewidth=1, label="gatewise"))
    figure.legend(handles=handles, loc="upper left", ncols=len(handles), frameon=False, fontsize=9)


def _draw(panel: Any, records: list[Measurement], styles: dict[str, tuple[str, str]]) -> None:
    places = range(len(records))
    for name, (colour, shape) in styles.items():
        points = [(record.ratio(name), place) for place, record in enumerate(records)]
        known = [(ratio, place) for ratio, place in points if ratio is not None]
        if known:
            panel.plot(*zip(*known, strict=True), shape, color=colour, markersize=5.5, alpha=0.85)
    panel.set_xscale("log")
    panel.axvline(1.0, color="black", linewidth=1)
    low, high = panel.get_xlim()
    panel.set_xlim(min(low, 0.45), max(high, 2.2))  # so that there is always a label beside 1
    panel.set_yticks(places, [str(record.row) for record in records], fontsize=8)
    panel.set_ylim(len(records) - 0.5, -0.5)
    panel.set_ylabel("T, B, I, H", fontsize=8)
    panel.set_xlabel("time, as a multiple of gatewise's (right: gatewise is ahead)", fontsize=8)
    panel.grid(axis="both", color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    _plain_ticks(panel)


def _plain_ticks(panel: Any) -> None:
    """Label the axis with plain numbers, not with powers of ten."""
    ticker = import_module("matplotlib.ticker")
    low, high = panel.get_xlim()
    steps = (1.0, 2.0, 5.0) if high / low < 300 else (1.0,)
    panel.xaxis.set_major_locator(ticker.LogLocator(base=10, subs=steps))
    panel.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    panel.xaxis.set_minor_locator(ticker.NullLocator())
    panel.tick_params(axis="x", labelsize=8)
