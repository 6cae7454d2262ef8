"""The verdict on scores, as the estimator that was scored words it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Verdict:
    """What to say of one evaluation; `tone` is "better", "unclear", "worse" or "unknown"."""

    headline: str
    sentences: tuple[str, ...]
    tone: str


class HasVerdict(Protocol):
    """Scores that can be judged, such as the evaluation of a forecaster."""

    def verdict(self) -> Verdict:
        """Return what the scores say."""


def verdict(evaluation: HasVerdict) -> Verdict:
    """Return the verdict on `evaluation`: a headline, its sentences and their tone."""
    return evaluation.verdict()
