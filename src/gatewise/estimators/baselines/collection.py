"""The baselines of sequences: which fit a problem, fitted together, asked together, kept together.

A new one is an entry in `NAMES`, what fits it in `_fit_one`, and what reads it back in `_from_state`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.errors import OptionError, how_to_install, nearest
from gatewise.estimators.baselines.constant import Constant
from gatewise.estimators.baselines.features import Features, designs_of_letters, fit_features
from gatewise.estimators.baselines.linear import has_logistic
from gatewise.estimators.baselines.problem import Baseline, Problem, with_held
from gatewise.estimators.baselines.sensors import Near, Rocket, Summary
from gatewise.typing import Array, Arrays, Indices

NAMES = {
    "majority": "how often each class occurs, or the mean; blind to the sequence",
    "kmers": "logistic regression (of numbers ridge) on k-mers, or on letters at their positions or "
    "around a step",
    "features": "ridge regression on means, spreads and slopes of each channel, or values around a step",
    "rocket": "ridge regression on random convolutions",
}
"""Baselines of labels and numbers, by the names that the option `baselines` takes."""


def baselines_for(labelled: Labelled) -> tuple[str, ...]:
    """Return the names of those that apply to these sequences."""
    if labelled.sequences.vocabulary is not None:
        return ("majority", "kmers")
    return ("majority", "features") if labelled.per_step else ("majority", "features", "rocket")


@dataclass(frozen=True, eq=False)
class SequenceBaselines:
    """Fitted baselines of one problem, and what they leave out, in sentences."""

    fitted: dict[str, Baseline] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        labelled: Labelled,
        training: Indices,
        validation: Indices,
        *,
        names: Sequence[str] | None = None,
        seed: int = 0,
    ) -> SequenceBaselines:
        """Fit on the sequences `training`; what is chosen, is chosen on `validation`.

        Without a validation part a fifth of the training part chooses. `names` are those that are
        wanted, by default all that apply. One that needs scikit-learn is left out, and said, where
        that is not installed. Raises OptionError for a name that there is not.
        """
        wanted = baselines_for(labelled) if names is None else check_names(names)
        generator = np.random.default_rng([seed, len(labelled)])
        fitted: dict[str, Baseline] = {}
        notes: list[str] = []
        parts = with_held(labelled, training, validation, generator)
        for name in wanted:
            if name not in baselines_for(labelled):
                notes.append(f"{name} does not apply to these sequences.")
            elif name == "kmers" and labelled.classes and not has_logistic():
                notes.append(
                    f"kmers is left out: it needs scikit-learn ({how_to_install('baselines')})."
                )
            else:
                fitted[name] = _fit_one(name, parts, training, generator, seed)
                note = getattr(fitted[name], "note", "")
                notes += [note] if note else []
        return cls(fitted, tuple(notes))

    def answers(self, sequences: Sequences, picks: Indices) -> dict[str, Array]:
        """Return each one's probabilities `[m, C]` or numbers `[m, K]`, of sequences or their steps."""
        return {name: one.predict(sequences, picks) for name, one in self.fitted.items()}

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return them as JSON and arrays, for a model's file."""
        said: dict[str, Any] = {"notes": list(self.notes), "fitted": {}}
        arrays: Arrays = {}
        for name, one in self.fitted.items():
            said["fitted"][name], mine = one.to_state()
            arrays |= {f"baseline.{name}.{key}": array for key, array in mine.items()}
        return said, arrays

    @classmethod
    def from_state(cls, said: dict[str, Any], arrays: Arrays) -> SequenceBaselines:
        """Return what `to_state` kept."""
        fitted: dict[str, Baseline] = {}
        for name, one in said["fitted"].items():
            prefix = f"baseline.{name}."
            mine = {
                key.removeprefix(prefix): array
                for key, array in arrays.items()
                if key.startswith(prefix)
            }
            made: Any = Constant if name == "majority" else Features
            given = (one, mine) if name == "majority" else (name, one, mine)
            fitted[name] = made.from_state(*given)
        return cls(fitted, tuple(said["notes"]))


def check_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of baselines; OptionError for one that there is not."""
    for name in names:
        if name not in NAMES:
            raise OptionError(f"baselines: there is no {name!r}{nearest(name, NAMES)}")
    return tuple(dict.fromkeys(names))


def _fit_one(
    name: str,
    parts: tuple[Problem, Problem],
    training: Indices,
    generator: np.random.Generator,
    seed: int,
) -> Baseline:
    fitted, held = parts
    labelled = fitted.labelled
    if name == "majority":
        return Constant.fit(Problem.of(labelled, training))
    if name == "kmers":
        return fit_features(name, designs_of_letters(fitted), fitted, held, generator)
    sequences = labelled.sequences
    design: Any
    if name == "rocket":
        design = Rocket.fit(sequences, fitted.picks, seed)
    else:
        design = (Near if labelled.per_step else Summary).fit(sequences, fitted.picks)
    return fit_features(name, [design], fitted, held, generator)
