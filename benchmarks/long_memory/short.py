"""The start for long memories where memory is short: `python -m benchmarks.long_memory.short`.

Three tasks on bundled data, each with the estimator's usual start and with `long_memory=`, which starts
the gates for as many steps as a window or sequence has. All else is equal: the settings are those of the
demo, of `benchmarks.soil_depths` and of `benchmarks.splice_and_promoter`, this one with fewer epochs.
Figures of the test part are kept seed by seed; a run that was stopped goes on with what it lacks.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

import gatewise as gw
from benchmarks.long_memory.kept import Kept
from benchmarks.long_memory.table import add_folder, parsed, short_table
from benchmarks.soil_depths import FORECAST, HOURS
from benchmarks.splice_and_promoter import PROMOTER
from gatewise.cli.demo import SETTINGS, SOURCE
from studies.river.soil import soil_means

PROMOTER_EPOCHS = 4
USUAL, LONG = "usual", "long memory"


@dataclass(frozen=True)
class Task:
    """One task: the steps that its windows have, what is measured, and how."""

    steps: int
    score: str
    measure: Callable[[Mapping[str, Any]], float]


def _river(start: Mapping[str, Any]) -> float:
    usual = {"forget_bias": SETTINGS["forget_bias"]} if "long_memory" not in start else {}
    settings = {name: value for name, value in SETTINGS.items() if name != "forget_bias"}
    model = gw.Forecaster(**settings, **usual, **start, refit=False).fit(SOURCE, progress=False)
    return _nse(model)


def _soil(start: Mapping[str, Any]) -> float:
    model = gw.Forecaster(**FORECAST, **start, refit=False)
    return _nse(model.fit(soil_means(HOURS), progress=False))


def _promoter(start: Mapping[str, Any]) -> float:
    settings = {**PROMOTER, "epochs": PROMOTER_EPOCHS, "baselines": ("majority",)}
    model = gw.Classifier(**settings, **start)
    model.fit(gw.datasets.load("promoter"), progress=False)
    assert model.evaluation_ is not None
    return float(model.evaluation_.network["information"])


def _nse(model: gw.Forecaster) -> float:
    """Return the efficiency on the test part, a mean where there are several targets."""
    assert model.evaluation_ is not None
    found = model.evaluation_.scores["gatewise"]
    return statistics.fmean(each["nse"] for each in found.values())


TASKS: Mapping[str, Task] = {
    "discharge of the Fulda": Task(SETTINGS["lookback"], "NSE", _river),
    "soil moisture, a day ahead": Task(FORECAST["lookback"], "NSE, mean of depths", _soil),
    "lac promoter, 75 bases": Task(75, "information, bits", _promoter),
}


def main(words: Sequence[str] | None = None) -> int:
    """Measure what lacks, and print the table."""
    given = _arguments(words)
    torch.set_num_threads(1)
    kept = Kept(given.folder / "short.json", {"tasks": list(TASKS)}, ("task", "start", "seed"))
    for name in [] if given.table else given.tasks or TASKS:
        for seed in given.seeds:
            for start in (USUAL, LONG):
                if not kept.has(name, start, seed):
                    kept.add(measure(name, start, seed))
    print("\n".join(short_table(kept.entries())))
    return 0


def measure(name: str, start: str, seed: int) -> dict[str, Any]:
    """Return what one training led to, as JSON values."""
    print(f"{name}, {start}, seed {seed}", file=sys.stderr, flush=True)
    task, begun = TASKS[name], time.process_time()
    long = {"long_memory": task.steps} if start == LONG else {}
    found = task.measure({"seed": seed, **long})
    return {
        "task": name,
        "start": start,
        "seed": seed,
        "steps": task.steps,
        "score": task.score,
        "value": round(found, 4),
        "CPU seconds": round(time.process_time() - begun, 1),
    }


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.long_memory.short",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tasks", choices=list(TASKS), nargs="+", default=[])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add_folder(parser)
    return parsed(parser, words)


if __name__ == "__main__":
    sys.exit(main())
