"""Labelled sequences of several sets as one, each set a part of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.errors import DataError


def joined(members: Sequence[Labelled], parts: Sequence[str]) -> Labelled:
    """Return the sequences of all members, one set after the other, those of each in its part.

    What a member that trains has for validation stays so.

    Raises DataError for members whose steps or classes are not the same.
    """
    first = members[0]
    for one in members[1:]:
        if one.classes != first.classes or one.per_step != first.per_step:
            raise DataError("sets with other labels cannot be joined")
        if _symbols(one) != _symbols(first) or one.sequences.columns != first.sequences.columns:
            raise DataError("sets with other letters cannot be joined")
    labels = [one.labels for one in members if one.labels is not None]
    groups = [one.sequences.groups for one in members if one.sequences.groups is not None]
    sequences = Sequences(
        np.concatenate([one.sequences.values for one in members]),
        np.concatenate([one.sequences.lengths for one in members]),
        tuple(name for one in members for name in one.sequences.names),
        first.sequences.vocabulary,
        first.sequences.columns,
        tuple(name for one in members for name in one.sequences.groups or one.sequences.names)
        if groups
        else None,
    )
    split = tuple(
        said if (said, part) == ("validation", "training") else part
        for one, part in zip(members, parts, strict=True)
        for said in one.split or (part,) * len(one)
    )
    return Labelled(
        sequences,
        np.concatenate(labels) if len(labels) == len(members) else None,
        first.classes if labels else (),
        first.per_step and bool(labels),
        split=split,
    )


def _symbols(one: Labelled) -> tuple[str, ...]:
    vocabulary = one.sequences.vocabulary
    return () if vocabulary is None else vocabulary.symbols
