"""`OfClasses`: what a classifier and a tagger share, from counts of classes to their scores.

Sizes: N items, which are sequences or their steps; C classes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.split import Parts
from gatewise.data.tables.native import Frame
from gatewise.errors import DataError
from gatewise.estimators.classifier.learnt import LearntClasses, check_classes, weights_of
from gatewise.estimators.classifier.settings import ClassOptions
from gatewise.estimators.scores.build import classification_scores
from gatewise.estimators.scores.calibration import fit_temperature
from gatewise.estimators.scores.evaluation import ClassificationScores
from gatewise.estimators.scores.figures import LabelAnswers
from gatewise.estimators.scores.measures import MODEL_NAME
from gatewise.estimators.scores.resampling import groups_of
from gatewise.estimators.sequences.baselines import baseline_answers, fitted_baselines
from gatewise.estimators.sequences.beside import labels_in
from gatewise.estimators.sequences.estimator import SequenceEstimator
from gatewise.estimators.sequences.form import Form
from gatewise.estimators.sequences.model import SequenceModel
from gatewise.estimators.sequences.options import BaselineOptions, SequenceOptions
from gatewise.estimators.sequences.preparation import PreparedSequences
from gatewise.training.losses import cross_entropy
from gatewise.training.task import Loss
from gatewise.typing import AnyArray, Array, Array32, Arrays, Indices

Model = SequenceModel[LearntClasses]


@dataclass(frozen=True, eq=False)
class Told:
    """What a model says: labels [N], and probabilities [N, C] with and without their temperature.

    `members` is what each member says alone.
    """

    labels: Indices
    probabilities: Array
    uncalibrated: Array
    members: tuple[Told, ...] = ()

    def answers(self) -> LabelAnswers:
        """Return it as what is scored."""
        return LabelAnswers(self.probabilities, self.labels)


def calibrated(model: Model, probabilities: Array) -> Array:
    """Return probabilities [N, C] at the model's temperature, where it has one."""
    temperature = model.learnt.temperature
    return probabilities if temperature is None else temperature.apply(probabilities)


class OfClasses(
    SequenceEstimator[LearntClasses, ClassificationScores], ClassOptions, BaselineOptions
):
    """An estimator that gives each item one of the classes; `_said` is what it says of sequences."""

    scores_type = ClassificationScores
    unit: ClassVar[str]
    """What an item is: "sequence" or "step"."""

    @property
    def classes_(self) -> AnyArray:
        """The labels that training had, in the order of the probabilities."""
        return self._fitted().form.labels()

    @staticmethod
    @abstractmethod
    def _said(model: Model, sequences: Sequences) -> Told:
        """Return what the networks of a model say of sequences in its form."""

    def _check_labels(self, labelled: Labelled, parts: Parts, *, fresh: bool) -> None:
        check_classes(labelled, parts, of_steps=self.unit == "step", fresh=fresh)
        weights_of(self.class_weights, labelled.classes, tuple(labelled.counts.tolist()))

    def _learn_before(self, labelled: Labelled, before: LearntClasses | None) -> LearntClasses:
        return LearntClasses(tuple(labelled.counts.tolist()))

    @classmethod
    def _head(cls, settings: SequenceOptions, form: Form, width: int) -> nn.Module:
        return nn.Linear(width, len(form.classes), device="cpu", dtype=torch.float32)

    def _loss(self, prepared: PreparedSequences[LearntClasses]) -> Loss:
        counts = prepared.learnt.counts
        return cross_entropy(weights_of(self.class_weights, prepared.form.classes, counts))

    def _learn_after(
        self, model: Model, prepared: PreparedSequences[LearntClasses]
    ) -> LearntClasses:
        learnt = replace(model.learnt, baselines=fitted_baselines(prepared, self.baselines))
        if not self.calibrate or not len(prepared.parts["validation"]):
            return learnt
        held = prepared.part("validation")
        assert held.labels is not None
        told = self._said(model, held.sequences).uncalibrated
        return replace(learnt, temperature=fit_temperature(held.labels, told, self._weights(held)))

    def _answers_of(self, model: Model, labelled: Labelled) -> LabelAnswers:
        return self._said(model, labelled.sequences).answers()

    def _answers_in(self, form: Form, frame: Frame, rows: Indices, name: str) -> LabelAnswers:
        return labels_in(frame, rows, form.classes, name)

    def _evaluate(
        self, model: Model, labelled: Labelled, part: str, beside: Mapping[str, LabelAnswers]
    ) -> ClassificationScores:
        of_steps = self.unit == "step"
        if labelled.labels is None or labelled.per_step != of_steps:
            each = "labels of steps" if of_steps else "labels"
            raise DataError(f"there are no {each} to score by: pass labels=")
        sequences, baselines = labelled.sequences, model.learnt.baselines
        found = self._said(model, sequences)
        answers = {MODEL_NAME: found.answers(), **beside}
        for name, told in baseline_answers(baselines, labelled).items():
            answers[name] = LabelAnswers(told)
        return classification_scores(
            labelled.labels,
            answers,
            model.form.classes,
            part=part,
            groups=groups_of(sequences.lengths, sequences.groups, per_step=of_steps),
            members=[one.answers() for one in found.members],
            weights=self._weights(labelled),
            unit=self.unit,
            temperature=model.learnt.temperature,
            uncalibrated=found.uncalibrated,
            beside=tuple(beside),
            notes=baselines.notes,
        )

    def _weights(self, labelled: Labelled) -> Array32 | None:
        """Return how much each item counts, [N]: as much as its sequence; None: all alike."""
        weights = labelled.weights
        if weights is None or self.unit == "sequence":
            return weights
        return np.repeat(weights, labelled.sequences.lengths)

    @staticmethod
    def _predicted(model: Model, found: Told) -> dict[str, AnyArray]:
        """Return the columns of a table that say what is predicted."""
        shares = zip(model.form.classes, found.probabilities.T, strict=True)
        return {
            "label_predicted": model.form.labels()[found.labels],
            **{f"probability_{name}": column for name, column in shares},
        }

    @classmethod
    def _learnt_out(cls, learnt: LearntClasses) -> tuple[dict[str, Any], Arrays]:
        return learnt.out()

    @classmethod
    def _learnt_in(cls, said: dict[str, Any], arrays: Arrays, form: Form) -> LearntClasses:
        return LearntClasses.read(said, arrays, form, per_step=cls.unit == "step")
