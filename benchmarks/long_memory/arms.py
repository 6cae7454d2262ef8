"""What each part of the recipe for long memories is worth, and what other cells and starts do.

    python -m benchmarks.long_memory.arms parts --steps 3200 --seeds 1000 1001 1002 1003 1004
    python -m benchmarks.long_memory.arms starts --steps 800 --seeds 0 1 2 3 4
    python -m benchmarks.long_memory.arms parts --steps 3200 --table

Task, budget and judge are those of `python -m benchmarks.long_memory`: solved is who ends by the bound
on accuracy. "parts" leaves one part of the recipe out at a time. "starts" has the recipe for LSTM and
GRU, torch's start and the chrono start (Tallec & Ollivier 2018), alone and with lengths that grow; and
an sLSTM, an RNN and a linear delay memory, each with lengths that grow and what suits it (`cells`).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

import gatewise as gw
from benchmarks.long_memory.__main__ import LAST, SCHEDULE
from benchmarks.long_memory.causes import cause_of
from benchmarks.long_memory.cells import (
    CELLS,
    Lengths,
    of_delay,
    of_identity,
    of_lengths,
    of_slstm,
)
from benchmarks.long_memory.kept import Kept
from benchmarks.long_memory.table import add_folder, arms_table, parsed
from studies.enhancer.probes import inside, probes
from studies.enhancer.task import Reader
from studies.enhancer.training import Recipe, learn, optimizer, started

Change = Callable[[Reader, Reader, gw.LengthCurriculum, torch.optim.Optimizer], Any]
"""Told of the model, one as torch starts it, schedule and optimizer; may return another schedule."""
FORGET, INPUT = slice(16, 32), slice(0, 16)
"""Rows of the gates of 16 units, in torch's order."""


@dataclass(frozen=True)
class Arm:
    """One way to train: a recipe, what is changed of it, and the cell."""

    recipe: Recipe = field(default_factory=Recipe)
    change: Change | None = None
    cell: str = "lstm"
    start: Callable[[Reader, int, int, torch.Generator], Lengths] | None = None
    """Of a cell that the recipe is not made for: starts it, and returns its schedule."""


def _recurrent_as_usual(
    model: Reader, usual: Reader, schedule: gw.LengthCurriculum, adam: torch.optim.Optimizer
) -> None:
    _weight(model, "weight_hh_l0").copy_(_weight(usual, "weight_hh_l0"))
    for group in adam.param_groups:
        group["weight_decay"] = 0.0


def _forget_as_usual(
    model: Reader, usual: Reader, schedule: gw.LengthCurriculum, adam: torch.optim.Optimizer
) -> None:
    schedule.release()
    for name in ("weight_ih_l0", "bias_ih_l0", "bias_hh_l0"):
        _weight(model, name)[FORGET] = _weight(usual, name)[FORGET]


def _forget_learns(
    model: Reader, usual: Reader, schedule: gw.LengthCurriculum, adam: torch.optim.Optimizer
) -> None:
    schedule.release()


def _input_as_usual(
    model: Reader, usual: Reader, schedule: gw.LengthCurriculum, adam: torch.optim.Optimizer
) -> gw.LengthCurriculum:
    for name in ("bias_ih_l0", "bias_hh_l0"):
        _weight(model, name)[INPUT] = _weight(usual, name)[INPUT]
    return _without_shift(model, usual, schedule, adam)


def _without_shift(
    model: Reader, usual: Reader, schedule: gw.LengthCurriculum, adam: torch.optim.Optimizer
) -> gw.LengthCurriculum:
    """Return a schedule that moves the biases of another model, of no use to anybody."""
    lengths = schedule.lengths
    return gw.LengthCurriculum(usual, lengths[-1], start=lengths[0], last_streak=6)


class _BiasAlone(gw.LengthCurriculum):
    """A schedule that leaves what the gate hears of the input as it is."""

    def __init__(self, model: Reader, lengths: tuple[int, ...]) -> None:
        super().__init__(model, lengths[-1], start=lengths[0], last_streak=6)
        self._heard = _weight(model, "weight_ih_l0")

    def step(self, solved: bool) -> bool:
        """Take note of a batch, as the schedule does."""
        before = self._heard.detach().clone()
        grown = super().step(solved)
        with torch.no_grad():
            self._heard.copy_(before)
        return grown


def _bias_alone(
    model: Reader, usual: Reader, schedule: gw.LengthCurriculum, adam: torch.optim.Optimizer
) -> gw.LengthCurriculum:
    schedule.release()
    return _BiasAlone(model, schedule.lengths)


def _usual_epsilon(
    model: Reader, usual: Reader, schedule: gw.LengthCurriculum, adam: torch.optim.Optimizer
) -> None:
    for group in adam.param_groups:
        group["eps"] = 1e-8


def _weight(model: Reader, name: str) -> torch.Tensor:
    return model.layer.get_parameter(name)


USUAL: Mapping[str, Any] = {"long": False, "cost": 0.0, "later": 0.0, "decay": 0.0}
ARMS: Mapping[str, Mapping[str, Arm]] = {
    "parts": {
        "all parts": Arm(),
        "recurrent weights as usual": Arm(change=_recurrent_as_usual),
        "forget gate as usual": Arm(change=_forget_as_usual),
        "forget gate not held": Arm(change=_forget_learns),
        "input gate as usual": Arm(change=_input_as_usual),
        "input gate not lowered": Arm(change=_without_shift),
        "its bias lowered, no more": Arm(change=_bias_alone),
        "no price on writing": Arm(Recipe(cost=0.0, later=0.0)),
        "the price as at first": Arm(Recipe(later=0.01)),
        "no curriculum": Arm(Recipe(start=None)),
        "rate .01": Arm(Recipe(rate=0.01)),
        "epsilon 1e-8": Arm(change=_usual_epsilon),
    },
    "starts": {
        "LSTM, the recipe": Arm(),
        "GRU, the recipe": Arm(cell="gru"),
        "sLSTM, forget gate for T, lengths grow": Arm(
            Recipe(**USUAL), cell="slstm", start=of_slstm
        ),
        "linear delay memory, lengths grow": Arm(
            Recipe(**USUAL, rate=0.02), cell="delay", start=of_delay
        ),
        "LSTM, chrono, lengths grow": Arm(Recipe(**USUAL, chrono=True)),
        "LSTM, chrono alone": Arm(Recipe(**USUAL, chrono=True, start=None)),
        "LSTM, torch's start, lengths grow": Arm(Recipe(**USUAL)),
        "LSTM, torch's start": Arm(Recipe(**USUAL, start=None)),
        "RNN, relu from the identity, lengths grow": Arm(
            Recipe(**USUAL, rate=0.001), cell="rnn, identity", start=of_identity
        ),
        "RNN, torch's start, lengths grow": Arm(
            Recipe(**USUAL, rate=0.001), cell="rnn", start=of_lengths
        ),
    },
}


def main(words: Sequence[str] | None = None) -> int:
    """Measure what lacks, and print the table."""
    given = _arguments(words)
    torch.set_num_threads(1)
    about = {
        "arms": given.arms,
        "steps": given.steps,
        "recipe": asdict(Recipe()),
        "schedule": SCHEDULE,
        "budget": given.budget,
    }
    kept = Kept(given.folder / f"{given.arms}-{given.steps}.json", about, ("arm", "seed"))
    for name in [] if given.table else ARMS[given.arms]:
        for seed in given.seeds:
            if not kept.has(name, seed):
                print(f"{name}, seed {seed}", file=sys.stderr, flush=True)
                found = measure(ARMS[given.arms][name], given.steps, seed, given.budget)
                kept.add({"arm": name, "seed": seed, **found})
    print("\n".join(arms_table({**about, "seeds": kept.entries()})))
    return 0


def measure(arm: Arm, steps: int, seed: int, budget: int) -> dict[str, Any]:
    """Return whether an arm learnt it, in what time, and what c carries."""
    torch.manual_seed(seed)
    model, usual = (Reader(layer=CELLS[arm.cell]) for _ in range(2))
    begun = time.process_time()
    made = _made(arm, model, usual, steps, seed)
    learning = learn(model, steps, arm.recipe, seed=seed, budget=budget * steps, made=made)
    spent = time.process_time() - begun
    found = {
        "solved": learning.solved,
        "CPU seconds": round(spent, 1),
        "longest": learning.reached,
        "updates": sum(learning.updates.values()),
        "stages": list(learning.updates),
        "loss": statistics.fmean(learning.losses[learning.reached][-LAST:]),
    }
    seen = (
        inside(model, learning.reached, seed) if isinstance(model.layer, gw.LSTM | gw.GRU) else {}
    )
    if learning.solved:
        found |= probes(model, steps, 256, seed)
        found |= {name: value for name, value in seen.items() if name == "largest cell"}
    else:
        found |= seen
    return found | {"cause": cause_of(found)}


@torch.no_grad()
def _made(
    arm: Arm, model: Reader, usual: Reader, steps: int, seed: int
) -> tuple[gw.LengthCurriculum, torch.optim.Optimizer]:
    adam = optimizer(model, arm.recipe)
    if arm.start is not None:
        start = min(arm.recipe.start or steps, steps)
        draws = torch.Generator().manual_seed(seed + 2)
        return arm.start(model, steps, start, draws), adam
    schedule = started(model, steps, arm.recipe, seed)
    changed = arm.change(model, usual, schedule, adam) if arm.change else None
    return changed or schedule, adam


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.long_memory.arms",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arms", choices=list(ARMS))
    parser.add_argument("--steps", type=int, default=3200)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1000, 1005)))
    parser.add_argument(
        "--budget", type=int, default=400, help="sequences read, batches counting one"
    )
    add_folder(parser)
    return parsed(parser, words)


if __name__ == "__main__":
    sys.exit(main())
