"""Long sequences cut into pieces for training, so that its memory is bounded.

Each piece has a core, which it is trained on, and around it an overlap with its neighbours, which the
network reads and is not asked about: at the first step of a core it has seen as much as `overlap` steps.
A piece lies within one sequence, and so within one part of the data.

Sizes: n sequences, N steps of all of them, P pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatewise.training.sequences import UNKNOWN, SequenceBatches
from gatewise.typing import Indices, Mask


@dataclass(frozen=True, eq=False)
class Pieces:
    """Where sequences are cut: of each piece its sequence, its first and last step, and its core's.

    All [P], counted within the sequence, ends past the last step.
    """

    sequence: Indices
    start: Indices
    stop: Indices
    core_start: Indices
    core_stop: Indices

    @classmethod
    def of(cls, lengths: Indices, steps: int | None, before: int, after: int) -> Pieces:
        """Return the pieces of sequences of `lengths` [n]: cores of nearly equal size, `steps` at most.

        A core has `before` and `after` steps of overlap, where its sequence goes on. With steps=None
        every sequence is one piece.
        """
        count = np.maximum(1, -(-lengths // steps)) if steps else np.ones_like(lengths)
        sequence = np.repeat(np.arange(len(lengths)), count)
        first = np.cumsum(count) - count
        number = np.arange(len(sequence)) - first[sequence]
        whole, parts = lengths[sequence], count[sequence]
        core_start, core_stop = whole * number // parts, whole * (number + 1) // parts
        start = np.maximum(0, core_start - before)
        return cls(sequence, start, np.minimum(whole, core_stop + after), core_start, core_stop)

    def __len__(self) -> int:
        return len(self.sequence)

    @property
    def lengths(self) -> Indices:
        """The steps of each piece, overlap counted, [P]."""
        return self.stop - self.start

    def steps(self, starts: Indices) -> tuple[Indices, Mask]:
        """Return the steps of all pieces one after the other, and which of them are of their core.

        `starts` [n] is where each sequence begins.
        """
        ends = np.cumsum(self.lengths)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(
            ends - self.lengths, self.lengths
        )
        step = within + np.repeat(self.start, self.lengths)
        core = step >= np.repeat(self.core_start, self.lengths)
        core &= step < np.repeat(self.core_stop, self.lengths)
        return step + np.repeat(starts[self.sequence], self.lengths), core


def in_pieces(
    batches: SequenceBatches, steps: int | None, before: int, after: int
) -> SequenceBatches:
    """Return the pieces of sequences with a label for each step; the overlap's labels are not known.

    A piece of whose core no label is known is left out: there is nothing to learn from it.
    """
    pieces = Pieces.of(batches.lengths, steps, before, after)
    step, core = pieces.steps(batches.starts)
    truth = batches.truth[step]
    truth[~core] = UNKNOWN
    starts = np.cumsum(pieces.lengths) - pieces.lengths
    known = np.add.reduceat(truth != UNKNOWN, starts) > 0
    weights = None if batches.weights is None else batches.weights[pieces.sequence][known]
    return SequenceBatches(
        values=batches.values[step],
        starts=starts[known],
        lengths=pieces.lengths[known],
        truth=truth,
        per_step=True,
        weights=weights,
        most_steps=batches.most_steps,
    )
