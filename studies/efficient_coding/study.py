"""A gate whose opening has a price: it opens at the jumps of a piecewise-constant signal, like a codec.

The signal jumps with probability JUMPS a step by a size between SMALL and LARGE, up or down, and stays
in between. Its value is shown at jumps, and at as many glimpses at which nothing has changed; else it is
hidden. A GRU of one unit whose candidate is the value shown and whose state is the answer, so that f =
1 - i, learns its update gate alone, for the loss (answer - signal)^2 + kappa i. The candidate is fixed,
because a price on the gate alone would be dodged by writing larger values through a gate less open.

A write i at a jump of size D leaves the error (1 - i) D until the next jump, 1 / JUMPS steps later on
average: (1 - i)^2 D^2 / JUMPS + kappa i is least at i = [1 - kappa JUMPS / (2 D^2)]_+.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import gatewise as gw
from gatewise.report import Curve, Line
from studies.common.checks import Check
from studies.common.statistics import mean_interval
from studies.common.study import Figures, Question, Settings, Study

JUMPS, GLIMPSES = 0.05, 0.05
"""Probabilities a step."""
SMALL, LARGE = 0.5, 2.0
SCALE = 0.02
"""Of the signal in the state: small enough for the candidate's tanh to be straight."""
KAPPAS = (0.0, 2.0, 5.0, 10.0, 20.0, 40.0)
SHOWN = 5.0
"""The price at which timing is measured, and at which the signal in full sight is compared with none."""


class Codec(torch.nn.Module):
    """A GRU of one unit that holds the value, and a small network that says how far to open its gate."""

    def __init__(self) -> None:
        super().__init__()
        self.look = torch.nn.Sequential(
            torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)
        )
        self.gru = gw.GRU(2, 1)
        with torch.no_grad():
            for weight in self.gru.parameters():
                weight.zero_().requires_grad_(False)
            # torch's order of gates: reset, update, candidate. The inputs: value, gate.
            self.gru.get_parameter("weight_ih_l0")[2, 0] = SCALE
            self.gru.get_parameter("weight_ih_l0")[1, 1] = -1.0

    def forward(self, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, Any]:
        """Return answers `[T, B]`, write gates `[T, B]` and the record, for what is seen `[T, B, 4]`."""
        x = torch.cat((seen[..., :1], self.look(seen)), -1)
        output, _, gates = self.gru(x, return_gates=True)
        return output[..., 0] / SCALE, 1 - gates["update"][0, 0, ..., 0], gates


def batch(
    rows: int, steps: int, draws: torch.Generator, *, hidden: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what is seen `[T, B, 4]`, the signal `[T, B]`, and the jumps' sizes, 0 for none.

    Seen are the value, whether it is shown, its change since the last step, and the change's size.
    """
    at = torch.rand(steps, rows, generator=draws) < JUMPS
    size = SMALL + (LARGE - SMALL) * torch.rand(steps, rows, generator=draws)
    sign = torch.randint(0, 2, (steps, rows), generator=draws) * 2 - 1
    jump = torch.where(at, size * sign, 0.0)
    signal = jump.cumsum(0)
    glimpsed = torch.rand(steps, rows, generator=draws) < GLIMPSES
    shown = (at | glimpsed).float() if hidden else torch.ones(steps, rows)
    return torch.stack((signal * shown, shown, jump, jump.abs()), -1), signal, jump


def optimal(jump: NDArray[np.float64], kappa: float) -> NDArray[np.float64]:
    """Return the best write at each step: [1 - kappa JUMPS / (2 D^2)]_+ at a jump of D, else 0."""
    square = np.square(np.where(jump == 0, 1.0, jump))
    return np.where(jump == 0, 0.0, np.maximum(0.0, 1 - kappa * JUMPS / (2 * square)))


def measure(seed: int, settings: Settings) -> Figures:
    """Return writes, errors and timing at every price, and in full sight with and without a price."""
    found: dict[str, Any] = {
        f"{kappa:g}": trained(kappa, settings, seed, hidden=True) for kappa in KAPPAS
    }
    for kappa in (0.0, SHOWN):
        found[f"in sight {kappa:g}"] = trained(kappa, settings, seed, hidden=False)
    return found


def trained(kappa: float, settings: Settings, seed: int, *, hidden: bool) -> dict[str, Any]:
    """Train for one price, and measure on fresh sequences."""
    torch.manual_seed(seed)
    model = Codec()
    draws = torch.Generator().manual_seed(seed + 1)
    adam = torch.optim.Adam(model.look.parameters(), lr=0.02)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, settings["updates"])
    for _ in range(settings["updates"]):
        seen, signal, _ = batch(settings["rows"], settings["steps"], draws, hidden=hidden)
        answer, _, gates = model(seen)
        cost = gw.penalties.write_cost(gates)
        adam.zero_grad()
        torch.autograd.backward((answer - signal).square().mean() + kappa * cost)
        torch.nn.utils.clip_grad_norm_(model.look.parameters(), 1.0)
        adam.step()
        rate.step()
    fresh = torch.Generator().manual_seed(seed + 1_000_000)
    seen, signal, jump = batch(settings["test"], settings["steps"], fresh, hidden=hidden)
    with torch.no_grad():
        answer, gate, _ = model(seen)
    true = signal.double().numpy()
    return {
        "optimum": float(optimal(jump.double().numpy(), kappa).sum() / (jump != 0).sum()),
        "error": float(np.square(answer.double().numpy() - true).mean()),
        **timing(gate.double().numpy(), jump.numpy() != 0),
        **blind(true, float(gate.mean()), seed),
    }


def timing(gate: NDArray[np.float64], jumped: NDArray[np.bool_]) -> dict[str, float]:
    """Return how much a gate `[T, B]` opens, and how it follows the jumps."""
    return {
        "per_jump": float(gate.sum() / jumped.sum()),
        "burst": float(gate[jumped].mean() / gate[~jumped].mean()),
        "auc": auc(gate.ravel(), jumped.ravel()),
    }


def blind(signal: NDArray[np.float64], writes: float, seed: int) -> dict[str, float]:
    """Return the errors of writing the signal `[T, B]` at this share of steps without looking at it."""
    return {
        "writes": writes,
        "random": held_error(signal, random_writes(signal.shape, writes, seed)),
        "periodic": held_error(signal, periodic_writes(signal.shape, writes, seed)),
    }


def random_writes(shape: tuple[int, ...], share: float, seed: int) -> NDArray[np.bool_]:
    """Return writes at steps drawn with a probability, `[T, B]`."""
    return np.random.default_rng(seed).random(shape) < share


def periodic_writes(shape: tuple[int, ...], share: float, seed: int) -> NDArray[np.bool_]:
    """Return writes at even distances, whose mean is `share`, from a phase of each row's own."""
    phase = np.random.default_rng(seed).random(shape[1])
    ticks = np.floor(np.arange(shape[0] + 1)[:, None] * share + phase)
    return np.diff(ticks, axis=0) > 0


def held_error(signal: NDArray[np.float64], writes: NDArray[np.bool_]) -> float:
    """Return the mean squared error of holding the signal since the last write; 0 before the first."""
    value, total = np.zeros(signal.shape[1]), 0.0
    for now, written in zip(signal, writes, strict=True):
        value = np.where(written, now, value)
        total += float(np.square(now - value).mean())
    return total / len(signal)


def auc(values: NDArray[np.float64], flags: NDArray[np.bool_]) -> float:
    """Return how often a value is larger where the flag is set; of two the same, half."""
    _, place, number = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (number.cumsum() - (number - 1) / 2)[place]
    ones = int(flags.sum())
    above = ranks[flags].sum() - ones * (ones + 1) / 2
    return float(above / (ones * (len(flags) - ones)))


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    """Return writes against the optimum, timing, errors against blind writing, and the price's part."""
    priced = [f"{kappa:g}" for kappa in KAPPAS if kappa > 0]
    free = mean_interval([seed["0"]["per_jump"] for seed in seeds])
    checks = [
        Check(
            "writes per jump without a price (anything from 1 to 1.95 is optimal)",
            *(free.value, free.low, free.high),
            at_least=0.85,
            # Without a price, to write at a glimpse what is held already costs and changes nothing.
            at_most=1.15 * (1 + GLIMPSES * (1 - JUMPS) / JUMPS),
        )
    ]
    for name in priced:
        ratio = mean_interval([seed[name]["per_jump"] / seed[name]["optimum"] for seed in seeds])
        checks.append(
            Check(
                f"writes per jump over the optimum, kappa {name}",
                *(ratio.value, ratio.low, ratio.high),
                at_least=0.85,
                at_most=1.15,
            )
        )
    for kind, least, words in (
        ("burst", 20.0, "write gate at jumps over elsewhere, the least of all seeds and prices"),
        ("auc", 0.98, "area under the curve, write gate and jumps, the least of all"),
    ):
        worst = min(seed[name][kind] for seed in seeds for name in priced)
        checks.append(Check.exact(words, worst, at_least=least))
    for name in priced:
        share = mean_interval([over_blind(seed[name]) for seed in seeds])
        checks.append(
            Check(
                f"error over the better of random and periodic writing, kappa {name}",
                *(share.value, share.low, share.high),
                at_most=1.0,
            )
        )
    for kappa, least, most in ((0.0, -math.inf, 2.0), (SHOWN, 20.0, math.inf)):
        burst = mean_interval([seed[f"in sight {kappa:g}"]["burst"] for seed in seeds])
        words = f"write gate at jumps over elsewhere, value always in sight, kappa {kappa:g}"
        checks.append(Check(words, burst.value, burst.low, burst.high, least, most))
    return checks


def over_blind(found: dict[str, float]) -> float:
    """Return the error in those of the better of two ways to write as often without looking."""
    return found["error"] / min(found["random"], found["periodic"])


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    """Return writes per jump and errors over the price."""
    names = [f"{kappa:g}" for kappa in KAPPAS]

    def drawn(kind: str, words: str, colour: int, *, dashed: bool = False) -> Line:
        values = np.array([[seed[name][kind] for name in names] for seed in seeds])
        low, middle, high = np.quantile(values, (0, 0.5, 1), axis=0)
        return Line(words, middle, low, high, dashed=dashed, colour=colour, interval="all seeds")

    x = np.array(KAPPAS)
    writes = (drawn("per_jump", "learnt", 0), drawn("optimum", "optimum", 1, dashed=True))
    errors = (
        drawn("error", "learnt", 0),
        drawn("random", "random, as many writes", 2),
        drawn("periodic", "periodic, as many writes", 3),
    )
    group = "The claim"
    return [
        Curve(
            "What is written at a jump",
            "price of writing, kappa",
            x,
            writes,
            y_label="sum of the write gate per jump",
            reading="The dearer writing is, the less of a jump is written, and small ones not at all.",
            group=group,
        ),
        Curve(
            "What it costs in error",
            "price of writing, kappa",
            x,
            errors,
            y_label="mean squared error",
            reading="To write at the right steps is worth more than to write as often at others.",
            group=group,
        ),
    ]


STUDY = Study(
    name="efficient-coding",
    title="With a price on writing the gate opens at jumps, like a codec",
    claim=(
        "A signal that stays as it is needs no writing. With a small cost on the input gate a gated "
        "network writes in short bursts where the signal jumps and holds in between, as a codec does "
        "that sends changes only."
    ),
    prediction=(
        "At every price kappa the sum of the write gate per jump lies within 15 % of the optimum, the "
        "mean of [1 - kappa lambda / (2 D^2)]_+ over jumps of size D; without a price anything from 1 "
        "to 1.95 is optimal. With a price the gate is 20 times as open at jumps as elsewhere, tells "
        "them with an area under the curve above .98, and the error is below that of random and of "
        "periodic writing as often. With the value in sight at every step and no price it is open "
        "elsewhere too."
    ),
    source=(
        "The optimum: the derivative of the expected loss, in the study's first lines. Barlow 1961, "
        "in Sensory Communication, on coding that spares activity"
    ),
    correction=(
        "The bursts do not come by themselves. With the value in sight the gate stays open unless "
        "opening costs something. Where the value is hidden between jumps the memory is what keeps it "
        "shut. And the price must be on what is written, or the candidate fixed."
    ),
    measure=measure,
    judge=judge,
    curves=curves,
    quick={"updates": 300, "rows": 32, "steps": 80, "test": 1000},
    full={"updates": 1500, "rows": 64, "steps": 100, "test": 4000},
    minutes=5.0,
    questions=(
        Question(
            "At which price is no jump worth a write?",
            "Where kappa lambda / 2 is above the largest D squared: here at kappa = 160, with jumps of "
            "2 at most and one in 20 steps.",
        ),
        Question(
            "What happens when the candidate may be trained too?",
            "It grows, the read-out shrinks, and a gate that is hardly open writes as much as before: "
            'use gw.penalties.write_cost(gates, on="content").',
        ),
        Question(
            "Why is one short burst best, and not a slow one?",
            "Over several steps 1 minus the product of (1 - i) is less than the sum of i: the same "
            "share of a jump costs more, and comes later.",
        ),
    ),
)
