"""The other strand of DNA and RNA: from the end, every letter by the one that it pairs with.

Sizes: N steps of all sequences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.errors import OptionError
from gatewise.typing import Indices

_PAIRS = {
    "A": "T",
    "T": "A",
    "C": "G",
    "G": "C",
    "U": "A",
    "R": "Y",
    "Y": "R",
    "K": "M",
    "M": "K",
    "B": "V",
    "V": "B",
    "D": "H",
    "H": "D",
    "S": "S",
    "W": "W",
    "N": "N",
}
"""Letters and those they pair with, IUPAC codes too (Cornish-Bowden 1985)."""


def complement_of(vocabulary: Vocabulary | None) -> Indices:
    """Return the code of the letter that each code pairs with, [symbols + 1]; unknown stays unknown.

    Raises OptionError for a vocabulary that is not one of DNA or RNA.
    """
    symbols = () if vocabulary is None else vocabulary.symbols
    pairs = {**_PAIRS, "A": "U"} if "U" in symbols and "T" not in symbols else _PAIRS
    strange = [symbol for symbol in symbols if pairs.get(symbol) not in symbols]
    if vocabulary is None or strange:
        found = (
            f"{strange[0]!r} pairs with none of these letters" if strange else "these are numbers"
        )
        raise OptionError(
            f"rc= is for DNA and RNA, which have a second strand, and {found}: rc=None"
        )
    return vocabulary.encode(["", *(pairs[symbol] for symbol in symbols)])


def other_strand(sequences: Sequences) -> Sequences:
    """Return the reverse complement of every sequence, under its name."""
    codes = complement_of(sequences.vocabulary)[sequences.values[mirrored_steps(sequences)]]
    return Sequences(codes, sequences.lengths, sequences.names, sequences.vocabulary)


def mirrored_steps(sequences: Sequences) -> Indices:
    """Return for each step the one as far from the other end of its sequence, [N]."""
    ends = np.repeat(sequences.offsets[1:], sequences.lengths)
    starts = np.repeat(sequences.offsets[:-1], sequences.lengths)
    mirrored: Indices = ends - 1 - (np.arange(sequences.steps) - starts)
    return mirrored


def classes_of_other_strand(classes: Sequence[str]) -> Indices:
    """Return the code of each class on the other strand: that of "CDS-" for "CDS+", else its own."""
    turned = {"+": "-", "-": "+"}
    names = [name[:-1] + turned.get(name[-1:], name[-1:]) for name in classes]
    pairs = enumerate(zip(classes, names, strict=True))
    found = [classes.index(other) if other in classes else code for code, (_, other) in pairs]
    return np.array(found, dtype=np.int64)
