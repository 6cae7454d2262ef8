"""What the tests of the command line share: a small table, quick options, a view of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

DEFAULTS = {
    "target": "flow",
    "inputs": "rain heat",
    "lookback": "8",
    "hidden-size": "3",
    "epochs": "2",
    "test": "0.2",
}


def quick(**changes: str) -> list[str]:
    """Return the options of a fit that takes a moment, with `changes` (words split at spaces)."""
    given = DEFAULTS | {name.replace("_", "-"): text for name, text in changes.items()}
    return [word for name, text in given.items() for word in (f"--{name}", *text.split())]


QUICK = quick()
"""Of a network that learns nothing in its two epochs."""

LEARNING = quick(learning_rate="0.1", batch_size="8")
"""Of one that does better than the mean of the truth."""


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


def table_text(rows: int = 150, **columns: list[str]) -> str:
    """Return a CSV of daily rain, heat and a flow that follows them; `columns` replace or add some."""
    generator = np.random.default_rng(5)
    rain, heat = generator.gamma(0.5, 4.0, rows), generator.normal(10, 5, rows)
    flow = np.convolve(rain, 0.5 ** np.arange(6))[:rows] + 0.05 * heat
    days = np.datetime64("2001-01-01") + np.arange(rows)
    data = {
        "ds": [str(day) for day in days],
        "rain": [f"{value:.4f}" for value in rain],
        "heat": [f"{value:.4f}" for value in heat],
        "flow": [f"{value:.4f}" for value in flow],
        **columns,
    }
    lines = [",".join(data), *(",".join(row) for row in zip(*data.values(), strict=True))]
    return "\n".join(lines) + "\n"


def files_under(folder: Path) -> dict[str, bytes | None]:
    """Return every path under `folder` with its content (None for folders)."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
