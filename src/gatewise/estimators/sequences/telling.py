"""What estimators of sequences tell of a fitted model: a summary, for the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gatewise.data.sequences.labelled import PARTS, Labelled
from gatewise.data.sequences.split import Parts
from gatewise.errors import DataError, OptionError, nearest
from gatewise.estimators.run.metrics import environment
from gatewise.estimators.scores.showing import html
from gatewise.estimators.sequences.along import inside_of
from gatewise.estimators.sequences.case import Asked, case_of_sequences
from gatewise.estimators.sequences.form import Form
from gatewise.estimators.sequences.given import Given
from gatewise.estimators.sequences.model import SequenceModel
from gatewise.estimators.sequences.pictures import confusion_of, pictures_of, step_name
from gatewise.estimators.sequences.preparation import PreparedSequences, parts_to_tell
from gatewise.estimators.sequences.summary import SequenceSummary
from gatewise.estimators.shown import estimator_html
from gatewise.explaining.case import Case
from gatewise.memory import Sampling
from gatewise.wording import counted, joined


class Telling:
    """What the estimators of sequences have beside predictions and scores: mixed into each.

    `self` is any of them: what they fit and how it is scored differs.
    """

    @staticmethod
    def given(data: Any, labels: Any = None, lengths: Any = None) -> Given:
        """Return data with its labels as one, as `prepare` and `prepare_resumed` take them."""
        return Given(data, labels, lengths)

    def prepare(
        self: Any, given: Given, *, like: SequenceModel[Any] | None = None
    ) -> PreparedSequences[Any]:
        """Return data that is checked and ready; raises what a fit would raise, before any work.

        `fit`, `evaluate` and `summary` take it in place of data, which is then read once. `like` is a
        fitted model that it is for.
        """
        prepared: PreparedSequences[Any] = self._prepare(given, like, progress=False)
        return prepared

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
        same = labelled.identity["sha256"] == model.data["sha256"]
        scored = part or (model.data["scored"] if same else "all")
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
        return SequenceSummary(
            title=title or about_of(model),
            about=f"{about_of(model)}." if title else "",
            settings=model.settings.to_json(),
            data={**model.data, "source": source},
            environment=environment(),
            parameters=sum(weight.numel() for weight in model.networks[0].parameters()),
            histories=model.histories,
            evaluation=known,
            pictures=pictures,
            below=() if not held.per_step else confusion_of(known),
            step=step_name(model.form),
            estimator=type(self).__name__,
            inside=inside_of(
                model if same else model.for_new_data(),
                held,
                columns,
                self._answers,
                lambda answers: self._lines(model, answers),
            ),
        )

    def explain_case(
        self: Any,
        data: Any,
        *,
        part: str | None,
        by: Any,
        module: str | None,
        budget: float,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    ) -> Case:
        """Return what `gatewise.explain` measures: the first network on sequences of a part.

        `data` as for `prepare`, or sequences with their labels among them (a table, a file, `given`).
        """
        model: SequenceModel[Any] = self._fitted()
        prepared = data
        if not isinstance(data, PreparedSequences):
            prepared = self._prepared_to_tell(
                data if isinstance(data, Given) else Given(data), part
            )
        same = prepared.identity["sha256"] == model.data["sha256"]
        part = part or (model.data["scored"] if same else "all")
        if part not in (*PARTS, "all"):
            raise OptionError(
                f"part must be one of {', '.join(PARTS)} or all; got {part!r}.{nearest(part, PARTS)}"
            )
        if part != "all" and not len(prepared.parts[part]):
            raise DataError(f"the {part} part is empty")
        form, settings = model.form, model.settings
        asked = Asked(
            networks=(model if same else model.for_new_data()).networks,
            read=self._answers,
            noun=step_name(form),
            columns=_columns_of(form, masked=settings.missing == "mask"),
            part=part,
            per_step=model.networks[0].reads_every,
            base=lambda: self.summary(prepared, part=part).contents(),
        )
        batches = prepared.batches(*(PARTS if part == "all" else (part,)))
        return case_of_sequences(
            asked, batches, by=by, module=module, budget=budget, sampling=sampling
        )

    def _repr_html_(self: Any) -> str:
        model, found = getattr(self, "fitted_", None), getattr(self, "evaluation_", None)
        return estimator_html(
            self,
            type(self).__name__ if model is None else about_of(model),
            "" if model is None else counted(model.data["sequences"], "sequence"),
            "" if found is None else html(found),
        )

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


def about_of(model: SequenceModel[Any]) -> str:
    """Return what is predicted of what, in a few words."""
    form = model.form
    its = "its letters" if form.vocabulary is not None else counted(len(form.columns), "column")
    each = step_name(form) if model.networks[0].reads_every else "sequence"
    if form.targets:
        return f"{joined(form.targets[:3])} of each {each}, from {its}"
    return f"Label of each {each}, from {its}: {_classes(form.classes)}"


def _classes(classes: tuple[str, ...]) -> str:
    if len(classes) <= 4:
        return joined(classes).replace(" and ", " or ")
    return f"one of {len(classes)}"
