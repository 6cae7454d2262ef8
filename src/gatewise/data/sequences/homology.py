"""Groups of relatives: sequences that share a long stretch of letters, which a split must not divide.

Copies, overlapping reads and close homologues answer for each other: a score of one that has another in
training tells how well that was remembered. Two sequences are related where they share a word of so
many letters, in DNA and RNA on either strand, and whoever is related to a relative is too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.strands import complement_of
from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.errors import DataError, OptionError
from gatewise.typing import Indices, Mask

Words = NDArray[np.uint64]

SHORTEST = 8
"""Letters; shorter words are shared by chance."""

_PERIODS = (1, 2, 3)
"""Words that repeat after so few letters, as microsatellites do, are shared by strangers too."""

_BASE = 0x9E3779B97F4A7C15


def related_groups(sequences: Sequences, word: int) -> tuple[str, ...]:
    """Return the group of each sequence [n]: the name of the first of its relatives, or its own.

    word: letters in a row that make two sequences relatives. Words with unknown letters and those that
        repeat after one to three letters do not count. Groups that there are stay together.

    Raises DataError for measured sequences and for a word shorter than `SHORTEST`.
    """
    if sequences.vocabulary is None:
        raise DataError("homology is of letters, and these sequences are measured values")
    if word < SHORTEST:
        raise DataError(
            f"homology={word}: words of less than {SHORTEST} letters are shared by chance"
        )
    leader = list(range(len(sequences)))
    first_of: dict[str, int] = {}
    for number, group in enumerate(sequences.groups or ()):
        _join(leader, number, first_of.setdefault(group, number))
    for one, other in _sharing(sequences, sequences.vocabulary, word):
        _join(leader, one, other)
    return tuple(sequences.names[_leader(leader, number)] for number in range(len(sequences)))


def _sharing(sequences: Sequences, vocabulary: Vocabulary, word: int) -> list[list[int]]:
    """Return pairs of sequences that share a word; of many that share one, each with the next."""
    if sequences.steps < word:
        return []
    places = np.flatnonzero(_counts(sequences, word))
    words = _words(sequences.values, vocabulary, word)[places]
    owner = np.repeat(np.arange(len(sequences)), sequences.lengths)[places]
    order = np.argsort(words, kind="stable")
    words, owner = words[order], owner[order]
    same = (words[1:] == words[:-1]) & (owner[1:] != owner[:-1])
    pairs = np.stack([owner[:-1][same], owner[1:][same]], axis=1)
    found: list[list[int]] = np.unique(pairs, axis=0).tolist()
    return found


def _counts(sequences: Sequences, word: int) -> Mask:
    """Return at which steps a word begins that counts: whole, known, without a short period."""
    codes, last = sequences.values, sequences.steps - word + 1
    left = np.repeat(sequences.offsets[1:], sequences.lengths) - np.arange(sequences.steps)
    counts = left[:last] >= word
    counts &= _run(codes == 0, word) == 0
    for period in _PERIODS:
        repeats = codes[period:] == codes[:-period]
        counts &= _run(repeats, word - period)[:last] < word - period
    return np.asarray(counts)


def _run(marks: Mask, size: int) -> Indices:
    """Return how many of the `size` marks from each place on are set."""
    total = np.concatenate([[0], np.cumsum(marks)])
    return np.asarray(total[size:] - total[:-size])


def _words(codes: Indices, vocabulary: Vocabulary, word: int) -> Words:
    """Return a number for the word from each step on, the same on both strands where there are two.

    A polynomial in the letters modulo 2^64 (Karp and Rabin 1987), put together from its halves.
    """
    # letters by random numbers: small ones would collide in a polynomial modulo a power of two
    figures = np.random.default_rng(0).integers(1 << 63, size=vocabulary.size, dtype=np.uint64)
    forward = _hash(figures[codes], word)
    try:
        other = complement_of(vocabulary)
    except OptionError:  # letters without a second strand
        return forward
    backward = _hash(figures[other][codes[::-1]], word)[::-1]
    return np.minimum(forward, backward)


def _hash(figures: Words, word: int) -> Words:
    found, done = np.zeros(len(figures) - word + 1, dtype=np.uint64), 0
    part, size, power = figures, 1, _BASE  # of `size` letters from each place on
    while True:
        if word & size:
            found = found * np.uint64(power) + part[done : done + len(found)]
            done += size
        if done == word:
            return found
        part = part[:-size] * np.uint64(power) + part[size:]
        size, power = 2 * size, power * power % (1 << 64)


def _leader(leader: list[int], number: int) -> int:
    while leader[number] != number:
        leader[number] = leader[leader[number]]
        number = leader[number]
    return number


def _join(leader: list[int], one: int, other: int) -> None:
    one, other = sorted((_leader(leader, one), _leader(leader, other)))
    leader[other] = one
