"""Regions: stretches of long sequences, each a sequence of its own, so that one genome can be split.

A split by windows that overlap would show the test part in training; regions are apart by a margin, and
copies (the inverted repeats of a plastid genome) are of one group or one part.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gatewise.data.dataset import Region
from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.errors import DataError, nearest


def in_regions(labelled: Labelled, regions: tuple[Region, ...]) -> Labelled:
    """Return the regions of labelled sequences, with the parts and groups that they name.

    A region without a group has that of its sequence, if there are groups. Raises DataError for regions
    that overlap, lie outside their sequence, or name a part while others do not.
    """
    sequences = labelled.sequences
    number = {name: place for place, name in enumerate(sequences.names)}
    for region in regions:
        _check(region, sequences, number)
    _refuse_overlaps(regions)
    rows = np.array([number[region.sequence] for region in regions], dtype=np.int64)
    starts = sequences.offsets[rows] + [region.start - 1 for region in regions]
    lengths = np.array([region.end - region.start + 1 for region in regions], dtype=np.int64)
    ranges = zip(starts.tolist(), lengths.tolist(), strict=True)
    steps = np.concatenate([np.arange(start, start + length) for start, length in ranges])
    names = tuple(region.name for region in regions)
    cut = Sequences(
        sequences.values[steps],
        lengths,
        names,
        sequences.vocabulary,
        sequences.columns,
        _groups(regions, sequences, rows.tolist()),
    )
    labels = labelled.labels
    if labels is not None:
        labels = labels[steps if labelled.per_step else rows]
    weights = None if labelled.weights is None else labelled.weights[rows]
    split = _split(labelled, regions, rows.tolist())
    return Labelled(cut, labels, labelled.classes, labelled.per_step, weights, split)


def _check(region: Region, sequences: Sequences, number: dict[str, int]) -> None:
    if region.sequence not in number:
        raise DataError(
            f"a region of {region.sequence!r}, and there is no such sequence."
            f"{nearest(region.sequence, number)}"
        )
    length = int(sequences.lengths[number[region.sequence]])
    if not 1 <= region.start <= region.end <= length:
        raise DataError(f"the region {region.name} does not lie in the {length:,} steps there are")


def _refuse_overlaps(regions: tuple[Region, ...]) -> None:
    for one, next_ in pairwise(sorted(regions)):
        if one.sequence == next_.sequence and next_.start <= one.end:
            raise DataError(f"the regions {one.name} and {next_.name} overlap")


def _groups(
    regions: tuple[Region, ...], sequences: Sequences, rows: list[int]
) -> tuple[str, ...] | None:
    if sequences.groups is None and all(region.group is None for region in regions):
        return None
    return tuple(
        region.group or (sequences.groups[row] if sequences.groups else region.name)
        for region, row in zip(regions, rows, strict=True)
    )


def _split(
    labelled: Labelled, regions: tuple[Region, ...], rows: list[int]
) -> tuple[str, ...] | None:
    parts = [region.part for region in regions]
    if None not in parts:
        return tuple(part for part in parts if part is not None)
    if any(parts):
        raise DataError(f"the region {regions[parts.index(None)].name} names no part, others do")
    return None if labelled.split is None else tuple(labelled.split[row] for row in rows)
