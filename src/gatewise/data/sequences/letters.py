"""Letters to sequences of codes, by the alphabet or vocabulary that a reading says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatewise.data.sequences.alphabets import Letters, coded
from gatewise.data.sequences.arrays import refuse_empty
from gatewise.data.sequences.reading import Reading
from gatewise.data.sequences.sequences import Sequences
from gatewise.errors import DataError


def read_letters(texts: Sequence[str], names: Sequence[str] | None, reading: Reading) -> Sequences:
    """Return the codes of texts of letters; DataError for empty ones and for unknown letters."""
    given = tuple(map(str, range(len(texts)) if names is None else names))
    if len(given) != len(texts):
        raise DataError(f"{len(texts):,} sequences, and {len(given):,} names")
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    refuse_empty(lengths, given)
    text = "".join(texts)
    content = (
        np.frombuffer(text.encode(), dtype=np.uint8)
        if text.isascii()
        else np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    )
    return of_letters(Letters(content, lengths, given), reading)


def of_letters(letters: Letters, reading: Reading) -> Sequences:
    """Return letters as sequences of codes, by the alphabet or vocabulary of `reading`."""
    codes, vocabulary = coded(
        letters,
        reading.alphabet,
        vocabulary=reading.vocabulary,
        mask=reading.unknown == "mask",
        soft_masked=reading.soft_masked == "mask",
    )
    return Sequences(codes, letters.lengths, letters.names, vocabulary)
