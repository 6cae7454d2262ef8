"""The baselines of a fit, as every estimator of labels or numbers has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.estimators.baselines.collection import SequenceBaselines
from gatewise.estimators.sequences.form import Form
from gatewise.estimators.sequences.preparation import PreparedSequences
from gatewise.typing import AnyArray, Array, Arrays

_TRIED = 3
"""Steps of the sequence that baselines are tried on."""


def fitted_baselines(
    prepared: PreparedSequences[Any], names: Sequence[str] | None
) -> SequenceBaselines:
    """Return the baselines, fitted on the part that the networks were trained on."""
    parts = prepared.parts
    return SequenceBaselines.fit(
        prepared.labelled,
        parts["training"],
        parts["validation"],
        names=names,
        seed=prepared.settings.seed,
    )


def baseline_answers(baselines: SequenceBaselines, labelled: Labelled) -> dict[str, Array]:
    """Return what each baseline answers, probabilities [m, C] or numbers [m, K]."""
    return baselines.answers(labelled.sequences, np.arange(len(labelled)))


def baselines_from(
    said: dict[str, Any], arrays: Arrays, form: Form, *, per_step: bool = False
) -> SequenceBaselines:
    """Return baselines that were saved.

    Raises ValueError or the like unless each answers finite numbers, as many as the form has classes or
    targets, for a sequence of that form, or for each of its steps.
    """
    made = SequenceBaselines.from_state(said, arrays)
    width = len(form.classes) or len(form.targets)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds a value that is no number")
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        answers = made.answers(_some_sequence(form), np.arange(1))
    for name, answer in answers.items():
        if answer.shape != (_TRIED if per_step else 1, width) or not np.isfinite(answer).all():
            raise ValueError(f"the baseline {name} gives no {width} numbers")
    return made


def _some_sequence(form: Form) -> Sequences:
    """Return one sequence of a few steps, for a try."""
    values: AnyArray = np.zeros((_TRIED, len(form.columns)), dtype=np.float32)
    if form.vocabulary is not None:
        values = np.ones(_TRIED, dtype=np.int64)
    return Sequences(
        values, np.array([_TRIED]), ("0",), vocabulary=form.vocabulary, columns=form.columns
    )
