"""The task in DNA, seed by seed: `python -m benchmarks.long_memory.dna --steps 50000 --seeds 0 1 2`.

Which of four words of 16 bases stands near the beginning of a stretch of a chloroplast genome, on either
strand, has to be told at its end (`genome`). A detector of words is trained on short stretches first
(`detector`); an LSTM of 16 units reads what it says of each base, and is trained by the recipe of
`gw.init.long_memory`. Seeds from 1,000 on are for trying things out.

Trained on the genome of Arabidopsis, judged on that of tobacco: the sequences that count are written
to a FASTA file and a table of labels, and read from there.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.long_memory import genome
from benchmarks.long_memory.__main__ import LAST, SCHEDULE
from benchmarks.long_memory.detector import Detector, margins, trained
from benchmarks.long_memory.genome import JUDGED_ON, TRAINED_ON, Stretches, words_of
from benchmarks.long_memory.kept import Kept
from benchmarks.long_memory.table import add_folder, dna_tables, parsed
from studies.common.statistics import share_interval
from studies.enhancer.probes import probes
from studies.enhancer.task import SYMBOLS, Reader
from studies.enhancer.training import Recipe, learn

UNITS = 16
RECIPE = Recipe()
PROBED = 128
"""Fresh sequences of each probe."""


@dataclass(frozen=True)
class Read:
    """The task as the LSTM reads it: what a detector says of stretches of a genome."""

    stretches: Stretches
    detector: Detector

    def __call__(
        self, steps: int, rows: int, draws: torch.Generator, *, marked: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Return fresh sequences `[T, B, 4]`, and which word each has; or would have, unmarked."""
        codes, symbols = self.stretches.draw(steps, rows, draws, marked=marked)
        return self.detector.read(codes), symbols


def main(words: Sequence[str] | None = None) -> int:
    """Measure the seeds that lack, and print the table."""
    given = _arguments(words)
    torch.set_num_threads(1)
    about = {
        "steps": given.steps,
        "recipe": asdict(RECIPE),
        "schedule": SCHEDULE,
        "units": UNITS,
        "word": genome.WORD,
        "budget": given.budget,
        "rows": given.rows,
    }
    kept = Kept(given.folder / f"dna-{given.steps}.json", about)
    for seed in [] if given.table else given.seeds:
        if not kept.has(seed):
            print(f"DNA, {given.steps:,} steps, seed {seed}", file=sys.stderr, flush=True)
            kept.add(measure(given.steps, seed, given.budget, given.rows))
    print("\n".join(dna_tables(given.folder)))
    return 0


def measure(steps: int, seed: int, budget: int, rows: int) -> dict[str, Any]:
    """Return what one seed led to; `budget` is in sequences of `steps` steps, a batch counts as one."""
    drawn = words_of(seed)
    train, judge = (Stretches.of(name, drawn, seed) for name in (TRAINED_ON, JUDGED_ON))
    torch.manual_seed(seed)
    begun = time.process_time()
    first = trained(train, seed)
    reader = first.detector
    model = Reader(UNITS, features=SYMBOLS)
    learning = learn(
        model, steps, RECIPE, seed=seed, budget=budget * steps, drawn=Read(train, reader)
    )
    found: dict[str, Any] = {
        "seed": seed,
        "words": ["".join(genome.LETTERS[one] for one in word) for word in drawn],
        "ended by the bound": learning.solved,
        "CPU seconds": round(time.process_time() - begun, 1),
        "detector": {"updates": first.updates, "loss": first.loss}
        | margins(reader, judge, steps, 16, seed),
        "longest": learning.reached,
        "loss": statistics.fmean(learning.losses[learning.reached][-LAST:]),
        "stages": {str(length): count for length, count in learning.updates.items()},
    }
    if learning.reached < steps:
        return found
    judged = Read(judge, reader)
    right = from_file(model, judged, steps, rows, seed)
    shares = probes(model, steps, min(rows, PROBED), seed, judged)
    return {
        **found,
        **shares,
        "accuracy": right,
        "low": share_interval(round(rows * right), rows).low,
    }


@torch.no_grad()
def from_file(model: Reader, task: Read, steps: int, rows: int, seed: int) -> float:
    """Return the share of right answers to sequences that were written to a file and read from it."""
    right = 0
    with tempfile.TemporaryDirectory() as folder:
        genome.write(Path(folder), task.stretches, steps, rows, seed + 8_000_000)
        codes, symbols = genome.read(Path(folder))
    for first in range(0, rows, 16):
        part = slice(first, first + 16)
        output, _ = model.layer(task.detector.read(codes[part]))
        right += int((model.answers(output[-1]) == symbols[part]).sum())
    return right / rows


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.long_memory.dna",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    parser.add_argument(
        "--budget", type=int, default=400, help="sequences read, batches counting one"
    )
    parser.add_argument(
        "--rows", type=int, default=256, help="sequences of the file that is judged"
    )
    add_folder(parser)
    return parsed(parser, words)


if __name__ == "__main__":
    sys.exit(main())
