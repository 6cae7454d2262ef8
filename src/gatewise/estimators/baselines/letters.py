"""Features of sequences of letters or words: k-mers, letters at their positions, letters around a step.

Sizes: n items, D features, V codes of the vocabulary, T steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gatewise.data.sequences.sequences import Sequences
from gatewise.estimators.baselines.rows import Rows
from gatewise.typing import Array, Arrays, Indices

MOST_FEATURES = 4096
LONGEST = {6: 5, 40: 3, 1000: 2}
"""Up to so many codes, k-mers of up to this length; of larger vocabularies single words."""
WINDOWS = (15, 45, 135, 405)
"""Steps to each side that counts around a step are tried over."""
REACH = 8
"""Steps to each side whose letters are features at their places."""


def longest(size: int) -> int:
    """Return the longest k-mers that are counted of a vocabulary of `size` codes."""
    return next((k for most, k in LONGEST.items() if size <= most), 1)


def steps_before(sequences: Sequences, places: Indices) -> tuple[Indices, Indices]:
    """Return where the sequence of each step begins and ends in `values`, `[n]` both."""
    number = np.searchsorted(sequences.offsets, places, side="right") - 1
    return sequences.offsets[number], sequences.offsets[number + 1]


@dataclass(frozen=True, eq=False)
class Kmers:
    """The shares of the most frequent k-mers of a sequence, of every length up to a longest."""

    kind: ClassVar[str] = "k-mers"
    size: int  # V
    length: int  # the longest
    keys: Indices  # [D], ascending

    @classmethod
    def fit(cls, sequences: Sequences, picks: Indices, size: int, length: int, most: int) -> Kmers:
        """Choose the `most` that occur most often in the training part, of up to `length` letters."""
        found = [keys for _, keys in _kmers(sequences, picks, size, length)]
        keys, counts = np.unique(np.concatenate(found), return_counts=True)
        kept = np.argsort(-counts, kind="stable")[:most]
        return cls(size, length, np.sort(keys[kept]))

    def rows(self, sequences: Sequences, picks: Indices) -> Rows:
        """Return the features of sequences `picks`: shares within k-mers of one length."""
        parts = []
        for row, keys in _kmers(sequences, picks, self.size, self.length):
            place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            column = np.where(self.keys[place] == keys, place, -1)
            counts = Rows.counted(row, column, len(picks), len(self.keys))
            parts.append(counts.normed())
        return Rows.summed(parts)

    def told(self) -> str:
        """Return what the features are, in words."""
        return f"shares of {len(self.keys):,} k-mers of up to {self.length}"

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON and arrays."""
        return {"size": self.size, "length": self.length}, {"keys": self.keys}


def _kmers(
    sequences: Sequences, picks: Indices, size: int, longest: int
) -> list[tuple[Indices, Indices]]:
    """Return for each length the sequence's place in `picks` and the key of every k-mer."""
    codes = sequences.values[sequences.steps_of(picks)]
    lengths = sequences.lengths[picks]
    row = np.repeat(np.arange(len(picks)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(codes))  # steps to the end
    key, shift, found = codes.astype(np.int64), 0, []
    for k in range(1, longest + 1):
        if k > 1:
            ahead = np.concatenate(
                [codes[k - 1 :], np.zeros(min(k - 1, len(codes)), dtype=np.int64)]
            )
            key = key * size + ahead[: len(key)]
        whole = left >= k
        found.append((row[whole], key[whole] + shift))
        shift += size**k
    return found


@dataclass(frozen=True, eq=False)
class Positions:
    """The letter at each position, for sequences of one length; with `pairs` each pair of neighbours."""

    kind: ClassVar[str] = "positions"
    size: int
    length: int  # T of the training part
    pairs: bool

    @property
    def width(self) -> int:
        """The number of features."""
        return self.length * self.size * (1 + self.size if self.pairs else 1)

    def rows(self, sequences: Sequences, picks: Indices) -> Rows:
        """Return the features of sequences `picks`; what lies beyond the length has none."""
        lengths = sequences.lengths[picks]
        codes = sequences.values[sequences.steps_of(picks)]
        row = np.repeat(np.arange(len(picks)), lengths)
        at = np.arange(len(codes)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        column = np.where(at < self.length, at * self.size + codes, -1)
        if self.pairs:
            ahead = np.concatenate([codes[1:], np.zeros(min(1, len(codes)), dtype=np.int64)])
            within = (at + 1 < np.repeat(lengths, lengths)) & (at + 1 < self.length)
            pair = (self.length + at * self.size + codes) * self.size + ahead
            row, column = (
                np.concatenate([row, row]),
                np.concatenate([column, np.where(within, pair, -1)]),
            )
        return Rows.counted(row, column, len(picks), self.width)

    def told(self) -> str:
        """Return what the features are, in words."""
        pairs = " and of pairs of neighbours" if self.pairs else ""
        return f"letters at each of {self.length} positions{pairs}"

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON and arrays."""
        return {"size": self.size, "length": self.length, "pairs": self.pairs}, {}


@dataclass(frozen=True, eq=False)
class Around:
    """What stands around a step: letters next to it at their places, and shares of k-mers in a window.

    K-mers are counted apart by their distance from the step modulo `period`: with 3 of the letters of
    DNA, the reading frame of the step can be told.
    """

    kind: ClassVar[str] = "around"
    size: int
    reach: int
    window: int
    length: int  # of the k-mers; 0: none are counted
    period: int

    @classmethod
    def all_of(cls, size: int) -> list[Around]:
        """Return those that are worth a try for a vocabulary of `size` codes."""
        if size > 300:
            return [cls(size, 2, 0, 0, 1)]
        k = 3 if size <= 6 else 1
        return [cls(size, REACH if size <= 40 else 3, window, k, k) for window in WINDOWS]

    @property
    def width(self) -> int:
        """The number of features."""
        return (2 * self.reach + 1) * self.size + self.period * self._kmers

    @property
    def _kmers(self) -> int:
        return (self.size - 1) ** self.length if self.length else 0

    def rows(self, sequences: Sequences, places: Indices) -> Rows:
        """Return the features of the steps `places` in `values`."""
        low, high = steps_before(sequences, places)
        offsets = np.arange(-self.reach, self.reach + 1)
        around = places[:, None] + offsets
        inside = (around >= low[:, None]) & (around < high[:, None])
        codes = sequences.values[np.where(inside, around, 0)]
        column = np.where(inside, np.arange(len(offsets)) * self.size + codes, -1)
        row = np.repeat(np.arange(len(places)), len(offsets))
        near = Rows.counted(row, column.ravel(), len(places), len(offsets) * self.size)
        if not self.length:
            return near
        return Rows.beside([near, Rows.of(self._shares(sequences, places, low, high))])

    def _shares(self, sequences: Sequences, places: Indices, low: Indices, high: Indices) -> Array:
        """Return the shares of k-mers in the window of each step, `[n, period * kmers]`.

        The places of each k-mer are sorted, so that two searches count it in any window.
        """
        codes, k = sequences.values, self.length
        left = np.repeat(sequences.offsets[1:], sequences.lengths) - np.arange(len(codes))
        key, whole = np.zeros(len(codes), dtype=np.int64), left >= k
        for ahead in range(k):
            at = np.minimum(np.arange(len(codes)) + ahead, max(len(codes) - 1, 0))
            key = key * (self.size - 1) + codes[at] - 1
            whole &= codes[at] > 0  # a k-mer with an unknown letter is none
        first = np.maximum(places - self.window, low)
        last = np.minimum(places + self.window + 1, high)
        out = np.zeros((len(places), self.period, self._kmers))
        where = np.arange(len(codes))
        for phase in range(self.period):
            # Of steps at this place modulo the period, k-mers by their distance from the step.
            mine = np.flatnonzero(places % self.period == phase)
            for relative in range(self.period):
                chosen = where[whole & (where % self.period == (phase + relative) % self.period)]
                order = np.argsort(key[chosen], kind="stable")
                bounds = np.searchsorted(key[chosen][order], np.arange(self._kmers + 1))
                for kmer in range(self._kmers):
                    at = chosen[order[bounds[kmer] : bounds[kmer + 1]]]
                    count = np.searchsorted(at, last[mine]) - np.searchsorted(at, first[mine])
                    out[mine, relative, kmer] = count
        total = out.sum(axis=2, keepdims=True)
        shares: Array = out / np.where(total > 0, total, 1.0)
        return shares.reshape(len(places), self.period * self._kmers)

    def told(self) -> str:
        """Return what the features are, in words."""
        near = f"letters up to {self.reach} steps away"
        if not self.length:
            return near
        frame = " by frame" if self.period > 1 else ""
        return f"{near} and shares of {self.length}-mers{frame} up to {self.window} steps away"

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON and arrays."""
        return dict(vars(self)), {}
