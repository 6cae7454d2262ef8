"""Other answers scored beside a model of sequences: of another run, or of a table of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.tables import check_column, texts_of
from gatewise.data.tables.native import Frame, as_frame
from gatewise.data.tables.reading import float_column
from gatewise.errors import DataError, OptionError
from gatewise.estimators.scores.figures import LabelAnswers
from gatewise.estimators.scores.verdict import with_note_of_the_fit
from gatewise.estimators.sequences.given import Given
from gatewise.estimators.sequences.preparation import parts_of
from gatewise.typing import Array, Indices
from gatewise.wording import counted

SEQUENCE, STEP = "sequence", "step"
LABEL, SHARE = "label_predicted", "probability_"


class Beside:
    """What estimators of sequences have to be compared with others: mixed into each.

    `self` is any of them: what they answer differs.
    """

    def evaluate_beside(
        self: Any,
        data: Any,
        labels: Any = None,
        *,
        others: Mapping[str, Any],
        lengths: Any = None,
        part: str | None = None,
    ) -> Any:
        """Score the model with `others` beside it, on the same labelled sequences.

        `others` are fitted estimators of the same kind, or tables of predictions as `predict_frame`
        gives them, by the names that tables and sentences call them. The rest is as for `evaluate`;
        differences are paired. Raises OptionError for an estimator of another kind, and DataError for
        sequences that another one does not answer and for classes or targets that are not the same.
        """
        given = data if isinstance(data, Given) else Given(data, labels, lengths)
        model, labelled, part, same = self._to_score(given, part)
        beside, said = {}, []
        for name, other in others.items():
            if isinstance(other, Beside):
                beside[name], flattered = _of_estimator(self, other, name, given, labelled)
                said += [flattered] if flattered else []
            else:
                frame = as_frame(other)
                rows = rows_of(frame, labelled.sequences, name, per_step=labelled.per_step)
                beside[name] = self._answers_in(model.form, frame, rows, name)
        found = self._evaluate(model, labelled, part, beside)
        found = replace(found, notes=(*said, *found.notes))
        return with_note_of_the_fit(found, same=same)


def _of_estimator(
    one: Any, other: Any, name: str, given: Given, labelled: Labelled
) -> tuple[Any, str]:
    """Return what another estimator answers to the same sequences, and what flatters it, or ""."""
    check_task(one, other, name)
    model = other._fitted()
    _refuse_other_answers(name, one._fitted().form, model.form)
    theirs = other._read_for(model, given, labels_needed=True)
    places = {text: row for row, text in enumerate(theirs.sequences.names)}
    names = labelled.sequences.names
    lacking = [text for text in names if text not in places]
    if lacking:
        raise DataError(f"{name} reads no sequence {lacking[0]!r} of this data")
    picks = np.array([places[text] for text in names], dtype=np.int64)
    same = theirs.identity["sha256"] == model.data["sha256"]
    flattered = ""
    if same:
        parts = parts_of(theirs, model.settings)
        held_back = parts[model.data["scored"]]
        trained = int((~np.isin(picks, held_back)).sum())
        if trained:
            flattered = (
                f"{name} was trained or chosen on {trained:,} of these "
                f"{counted(len(picks), 'sequence')}, which flatters it."
            )
    answers = other._answers_of(model if same else model.for_new_data(), theirs.take(picks))
    return answers, flattered


def check_task(one: Any, other: Any, name: str) -> None:
    """Raise OptionError unless two estimators are of one kind."""
    if other.kind != one.kind:
        raise OptionError(
            f"{name} is a {other.kind}, and this is a {one.kind}: only models of one task are compared"
        )


def _refuse_other_answers(name: str, mine: Any, theirs: Any) -> None:
    """Raise DataError unless two models answer the same question."""
    if mine.classes != theirs.classes:
        few = [", ".join(map(repr, form.classes[:6])) for form in (theirs, mine)]
        raise DataError(f"{name} tells other classes ({few[0]}) than this model ({few[1]})")
    if len(mine.targets) != len(theirs.targets):
        raise DataError(
            f"{name} predicts {counted(len(theirs.targets), 'number')}, this model {len(mine.targets)}"
        )


def rows_of(frame: Frame, sequences: Sequences, name: str, *, per_step: bool) -> Indices:
    """Return the row of the table for each sequence, [n], or for each of their steps, [N].

    Raises DataError for sequences and steps that are not there, or twice.
    """
    check_column(frame, SEQUENCE, SEQUENCE)
    texts, names = _spelt_alike(texts_of(frame, SEQUENCE), sequences.names)
    keys: list[Any] = list(texts)
    wanted: list[Any] = list(names)
    if per_step:
        check_column(frame, STEP, STEP)
        keys = list(zip(texts, float_column(frame, STEP).tolist(), strict=True))
        wanted = [
            (text, step)
            for text, length in zip(names, sequences.lengths.tolist(), strict=True)
            for step in range(1, length + 1)
        ]
    places = {key: row for row, key in enumerate(keys)}
    if len(places) < len(keys):
        twice = next(key for row, key in enumerate(keys) if places[key] != row)
        raise DataError(f"{name} has two predictions of {_said(twice)}")
    lacking = [key for key in wanted if key not in places]
    if lacking:
        raise DataError(
            f"{name} has no prediction of {_said(lacking[0])} ({len(lacking):,} of {len(wanted):,} are "
            "missing)"
        )
    return np.array([places[key] for key in wanted], dtype=np.int64)


def _spelt_alike(texts: Sequence[str], names: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the names of sequences in a table and in the data, as numbers where only that joins them.

    A table may have kept 7.0 or 007 of what is 7 in the data. Where two names of either would become
    one number they stay as they are.
    """
    if set(names) <= set(texts):
        return texts, names
    ours, theirs = [_as_number(one) for one in names], [_as_number(one) for one in texts]
    apart = len(set(ours)) == len(set(names)) and len(set(theirs)) == len(set(texts))
    return (theirs, ours) if apart else (texts, names)


def _as_number(text: str) -> str:
    """Return the name of a whole number in its shortest spelling, and any other as it is."""
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if value.is_integer() else text


def _said(key: Any) -> str:
    if isinstance(key, tuple):
        return f"sequence {key[0]!r}, step {_as_number(str(key[1]))}"
    return f"sequence {key!r}"


def labels_in(frame: Frame, rows: Indices, classes: Sequence[str], name: str) -> LabelAnswers:
    """Return the labels of a table of predictions, and their probabilities, [n, C].

    Without columns of probabilities each label is taken for certain. Raises DataError for a label that
    is none of the classes, and where some of the probabilities are missing or are none.
    """
    found = [f"{SHARE}{one}" for one in classes if f"{SHARE}{one}" in frame.columns]
    codes: Indices | None = None
    if LABEL in frame.columns or not found:
        check_column(frame, LABEL, "the label")
        texts = texts_of(frame, LABEL, rows)
        strange = [text for text in texts if text not in classes]
        if strange:
            raise DataError(
                f"{name} has the label {strange[0]!r}, and the model's are "
                f"{', '.join(map(repr, classes[:10]))}"
            )
        codes = np.array([classes.index(text) for text in texts], dtype=np.int64)
    if not found:
        assert codes is not None
        return LabelAnswers(np.eye(len(classes))[codes], codes)
    for one in classes:
        check_column(frame, f"{SHARE}{one}", "probability")
    shares = np.stack([float_column(frame, f"{SHARE}{one}")[rows] for one in classes], axis=1)
    sums = shares.sum(axis=1)
    if not (np.isfinite(shares).all() and (shares >= 0).all() and (abs(sums - 1) < 1e-3).all()):
        row = int((~(abs(sums - 1) < 1e-3) | ~(shares >= 0).all(axis=1)).argmax())
        raise DataError(
            f"{name}: the probabilities of row {int(rows[row]) + 1} are not between 0 and 1 with the "
            "sum 1"
        )
    return LabelAnswers(shares / sums[:, None], codes)


def numbers_in(
    frame: Frame, rows: Indices, targets: Sequence[str], levels: Sequence[float]
) -> tuple[Array, Array | None]:
    """Return the numbers of a table of predictions, [n, K], and quantiles [n, K, Q] if all are there."""
    for target in targets:
        check_column(frame, f"{target}_predicted", "the prediction")
    told = np.stack([float_column(frame, f"{one}_predicted")[rows] for one in targets], axis=1)
    names = [[f"{target}_q{level:g}" for level in levels] for target in targets]
    if not levels or any(name not in frame.columns for each in names for name in each):
        return told, None
    bands = [np.stack([float_column(frame, name)[rows] for name in each], axis=1) for each in names]
    return told, np.stack(bands, axis=1)
