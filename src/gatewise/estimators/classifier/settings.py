"""The options of `Classifier`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gatewise.estimators.run.known import register
from gatewise.estimators.sequences.options import BaselineOptions, ReadOptions, SequenceOptions
from gatewise.options import Rule, on_or_off, option, options_of, or_none


def _are_weights(value: Any) -> bool:
    if value == "balanced":
        return True
    return isinstance(value, Mapping) and all(
        isinstance(weight, int | float) and 0 < weight < math.inf for weight in value.values()
    )


@dataclass(kw_only=True, eq=False)
class ClassOptions:
    """How classes are weighed, and their probabilities calibrated."""

    class_weights: Literal["balanced"] | Mapping[Any, float] | None = option(
        None,
        "Training",
        "How much the labels of a class count in training: balanced, all classes as much together.",
        or_none(
            Rule(
                _are_weights,
                "'balanced' or a weight above 0 for each class, such as {'CDS': 2.0}",
                Literal["balanced"],
                ("balanced",),
            ),
            "every label counts alike",
        ),
        default_means="every label alike",
        more="Probabilities are then those of data in which classes have these weights.",
    )
    calibrate: bool = option(
        True,
        "Network",
        "Divide the scores by a temperature that makes probabilities those of the validation part.",
        on_or_off(),
        changeable=True,
        more="Guo et al. (2017). The label stays.",
    )


@dataclass(kw_only=True, eq=False, repr=False)
class ClassifierSettings(SequenceOptions, ReadOptions, ClassOptions, BaselineOptions):
    """The options of `Classifier`; the constructor only keeps them, `check_options` judges them."""


register("classifier", (name for name, _, _ in options_of(ClassifierSettings)))
