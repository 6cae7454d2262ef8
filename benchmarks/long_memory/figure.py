"""The share of seeds solved over the steps, by cell and start: `benchmarks.long_memory.figure`.

Drawn of the kept results, with exact 95 % intervals (Clopper & Pearson 1934), as
docs/images/long-memory.png.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.long_memory.table import RESULTS
from gatewise.files import atomic_write_bytes
from gatewise.report import Curve, Line
from studies.common.statistics import share_interval
from studies.gallery.drawing import DOTS, draw

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "long-memory.png"
RECIPES = {"lstm": "LSTM, the recipe", "gru": "GRU, the recipe"}

Solved = dict[str, dict[int, list[bool]]]


def solved(folder: Path = RESULTS) -> Solved:
    """Return whether each seed was solved, by arm and steps."""
    found: Solved = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.glob("starts-*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        for one in kept["seeds"]:
            found[one["arm"]][kept["steps"]].append(bool(one["solved"]))
    for cell, arm in RECIPES.items():
        for path in sorted(folder.glob(f"{cell}-*.json")):
            kept = json.loads(path.read_text(encoding="utf-8"))
            found[arm][kept["steps"]] += [bool(one.get("solved")) for one in kept["seeds"]]
    return found


def curve(found: Solved) -> Curve:
    """Return the shares over the steps; an arm has a point wherever it was run."""
    steps = sorted({length for arm in found.values() for length in arm})
    lines = []
    for arm in sorted(found):
        shares = [
            share_interval(sum(found[arm][n]), len(found[arm][n])) if n in found[arm] else None
            for n in steps
        ]
        value, low, high = (
            np.array([np.nan if one is None else getattr(one, name) for one in shares])
            for name in ("value", "low", "high")
        )
        lines.append(Line(arm, value, low, high, interval="95 % interval"))
    return Curve(
        "Who learns it, by the length of the sequences",
        "steps",
        np.array(steps, dtype=np.float64),
        tuple(lines),
        y_label="share of seeds solved",
        log_x=True,
    )


def main() -> None:
    """Draw the picture."""
    held = io.BytesIO()
    draw("A dependency over T steps", [curve(solved())]).savefig(
        held, format="png", dpi=DOTS, metadata={"Software": None}
    )
    atomic_write_bytes(PICTURE, held.getvalue())
    print(f"{PICTURE}: {len(held.getvalue()) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
