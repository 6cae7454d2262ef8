"""The baselines of a fit, as every estimator of labels or numbers has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gatewise.data.sequences.labelled import Labelled
from gatewise.estimators.baselines.collection import SequenceBaselines
from gatewise.estimators.sequences.preparation import PreparedSequences
from gatewise.typing import Array, Arrays


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


def baselines_from(said: dict[str, Any], arrays: Arrays, width: int) -> SequenceBaselines:
    """Return baselines that were saved; ValueError unless each answers `width` numbers."""
    made = SequenceBaselines.from_state(said, arrays)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds a value that is no number")
        if name.endswith((".answer", ".intercept")) and array.shape != (width,):
            raise ValueError(f"{name} has the shape {array.shape}, not {(width,)}")
    return made
