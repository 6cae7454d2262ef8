"""`SequenceHooks`: the methods that an estimator of sequences fills in.

An estimator derives from `estimator.SequenceEstimator` and from its own options, and fills in

- `kind`, `options_type`, `file_version`: what it is called, its options, the version of its files;
- `_check_labels`: what is refused of labels, before any work;
- `_read_data`: what the caller gives, as `Labelled`; by default arrays, tables and files of sequences;
- `_learn_before`: what is learnt of the labels before any training, such as a scaling of them: L;
- `_truth`: what the loss compares with, for each sequence or step; by default the labels;
- `_head` and `_loss`: the network's last layer and what it is trained with;
- `_lines`: what a network's answers say, as lines of the page;
- `_learn_after`: what is learnt of the fitted networks, such as a temperature; by default L as it was;
- `scores_type`, `_evaluate`: the scores of labelled sequences: E; `_table`: the answers;
- `_answers_of` and `_answers_in`: what a model, or a table, says, to be scored beside another;
- `_learnt_out` and `_learnt_in`: L as JSON and arrays for the model file, and back.

An estimator whose options have `ReadOptions` gives each sequence an answer, any other each step. The
network is a `SequenceNetwork`; who needs another one names it as `network_type`, with `_beside_head` for
what else that takes, and who needs other batches overrides `_task`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from torch import Tensor, nn

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.split import Parts
from gatewise.data.tables.native import Frame
from gatewise.estimators.base import Estimator
from gatewise.estimators.scores.evaluation import SequenceScores
from gatewise.estimators.sequences.form import Form
from gatewise.estimators.sequences.given import Given, labelled_of
from gatewise.estimators.sequences.model import (
    SequenceModel,
)
from gatewise.estimators.sequences.network import SequenceNetwork
from gatewise.estimators.sequences.options import ReadOptions, SequenceOptions
from gatewise.estimators.sequences.preparation import (
    PreparedSequences,
)
from gatewise.training.task import Loss
from gatewise.typing import AnyArray, Array, Arrays, Indices

L = TypeVar("L")
E = TypeVar("E", bound=SequenceScores)

KEPT = (
    *(
        "cell",
        "hidden_size",
        "num_layers",
        "heads",
        "bidirectional",
        "front",
        "embedding",
        "members",
    ),
    *("scale", "missing", "kmer"),
)
"""Options that training on with new data cannot change; an estimator adds its own."""


class SequenceHooks(
    Estimator[PreparedSequences[L], SequenceModel[L], E], SequenceOptions, Generic[L, E]
):
    """The methods that an estimator of sequences fills in.

    L is what it learns beside its networks, E how it is scored.
    """

    options_type: ClassVar[type[SequenceOptions]]
    file_version: ClassVar[int] = 2
    kept: ClassVar[tuple[str, ...]] = KEPT
    network_type: ClassVar[type[SequenceNetwork]] = SequenceNetwork

    def _read_data(self, given: Given, like: Form | None) -> Labelled:
        """Return what the caller gave; `like` is the form of a model that it is for, if there is one."""
        return labelled_of(given, self, like)

    def _check_labels(self, labelled: Labelled, parts: Parts, *, fresh: bool) -> None:
        """Raise DataError for labels that nothing can be learnt from.

        `parts` are the numbers of the sequences of each; `fresh` is whether no training goes on.
        """

    @abstractmethod
    def _learn_before(self, labelled: Labelled, before: L | None) -> L:
        """Return what is learnt of the training part, which `labelled` is, before any training.

        `before` is what a model learnt that training goes on from.
        """

    def _truth(self, labelled: Labelled, learnt: L) -> AnyArray:
        """Return what the loss compares with, [n, ...], or of steps [N, ...]."""
        assert labelled.labels is not None
        return labelled.labels

    @classmethod
    @abstractmethod
    def _head(cls, settings: SequenceOptions, form: Form, width: int) -> nn.Module:
        """Return the network's last layer, from what is read, `[..., width]`, to answers."""

    @classmethod
    def _beside_head(cls, settings: SequenceOptions, form: Form) -> dict[str, Any]:
        """Return what else `network_type` takes."""
        return {}

    @classmethod
    def _read(cls, settings: SequenceOptions) -> str:
        """Return the name of the read, see `sequences.reads`: "every" for an answer at each step."""
        return settings.read if isinstance(settings, ReadOptions) else "every"

    @staticmethod
    def _answers(found: Any) -> Tensor:
        """Return what the network answers as `[B, K]`, or `[T, B, K]` where every step has an answer."""
        assert isinstance(found, Tensor)
        return found

    def _lines(self, model: SequenceModel[L], answers: Array) -> dict[str, AnyArray]:
        """Return what answers [n, K] of `_answers` say as lines of the page: name to [n]."""
        return {}

    @abstractmethod
    def _loss(self, prepared: PreparedSequences[L]) -> Loss:
        """Return what the network is trained with."""

    def _learn_after(self, model: SequenceModel[L], prepared: PreparedSequences[L]) -> L:
        """Return what is learnt of the fitted networks, beside what there was before."""
        return model.learnt

    @abstractmethod
    def _evaluate(
        self, model: SequenceModel[L], labelled: Labelled, part: str, beside: Mapping[str, Any]
    ) -> E:
        """Return the scores of sequences in the model's form, whose labels are known.

        `beside` are others' answers to them by name, as the next two return them.
        """

    @abstractmethod
    def _answers_of(self, model: SequenceModel[L], labelled: Labelled) -> Any:
        """Return what the model says of sequences, to be scored beside another model."""

    @abstractmethod
    def _answers_in(self, form: Form, frame: Frame, rows: Indices, name: str) -> Any:
        """Return what the `rows` of a table say, as `_answers_of`; DataError, by its name, if none."""

    @abstractmethod
    def _table(
        self, model: SequenceModel[L], labelled: Labelled, *, truth: bool
    ) -> dict[str, AnyArray]:
        """Return answers as columns, with the `truth` beside them or without."""

    @classmethod
    @abstractmethod
    def _learnt_out(cls, learnt: L) -> tuple[dict[str, Any], Arrays]:
        """Return L as JSON values and arrays."""

    @classmethod
    @abstractmethod
    def _learnt_in(cls, said: dict[str, Any], arrays: Arrays, form: Form) -> L:
        """Return L again; raise ValueError or the like where it is not one of that form."""
