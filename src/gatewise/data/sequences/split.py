"""Training, validation and test parts of sequences: whole sequences, or whole groups of them.

Pieces of one sequence that overlap, copies of one gene and rows of one subject tell each other's answer;
what belongs together has one group, and a group is never divided.
"""

from __future__ import annotations

import numpy as np

from gatewise.data.sequences.labelled import PARTS, Labelled
from gatewise.errors import OptionError
from gatewise.typing import AnyArray, Array, Indices
from gatewise.wording import counted, figure

Parts = dict[str, Indices]
"""The numbers of the sequences of each part, ascending: "training", "validation" and "test"."""


def split_of(
    labelled: Labelled,
    validation: float | None = 0.15,
    test: float | None = None,
    *,
    seed: int = 0,
    stratify: bool = True,
) -> Parts:
    """Return which sequences train, validate and test; a part that there is none of is empty.

    Parts that the data itself names (`labelled.split`) stay as they are, and a share then cuts from its
    training part only what the data has not named. A share is of sequences, or of steps where each step
    has a label or none has. Groups stay together. With `stratify`, every class has its share in each
    part (a group goes by its most frequent class), and one that is alone trains. The same data, shares
    and seed give the same parts. Raises OptionError for shares that cannot be had.
    """
    shares = {"validation": validation or 0.0, "test": test or 0.0}
    _check_shares(shares)
    parts: Parts = {}
    free = np.arange(len(labelled))
    if labelled.split is not None:
        said = np.array(labelled.split)
        named = [part for part in ("validation", "test") if (said == part).any()]
        parts = {part: np.flatnonzero(said == part) for part in named}
        shares = {part: share for part, share in shares.items() if part not in named}
        free = np.flatnonzero(said == "training")
        _check_groups(labelled, said)
    drawn = _drawn(labelled, free, shares, seed, stratify)
    found = {**drawn, **parts}
    for part, share in shares.items():
        if share and not len(found[part]):
            raise OptionError(
                f"{part}={share} of {_told(labelled, free)} leaves none for that part; use a larger "
                "share, or none"
            )
    if not len(found["training"]):
        raise OptionError("the parts leave no sequence to train on")
    return {part: found.get(part, np.zeros(0, dtype=np.int64)) for part in PARTS}


def _check_shares(shares: dict[str, float]) -> None:
    for part, share in shares.items():
        if not 0 <= share < 1:
            raise OptionError(f"{part}={share}: a share is above 0 and below 1, or None")
    if sum(shares.values()) >= 1:
        raise OptionError(
            f"validation and test take {figure(sum(shares.values()))}: nothing trains"
        )


def _check_groups(labelled: Labelled, said: AnyArray) -> None:
    """Refuse parts of the data that divide one of its groups."""
    part_of: dict[str, str] = {}
    for group, part in zip(labelled.sequences.groups or (), said.tolist(), strict=False):
        if part_of.setdefault(group, part) != part:
            raise OptionError(
                f"the group {group!r} is both in the {part_of[group]} and the {part} part of the data"
            )


def _told(labelled: Labelled, free: Indices) -> str:
    text = counted(len(free), "sequence")
    groups = labelled.sequences.groups
    if groups is not None:
        text += f" in {counted(len({groups[pick] for pick in free}), 'group')}"
    return text + (
        f" of {counted(len(labelled.classes), 'class', 'classes')}" if labelled.classes else ""
    )


def _drawn(
    labelled: Labelled, free: Indices, shares: dict[str, float], seed: int, stratify: bool
) -> Parts:
    """Divide the sequences `free`, class after class: each unit goes where most is missing."""
    units, unit_of = _units(labelled, free)
    by_step = labelled.per_step or labelled.labels is None
    each = labelled.sequences.lengths[free].astype(np.float64) if by_step else np.ones(len(free))
    sizes = np.bincount(unit_of, weights=each, minlength=units).tolist()
    strata = _strata(labelled, free, unit_of, units) if stratify else None
    order = np.random.default_rng((seed, units)).permutation(units)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    names = ("training", *(part for part, share in shares.items() if share))
    wanted = [1 - sum(shares.values()), *filter(None, shares.values())]
    chosen = np.zeros(units, dtype=np.int64)
    lacks = [0.0] * len(
        names
    )  # what a class leaves over goes to the next, so that totals are right
    for members in _runs(order, strata):
        total = sum(sizes[unit] for unit in members)
        lacks = [lack + share * total for lack, share in zip(lacks, wanted, strict=True)]
        for place, unit in enumerate(members):
            # a class of which nothing trains could never be predicted
            part = 0 if place == 0 else _neediest(lacks, wanted, sizes[unit])
            chosen[unit] = part
            lacks[part] -= sizes[unit]
    _fill_empty(chosen, np.array(sizes), strata, wanted)
    of_sequence = chosen[unit_of]
    return {name: free[of_sequence == part] for part, name in enumerate(names)}


def _fill_empty(chosen: Indices, sizes: Array, strata: Indices | None, wanted: list[float]) -> None:
    """Give each part that got no unit one that trains, of nearly its size and no class's last."""
    classes = np.zeros(len(chosen), dtype=np.int64) if strata is None else strata
    for part in range(1, len(wanted)):
        training = np.flatnonzero(chosen == 0)
        kept = np.bincount(classes[training])
        free = training[kept[classes[training]] > 1]
        if not (chosen == part).any() and len(free):
            off = np.abs(sizes[free] - wanted[part] * sizes.sum())
            chosen[free[off.argmin()]] = part


def _neediest(lacks: list[float], wanted: list[float], size: float) -> int:
    """Return the part that lacks most, by its share, of those that a unit of `size` fits into.

    By the share, so that a part is drawn from all along and not from the end alone; what fits nowhere
    (more than half of it would be too much) goes where most is missing.
    """
    parts = range(len(lacks))
    fitting = [part for part in parts if 2 * lacks[part] >= size - 1e-9]
    if not fitting:
        return max(parts, key=lambda part: lacks[part])
    return max(fitting, key=lambda part: lacks[part] / wanted[part])


def _units(labelled: Labelled, free: Indices) -> tuple[int, Indices]:
    """Return how many units are not divided, sequences or groups, and that of each free sequence."""
    groups = labelled.sequences.groups or labelled.sequences.names
    number: dict[str, int] = {}
    unit_of = [number.setdefault(groups[pick], len(number)) for pick in free.tolist()]
    return len(number), np.array(unit_of, dtype=np.int64)


def _strata(labelled: Labelled, free: Indices, unit_of: Indices, units: int) -> Indices | None:
    """Return the most frequent class of each unit, the last number where no label is known."""
    if labelled.labels is None or labelled.per_step or not labelled.classes:
        return None
    count = len(labelled.classes) + 1
    labels = labelled.labels[free]
    pairs = unit_of * count + np.where(labels < 0, count - 1, labels)
    table = np.bincount(pairs, minlength=units * count).reshape(units, count)
    table[:, -1] = np.minimum(table[:, -1], table[:, :-1].sum(axis=1) == 0)
    return np.asarray(table.argmax(axis=1), dtype=np.int64)


def _runs(order: Indices, strata: Indices | None) -> list[list[int]]:
    """Return the units of each class, in the order drawn."""
    if strata is None:
        return [order.tolist()]
    bounds = np.flatnonzero(np.diff(strata[order])) + 1
    return [members.tolist() for members in np.split(order, bounds)]
