"""The first screen of a run's page as one picture, for those who mail pictures."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.figures.sheet import Plot, Scores, Sheet, check, sheet
from gatewise.files import atomic_write_bytes
from gatewise.report import Contents
from gatewise.report.overview import memory_curve
from gatewise.report.table import Table

KINDS = (".png", ".pdf", ".svg")
"""What a picture's name may end in."""
DOTS = 150
"""To an inch: 1,750 x 1,240 pixels."""


def write_picture(contents: Contents, path: Path) -> None:
    """Write the picture of a page; the file appears whole or not at all.

    Raises OptionError where matplotlib is not installed, and FileError where it cannot be written.
    """
    figure = sheet(sheet_of(contents))
    file, kind = BytesIO(), path.suffix.lower()[1:]
    # Without the date: the same run gives the same picture.
    dated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    figure.savefig(file, format=kind, dpi=DOTS, metadata=dated.get(kind))
    atomic_write_bytes(path, file.getvalue())


def check_can_draw() -> None:
    """Raise OptionError where matplotlib is not installed."""
    check()


def sheet_of(contents: Contents) -> Sheet:
    """Return what the first screen of a page shows, as the sheet has it."""
    curve = memory_curve(contents)
    return Sheet(
        contents.title,
        about=contents.subtitle,
        verdict=contents.findings[0].sentence if contents.findings else "",
        plot=None if contents.predictions is None else _plot(contents.predictions.charts().payload),
        pictures=contents.pictures,
        scores=None if contents.scores is None else _scores(contents.scores),
        memory=contents.memory,
        curve=curve,
        foot=" · ".join((*contents.facts, "made by gatewise")),
    )


def _plot(payload: dict[str, Any]) -> Plot:
    """Return the chart that the page shows first."""
    place, target = payload["first"], payload["targets"][0]
    chart = payload["charts"][f"{place}/{target['index']}/{payload['views'][0]['index']}/0"]
    truth, prediction, *edges = chart["lines"]
    several = len(payload["series"]) > 1
    return Plot(
        _times(chart["time"], payload),
        truth,
        prediction,
        tuple(zip(payload["bands"], edges[::2], edges[1::2], strict=True)),
        chart["ahead"],
        target["label"],
        f"Truth and prediction{', ' + payload['series'][place]['name'] if several else ''}",
    )


def _times(seconds: NDArray[np.float64], payload: dict[str, Any]) -> NDArray[Any]:
    """Return the times of a chart as the clock of the data's zone shows them."""
    if not payload["calendar"]:
        return seconds
    clock = np.array(payload["clock"] or [[-np.inf, 0.0]])
    change = np.maximum(np.searchsorted(clock[:, 0], seconds, side="right") - 1, 0)
    shown = seconds + clock[change, 1]
    times: NDArray[Any] = (shown * 1e3).round().astype("datetime64[ms]")
    return times


def _scores(table: Table) -> Scores:
    rows = [row for group in table.groups for row in group.rows]
    return Scores(
        table.title,
        tuple(head.text for head in table.columns),
        tuple((row.head.text, *(cell.text for cell in row.cells)) for row in rows),
        frozenset(
            (r, c) for r, row in enumerate(rows) for c, cell in enumerate(row.cells) if cell.mark
        ),
    )
