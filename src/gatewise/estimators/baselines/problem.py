"""What a baseline of labels or numbers is fitted on: labelled sequences, and which of them.

Sizes: n items (sequences, or their steps), C classes, K numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.typing import AnyArray, Array, Arrays, Indices

SHARE_HELD = 5
"""Where there is no validation part, one in so many training sequences chooses instead."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Items with their truth and weights: sequences, or single steps of them.

    `places` are steps in `labelled.sequences.values` where each step has a label.
    """

    labelled: Labelled
    picks: Indices
    places: Indices  # [n]: numbers of sequences, or of steps
    weights: Array  # [n]

    @classmethod
    def of(cls, labelled: Labelled, picks: Indices) -> Problem:
        """Return the items of the sequences `picks` whose labels are known."""
        places = labelled.sequences.steps_of(picks) if labelled.per_step else picks
        weights = np.ones(len(labelled)) if labelled.weights is None else labelled.weights
        each = np.repeat(
            weights[picks], labelled.sequences.lengths[picks] if labelled.per_step else 1
        )
        known = labelled.known[places]
        return cls(labelled, picks, places[known], each[known].astype(np.float64))

    def __len__(self) -> int:
        return len(self.places)

    @property
    def truth(self) -> AnyArray:
        """Codes `[n]`, or numbers `[n, K]` in float64."""
        assert self.labelled.labels is not None
        found = self.labelled.labels[self.places]
        if self.labelled.classes:
            return found
        return np.asarray(found.reshape(len(found), -1), dtype=np.float64)

    def thinned(self, most: int, generator: np.random.Generator) -> Problem:
        """Return at most `most` of the items, drawn at random."""
        if len(self) <= most:
            return self
        kept = np.sort(generator.permutation(len(self))[:most])
        return Problem(self.labelled, self.picks, self.places[kept], self.weights[kept])


def with_held(
    labelled: Labelled, training: Indices, validation: Indices, generator: np.random.Generator
) -> tuple[Problem, Problem]:
    """Return what is fitted and what chooses: the validation part, or else some training groups."""
    if not len(validation):
        names = labelled.sequences.groups or labelled.sequences.names
        group = np.unique([names[pick] for pick in training], return_inverse=True)[1]
        count = int(group.max(initial=0)) + 1
        held = (generator.permutation(count) < count // SHARE_HELD)[group]
        training, validation = training[~held], training[held]
    return Problem.of(labelled, training), Problem.of(labelled, validation)


class Baseline(Protocol):
    """A fitted baseline: what it answers, and how it is kept."""

    @property
    def name(self) -> str:
        """What it is called in scores and options."""

    def predict(self, sequences: Sequences, picks: Indices) -> Array:
        """Return probabilities `[m, C]` or numbers `[m, K]` of sequences `picks`, or of their steps."""

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON and arrays, without pickle."""
