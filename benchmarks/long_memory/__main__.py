"""A dependency of tens of thousands of steps, seed by seed: who learns it, how fast, and where it is.

    python -m benchmarks.long_memory --steps 50000 --seeds 0 1 2 [--cell lstm] [--folder FOLDER]
    python -m benchmarks.long_memory --table [--folder FOLDER]

The task, the training and the probes are those of `gatewise study enhancer`; seeds from 1,000 on are for
trying things out. A seed is measured once: its figures are added to FOLDER/CELL-STEPS.json, by default
among the results that the docs report, and a run that was stopped goes on with the seeds it lacks. One
thread; "CPU s" is the processor time of the training, judging included.

A seed is solved if the 95 % interval of its accuracy lies above .99 on sequences that are fresh after a
training that ended because two such looks in a row said so. The last columns are shares of yet others,
after their state was changed halfway: right with c set to 0, the same with h set to 0, the donor's
answer with its c; then right without the mark, and right at two and four times the length.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import gatewise as gw
from benchmarks.long_memory.causes import cause_of
from benchmarks.long_memory.cells import CELLS
from benchmarks.long_memory.kept import Kept
from benchmarks.long_memory.table import add_folder, parsed, tables
from studies.common.statistics import share_interval
from studies.enhancer.probes import inside, probes
from studies.enhancer.task import Reader
from studies.enhancer.training import SURE, Learning, Recipe, accuracy, learn
from studies.enhancer.views import account, three_views

WITH_RECIPE = ("lstm", "gru")
PROBED, LONGER, LONGER_UP_TO = 128, 32, 200_000
"""Fresh sequences of each probe and of longer ones; and up to how many steps those are tried."""
SEEN_UP_TO = 200_000
"""Steps up to which gates of whole sequences are kept, for the views of what carries the answer."""
SCHEDULE = "the logit of the gate that writes is multiplied as lengths grow"
"""What `gw.LengthCurriculum` does: results of another schedule are another recipe's."""
LAST = 10
"""Updates whose mean loss says how a training stood when it ended."""
FREE = 4e9
"""Bytes of memory that must be available before a seed begins: others use the machine too."""


def main(words: Sequence[str] | None = None) -> int:
    """Measure the seeds that lack, and print the table."""
    given = _arguments(words)
    torch.set_num_threads(1)
    if not given.table:
        path = given.folder / f"{given.cell}-{given.steps}.json"
        for seed in given.seeds:
            if _free() < FREE:
                print(f"only {_free() / 1e9:.1f} GB of memory are free: stopped", file=sys.stderr)
                return 1
            _add(path, seed, given)
    print("\n".join(tables(given.folder)))
    return 0


def _add(path: Path, seed: int, given: argparse.Namespace) -> None:
    """Measure a seed and add it to the file, unless it is there."""
    about = {
        "cell": given.cell,
        "steps": given.steps,
        "recipe": asdict(Recipe()),
        "schedule": SCHEDULE,
        "budget": given.budget,
        "rows": given.rows,
    }
    kept = Kept(path, about)
    if kept.has(seed):
        return
    print(f"{given.cell}, {given.steps:,} steps, seed {seed}", file=sys.stderr, flush=True)
    kept.add(measure(given.cell, given.steps, seed, given.budget, given.rows))


def measure(cell: str, steps: int, seed: int, budget: int, rows: int) -> dict[str, Any]:
    """Return what one seed led to, as JSON values.

    `budget`: what training may read, in sequences of `steps` steps, a batch counting as one; `rows`: the
    fresh sequences that training is judged by, and half of those that the accuracy is told from.
    """
    torch.manual_seed(seed)
    model = Reader(layer=CELLS[cell])
    begun, wall = time.process_time(), time.perf_counter()
    learning = learn(
        model, steps, Recipe(), seed=seed, budget=budget * steps, check=rows, shown=_Shown()
    )
    spent, wall = time.process_time() - begun, time.perf_counter() - wall
    found = {
        "seed": seed,
        "ended by the bound": learning.solved,
        "CPU seconds": round(spent, 1),
        "wall seconds": round(wall, 1),
        "peak memory, GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "longest": learning.reached,
        "loss": statistics.fmean(learning.losses[learning.reached][-LAST:]),
        "stages": _stages(learning),
        **(_judged(model, learning, seed, rows) if learning.reached == steps else {}),
        **_seen(model, learning.reached, seed),
    }
    return found | {"cause": cause_of(found)}


def _stages(learning: Learning) -> dict[str, dict[str, Any]]:
    return {
        str(length): {
            "updates": count,
            "CPU seconds": round(learning.seconds[length], 2),
            "losses": [float(f"{loss:.3g}") for loss in learning.losses[length]],
        }
        for length, count in learning.updates.items()
    }


def _judged(model: Reader, learning: Learning, seed: int, rows: int) -> dict[str, Any]:
    """Return the figures on fresh sequences, also of twice and four times the length."""
    steps = learning.reached
    shares = probes(model, steps, min(rows, PROBED), seed)
    draws = torch.Generator().manual_seed(seed + 4_000_000)
    # Twice as many as training is judged by, since a bound that was just reached may be missed by luck.
    shares["accuracy"] = accuracy(model, steps, 2 * rows, draws)
    right = share_interval(round(2 * rows * shares["accuracy"]), 2 * rows)
    longer = {}
    if steps <= LONGER_UP_TO:
        longer = {f"accuracy at {n} x": accuracy(model, n * steps, LONGER, draws) for n in (2, 4)}
    return {
        "low": right.low,
        "solved": learning.solved and right.low > SURE,
        **shares,
        **longer,
    }


def _seen(model: Reader, steps: int, seed: int) -> dict[str, Any]:
    """Return what the gates do at the length that was reached, and what carries the answer there."""
    found: dict[str, Any] = inside(model, steps, seed, rows=min(16, max(1, 4_000_000 // steps)))
    if isinstance(model.layer, gw.LSTM) and steps <= SEEN_UP_TO:
        found["views"] = three_views(model, steps, seed)
        found["account"] = account(model, steps, seed)
    return found


class _Shown:
    """Tells on a terminal where a training is."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, curriculum: gw.LengthCurriculum, loss: float) -> None:
        if time.monotonic() - self._last > 10:
            self._last = time.monotonic()
            print(f"  {curriculum!r}, loss {loss:.2g}", file=sys.stderr, flush=True)


def _free() -> float:
    """Return the bytes of memory that are available; infinity where the system does not tell."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
    except OSError:
        return float("inf")
    lines = dict(line.split(":", 1) for line in text.splitlines())
    return float(lines["MemAvailable"].split()[0]) * 1024


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.long_memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(20)))
    parser.add_argument("--cell", choices=WITH_RECIPE, default="lstm")
    parser.add_argument(
        "--budget", type=int, default=400, help="sequences read, batches counting one"
    )
    parser.add_argument(
        "--rows", type=int, default=512, help="fresh sequences that training is judged by"
    )
    add_folder(parser)
    return parsed(parser, words)


if __name__ == "__main__":
    sys.exit(main())
