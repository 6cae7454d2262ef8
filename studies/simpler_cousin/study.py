"""GRU and LSTM on n examples: bias and variance over many training sets drawn from one teacher.

The teacher is neither of them: a leaky tanh network. Each student is trained on every set with the same
few learning rates, and keeps that which was best over sets that are not counted. Over the others the
mean squared error on fixed sequences is the square of the bias plus the variance, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import gatewise as gw
from gatewise.report import Curve, Line
from studies.common.checks import Check
from studies.common.statistics import Interval, jackknife
from studies.common.study import Figures, Question, Settings, Study

INPUTS, STEPS, HIDDEN = 2, 20, 16
EQUAL = 19
"""Units of the GRU that has as many parameters as the LSTM of HIDDEN units: 1 % more."""
TEACHER_UNITS, LEAK, NOISE = 24, 0.3, 0.1
TEST, ROWS = 64, 32
"""Sequences that all are judged on, and rows of a batch."""

Answers = np.ndarray[Any, np.dtype[np.float64]]
"""What students said of the test sequences, `[sets, TEST]`."""

STUDENTS: dict[str, Callable[[], torch.nn.RNNBase]] = {
    "lstm": lambda: gw.LSTM(INPUTS, HIDDEN),
    "gru, equal units": lambda: gw.GRU(INPUTS, HIDDEN),
    "gru, equal parameters": lambda: gw.GRU(INPUTS, EQUAL),
}


class Student(torch.nn.Module):
    """A recurrent layer whose last state is read as a number."""

    def __init__(self, layer: torch.nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer
        self.head = torch.nn.Linear(layer.hidden_size, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the answers `[B]` to sequences `[T, B, I]`."""
        answers: torch.Tensor = self.head(self.layer(x)[0][-1])[:, 0]
        return answers


def teach(x: torch.Tensor) -> torch.Tensor:
    """Return the teacher's answers `[B]`, scaled to about one: it is the same for all seeds."""
    draws = torch.Generator().manual_seed(7)
    enter = torch.randn(TEACHER_UNITS, INPUTS, generator=draws)
    recur = torch.randn(TEACHER_UNITS, TEACHER_UNITS, generator=draws) / TEACHER_UNITS**0.5
    read = torch.randn(TEACHER_UNITS, generator=draws) / TEACHER_UNITS**0.5
    state = torch.zeros(x.shape[1], TEACHER_UNITS)
    for step in x:
        state = (1 - LEAK) * state + LEAK * torch.tanh(step @ enter.T + state @ recur.T)
    return 2 * torch.tanh(state @ read)


def drawn(rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sequences `[T, B, I]` and what the teacher says, with noise."""
    draws = torch.Generator().manual_seed(seed)
    x = torch.randn(STEPS, rows, INPUTS, generator=draws)
    return x, teach(x) + NOISE * torch.randn(rows, generator=draws)


def measure(seed: int, settings: Settings) -> Figures:
    """Return what each student, size and rate says of the test sequences, trained on one set."""
    x, y = drawn(max(settings["sizes"]), 1000 + seed)
    test, _ = drawn(TEST, 1)
    said: dict[str, Any] = {}
    for name, layer in STUDENTS.items():
        for size in settings["sizes"]:
            for rate in settings["rates"]:
                torch.manual_seed(seed)
                student = Student(layer())
                train(student, (x[:, :size], y[:size]), rate, settings["updates"], seed)
                with torch.no_grad():
                    values = student(test)
                said[_key(name, size, rate)] = [round(float(value), 4) for value in values]
    return {"said": said}


def _key(name: str, size: int, rate: float) -> str:
    return f"{name} | {size} | {rate:g}"


def train(
    student: Student,
    examples: tuple[torch.Tensor, torch.Tensor],
    rate: float,
    updates: int,
    seed: int,
) -> None:
    """Train with Adam, and keep the weights that were best on a fifth that is held back."""
    x, y = examples
    held = max(8, x.shape[1] // 5)
    draws = torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(student.parameters(), lr=rate, fused=True)
    best, kept = float("inf"), student.state_dict()
    for update in range(updates):
        picks = torch.randint(held, x.shape[1], (ROWS,), generator=draws)
        adam.zero_grad()
        loss = torch.nn.functional.mse_loss(student(x[:, picks]), y[picks])
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        adam.step()
        if update % 20 == 19:
            with torch.no_grad():
                now = float(torch.nn.functional.mse_loss(student(x[:, :held]), y[:held]))
            if now < best:
                best = now
                kept = {name: value.clone() for name, value in student.state_dict().items()}
    student.load_state_dict(kept)


def said(seeds: Sequence[Figures], settings: Settings, name: str, size: int) -> Answers:
    """Return the answers `[sets, TEST]` at the rate that was best over the sets that are not counted."""
    truth = _truth()

    def error(rate: float) -> float:
        tuning = [
            seed["said"][_key(name, size, rate)] for seed in seeds[: settings["tuning_seeds"]]
        ]
        return float(np.square(np.array(tuning) - truth).mean())

    best = min(settings["rates"], key=error)
    rest = seeds[settings["tuning_seeds"] :]
    return np.array([seed["said"][_key(name, size, best)] for seed in rest], dtype=np.float64)


def _truth() -> Answers:
    """Return what the teacher says of the test sequences, without noise."""
    test, _ = drawn(TEST, 1)
    return np.asarray(teach(test), dtype=np.float64)


def parts(answers: Answers) -> tuple[float, float]:
    """Return the square of the bias and the variance of answers `[sets, TEST]`, each without bias.

    The mean over R sets misses the truth by the bias and by 1/R of the variance, which is taken off.
    """
    variance = float(answers.var(axis=0, ddof=1).mean())
    square = float(np.square(answers.mean(axis=0) - _truth()).mean())
    return square - variance / len(answers), variance


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    """Return parameters, and GRU against LSTM at the smallest and the largest size, set by set."""
    layers = {name: layer() for name, layer in STUDENTS.items()}
    layers["rnn, equal units"] = gw.RNN(INPUTS, HIDDEN)
    weights = {
        name: sum(one.numel() for one in layer.parameters()) for name, layer in layers.items()
    }
    checks = [
        Check.exact(
            f"parameters of {words} / LSTM, equal {kind}",
            weights[f"{words.lower()}, equal {kind}"] / weights["lstm"],
            at_least=least,
            at_most=most,
        )
        for words, kind, least, most in (
            ("GRU", "units", 0.75, 0.75),
            ("RNN", "units", 0.25, 0.25),
            ("GRU", "parameters", 0.95, 1.05),
        )
    ]
    small, large = settings["sizes"][0], settings["sizes"][-1]
    for name in ("gru, equal units", "gru, equal parameters"):
        for size in (small, large):
            found = _ratio(seeds, settings, name, size, _error)
            # On few examples better, on many no worse than by a twentieth.
            most = 1.0 if size == small else 1.05
            checks.append(Check.of(f"error of {name} / LSTM, n = {size}", found, at_most=most))
        found = _ratio(seeds, settings, name, small, _variance)
        checks.append(Check.of(f"variance of {name} / LSTM, n = {small}", found, at_most=1.0))
    return checks


def _error(answers: Answers) -> float:
    return float(np.square(answers - _truth()).mean())


def _variance(answers: Answers) -> float:
    return parts(answers)[1]


def _ratio(
    seeds: Sequence[Figures],
    settings: Settings,
    name: str,
    size: int,
    of: Callable[[Answers], float],
) -> Interval:
    """Return the ratio of a student's figure to the LSTM's and its interval, sets taken in pairs.

    The interval is that of the logarithm, so that it does not matter which of the two is below.
    """
    pairs = np.stack([said(seeds, settings, one, size) for one in (name, "lstm")], axis=1)
    found = jackknife(pairs, lambda rows: math.log(of(rows[:, 0]) / of(rows[:, 1])))
    return Interval(*(math.exp(end) for end in (found.value, found.low, found.high)))


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    """Return bias and variance of each student over n, with intervals over training sets."""
    sizes = np.array(settings["sizes"], dtype=np.float64)
    drawn_curves = []

    def line(name: str, colour: int, place: int) -> Line:
        found = [
            jackknife(said(seeds, settings, name, size), lambda rows: parts(rows)[place])
            for size in settings["sizes"]
        ]
        mean, low, high = (
            np.array([getattr(one, end) for one in found]) for end in ("value", "low", "high")
        )
        return Line(name, mean, low, high, colour=colour, interval="95 % interval")

    for place, (words, told) in enumerate(
        (("Square of the bias", "bias squared"), ("Variance over training sets", "variance"))
    ):
        lines = [line(name, colour, place) for colour, name in enumerate(STUDENTS)]
        drawn_curves.append(
            Curve(
                words,
                "n, training sequences",
                sizes,
                tuple(lines),
                y_label=told,
                log_x=True,
                reading="On few examples the variance is most of the error.",
                group="The claim",
            )
        )
    return drawn_curves


STUDY = Study(
    name="simpler-cousin",
    title="The GRU has fewer parameters and suits small data",
    claim=(
        "The GRU does with two gates and one state what the LSTM does with three and two. Fewer "
        "parameters vary less from one small training set to another, at the price of a little bias."
    ),
    prediction=(
        "GRU, LSTM and RNN have parameters as 3 : 4 : 1. On the smallest n the GRU's error is below the "
        "LSTM's, with equal units and with equal parameters, because its variance is; on the largest n "
        "it is at most a twentieth above."
    ),
    source="Cho et al. 2014; Chung et al. 2014; bias and variance by Geman, Bienenstock & Doursat 1992",
    correction=(
        "With equal units the GRU is simply the smaller network. Whether its form helps, only equal "
        "parameters can tell, each with its own learning rate."
    ),
    measure=measure,
    judge=judge,
    curves=curves,
    quick={"sizes": [50, 500], "rates": [3e-3, 1e-2], "updates": 500, "tuning_seeds": 5},
    full={
        "sizes": [50, 150, 500, 1500, 5000],
        "rates": [1e-3, 3e-3, 1e-2],
        "updates": 1500,
        "tuning_seeds": 5,
    },
    minutes=27.0,
    quick_seeds=20,
    full_seeds=35,
    questions=(
        Question(
            "Why 19 units against 16?",
            "3 H (I + H + 2) = 4 * 16 (2 + 16 + 2) has its solution near H = 18.7.",
        ),
        Question(
            "Why is the winner of a single data set no evidence?",
            "The variance over training sets is as large as the difference that is looked for: one set "
            "is one draw of it.",
        ),
    ),
)
