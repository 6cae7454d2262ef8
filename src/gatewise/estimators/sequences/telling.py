"""What estimators of sequences tell of a fitted model: a summary, for the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gatewise.data.sequences.labelled import PARTS, Labelled
from gatewise.data.sequences.split import Parts
from gatewise.errors import DataError
from gatewise.estimators.sequences.along import inside_of
from gatewise.estimators.sequences.form import Form
from gatewise.estimators.sequences.given import Given
from gatewise.estimators.sequences.model import SequenceModel
from gatewise.estimators.sequences.pictures import confusion_of, pictures_of, step_name
from gatewise.estimators.sequences.preparation import PreparedSequences, parts_to_tell
from gatewise.estimators.sequences.summary import SequenceSummary
from gatewise.estimators.sequences.tells import Tells
from gatewise.training.sequences import SequenceBatches
from gatewise.wording import counted, joined


class Telling(Tells):
    """What the estimators of sequences have beside predictions and scores: mixed into each.

    `self` is any of them: what they fit and how it is scored differs.
    """

    @staticmethod
    def given(data: Any, labels: Any = None, lengths: Any = None) -> Given:
        """Return data with its labels as one, as `prepare` and `prepare_resumed` take them."""
        return Given(data, labels, lengths)

    def read_to_score(self: Any, given: Given) -> Labelled:
        """Return labelled sequences in the form of the fitted model, as `evaluate` takes them."""
        found: Labelled = self._read_for(self._fitted(), given, labels_needed=True)
        return found

    def summary(
        self: Any,
        data: Any,
        labels: Any = None,
        *,
        lengths: Any = None,
        part: str | None = None,
        title: str | None = None,
        source: str | None = None,
    ) -> SequenceSummary:
        """Score a part of labelled sequences and gather what the page shows.

        `part` is as in `evaluate`: by default what the fit scored, of other data all.
        """
        source = str(data) if isinstance(data, str | Path) else source
        labelled, model = self._told_of(data, labels, lengths)
        scored, same = self._told_part(labelled.identity, part)
        known = self.evaluation_
        if known is None or not same or known.part != scored:
            known = self.evaluate(labelled, part=scored)
        if labelled.labels is None:
            raise DataError("there are no labels to compare with")
        held = labelled
        if scored != "all":
            held = labelled.take(parts_to_tell(labelled, model.settings)[scored])
        columns = self._table(model if same else model.for_new_data(), held, truth=True)
        pictures = pictures_of(held, model.form, columns, known)
        summary: SequenceSummary = self._summary(
            known,
            title,
            source,
            pictures=pictures,
            below=() if not held.per_step else confusion_of(known),
            step=step_name(model.form),
            inside=inside_of(
                model if same else model.for_new_data(),
                held,
                columns,
                self._answers,
                lambda answers: self._lines(model, answers),
            ),
        )
        return summary

    @staticmethod
    def _about(model: SequenceModel[Any]) -> str:
        form = model.form
        its = "its letters" if form.vocabulary is not None else counted(len(form.columns), "column")
        each = step_name(form) if model.networks[0].reads_every else "sequence"
        if form.targets:
            return f"{joined(form.targets[:3])} of each {each}, from {its}"
        return f"Label of each {each}, from {its}: {_classes(form.classes)}"

    @staticmethod
    def _fitted_on(model: SequenceModel[Any]) -> tuple[int, str]:
        return model.data["sequences"], "sequence"

    def _looked_at(
        self: Any, data: Any, part: str | None
    ) -> tuple[PreparedSequences[Any], str, SequenceBatches, Any]:
        model: SequenceModel[Any] = self._fitted()
        prepared = data
        if not isinstance(data, PreparedSequences):
            prepared = self._prepared_to_tell(
                data if isinstance(data, Given) else Given(data), part
            )
        part, same = self._told_part(prepared.identity, part)
        if part != "all" and not len(prepared.parts[part]):
            raise DataError(f"the {part} part is empty")
        about = {
            "networks": (model if same else model.for_new_data()).networks,
            "read": self._answers,
            "noun": step_name(model.form),
            "columns": _columns_of(model.form, masked=model.settings.missing == "mask"),
            "per_step": model.networks[0].reads_every,
        }
        return prepared, part, prepared.batches(*(PARTS if part == "all" else (part,))), about

    def _prepared_to_tell(self: Any, given: Given, part: str | None) -> PreparedSequences[Any]:
        """Return data for the fitted model, with its parts where one of them is asked for.

        Data that nothing could be trained on, such as a test part alone, can be told of as a whole.
        """
        model: SequenceModel[Any] = self._fitted()
        labelled: Labelled = self._read_for(model, given, labels_needed=True)
        same = labelled.identity["sha256"] == model.data["sha256"]
        parts: Parts = {one: np.zeros(0, dtype=np.int64) for one in PARTS}
        if same or part not in (None, "all"):
            parts = parts_to_tell(labelled, model.settings)
        else:
            parts["test"] = np.arange(len(labelled))
        return PreparedSequences(
            settings=model.settings,
            labelled=labelled,
            form=model.form,
            scaling=model.scaling,
            parts=parts,
            learnt=model.learnt,
            truth=self._truth(labelled, model.learnt),
        )

    def _told_of(
        self: Any, data: Any, labels: Any, lengths: Any
    ) -> tuple[Labelled, SequenceModel[Any]]:
        """Return what was given in the form of the fitted model, and that model."""
        model = self._fitted()
        if isinstance(data, PreparedSequences):
            return data.labelled, model
        read = self._read_for(model, Given(data, labels, lengths), labels_needed=False)
        return read, model


def _columns_of(form: Form, *, masked: bool) -> dict[str, list[int]] | None:
    """Return the features of each column, its indicator of gaps among them; None for symbols."""
    if form.vocabulary is not None:
        return None
    count = len(form.columns)
    return {
        name: [place, count + place] if masked else [place]
        for place, name in enumerate(form.columns)
    }


def _classes(classes: tuple[str, ...]) -> str:
    if len(classes) <= 4:
        return joined(classes).replace(" and ", " or ")
    return f"one of {len(classes)}"
