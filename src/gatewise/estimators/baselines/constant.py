"""What the labels alone say: how often each class occurs, or the mean; no sequence is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gatewise.data.sequences.sequences import Sequences
from gatewise.estimators.baselines.problem import Problem
from gatewise.typing import Array, Arrays, Indices


@dataclass(frozen=True, eq=False)
class Constant:
    """The same answer for every sequence or step: the shares of the classes, or the mean."""

    answer: Array  # [C] or [K]
    per_step: bool
    name: ClassVar[str] = "majority"

    @classmethod
    def fit(cls, training: Problem) -> Constant:
        """Return the weighted shares of the classes, one added to each count; or the mean of numbers."""
        classes = len(training.labelled.classes)
        if classes:
            counts = 1.0 + np.bincount(training.truth, training.weights, minlength=classes)
            return cls(counts / counts.sum(), training.labelled.per_step)
        mean = np.average(training.truth, axis=0, weights=training.weights)
        return cls(np.asarray(mean, dtype=np.float64), training.labelled.per_step)

    def predict(self, sequences: Sequences, picks: Indices) -> Array:
        """Return the answer once for each sequence or step."""
        count = int(sequences.lengths[picks].sum()) if self.per_step else len(picks)
        return np.tile(self.answer, (count, 1))

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON and arrays."""
        return {"per_step": self.per_step}, {"answer": self.answer}

    @classmethod
    def from_state(cls, said: dict[str, Any], arrays: Arrays) -> Constant:
        """Return what `to_state` kept."""
        return cls(arrays["answer"], said["per_step"])
