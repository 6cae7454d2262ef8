"""`Classifier`: one label for each sequence, with its probability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.errors import DataError
from gatewise.estimators.classifier.settings import ClassifierSettings
from gatewise.estimators.sequences.estimator import KEPT, SequenceEstimator
from gatewise.estimators.sequences.form import Form
from gatewise.estimators.sequences.given import Given
from gatewise.estimators.sequences.model import SequenceModel, answers_of
from gatewise.estimators.sequences.options import SequenceOptions
from gatewise.estimators.sequences.preparation import PreparedSequences
from gatewise.training.losses import cross_entropy
from gatewise.training.task import Loss
from gatewise.typing import AnyArray, Array, Arrays


@dataclass(frozen=True)
class LearntClasses:
    """What a classifier learns beside its networks."""

    counts: tuple[int, ...]  # sequences of each class in training


class Classifier(SequenceEstimator[LearntClasses, dict[str, float]], ClassifierSettings):
    """A recurrent network that gives each sequence one label, and the probability of every class.

    The constructor only keeps its arguments; every one is explained in docs/sequences.md. After `fit`:
    `fitted_` (networks, vocabulary, classes) and `evaluation_` (scores of the test part, or of the
    validation part where there is no test part).
    """

    kind = "classifier"
    options_type = ClassifierSettings
    kept = (*KEPT, "read")

    def predict(self, data: Any, *, lengths: Any = None) -> AnyArray:
        """Return the most probable label of each sequence, [n]."""
        most = self.predict_proba(data, lengths=lengths).argmax(axis=1)
        return np.asarray(self.classes_[most])

    def predict_proba(self, data: Any, *, lengths: Any = None) -> Array:
        """Return the probability of every class, [n, classes] in the order of `classes_`."""
        model = self._fitted().for_new_data()
        labelled = self._read_for(model, Given(data, None, lengths), labels_needed=False)
        return self._probabilities(model, labelled.sequences)

    @property
    def classes_(self) -> AnyArray:
        """The labels that training had, in the order of the probabilities."""
        return np.array(self._fitted().form.classes)

    def _probabilities(self, model: SequenceModel[LearntClasses], sequences: Sequences) -> Array:
        members = [_softmax(logits) for logits in answers_of(model, sequences)]
        return np.asarray(np.mean(members, axis=0))

    # --- what `SequenceEstimator` asks for ------------------------------------------------------------

    def _learn_before(self, labelled: Labelled, before: LearntClasses | None) -> LearntClasses:
        if labelled.labels is None or not labelled.classes or labelled.per_step:
            raise DataError("a classifier needs a label for each sequence: pass labels=")
        counts = labelled.counts
        if (counts > 0).sum() < 2:
            raise DataError("there is one class only: nothing to tell apart")
        return LearntClasses(tuple(counts.tolist()))

    @classmethod
    def _read(cls, settings: SequenceOptions) -> str:
        assert isinstance(settings, ClassifierSettings)
        return settings.read

    @classmethod
    def _head(cls, settings: SequenceOptions, form: Form, width: int) -> nn.Module:
        return nn.Linear(width, len(form.classes), device="cpu", dtype=torch.float32)

    def _loss(self, prepared: PreparedSequences[LearntClasses]) -> Loss:
        return cross_entropy()

    def _evaluate(
        self, model: SequenceModel[LearntClasses], labelled: Labelled, part: str
    ) -> dict[str, float]:
        found = self._probabilities(model, labelled.sequences)
        labels = labelled.labels
        assert labels is not None
        return {"accuracy": float((found.argmax(axis=1) == labels).mean())}

    def _scores(self, evaluation: dict[str, float]) -> Mapping[str, Any]:
        return {"scores": evaluation}

    @classmethod
    def _learnt_out(cls, learnt: LearntClasses) -> tuple[dict[str, Any], Arrays]:
        return {"counts": list(learnt.counts)}, {}

    @classmethod
    def _learnt_in(cls, said: dict[str, Any], arrays: Arrays, form: Form) -> LearntClasses:
        return LearntClasses(tuple(said["counts"]))


def _softmax(logits: AnyArray) -> Array:
    scaled = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    found = np.exp(scaled)
    return np.asarray(found / found.sum(axis=1, keepdims=True))
