"""What scores a sequence estimator: the network's row, its baselines', their differences, a verdict.

`build.py` makes them from arrays. Sizes: C classes, B bins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

from gatewise.estimators.scores.calibration import Reliability, Temperature
from gatewise.estimators.scores.resampling import Interval
from gatewise.estimators.scores.rows import Row, ScoreRows
from gatewise.estimators.scores.showing import html, picture, text
from gatewise.estimators.scores.verdict import verdict
from gatewise.report import Verdict
from gatewise.typing import Array
from gatewise.wording import joined, percent


@dataclass(frozen=True, eq=False, repr=False)
class SequenceScores(ScoreRows):
    """Scores of a network and its baselines that can be judged, shown, drawn and kept."""

    def verdict(self) -> Verdict:
        """Return what the scores say: a headline, its sentences and their tone."""
        return verdict(self)

    def details(self) -> dict[str, Any]:
        """Return what this kind of scores has beside the measures, for files."""
        return {}

    def to_json(self) -> dict[str, Any]:
        """Return everything as metrics.json holds it."""
        return {
            "part": self.part,
            "unit": self.unit,
            "count": self.count,
            "decides": self.decides,
            "scores": {
                model: {name: found.to_json() for name, found in row.items()}
                for model, row in self.models.items()
            },
            "members": list(self.members),
            "gains": {
                model: {name: found.to_json() for name, found in row.items()}
                for model, row in self.gains.items()
            },
            "intervals": self.intervals,
            "notes": list(self.notes),
            **({"beside": list(self.beside)} if self.beside else {}),
            **self.details(),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Return the scores that `to_json` gave, as JSON holds them: null for NaN.

        Raises KeyError, TypeError, ValueError or AttributeError for anything else.
        """
        same = ("part", "unit", "count", "decides", "intervals")
        return cls(
            **{name: kept[name] for name in same},
            models=_rows(kept["scores"]),
            gains=_rows(kept["gains"]),
            members=tuple(_figures(member) for member in kept["members"]),
            notes=tuple(kept["notes"]),
            beside=tuple(kept.get("beside", ())),
            **cls._details_from(kept),
        )

    @classmethod
    def _details_from(cls, kept: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that `details` gave."""
        return {}

    def plot(self, ax: Any = None) -> Any:
        """Draw each model's deciding measure with its interval; returns the matplotlib axes.

        Raises OptionError where matplotlib is not installed.
        """
        return picture(self, ax)

    def __str__(self) -> str:
        return text(self)

    def __repr__(self) -> str:
        value = self.network.get(self.decides, math.nan)
        return f"{type(self).__name__}({self.part}, {self.decides}={value:.4g})"

    def _repr_html_(self) -> str:
        return html(self)


@dataclass(frozen=True, eq=False, repr=False)
class ClassificationScores(SequenceScores):
    """Scores of labels, of sequences or of each of their steps.

    Attributes:
        classes: Their names, in the order of the tables.
        support: How many known labels each class has, weights counted.
        confusion: Each model's counts `[C, C]`, rows the truth.
        by_class: Each model's F1 of each class.
        temperature: What the network's probabilities were calibrated by; None: they are as they came.
        before, after: How reliable the network's probabilities are without and with it.
    """

    classes: tuple[str, ...] = ()
    support: dict[str, float] = field(default_factory=dict)
    confusion: dict[str, Array] = field(default_factory=dict)
    by_class: dict[str, dict[str, float]] = field(default_factory=dict)
    temperature: Temperature | None = None
    before: Reliability | None = None
    after: Reliability | None = None

    def details(self) -> dict[str, Any]:
        """Return classes, counts of confusion and calibration."""
        return {
            "classes": list(self.classes),
            "support": self.support,
            "confusion": {model: counts.tolist() for model, counts in self.confusion.items()},
            "f1_by_class": self.by_class,
            "temperature": None if self.temperature is None else self.temperature.to_json(),
            "reliability": {
                name: found.to_json()
                for name, found in (("before", self.before), ("after", self.after))
                if found is not None
            },
        }

    @classmethod
    def _details_from(cls, kept: Mapping[str, Any]) -> dict[str, Any]:
        temperature, reliability = kept["temperature"], kept["reliability"]
        return {
            "classes": tuple(kept["classes"]),
            "support": dict(kept["support"]),
            "confusion": {model: np.array(rows) for model, rows in kept["confusion"].items()},
            "by_class": {model: _figures(row) for model, row in kept["f1_by_class"].items()},
            "temperature": None if temperature is None else Temperature.from_json(temperature),
            **{name: Reliability.from_json(found) for name, found in reliability.items()},
        }


@dataclass(frozen=True)
class CalibratedNumbers:
    """What calibration did to the bands: the share of the truth that each target's held and holds."""

    text: str  # a sentence on how it was done
    before: dict[str, float]
    after: dict[str, float]
    promised: float

    @property
    def sentence(self) -> str:
        """How it was done, and what the bands hold."""
        told = [
            f"{target + ' ' if len(self.after) > 1 else ''}{percent(self.before[target])} of the truth, "
            f"now {percent(share)}"
            for target, share in self.after.items()
        ]
        return f"{self.text} Of {percent(self.promised)} promised they held {joined(told)}."


@dataclass(frozen=True, eq=False, repr=False)
class RegressionScores(SequenceScores):
    """Scores of numbers, one or several of each sequence.

    Attributes:
        targets: Their names. levels: The quantile levels that were predicted; () for none. by_target:
        Model to target to figures, where there are several; `models` then has means of R² and
            correlation over the targets, and no figure that has a unit.
        bands: What calibration did to them; None: they are as the network gave them.
    """

    targets: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    by_target: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    bands: CalibratedNumbers | None = None

    def details(self) -> dict[str, Any]:
        """Return targets and their figures."""
        return {
            "targets": list(self.targets),
            "levels": list(self.levels),
            "by_target": self.by_target,
            **({} if self.bands is None else {"bands": asdict(self.bands)}),
        }

    @classmethod
    def _details_from(cls, kept: Mapping[str, Any]) -> dict[str, Any]:
        by_target = {
            model: {target: _figures(row) for target, row in rows.items()}
            for model, rows in kept["by_target"].items()
        }
        bands = kept.get("bands")
        return {
            "targets": tuple(kept["targets"]),
            "levels": tuple(kept["levels"]),
            "by_target": by_target,
            "bands": None if bands is None else CalibratedNumbers(**bands),
        }


@dataclass(frozen=True, eq=False, repr=False)
class LanguageScores(SequenceScores):
    """Scores of a language model: what the text costs, token by token.

    Attributes:
        tokens: How many were scored.
        characters: How many characters they stand for.
        unknown: How many tokens of the text the vocabulary does not have.
    """

    tokens: int = 0
    characters: int = 0
    unknown: int = 0

    def details(self) -> dict[str, Any]:
        """Return the sizes of the text."""
        return {"tokens": self.tokens, "characters": self.characters, "unknown": self.unknown}

    @classmethod
    def _details_from(cls, kept: Mapping[str, Any]) -> dict[str, Any]:
        return {name: kept[name] for name in ("tokens", "characters", "unknown")}


def _rows(kept: Mapping[str, Any]) -> dict[str, Row]:
    return {
        model: {name: Interval(**_figures(found)) for name, found in row.items()}
        for model, row in kept.items()
    }


def _figures(kept: Mapping[str, Any]) -> dict[str, float]:
    """Return figures by name, NaN where JSON has none."""
    return {name: math.nan if value is None else float(value) for name, value in kept.items()}
