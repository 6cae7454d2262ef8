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
from matplotlib.figure import Figure

from benchmarks.long_memory.table import RESULTS
from gatewise.files import atomic_write_bytes
from studies.common.statistics import share_interval

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "long-memory.png"
DOTS = 110
"""Dots an inch."""
APART = 1.07
"""Times in steps by which arms stand side by side."""
MARKERS = "osD^v<>Pxd"
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


def draw(found: Solved) -> Figure:
    """Return the picture: a point for each arm at each length, side by side, with its interval."""
    figure = Figure((9.0, 4.6), layout="constrained", facecolor="white")
    ax = figure.subplots()
    steps = sorted({length for arm in found.values() for length in arm})
    for place, arm in enumerate(sorted(found)):
        lengths = sorted(found[arm])
        shares = [share_interval(sum(found[arm][n]), len(found[arm][n])) for n in lengths]
        value, low, high = np.array([[one.value, one.low, one.high] for one in shares]).T
        ax.errorbar(
            np.array(lengths) * APART ** (place - len(found) / 2),
            value,
            (value - low, high - value),
            fmt=MARKERS[place % len(MARKERS)],
            markersize=5,
            capsize=2,
            linewidth=1,
            label=arm,
        )
    ax.set_xscale("log")
    ax.set_xticks(steps, [f"{n:,}" for n in steps])
    ax.minorticks_off()
    ax.set(xlabel="steps", ylabel="share of seeds solved, 95 % interval", ylim=(-0.04, 1.04))
    ax.grid(axis="y", alpha=0.3)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize="small")
    return figure


def main() -> None:
    """Draw the picture."""
    held = io.BytesIO()
    draw(solved()).savefig(held, format="png", dpi=DOTS, metadata={"Software": None})
    atomic_write_bytes(PICTURE, held.getvalue())
    print(f"{PICTURE.name}: {len(held.getvalue()) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
