"""Baselines that are a linear model of features: which features they take, and how they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from gatewise.data.sequences.sequences import Sequences
from gatewise.errors import FileError
from gatewise.estimators.baselines import linear
from gatewise.estimators.baselines.letters import MOST_FEATURES, Around, Kmers, Positions, longest
from gatewise.estimators.baselines.linear import Linear
from gatewise.estimators.baselines.problem import Problem
from gatewise.estimators.baselines.rows import Rows
from gatewise.estimators.baselines.sensors import Near, Rocket, Summary
from gatewise.typing import Array, Arrays, Indices
from gatewise.wording import counted

MOST_ITEMS = {"classes": 40_000, "steps": 20_000, "numbers": 100_000}
"""Sequences or steps that are fitted on; of more, so many are drawn."""
MOST_TO_CHOOSE = 6_000
"""Those that logistic regression chooses its features by: each try costs seconds."""
MOST_SQUARE = 2048
"""Features of ridge regression, whose cost grows with their cube."""
_CHUNK = 8192

DESIGNS: dict[str, Any] = {
    kind.kind: kind for kind in (Kmers, Positions, Around, Summary, Rocket, Near)
}


class Design(Protocol):
    """How sequences or their steps become features."""

    kind: ClassVar[str]

    def rows(self, sequences: Sequences, places: Indices) -> Rows:
        """Return the features of sequences or steps."""

    def told(self) -> str:
        """Return what the features are, in words."""

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON and arrays."""


@dataclass(frozen=True, eq=False)
class Features:
    """A linear model of features, fitted."""

    name: str
    design: Any
    linear: Linear
    per_step: bool
    note: str = ""

    def predict(self, sequences: Sequences, picks: Indices) -> Array:
        """Return probabilities `[m, C]` or numbers `[m, K]` of sequences `picks`, or of their steps."""
        places = sequences.steps_of(picks) if self.per_step else picks
        parts = [
            self.linear.predict(self.design.rows(sequences, places[first : first + _CHUNK]))
            for first in range(0, len(places), _CHUNK)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.linear.intercept)))

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON and arrays."""
        said, arrays = self.design.to_state()
        kept = {
            "design": {"kind": self.design.kind, **said},
            "per_step": self.per_step,
            "sharpness": self.linear.sharpness,
            "note": self.note,
        }
        return kept, {
            **{f"design.{name}": array for name, array in arrays.items()},
            "weights": self.linear.weights,
            "intercept": self.linear.intercept,
            "scale": self.linear.scale,
        }

    @classmethod
    def from_state(cls, name: str, said: dict[str, Any], arrays: Arrays) -> Features:
        """Return what `to_state` kept; FileError for features that this version does not know."""
        about = dict(said["design"])
        kind = about.pop("kind")
        if kind not in DESIGNS:
            raise FileError(
                f"the baseline {name!r} has features {kind!r}, which are not known here"
            )
        held = {
            key.removeprefix("design."): array
            for key, array in arrays.items()
            if key.startswith("design.")
        }
        design = DESIGNS[kind](**about, **held)
        model = Linear(arrays["weights"], arrays["intercept"], arrays["scale"], said["sharpness"])
        return cls(name, design, model, said["per_step"], said["note"])


def fit_features(
    name: str,
    designs: Sequence[Design],
    training: Problem,
    held: Problem,
    generator: np.random.Generator,
) -> Features:
    """Return the linear model of those features that are best on what is held back.

    Classes of sequences of letters by logistic regression, all else by ridge regression: see
    linear.py. Of more items than `MOST_ITEMS` so many are drawn, which the note says.
    """
    labelled = training.labelled
    kind = "numbers" if not labelled.classes else "steps" if labelled.per_step else "classes"
    fitted, judged = (one.thinned(MOST_ITEMS[kind], generator) for one in (training, held))
    if name == "kmers" and labelled.classes and len(designs) > 1:
        few = fitted.thinned(MOST_TO_CHOOSE, generator)
        costs = [_fit(name, one, few, judged, linear.MIDDLE)[1] for one in designs]
        designs = [designs[int(np.argmin(costs))]]
    found = [(*_fit(name, one, fitted, judged), one) for one in designs]
    model, _, design = min(found, key=lambda each: each[1])
    noun = "step" if labelled.per_step else "sequence"
    drawn = f", fitted on {len(fitted):,} of {counted(len(training), noun)}"
    note = f"{name}: {design.told()}{drawn if len(fitted) < len(training) else ''}."
    return Features(name, design, model, labelled.per_step, note)


def _fit(
    name: str,
    design: Design,
    fitted: Problem,
    judged: Problem,
    strengths: Sequence[float] = linear.STRENGTHS,
) -> tuple[Linear, float]:
    sequences, classes = fitted.labelled.sequences, len(fitted.labelled.classes)
    rows = design.rows(sequences, fitted.places)
    held = design.rows(sequences, judged.places), judged.truth, judged.weights
    if not classes:
        return linear.ridge(rows, fitted.truth, fitted.weights, held)
    if name == "kmers":
        return linear.logistic(
            rows, fitted.truth, fitted.weights, held, classes, strengths=strengths
        )
    return linear.ridge_of_classes(rows, fitted.truth, fitted.weights, held, classes)


def designs_of_letters(training: Problem) -> list[Design]:
    """Return what is worth a try for sequences of codes."""
    labelled = training.labelled
    sequences = labelled.sequences
    assert sequences.vocabulary is not None
    size = sequences.vocabulary.size
    most = MOST_FEATURES if labelled.classes else MOST_SQUARE
    if labelled.per_step:
        return list(Around.all_of(size))
    picks = training.places
    # Longer ones tell more where there are many sequences, and are noise where there are few.
    tried = sorted({min(3, longest(size)), longest(size)})
    found: list[Design] = [Kmers.fit(sequences, picks, size, length, most) for length in tried]
    lengths = sequences.lengths[picks]
    if len(lengths) and lengths.min() == lengths.max():
        at = [Positions(size, int(lengths[0]), pairs) for pairs in (False, True)]
        found += [one for one in at if one.width <= most]
    return found
