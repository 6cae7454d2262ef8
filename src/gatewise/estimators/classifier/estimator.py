"""`Classifier`: one label for each sequence, with the probability of every class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gatewise.answers.drawing import softmax
from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.estimators.classifier.classes import Model, OfClasses, Told, calibrated
from gatewise.estimators.classifier.settings import ClassifierSettings
from gatewise.estimators.sequences.form import Form
from gatewise.estimators.sequences.given import Given, labelled_of
from gatewise.estimators.sequences.hooks import KEPT
from gatewise.estimators.sequences.model import answers_of_strands
from gatewise.estimators.sequences.sklearn import tags
from gatewise.typing import AnyArray, Array


class Classifier(OfClasses, ClassifierSettings):
    """A recurrent network that gives each sequence one label, and the probability of every class.

    The constructor only keeps its arguments; every one is explained in docs/sequences.md. After `fit`:
    `fitted_` (networks, vocabulary, classes, temperature), `classes_`, and `evaluation_` (scores of the
    test part, or of the validation part where there is no test part).

    Data is a list of arrays [T, F] or of texts of letters, a padded array [n, T, F] with `lengths`, a
    table with a row for each step or sequence, or a path to a FASTA, CSV or Parquet file.
    """

    kind = "classifier"
    options_type = ClassifierSettings
    unit = "sequence"
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
        return self._said(model, labelled.sequences).probabilities

    def score(self, data: Any, labels: Any = None, *, lengths: Any = None) -> float:
        """Return the accuracy on labelled sequences."""
        return self.evaluate(data, labels, lengths=lengths).network["accuracy"]

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags, which its searches ask for."""
        return tags("classifier")

    # --- what `SequenceEstimator` asks for ------------------------------------------------------------

    def _read_data(self, given: Given, like: Form | None) -> Labelled:
        return labelled_of(given, self, like, label_kind="classes", per_step=False)

    def _lines(self, model: Model, answers: Array) -> dict[str, AnyArray]:
        shares = calibrated(model, softmax(answers.astype(np.float64))).T
        named = zip(model.form.classes, shares, strict=True)
        return dict(list(named)[len(shares) == 2 :])  # of two classes one says all

    @staticmethod
    def _said(model: Model, sequences: Sequences) -> Told:
        members = probabilities_of(model, sequences)
        each = tuple(_told(model, one) for one in members)
        return replace(_told(model, members.mean(axis=0)), members=each)

    def _table(self, model: Model, labelled: Labelled, *, truth: bool) -> dict[str, AnyArray]:
        columns: dict[str, AnyArray] = {"sequence": np.array(labelled.sequences.names)}
        if truth and labelled.labels is not None:
            columns["label"] = model.form.labels()[labelled.labels]
        return {**columns, **self._predicted(model, self._said(model, labelled.sequences))}


def probabilities_of(model: Model, sequences: Sequences) -> Array:
    """Return the probabilities that each member gives, before calibration, [M, n, classes]."""
    strands = [
        [softmax(scores.astype(np.float64)) for scores in one]
        for one in answers_of_strands(model, sequences)
    ]
    return np.asarray(np.mean(strands, axis=0))


def _told(model: Model, probabilities: Array) -> Told:
    """Return what probabilities [n, classes] before calibration say."""
    told = calibrated(model, probabilities)
    return Told(told.argmax(axis=1), told, probabilities)
