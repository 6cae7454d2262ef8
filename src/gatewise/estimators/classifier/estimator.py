"""`Classifier`: one label for each sequence, with the probability of every class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.split import Parts
from gatewise.data.tables.native import Frame
from gatewise.errors import DataError
from gatewise.estimators.classifier.learnt import (
    LearntClasses,
    check_classes,
    check_training,
    weights_of,
)
from gatewise.estimators.classifier.settings import ClassifierSettings
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
from gatewise.estimators.sequences.given import Given, labelled_of
from gatewise.estimators.sequences.hooks import KEPT
from gatewise.estimators.sequences.model import SequenceModel, answers_of_strands
from gatewise.estimators.sequences.options import SequenceOptions
from gatewise.estimators.sequences.preparation import PreparedSequences
from gatewise.estimators.sequences.sklearn import tags
from gatewise.training.losses import cross_entropy
from gatewise.training.task import Loss
from gatewise.typing import AnyArray, Array, Arrays, Indices

Model = SequenceModel[LearntClasses]


class Classifier(SequenceEstimator[LearntClasses, ClassificationScores], ClassifierSettings):
    """A recurrent network that gives each sequence one label, and the probability of every class.

    The constructor only keeps its arguments; every one is explained in docs/sequences.md. After `fit`:
    `fitted_` (networks, vocabulary, classes, temperature), `classes_`, and `evaluation_` (scores of the
    test part, or of the validation part where there is no test part).

    Data is a list of arrays [T, F] or of texts of letters, a padded array [n, T, F] with `lengths`, a
    table with a row for each step or sequence, or a path to a FASTA, CSV or Parquet file.
    """

    kind = "classifier"
    options_type = ClassifierSettings
    scores_type = ClassificationScores
    kept = (*KEPT, "read", "rc")

    def predict(self, data: Any, *, lengths: Any = None) -> AnyArray:
        """Return the most probable label of each sequence, [n], in the type that `fit` was given."""
        most = self.predict_proba(data, lengths=lengths).argmax(axis=1)
        return np.asarray(self.classes_[most])

    def predict_proba(self, data: Any, *, lengths: Any = None) -> Array:
        """Return the probability of every class, [n, classes] in the order of `classes_`.

        The mean over the members, and over both strands with rc="average"; then calibrated.
        """
        model = self._fitted().for_new_data()
        labelled = self._read_for(model, Given(data, None, lengths), labels_needed=False)
        return calibrated(model, probabilities_of(model, labelled.sequences).mean(axis=0))

    @property
    def classes_(self) -> AnyArray:
        """The labels that training had, in the order of the probabilities."""
        return self._fitted().form.labels()

    def score(self, data: Any, labels: Any = None, *, lengths: Any = None) -> float:
        """Return the accuracy on labelled sequences."""
        return self.evaluate(data, labels, lengths=lengths).network["accuracy"]

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags, which its searches ask for."""
        return tags("classifier")

    # --- what `SequenceEstimator` asks for ------------------------------------------------------------

    def _read_data(self, given: Given, like: Form | None) -> Labelled:
        return labelled_of(given, self, like, label_kind="classes", per_step=False)

    def _check_labels(self, labelled: Labelled, parts: Parts, *, fresh: bool) -> None:
        held_back = len(parts["training"]) < len(labelled)
        check_classes(labelled, held_back=held_back and fresh)
        if fresh:
            check_training(labelled.take(parts["training"]))
        weights_of(self.class_weights, labelled.classes, tuple(labelled.counts.tolist()))

    def _learn_before(self, labelled: Labelled, before: LearntClasses | None) -> LearntClasses:
        return LearntClasses(tuple(labelled.counts.tolist()))

    @classmethod
    def _head(cls, settings: SequenceOptions, form: Form, width: int) -> nn.Module:
        return nn.Linear(width, len(form.classes), device="cpu", dtype=torch.float32)

    def _lines(self, model: Model, answers: Array) -> dict[str, AnyArray]:
        shares = calibrated(model, _softmax(answers)).T
        named = zip(model.form.classes, shares, strict=True)
        return dict(list(named)[len(shares) == 2 :])  # of two classes one says all

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
        told = probabilities_of(model, held.sequences).mean(axis=0)
        return replace(learnt, temperature=fit_temperature(held.labels, told, held.weights))

    def _answers_of(self, model: Model, labelled: Labelled) -> LabelAnswers:
        members = probabilities_of(model, labelled.sequences)
        return LabelAnswers(calibrated(model, members.mean(axis=0)))

    def _answers_in(self, form: Form, frame: Frame, rows: Indices, name: str) -> LabelAnswers:
        return labels_in(frame, rows, form.classes, name)

    def _evaluate(
        self, model: Model, labelled: Labelled, part: str, beside: Mapping[str, LabelAnswers]
    ) -> ClassificationScores:
        if labelled.labels is None:
            raise DataError("there are no labels to score by: pass labels=")
        members = probabilities_of(model, labelled.sequences)
        plain = members.mean(axis=0)
        baselines = model.learnt.baselines
        answers = {MODEL_NAME: LabelAnswers(calibrated(model, plain)), **beside}
        for name, told in baseline_answers(baselines, labelled).items():
            answers[name] = LabelAnswers(told)
        return classification_scores(
            labelled.labels,
            answers,
            model.form.classes,
            part=part,
            groups=groups_of(labelled.sequences.lengths, labelled.sequences.groups),
            members=[LabelAnswers(calibrated(model, each)) for each in members],
            weights=labelled.weights,
            temperature=model.learnt.temperature,
            uncalibrated=plain,
            beside=tuple(beside),
            notes=baselines.notes,
        )

    def _table(self, model: Model, labelled: Labelled, *, truth: bool) -> dict[str, AnyArray]:
        told = calibrated(model, probabilities_of(model, labelled.sequences).mean(axis=0))
        names = model.form.labels()
        columns: dict[str, AnyArray] = {"sequence": np.array(labelled.sequences.names)}
        if truth and labelled.labels is not None:
            columns["label"] = names[labelled.labels]
        columns["label_predicted"] = names[told.argmax(axis=1)]
        shares = zip(model.form.classes, told.T, strict=True)
        return {**columns, **{f"probability_{name}": column for name, column in shares}}

    def _scores(self, evaluation: ClassificationScores) -> Mapping[str, Any]:
        return evaluation.to_json()

    @classmethod
    def _learnt_out(cls, learnt: LearntClasses) -> tuple[dict[str, Any], Arrays]:
        return learnt.out()

    @classmethod
    def _learnt_in(cls, said: dict[str, Any], arrays: Arrays, form: Form) -> LearntClasses:
        return LearntClasses.read(said, arrays, form)


def probabilities_of(model: Model, sequences: Sequences) -> Array:
    """Return the probabilities that each member gives, before calibration, [M, n, classes]."""
    strands = [[_softmax(scores) for scores in one] for one in answers_of_strands(model, sequences)]
    return np.asarray(np.mean(strands, axis=0))


def calibrated(model: Model, probabilities: Array) -> Array:
    """Return probabilities [n, classes] at the model's temperature, where it has one."""
    temperature = model.learnt.temperature
    return probabilities if temperature is None else temperature.apply(probabilities)


def _softmax(scores: AnyArray) -> Array:
    """Return the probabilities [n, classes] that scores stand for, in float64."""
    powers = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
