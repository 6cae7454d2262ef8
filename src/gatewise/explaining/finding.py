"""A sentence of the verdict, with what it is about and which results it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatewise import report


@dataclass(frozen=True)
class Finding(report.Finding):
    """One sentence, its evidence, its caveat, how sure it is, and its tone.

    Attributes:
        topic: "memory", "carrier", "views", "window", "units", "gates", "seeds", "targets", "groups",
            "directions", "growth", "inputs" ("inputs together", "inputs ranked", "inputs by target"),
            "skill", "left out" or "sample".
        rests_on: The results it was written from, by their names in `Explanation.results`.
    """

    topic: str = ""
    rests_on: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON has."""
        return {
            "topic": self.topic,
            "sentence": self.sentence,
            "evidence": self.evidence,
            "caveat": self.caveat,
            "confidence": self.confidence,
            "tone": self.tone,
            "rests_on": list(self.rests_on),
        }
