"""Alphabets of letters: DNA, RNA, IUPAC codes, protein, or one's own; and texts of letters as codes.

IUPAC-IUB codes: Cornish-Bowden (1985), Nucleic Acids Research 13, 3021; amino acids: IUPAC-IUB (1984).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gatewise.data.sequences.vocabulary import Vocabulary
from gatewise.errors import DataError, OptionError, nearest, warn
from gatewise.typing import AnyArray, Indices
from gatewise.wording import counted

ALPHABETS = {
    "dna": "ACGT",
    "rna": "ACGU",
    "iupac": "ACGTRYSWKMBDHVN",
    "protein": "ACDEFGHIKLMNPQRSTVWY",
}
"""Alphabets by name. Their lower-case letters are the same letters (soft-masked)."""

_SHOWN = 3
_ASCII = 128


_LOWER = np.arange(ord("a"), ord("z") + 1)


@dataclass(frozen=True)
class Letters:
    """Texts of letters, one after the other, as they were read. Sizes: n sequences, N letters."""

    content: (
        AnyArray  # [N] code points, uint32; or uint8: bytes, of which those from 128 are no letters
    )
    lengths: Indices  # [n]
    names: tuple[str, ...]
    where: Callable[[int, int], str] | None = None
    """Where a letter stands in the file: of sequence i, letter k -> "'x.fa' line 7"."""


def check_alphabet(alphabet: str | tuple[str, ...] | None) -> None:
    """Raise OptionError unless it is None, a name, or distinct single ASCII letters."""
    if alphabet is None or alphabet in ALPHABETS:
        return
    letters = tuple(alphabet)
    if isinstance(alphabet, str) and alphabet.islower() and len(set(letters)) < len(letters):
        raise OptionError(
            f"alphabet={alphabet!r}: use {', '.join(map(repr, ALPHABETS))}, or distinct letters."
            f"{nearest(alphabet, ALPHABETS)}"
        )
    wrong = [one for one in letters if len(one) != 1 or not one.isascii() or not one.isprintable()]
    if wrong or not letters or len(set(letters)) < len(letters):
        raise OptionError(
            f"alphabet={alphabet!r}: use {', '.join(map(repr, ALPHABETS))}, or distinct single letters"
        )


def coded(
    letters: Letters,
    alphabet: str | tuple[str, ...] | None,
    *,
    vocabulary: Vocabulary | None = None,
    mask: bool = False,
    soft_masked: bool = False,
) -> tuple[Indices, Vocabulary]:
    """Return the codes [N] of letters and their vocabulary.

    alphabet: a name, own letters, or None: the first of DNA, RNA and protein that fits.
    vocabulary: that of a fitted model, in place of an alphabet.
    mask: letters outside of it become code 0, with a warning; else they are refused by name, count
        and place (DataError).
    soft_masked: lower-case letters of a named alphabet are unknown, without a warning.
    """
    if vocabulary is None:
        name = alphabet if alphabet is not None else _guess(letters)
        vocabulary = Vocabulary(tuple(ALPHABETS.get(name, name) if isinstance(name, str) else name))
    table = _table(letters, vocabulary)
    folds = not table[_LOWER].any()  # an alphabet without lower-case letters reads them as capitals
    if folds:
        table[_LOWER] = table[_LOWER - 32]
    codes: Indices = table[letters.content]
    _check_known(letters, codes, vocabulary, mask)
    if soft_masked and folds:
        codes[(letters.content >= _LOWER[0]) & (letters.content <= _LOWER[-1])] = 0
    return codes, vocabulary


def _table(letters: Letters, vocabulary: Vocabulary) -> Indices:
    """Return the code of every code point that the letters have."""
    by_bytes = letters.content.dtype == np.uint8
    size = 256 if by_bytes else int(letters.content.max(initial=256)) + 1
    table = np.zeros(size, dtype=np.int64)
    for code, symbol in enumerate(vocabulary.symbols, start=1):
        if len(symbol) == 1 and ord(symbol) < (_ASCII if by_bytes else size):
            table[ord(symbol)] = code
    return table


def _guess(letters: Letters) -> str | tuple[str, ...]:
    """Return the alphabet that the letters fit; of DNA and RNA, N's and the like do not decide."""
    points = np.flatnonzero(np.bincount(letters.content, minlength=256)).tolist()
    found = {chr(point).upper() for point in points}
    iupac = set(ALPHABETS["iupac"])
    for name in ("dna", "rna"):
        own = set(ALPHABETS[name])
        if found & own and found <= iupac | own:
            return name
    if found <= {*ALPHABETS["protein"], *"BJOUXZ*"}:
        return "protein"
    most = _ASCII if letters.content.dtype == np.uint8 else letters.content.max(initial=0) + 1
    return tuple(chr(point) for point in points if point < most)


def _check_known(letters: Letters, codes: Indices, vocabulary: Vocabulary, mask: bool) -> None:
    """Refuse unknown letters, or warn of them, with their names, counts and first places."""
    unknown = np.flatnonzero(codes == 0)
    if not len(unknown):
        return
    by_bytes = letters.content.dtype == np.uint8
    kinds, counts = np.unique(letters.content[unknown], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_SHOWN]
    shown = [
        f"{f'byte {point}' if by_bytes and point >= _ASCII else repr(chr(point))} ({count:,})"
        for point, count in zip(kinds[order].tolist(), counts[order].tolist(), strict=True)
    ]
    listed = ", ".join(shown) + (", …" if len(kinds) > _SHOWN else "")
    ends = np.cumsum(letters.lengths)
    row = int(np.searchsorted(ends, unknown[0], side="right"))
    place = int(unknown[0] - (ends[row] - letters.lengths[row]))
    where = "" if letters.where is None else f", {letters.where(row, place)}"
    alphabet = "".join(vocabulary.symbols)
    sentence = (
        f"{counted(len(unknown), 'letter')} outside the alphabet {alphabet[:30]!r}: {listed}; the first "
        f"is letter {place + 1:,} of sequence {letters.names[row]!r}{where}"
    )
    if not mask:
        raise DataError(f"{sentence}. Read them as unknown with unknown='mask'")
    warn(f"{sentence}. They are read as unknown")
