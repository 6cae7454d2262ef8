"""Which sequences, or which stretches of long ones, the page looks into step by step.

Sizes: n sequences, N steps of all of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gatewise.data.sequences.sequences import Sequences
from gatewise.typing import AnyArray, Array, Indices

MOST = 3
"""Sequences or stretches on a page."""
MOST_STEPS, FEWEST_STEPS = 256, 64
CELLS = 36_000
"""Steps times units of all of them together: a page holds some 25 bytes for each."""


class Stretch(NamedTuple):
    """The steps from `first` to before `last`, counted from 0, of sequence number `row`."""

    row: int
    first: int
    last: int
    why: str  # it was chosen, in a few words

    def moved(self, steps: int) -> Stretch:
        """Return the same steps of a sequence that has so many more before them."""
        return self._replace(first=self.first + steps, last=self.last + steps)


class Room(NamedTuple):
    """How much of a network's inside a page has room for."""

    stretches: int = MOST
    steps: int = MOST_STEPS  # of each


def room_for(units: int) -> Room:
    """Return the room for a network with so many units in all layers and directions.

    A large one is shown on fewer steps, then on fewer stretches, down to one.
    """
    each = CELLS // max(units, 1)
    count = min(MOST, max(1, each // FEWEST_STEPS))
    return Room(count, min(MOST_STEPS, max(FEWEST_STEPS, each // count)))


def whole_ones(lengths: Indices, off: Array, room: Room) -> list[Stretch]:
    """Return sequences to look into by how far `off` [n] each answer is: typical, most and least wrong.

    Of one that is longer than there is room for, the end.
    """
    picks = typical_and_extremes(off, "furthest from the truth", "nearest to the truth")
    return [
        Stretch(row, max(0, int(lengths[row]) - room.steps), int(lengths[row]), why)
        for row, why in list(picks.items())[: room.stretches]
    ]


def typical_and_extremes(values: Array, largest: str, smallest: str) -> dict[int, str]:
    """Return the places of the median, the largest and the smallest of values [n], with what each is.

    NaN is not known; where none is known, it is the first.
    """
    order = np.argsort(values, kind="stable")  # NaN comes last
    known = order[: int((~np.isnan(values)).sum())].tolist()
    if not known:
        return {0: "the first"}
    picks = {known[len(known) // 2]: "typical"}
    picks.setdefault(known[-1], largest)
    picks.setdefault(known[0], smallest)
    return picks


def stretches(
    sequences: Sequences, truth: AnyArray | None, predicted: Indices, room: Room
) -> list[Stretch]:
    """Return the stretches that there is room for: where most changes, and where most is wrong.

    `truth` and `predicted` are classes [N], -1 unknown. Where there are several sequences, of each one
    stretch at most.
    """
    codes = predicted if truth is None else truth
    rows, firsts, lasts = _candidates(sequences, room.steps)
    if not len(rows):
        return []
    changed = np.diff(codes, prepend=codes[:1]) != 0
    wrong = np.zeros(len(codes), bool) if truth is None else (truth >= 0) & (truth != predicted)
    starts = sequences.offsets[rows]
    found: list[Stretch] = []
    free = np.ones(len(rows), bool)
    for flags, why in ((changed, "much changes"), (wrong, "most wrong"), (changed, "much changes")):
        total = np.concatenate([[0], np.cumsum(flags)])
        # the first step of a sequence differs from another sequence's last: that is no change
        count = total[starts + lasts] - total[np.minimum(starts + firsts + 1, starts + lasts)]
        if not (free & (count > 0)).any() and found:
            continue
        at = int(np.where(free, count, -1).argmax())
        found.append(Stretch(int(rows[at]), int(firsts[at]), int(lasts[at]), why))
        alone = len(sequences) == 1
        apart = (lasts <= firsts[at]) | (firsts >= lasts[at])
        free &= (rows != rows[at]) | (apart if alone else False)
        if not free.any():
            break
    return found[: room.stretches]


def _candidates(sequences: Sequences, steps: int) -> tuple[Indices, Indices, Indices]:
    """Return the row, first step and end of stretches that overlap by half."""
    rows, firsts, lasts = [], [], []
    for row, length in enumerate(sequences.lengths.tolist()):
        size = min(steps, length)
        if not size:
            continue
        begin = np.unique(np.append(np.arange(0, length - size, max(1, steps // 2)), length - size))
        rows.append(np.full(len(begin), row))
        firsts.append(begin)
        lasts.append(begin + size)
    empty = np.zeros(0, dtype=np.int64)
    return tuple(np.concatenate([empty, *each]) for each in (rows, firsts, lasts))  # type: ignore[return-value]
