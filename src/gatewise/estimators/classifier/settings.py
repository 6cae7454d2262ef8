"""The options of `Classifier`."""

from __future__ import annotations

from dataclasses import dataclass

from gatewise.estimators.run.known import register
from gatewise.estimators.sequences.options import ReadOptions, SequenceOptions
from gatewise.options import options_of


@dataclass(kw_only=True, eq=False, repr=False)
class ClassifierSettings(SequenceOptions, ReadOptions):
    """The options of `Classifier`; the constructor only keeps them, `check_options` judges them."""


register("classifier", (name for name, _, _ in options_of(ClassifierSettings)))
