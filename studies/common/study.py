"""What a study is: a claim, a prediction made beforehand, an experiment, and how it is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatewise.report import Curve
from studies.common.checks import Check

Settings = Mapping[str, Any]
"""What an experiment is run with: JSON values, so that a result says how it was made."""

Figures = Mapping[str, Any]
"""What one seed measured: JSON values."""


@dataclass(frozen=True)
class Question:
    """Something to try next, and the answer, which the page hides until asked."""

    text: str
    answer: str


@dataclass(frozen=True, eq=False)
class Study:
    """One claim of the textbook, measured.

    Attributes:
        name: That of its folder and on the command line.
        title: The claim in a line.
        claim: The claim in the spirit of the chapter, two or three sentences.
        prediction: What was predicted before the experiment, in words.
        source: Where claim and theory come from.
        correction: What the claim needs to be true; "" where it needs nothing.
        measure: Runs the experiment for one seed; the same seed and settings give the same figures.
        judge: Makes the checks of all seeds' figures, in the order of the seeds.
        curves: Draws them.
        quick, full: The settings of the short form, which tests run, and of the one that is reported.
        quick_seeds, full_seeds: How many seeds each takes.
        minutes: What the full form takes on two cores, as measured.
        questions: What to try next.
    """

    name: str
    title: str
    claim: str
    prediction: str
    source: str
    measure: Callable[[int, Settings], Figures]
    judge: Callable[[Sequence[Figures], Settings], Sequence[Check]]
    curves: Callable[[Sequence[Figures], Settings], Sequence[Curve]]
    quick: Settings
    full: Settings
    minutes: float
    quick_seeds: int = 3
    full_seeds: int = 10
    correction: str = ""
    questions: tuple[Question, ...] = ()

    def settings(self, *, full: bool) -> Settings:
        """Return the settings of one form."""
        return self.full if full else self.quick

    def seeds(self, *, full: bool) -> int:
        """Return how many seeds one form takes."""
        return self.full_seeds if full else self.quick_seeds
