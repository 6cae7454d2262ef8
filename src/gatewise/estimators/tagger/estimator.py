"""`Tagger`: a label for each step of a sequence, with its probability."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from gatewise.data.sequences.annotations import (
    check_annotations,
    features_of,
    write_annotations,
)
from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.strands import (
    classes_of_other_strand,
    complement_of,
    mirrored_steps,
    other_strand,
)
from gatewise.errors import OptionError
from gatewise.estimators.classifier.classes import Model, OfClasses, Told
from gatewise.estimators.classifier.learnt import LearntClasses
from gatewise.estimators.sequences.form import Form
from gatewise.estimators.sequences.given import Given, labelled_of
from gatewise.estimators.sequences.hooks import KEPT
from gatewise.estimators.sequences.model import engine_for
from gatewise.estimators.sequences.options import SequenceOptions
from gatewise.estimators.sequences.preparation import PreparedSequences, inputs_of
from gatewise.estimators.tagger.chain import ChainScores
from gatewise.estimators.tagger.network import Chained, TaggerNetwork, chain_loss
from gatewise.estimators.tagger.pieces import in_pieces
from gatewise.estimators.tagger.settings import OVERLAP_SHARE, TaggerSettings
from gatewise.estimators.tagger.tags import tags_of
from gatewise.options import whole
from gatewise.training.sequences import SequenceBatches
from gatewise.training.task import Loss, Task
from gatewise.typing import AnyArray, Array, Indices

BATCHES = 16
"""An epoch has so many gradient steps or more, where that leaves a batch 4 pieces."""


class Tagger(OfClasses, TaggerSettings):
    """A recurrent network that gives each step of a sequence a label, and probabilities of all.

    Sequences may be of any length: it trains on pieces of long ones and predicts as in one unbroken
    pass. The constructor only keeps its arguments; every one is explained in docs/sequences.md. After
    `fit`: `fitted_` (networks, vocabulary, classes) and `evaluation_` (scores of the test part, or of
    the validation part where there is no test part).
    """

    kind = "tagger"
    options_type = TaggerSettings
    unit = "step"
    kept = (*KEPT, "crf", "rc")
    network_type = TaggerNetwork

    def predict(self, data: Any, *, lengths: Any = None) -> list[AnyArray]:
        """Return the labels of the steps of each sequence, n arrays [T]."""
        sequences, labels, _ = self._tagged(data, lengths)
        return np.split(self.classes_[labels], sequences.offsets[1:-1])

    def predict_proba(self, data: Any, *, lengths: Any = None) -> list[Array]:
        """Return the probability of every class at each step, n arrays [T, classes]."""
        sequences, _, probabilities = self._tagged(data, lengths)
        return np.split(probabilities, sequences.offsets[1:-1])

    def annotate(
        self,
        data: Any,
        out: str | Path,
        *,
        lengths: Any = None,
        background: str | None = "",
        min_length: int = 1,
    ) -> None:
        """Write runs of equal labels as features to a .bed or .gff3 file, whole or not at all.

        A feature's score is the mean probability of its class. The class `background` is no feature, by
        default that of the fit's option; with None every class is one. Runs of fewer than `min_length`
        steps are left out: where probabilities waver around a half, single steps change their label. A
        class whose name ends in + or - is a feature of that strand. Raises OptionError for another kind
        of file and for a length that is none, FileError where it cannot be written.
        """
        check_annotations(out)
        if not (rule := whole(1)).allowed(min_length):
            raise OptionError(f"min_length must be {rule.wanted}; got {min_length!r:.40}")
        settings = self._fitted().settings
        assert isinstance(settings, TaggerSettings)
        if background == "":
            background = settings.background
        sequences, labels, probabilities = self._tagged(data, lengths)
        classes = self._fitted().form.classes
        found = features_of(sequences, labels, classes, probabilities, background=background)
        long = [one for one in found if one.end - one.start >= min_length]
        write_annotations(out, long, sequences)

    def _tagged(self, data: Any, lengths: Any) -> tuple[Sequences, Indices, Array]:
        """Return sequences in the model's form, their labels [N] and probabilities [N, C]."""
        model = self._fitted().for_new_data()
        labelled = self._read_for(model, Given(data, None, lengths), labels_needed=False)
        found = tags_of(model, labelled.sequences)
        return labelled.sequences, found.labels, found.probabilities

    # --- what `SequenceEstimator` asks for ------------------------------------------------------------

    def _prepare(
        self, data: Any, start: Model | None, *, progress: bool
    ) -> PreparedSequences[LearntClasses]:
        prepared = super()._prepare(data, start, progress=progress)
        settings = prepared.settings
        assert isinstance(settings, TaggerSettings)
        if settings.overlap is None and settings.piece is not None:
            settings.overlap = -(-settings.piece // OVERLAP_SHARE)
        if settings.rc is not None:
            complement_of(prepared.form.vocabulary)
        if settings.batch_size is None:
            pieces = len(_cut(prepared.batches("training"), settings))
            settings.batch_size = min(64, max(4, pieces // BATCHES))
        return prepared

    def _read_data(self, given: Given, like: Form | None) -> Labelled:
        reading = {name: getattr(self, name) for name in ("strands", "background")}
        reading["features"] = self.features or ()
        return labelled_of(given, self, like, label_kind="classes", per_step=True, **reading)

    @classmethod
    def _beside_head(cls, settings: SequenceOptions, form: Form) -> dict[str, Any]:
        assert isinstance(settings, TaggerSettings)
        return {"chain": ChainScores(len(form.classes)) if settings.crf else None}

    def _engine(self, prepared: PreparedSequences[LearntClasses]) -> str:
        settings = prepared.settings
        assert isinstance(settings, TaggerSettings)
        pieces = _cut(prepared.batches("training"), settings)
        return engine_for(settings, prepared.form, float(pieces.lengths.mean()))

    @staticmethod
    def _answers(found: Any) -> Tensor:
        scores: Tensor = found.scores if isinstance(found, Chained) else found
        return scores

    def _loss(self, prepared: PreparedSequences[LearntClasses]) -> Loss:
        settings = prepared.settings
        assert isinstance(settings, TaggerSettings)
        return chain_loss if settings.crf else super()._loss(prepared)

    def _task(self, prepared: PreparedSequences[LearntClasses], network: Any) -> Task:
        return self._in_pieces(super()._task(prepared, network), prepared)

    def _whole_task(self, prepared: PreparedSequences[LearntClasses], network: Any) -> Task:
        return self._in_pieces(super()._whole_task(prepared, network), prepared)

    @staticmethod
    def _in_pieces(task: Task, prepared: PreparedSequences[LearntClasses]) -> Task:
        settings, held = prepared.settings, task.validation
        assert isinstance(settings, TaggerSettings)
        assert isinstance(task.training, SequenceBatches)
        assert held is None or isinstance(held, SequenceBatches)
        training = task.training
        if settings.rc is not None:
            training = with_other_strand(training, prepared)
        held = None if held is None else _cut(held, settings)
        return Task(task.network, _cut(training, settings), held, task.loss)

    @staticmethod
    def _said(model: Model, sequences: Sequences) -> Told:
        return tags_of(model, sequences)

    def _table(self, model: Model, labelled: Labelled, *, truth: bool) -> dict[str, AnyArray]:
        sequences = labelled.sequences
        starts = np.repeat(sequences.offsets[:-1], sequences.lengths)
        columns: dict[str, AnyArray] = {
            "sequence": np.repeat(np.array(sequences.names), sequences.lengths),
            "step": np.arange(sequences.steps) - starts + 1,
        }
        if labelled.times is not None and labelled.times[0] not in columns:
            columns[labelled.times[0]] = labelled.times[1]
        if truth and labelled.labels is not None:
            # -1, where no label is known, is the last: an empty cell
            columns["label"] = np.array([*model.form.classes, None], dtype=object)[labelled.labels]
        return {**columns, **self._predicted(model, self._said(model, sequences))}


def with_other_strand(
    batches: SequenceBatches, prepared: PreparedSequences[LearntClasses]
) -> SequenceBatches:
    """Return sequences and after them the same on the other strand, with the classes they have there."""
    sequences, weights = prepared.labelled.sequences, batches.weights
    other = inputs_of(other_strand(sequences), prepared.scaling, prepared.settings)
    turned = np.append(classes_of_other_strand(prepared.form.classes), -1)
    truth = turned[batches.truth[mirrored_steps(sequences)]]
    return SequenceBatches(
        values=np.concatenate([batches.values, other]),
        starts=np.concatenate([batches.starts, batches.starts + sequences.steps]),
        lengths=np.tile(batches.lengths, 2),
        truth=np.concatenate([batches.truth, truth]),
        per_step=True,
        weights=None if weights is None else np.tile(weights, 2),
    )


def _cut(batches: SequenceBatches, settings: TaggerSettings) -> SequenceBatches:
    """Return the pieces that training takes; what reads forwards alone needs no overlap after them."""
    overlap = settings.overlap or 0
    return in_pieces(batches, settings.piece, overlap, overlap * settings.bidirectional)
