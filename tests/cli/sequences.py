"""Small data of every task on sequences, on disk, and options of fits that take a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

QUICK = ["--hidden-size", "4", "--epochs", "2"]
FITS = {
    "classify": ["sites.fa", "--labels", "labels.csv"],
    "regress": ["wide.csv", "--target", "strength"],
    "tag": ["states.csv", "--target", "state"],
    "language": ["story.txt", "--batch-size", "4"],
}
"""Words of a fit, without --task: the data says which one it is."""


def write_all(folder: Path) -> None:
    """Write sequences with labels, with numbers and with states, as each task reads them."""
    rng = np.random.default_rng(3)
    letters, labels, wide = [], ["name,label"], ["sequence,label,strength"]
    steps, states = ["unique_id,ds,ax,ay,gesture"], ["unique_id,ds,ax,state"]
    for k in range(60):
        text = "".join(rng.choice(list("ACGT"), rng.integers(4, 12))) + "AT"[k % 2]
        letters.append(f">s{k}\n{text}")
        labels.append(f"s{k},{('strong', 'weak')[k % 2]}")
        wide.append(f"{text},{('strong', 'weak')[k % 2]},{k % 2 + rng.normal(0, 0.1):.3f}")
        for step in range(4 + k % 3):
            ax, ay = rng.normal(k % 2, 0.3), rng.normal()
            steps.append(f"g{k},{step},{ax:.3f},{ay:.3f},{('wave', 'still')[k % 2]}")
            on = (step + k) % 4 > 1
            states.append(f"g{k},{step},{on + rng.normal(0, 0.2):.3f},{('off', 'on')[on]}")
    files = {
        "sites.fa": letters,
        "labels.csv": labels,
        "wide.csv": wide,
        "steps.csv": steps,
        "states.csv": states,
        "story.txt": [f"the key is {k % 7} and the cat is {k % 3}" for k in range(40)],
    }
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n")
