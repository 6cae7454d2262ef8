"""The order in which sequences come: the batches of every pass over them, drawn from (seed, epoch).

Sizes: n sequences, B of a batch, T steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch

from gatewise.training.randomness import Purpose, derived_seed, generator
from gatewise.typing import Indices

SPREAD = 0.8
"""Sequences that may share a batch have at least this share of the longest one's length ..."""
LEAST = 2
"""... but there are always so many batches of them that which ones meet is left to chance."""
HALF = 0.05
"""Share of the windows whose usual length is half the others', where it varies."""


@dataclass(frozen=True, eq=False)
class Part:
    """What one batch is made of: `picks` [B] of the sequences, and for how many steps.

    `steps` are None where all sequences are of one length. The learning rate is multiplied by `rate`.
    """

    picks: Indices
    steps: range | None = None
    rate: float = 1.0


class Order(Protocol):
    """The batches of each pass over some sequences; every pass has as many of them."""

    @property
    def count(self) -> int:
        """The number of batches of a pass."""

    def parts(self, epoch: int) -> list[Part]:
        """Return the batches of pass number `epoch`, counted from 1."""


class Shuffled:
    """All sequences in any order, `batch_size` at a time."""

    def __init__(self, number: int, batch_size: int, seed: int) -> None:
        self.number, self.batch_size, self.seed = number, batch_size, seed
        self.count = math.ceil(number / batch_size)

    def parts(self, epoch: int) -> list[Part]:
        """Return the batches of pass number `epoch`, counted from 1."""
        drawn = generator(self.seed, Purpose.ORDER, epoch)
        order = torch.randperm(self.number, generator=drawn, device="cpu").numpy()
        starts = range(0, self.number, self.batch_size)
        return [Part(order[start : start + self.batch_size]) for start in starts]


class ByLength:
    """Sequences of about one length together, so that little is padded; batches in any order.

    Sequences are sorted by length and cut into buckets, within which each pass shuffles them. Batches
    are cut from that at places that are the same in every pass, so that all have as many steps.
    `most_steps` bounds the padded steps of a batch, T times B.
    """

    def __init__(
        self, lengths: Indices, batch_size: int, seed: int, most_steps: int | None = None
    ) -> None:
        self.lengths, self.seed = lengths, seed
        self.sorted = np.argsort(-lengths, kind="stable")
        descending = lengths[self.sorted]
        starts = _buckets(descending, batch_size, most_steps)
        self.bucket = np.repeat(np.arange(len(starts)), np.diff([*starts, len(lengths)]))
        longest = descending[starts][self.bucket]  # that may come to each place of the order
        self.cuts = list(cuts(longest, batch_size, most_steps))
        self.count = len(self.cuts)

    def parts(self, epoch: int) -> list[Part]:
        """Return the batches of pass number `epoch`, counted from 1."""
        drawn = generator(self.seed, Purpose.ORDER, epoch)
        chance = torch.rand(len(self.lengths), generator=drawn, dtype=torch.float64, device="cpu")
        order = self.sorted[np.lexsort((chance.numpy(), self.bucket))]
        found = [with_lengths(order[cut], self.lengths) for cut in self.cuts]
        turns = torch.randperm(self.count, generator=drawn, device="cpu").tolist()
        return [found[turn] for turn in turns]


class InTurn:
    """All sequences side by side, `window` steps of each at a time, as they follow each other.

    With `vary` windows differ from pass to pass as those of Merity, Keskar and Socher (2018, section 5)
    do: about normal around `window`, or one time in 20 around half of it, with the learning rate in
    proportion. Here they are then stretched so that every pass has as many.
    """

    def __init__(self, lengths: Indices, window: int, seed: int, *, vary: bool = False) -> None:
        self.picks = np.arange(len(lengths))
        self.longest, self.window, self.seed, self.vary = int(lengths.max()), window, seed, vary
        self.count = math.ceil(self.longest / window)

    def parts(self, epoch: int) -> list[Part]:
        """Return the batches of pass number `epoch`, counted from 1."""
        ends = self._drawn(epoch) if self.vary else self.window * np.arange(1, self.count + 1)
        ends = np.minimum(ends, self.longest)
        found = [range(*place) for place in pairwise([0, *ends.tolist()])]
        rates = [len(steps) / self.window if self.vary else 1.0 for steps in found]
        return [Part(self.picks, *one) for one in zip(found, rates, strict=True)]

    def _drawn(self, epoch: int) -> Indices:
        """Return where the windows of a pass end."""
        drawn = np.random.default_rng(derived_seed(self.seed, Purpose.ORDER, epoch))
        usual = np.where(drawn.random(self.count) < HALF, self.window / 2, self.window)
        # the paper's deviation of 5 steps is for windows of 70, and never below 5 steps
        spread = min(5.0, self.window / 8)
        share = np.maximum(drawn.normal(usual, spread), spread).cumsum()
        steps = np.arange(1, self.count + 1)  # one for each window, the rest in proportion
        rest = np.rint(share / share[-1] * (self.longest - self.count))
        ends: Indices = steps + rest.astype(np.int64)
        return ends


def with_lengths(picks: Indices, lengths: Indices) -> Part:
    """Return the batch of the sequences `picks`, all of their steps; `lengths` [n] are of all."""
    return Part(picks, range(int(lengths[picks].max())))


def cuts(longest: Indices, batch_size: int, most_steps: int | None) -> Iterator[slice]:
    """Yield slices of a falling order, each of `batch_size` or fewer sequences and of `most_steps`.

    `longest` [n] is what the sequence at each place, or any that may come there, has at most. A sequence
    that is longer than `most_steps` is a batch of its own.
    """
    start = 0
    while start < len(longest):
        size = _fitting(int(longest[start]), batch_size, most_steps)
        yield slice(start, min(start + size, len(longest)))
        start += size


def _fitting(length: int, batch_size: int, most_steps: int | None) -> int:
    """Return how many sequences of a length a batch may hold, 1 at least."""
    return batch_size if most_steps is None else max(1, min(batch_size, most_steps // length))


def _buckets(descending: Indices, batch_size: int, most_steps: int | None) -> list[int]:
    """Return where buckets begin in falling lengths: each spans `SPREAD`, and `LEAST` batches."""
    starts: list[int] = []
    place, number = 0, len(descending)
    while place < number:
        longest = int(descending[place])
        least = LEAST * _fitting(longest, batch_size, most_steps)
        if starts and number - place < least:  # too few for a bucket of their own
            break
        starts.append(place)
        alike = int(np.searchsorted(-descending, -SPREAD * longest, side="right"))
        place = max(alike, place + least)
    return starts
