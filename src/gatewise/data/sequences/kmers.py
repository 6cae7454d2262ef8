"""Letters that are read together: of each step a code for it and its neighbours.

Sizes: N steps of all sequences.
"""

from __future__ import annotations

import numpy as np

from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.strands import complement_of
from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.typing import Indices


def kmers_of(sequences: Sequences, k: int) -> Indices:
    """Return a code for the `k` letters around each step, [N], 1 … symbols^k, itself in the middle.

    Of an even number there is one more after the step than before it. 0: one of them is unknown, or
    past an end of the sequence.
    """
    assert sequences.vocabulary is not None
    symbols = len(sequences.vocabulary.symbols)
    first = np.repeat(sequences.offsets[:-1], sequences.lengths)
    end = np.repeat(sequences.offsets[1:], sequences.lengths)
    codes = np.zeros(sequences.steps, dtype=np.int64)
    whole = np.ones(sequences.steps, dtype=bool)
    for shift in range(-((k - 1) // 2), k // 2 + 1):
        place = np.arange(sequences.steps) + shift
        inside = (place >= first) & (place < end)
        letter = np.where(inside, sequences.values[np.where(inside, place, 0)], 0)
        whole &= letter > 0
        codes = codes * symbols + letter - 1
    return np.where(whole, codes + 1, 0)


def complement_of_kmers(vocabulary: Vocabulary | None, k: int) -> Indices:
    """Return the code of the reverse complement of each code of `k` letters, [symbols^k + 1].

    Of an odd number of letters: the middle one is then in the middle on either strand. Unknown stays
    unknown. Raises OptionError for a vocabulary that is not one of DNA or RNA.
    """
    assert k % 2 == 1
    pairs = complement_of(vocabulary)[1:] - 1
    rest = np.arange(len(pairs) ** k)
    found = np.zeros_like(rest)
    for _ in range(k):  # from the last letter, which is the first of the other strand
        rest, letter = np.divmod(rest, len(pairs))
        found = found * len(pairs) + pairs[letter]
    return np.concatenate([[0], found + 1])
