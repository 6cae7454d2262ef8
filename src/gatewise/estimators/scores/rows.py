"""The figures of models beside each other, which verdict, tables and files are made from."""

from __future__ import annotations

from dataclasses import dataclass, field

from gatewise.estimators.scores.measures import MODEL_NAME
from gatewise.estimators.scores.resampling import Interval

Row = dict[str, Interval]
"""Measure to its figure and interval."""


@dataclass(frozen=True, eq=False, repr=False)
class ScoreRows:
    """Scores of a network and of the baselines beside it, on the same sequences.

    Attributes:
        part: "training", "validation", "test" or "all".
        unit: What is scored, such as "sequence", "step" or "character".
        count: How many of them.
        decides: The measure that the verdict goes by.
        models: Each model's measures with their intervals; the network ("gatewise") first.
        members: The measures of each of its members alone.
        gains: Baseline to measure to the network's figure less the baseline's, from paired draws.
        intervals: How the intervals were made, in a sentence.
        notes: What else a reader must know, such as what a baseline leaves out.
        beside: Models that are no baselines, such as another run.
    """

    part: str
    unit: str
    count: int
    decides: str
    models: dict[str, Row]
    members: tuple[dict[str, float], ...] = ()
    gains: dict[str, Row] = field(default_factory=dict)
    intervals: str = ""
    notes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def network(self) -> dict[str, float]:
        """The network's figures."""
        return {name: found.value for name, found in self.models[MODEL_NAME].items()}

    @property
    def baselines(self) -> tuple[str, ...]:
        """The names of the baselines."""
        return tuple(name for name in self.models if name not in (MODEL_NAME, *self.beside))
