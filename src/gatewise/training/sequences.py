"""Sequences of different lengths as the training loop takes them.

Sizes: n sequences, N steps of all of them, F values of a step; B sequences of a batch, T steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import InputError
from gatewise.training.options import TrainingOptions
from gatewise.training.order import ByLength, InTurn, Order, Part, Shuffled, cuts, with_lengths
from gatewise.training.task import Batches
from gatewise.typing import AnyArray, Indices, Mask

UNKNOWN = -1
"""What stands for a label that is not known; of a number it is NaN. Losses leave both out."""


@dataclass(frozen=True, eq=False)
class SequenceBatches:
    """Sequences in one array of steps, each from its own start; they may overlap.

    values: codes [N] int64, or measured values [N, F] float32.
    starts, lengths: [n] int64, the first step of each sequence, and how many it has: 1 or more.
    truth: one for each sequence, [n, ...], or with `per_step` one for each step, [N, ...].
    weights: [n] float32, how much each sequence counts; None: all the same.
    most_steps: of a batch in training, padding counted; None: only the batch size bounds it.
    window: of each batch all sequences, so many steps of each, and the next goes on from its state: how
    `vary` changes that says `order.InTurn`. None: batches of whole sequences.

    Raises InputError for an empty sequence, and for one that does not lie within the steps.
    """

    values: AnyArray
    starts: Indices
    lengths: Indices
    truth: AnyArray
    per_step: bool = False
    weights: NDArray[np.float32] | None = None
    most_steps: int | None = None
    window: int | None = None
    vary: bool = False

    @classmethod
    def streams(
        cls, values: AnyArray, truth: AnyArray, rows: int, window: int, *, vary: bool = False
    ) -> SequenceBatches:
        """Return a long sequence as `rows` streams side by side, read `window` steps at a time.

        `truth` [N, ...] is one for each step of `values`. Raises InputError where they are too short for
        so many streams.
        """
        steps = len(values)
        if steps < rows:
            raise InputError(
                f"{steps} steps cannot be read as {rows} streams: use fewer, or more steps"
            )
        edges = steps * np.arange(rows + 1, dtype=np.int64) // rows
        return cls(values, edges[:-1], np.diff(edges), truth, True, window=window, vary=vary)

    def __post_init__(self) -> None:
        """Look at the sequences once, since nothing after it does."""
        empty = np.flatnonzero(self.lengths < 1)
        if len(empty):
            raise InputError(f"sequence {empty[0]} is empty: leave out sequences without steps")
        outside = (self.starts < 0) | (self.starts + self.lengths > len(self.values))
        if outside.any():
            raise InputError(
                f"sequence {np.flatnonzero(outside)[0]} is not within the {len(self.values)} steps"
            )
        answers = len(self.values) if self.per_step else len(self.lengths)
        if len(self.truth) != answers:
            noun = "steps" if self.per_step else "sequences"
            raise InputError(f"there are {answers} {noun}, but truth for {len(self.truth)}")

    @property
    def measured(self) -> Mask | None:
        """Which inputs are measured values, [1, F], in every step alike; None for codes."""
        return None if self.values.ndim == 1 else np.ones((1, self.width), dtype=bool)

    @property
    def width(self) -> int:
        """F, the values of a step; 1 for codes."""
        return 1 if self.values.ndim == 1 else int(self.values.shape[1])

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.lengths)

    def gather(self, picks: Indices, steps: range | None = None) -> tuple[AnyArray, ...]:
        """Return x `[T, B, F]` or codes `[T, B]`, lengths `[B]` and the truth `[B, ...]` of `picks`.

        `steps` are those of each sequence that are wanted, all of the longest one's where absent. What
        is past a sequence's end is 0, and its truth, `[T, B, ...]` where each step has one, not known.
        """
        inside, step = self.within(picks, steps)
        # past the end any step will do: what is taken there is overwritten
        index = np.where(inside, self.starts[picks] + step, 0)
        past = np.flatnonzero(~inside)
        x = _taken(self.values, index, past, 0)
        lengths = inside.sum(axis=0)
        if not self.per_step:
            return x, lengths, self.truth[picks]
        unknown = UNKNOWN if self.truth.dtype.kind == "i" else np.nan
        return x, lengths, _taken(self.truth, index, past, unknown)

    def within(self, picks: Indices, steps: range | None) -> tuple[Mask, Indices]:
        """Return which of `steps` `[T, B]` are within the sequences `picks`, and their numbers `[T, 1]`.

        Absent steps are all of the longest one's.
        """
        lengths = self.lengths[picks]
        chosen = range(int(lengths.max())) if steps is None else steps
        step = np.arange(chosen.start, chosen.stop)[:, None]
        return step < lengths, step

    def order(self, batch_size: int, seed: int) -> Order:
        """Return the order in which training takes the sequences; `window` needs no batch size."""
        if self.window is not None:
            return InTurn(self.lengths, self.window, seed, vary=self.vary)
        return ByLength(self.lengths, batch_size, seed, self.most_steps)

    def in_turn(self, batch_size: int, most_values: int, turn: int, turns: int) -> Iterator[Part]:
        """Yield batches of all sequences, the longest first, in which little is padded.

        With `window` they are all sequences side by side, each from the state after the one before.
        Where processes share the work, this one takes every `turns`-th sequence from number `turn`, so
        that all have about as much to do.
        """
        if self.window is not None:
            mine = np.arange(turn, len(self), turns)
            longest = int(self.lengths[mine].max(initial=0))
            for start in range(0, longest, self.window):
                yield Part(mine, range(start, min(start + self.window, longest)))
            return
        order = np.argsort(-self.lengths, kind="stable")[turn::turns]
        most_steps = max(1, most_values // self.width)
        for cut in cuts(self.lengths[order], batch_size, most_steps):
            yield with_lengths(order[cut], self.lengths)


def _taken(values: AnyArray, index: Indices, past: Indices, fill: float) -> AnyArray:
    """Return `values[index]` with `fill` at the places `past`, faster than by NumPy indexing."""
    found = values.take(index, axis=0)
    if len(past):
        found.reshape(-1, *values.shape[1:])[past] = fill
    return found


def noun_of(batches: Batches) -> str:
    """Return what to call that which is counted in `batches`."""
    if not isinstance(batches, SequenceBatches):
        return "windows"
    return "sequences" if batches.window is None else "tokens"


def order_of(batches: Batches, options: TrainingOptions) -> Order:
    """Return the order in which a training with closed `options` takes `batches`."""
    assert options.batch_size is not None
    if isinstance(batches, SequenceBatches):
        return batches.order(options.batch_size, options.seed)
    return Shuffled(len(batches), options.batch_size, options.seed)
