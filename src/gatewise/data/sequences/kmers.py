"""Letters that are read together: of each step a code for it and its neighbours.

Sizes: N steps of all sequences.
"""

from __future__ import annotations

import numpy as np

from gatewise.data.sequences.sequences import Sequences
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
