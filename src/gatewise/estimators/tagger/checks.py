"""What is refused of labels of steps, before any work."""

from __future__ import annotations

import numpy as np

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.split import Parts
from gatewise.errors import DataError


def check_tags(labelled: Labelled, parts: Parts, *, fresh: bool) -> None:
    """Raise DataError for labels that no tagger can learn from.

    `parts` are the numbers of the sequences of each; `fresh` is whether no training goes on.
    """
    if labelled.labels is None or not labelled.classes or not labelled.per_step:
        found = "numbers, not classes" if labelled.per_step else "one for each sequence"
        found = "no labels" if labelled.labels is None else f"labels that are {found}"
        raise DataError(
            f"a tagger needs a label for each step, and there are {found}: pass labels=, one for each "
            "step, or of a table name their column with target="
        )
    there = np.flatnonzero(labelled.counts)
    if len(there) < 2:
        name = labelled.classes[there[0]] if len(there) else ""
        raise DataError(f"all steps are of one class, {name!r}: there is nothing to tell apart")
    if not fresh:
        return
    training = labelled.take(parts["training"]).counts
    missing = [labelled.classes[code] for code in there if not training[code]]
    if missing:
        raise DataError(
            f"the training part has no step of the class {missing[0]!r}: what is not learnt cannot be "
            "told; use other parts, or give such steps no label"
        )
