"""A bidirectional LSTM sees both sides of a word; a forward one sees the left side alone.

One step of each sequence is the ambiguous word, whose sense is one of K. A cue that tells the sense
stands somewhere to its left with probability q_L and to its right with q_R; the other steps are noise.
Whoever sees the left side alone can be right with probability q_L + (1 - q_L) / K at best, whoever sees
both with 1 - (1 - q_L)(1 - q_R)(1 - 1/K). A second task asks for the exclusive-or of one bit on each
side, which either side alone tells nothing of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

import gatewise as gw
from gatewise.report import Curve, Line
from studies.common.checks import Check
from studies.common.statistics import mean_interval
from studies.common.study import Figures, Question, Settings, Study

SENSES, LEFT, RIGHT = 4, 0.6, 0.5
SIDE = 6
"""Steps on each side of the ambiguous word."""
FORWARD_FLOOR = LEFT + (1 - LEFT) / SENSES
BOTH_FLOOR = 1 - (1 - LEFT) * (1 - RIGHT) * (1 - 1 / SENSES)
CUE, WORD, NOISE = SENSES, SENSES + 1, SENSES + 2
"""Features after those of the senses: "this is a cue", "this is the word", and noise."""
FEATURES = SENSES + 3
UNITS, READING = 12, 64
"""Of the LSTM in each direction, and of the hidden layer that reads it: 12 there never find a parity."""


class Reader(torch.nn.Module):
    """An LSTM of one or two directions, and an answer at the word.

    A hidden layer answers, because the two directions never meet inside the LSTM: of a sum of what each
    says alone, which a linear layer would take, the exclusive-or is no function.
    """

    def __init__(self, units: int, *, both: bool, answers: int) -> None:
        super().__init__()
        self.lstm = gw.LSTM(FEATURES, units, bidirectional=both)
        width = units * (2 if both else 1)
        self.head = torch.nn.Sequential(
            torch.nn.Linear(width, READING), torch.nn.ReLU(), torch.nn.Linear(READING, answers)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the answers at the word, `[B, answers]`, of sequences `[T, B, F]`."""
        answers: torch.Tensor = self.head(self.lstm(x)[0][SIDE])
        return answers


def measure(seed: int, settings: Settings) -> Figures:
    """Return accuracies of both kinds of network on both tasks, parameters, and a gradient."""
    found: dict[str, Any] = {}
    for task in ("sense", "exclusive-or"):
        answers = SENSES if task == "sense" else 2
        for name, units, both in (("both", UNITS, True), ("forward", equal_units(answers), False)):
            reader = trained(units, task, settings, seed, both=both)
            found[f"{task} {name}"] = accuracy(reader, task, settings["test"], seed)
            found[f"{task} {name} parameters"] = sum(one.numel() for one in reader.parameters())
    found.update(gradients(seed))
    return found


def trained(units: int, task: str, settings: Settings, seed: int, *, both: bool) -> Reader:
    """Return the best of as many trainings as the settings have starts, judged on sequences apart.

    A parity is found or not found, whatever the network sees: one start would measure that.
    """
    readers = []
    for start in range(settings["starts"][task]):
        torch.manual_seed(seed + 100 * start)
        reader = Reader(units, both=both, answers=SENSES if task == "sense" else 2)
        train(reader, task, settings["updates"], seed + 100 * start)
        readers.append((accuracy(reader, task, 2000, seed + 5000), reader))
    return max(readers, key=lambda one: one[0])[1]


def equal_units(answers: int) -> int:
    """Return the units of a forward network with at least as many parameters as one of both."""
    both = sum(one.numel() for one in Reader(UNITS, both=True, answers=answers).parameters())
    units = UNITS
    while (
        sum(one.numel() for one in Reader(units, both=False, answers=answers).parameters()) < both
    ):
        units += 1
    return units


def batch(task: str, rows: int, draws: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sequences `[T, B, F]` and the answers `[B]`."""
    steps = 2 * SIDE + 1
    x = torch.zeros(steps, rows, FEATURES)
    x[..., NOISE] = torch.randn(steps, rows, generator=draws)
    x[SIDE, :, WORD] = 1
    number = torch.arange(rows)
    told = []
    for first, chance in ((0, LEFT), (SIDE + 1, RIGHT)):
        place = first + torch.randint(0, SIDE, (rows,), generator=draws)
        there = torch.rand(rows, generator=draws) < (chance if task == "sense" else 1.0)
        told.append((place, there))
    if task == "sense":
        truth = torch.randint(0, SENSES, (rows,), generator=draws)
        signs = [truth, truth]
    else:
        signs = [torch.randint(0, 2, (rows,), generator=draws) for _ in range(2)]
        truth = signs[0] ^ signs[1]
    for (place, there), sign in zip(told, signs, strict=True):
        x[place[there], number[there], CUE] = 1
        x[place[there], number[there], sign[there]] = 1
    return x, truth


def train(reader: Reader, task: str, updates: int, seed: int) -> None:
    """Train with Adam and a rate that falls to 0 in a cosine."""
    draws = torch.Generator().manual_seed(seed + 1)
    adam = torch.optim.Adam(reader.parameters(), lr=0.01)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, updates)
    for _ in range(updates):
        x, truth = batch(task, 128, draws)
        adam.zero_grad()
        torch.autograd.backward(torch.nn.functional.cross_entropy(reader(x), truth))
        adam.step()
        rate.step()


def accuracy(reader: Reader, task: str, rows: int, seed: int) -> float:
    """Return the share of right answers on fresh sequences."""
    x, truth = batch(task, rows, torch.Generator().manual_seed(seed + 1000))
    with torch.no_grad():
        return float((reader(x).argmax(1) == truth).float().mean())


def gradients(seed: int) -> dict[str, float]:
    """Return how much of the backward direction's last and first state comes from which steps."""
    torch.manual_seed(seed)
    lstm = gw.LSTM(FEATURES, UNITS, bidirectional=True)
    x = torch.randn(20, 4, FEATURES, requires_grad=True)
    output = lstm(x)[0]
    felt = {}
    for name, step in (("last", -1), ("first", 0)):
        (gradient,) = torch.autograd.grad(output[step, :, UNITS:].sum(), x, retain_graph=True)
        felt[name] = gradient.abs().amax(dim=(1, 2))
    return {
        "backward_last_before": float(felt["last"][:-1].max()),
        "backward_last_itself": float(felt["last"][-1]),
        "backward_first_steps": int((felt["first"] > 0).sum()),
    }


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    """Return accuracies against the floors, and the gradients against 0."""
    goals = (
        ("sense both", BOTH_FLOOR),
        ("sense forward", FORWARD_FLOOR),
        ("exclusive-or both", 1.0),
        ("exclusive-or forward", 0.5),
    )
    checks = []
    for name, floor in goals:
        found = mean_interval([seed[name] for seed in seeds])
        checks.append(
            Check(
                f"accuracy, {name}",
                *(found.value, found.low, min(found.high, 1.0)),
                at_least=floor - 0.01,
                at_most=min(1.0, floor + 0.01),
            )
        )
    fewest = min(
        seed[f"{task} forward parameters"] / seed[f"{task} both parameters"]
        for seed in seeds
        for task in ("sense", "exclusive-or")
    )
    checks.append(Check.exact("parameters, forward / both", fewest, at_least=1.0))
    leaked = max(seed["backward_last_before"] for seed in seeds)
    checks.append(
        Check.exact(
            "gradient of the backward state at the last step from any step before it",
            leaked,
            at_least=0.0,
            at_most=0.0,
        )
    )
    reached = min(seed["backward_first_steps"] for seed in seeds)
    checks.append(
        Check.exact(
            "steps that the backward state at the first step has seen, of 20",
            reached,
            at_least=20,
            at_most=20,
        )
    )
    return checks


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    """Return the accuracy of every seed beside the floors."""
    number = np.arange(len(seeds), dtype=np.float64)
    drawn = []
    for task, floors in (
        ("sense", (BOTH_FLOOR, FORWARD_FLOOR)),
        ("exclusive-or", (1.0, 0.5)),
    ):
        lines = []
        for place, (name, floor) in enumerate(zip(("both", "forward"), floors, strict=True)):
            values = np.array([seed[f"{task} {name}"] for seed in seeds])
            lines.append(Line(f"{name} directions" if place == 0 else name, values, colour=place))
            flat = np.full(len(seeds), floor)
            lines.append(Line(f"best possible, {name}", flat, dashed=True, colour=place))
        drawn.append(
            Curve(
                f"The {task} task",
                "seed",
                number,
                tuple(lines),
                y_label="accuracy",
                reading="Each network does as well as what it sees allows.",
                group="The claim",
            )
        )
    return drawn


STUDY = Study(
    name="two-way-street",
    title="A bidirectional LSTM sees both sides of each step",
    claim=(
        "To know what a word means one often has to read on. A bidirectional LSTM reads the sequence "
        "from both ends, so that at each step one direction brings the past and the other the future."
    ),
    prediction=(
        "At the ambiguous word both directions reach 1 - (1 - q_L)(1 - q_R)(1 - 1/K) = .85 and a "
        "forward network with as many parameters q_L + (1 - q_L)/K = .70, each within .01; the "
        "exclusive-or of a bit on each side comes out right always, and half the time. The backward "
        "state at the last step has a gradient of exactly 0 from every step before it."
    ),
    source="Schuster & Paliwal 1997, IEEE Trans. Signal Processing 45; Graves & Schmidhuber 2005",
    correction=(
        "At the last step the backward direction has seen the last input and nothing else: what it "
        "knows of the whole sequence stands at its first step. Reading output[-1] of a bidirectional "
        "network throws half of it away."
    ),
    measure=measure,
    judge=judge,
    curves=curves,
    quick={"updates": 600, "test": 20_000, "starts": {"sense": 1, "exclusive-or": 2}},
    full={"updates": 2_000, "test": 100_000, "starts": {"sense": 1, "exclusive-or": 5}},
    minutes=15.0,
    questions=(
        Question(
            "Which states hold a summary of the whole sequence?",
            "The forward state at the last step and the backward state at the first: torch returns "
            "both as h_n, whose two directions are exactly these.",
        ),
        Question(
            "Why does the answer need a hidden layer in the exclusive-or?",
            "The directions never meet inside one bidirectional layer. A linear answer adds up what "
            "each says alone, and then both together do no better than one: half right. A second "
            "bidirectional layer would serve as well.",
        ),
        Question(
            "Would a larger forward network get above .70?",
            "No. What it has not read it cannot know, whatever its size: the floor is Bayes'.",
        ),
    ),
)
