"""Texts as tokens, bytes, characters, words or sentencepiece's pieces, and back to the same text."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.choices import TokenKind, Unseen
from gatewise.data.sequences.pieces import encode_pieces, join_pieces, learn_pieces
from gatewise.data.sequences.vocabulary import UNKNOWN, Vocabulary
from gatewise.data.sequences.words import join_words, split_words
from gatewise.errors import DataError
from gatewise.typing import Indices
from gatewise.wording import counted

UNITS: dict[TokenKind, str] = {
    "characters": "character",
    "bytes": "byte",
    "words": "word",
    "sentencepiece": "piece",
}
"""What one token of each kind is called."""

MOST = {"words": 20_000, "sentencepiece": 1_000}
"""The largest vocabulary where nothing is said; of characters all that occur, of bytes always 256."""

LEAST_OF_A_WORD = 2
"""How often a word has to occur to be kept where nothing is said: "unknown" is learnt from the rest."""

_BYTES = tuple(chr(byte) if byte < 128 else f"\\x{byte:02x}" for byte in range(256))


@dataclass(frozen=True, eq=False)
class Tokens:
    """How a text is cut into tokens, and their codes: 0 for "unknown", then those of `vocabulary`.

    What `decode` makes of the codes of a text without unknown tokens is that text, to the last space.

    Attributes:
        kind: "characters", "bytes" (of UTF-8), "words" (with marks and line ends as tokens of their
            own) or "sentencepiece".
        vocabulary: The tokens that have a code.
        model: The model of sentencepiece, as its own library writes it; b"" of other kinds.
    """

    kind: TokenKind
    vocabulary: Vocabulary
    model: bytes = b""

    @property
    def unit(self) -> str:
        """What one token is called: "character", "byte", "word" or "piece"."""
        return UNITS[self.kind]

    def encode(self, text: str, unseen: Unseen = "unknown") -> Indices:
        """Return the codes [T] of a text; DataError for an unknown token where `unseen` is "refuse"."""
        if self.kind == "bytes":
            return np.frombuffer(utf8(text), np.uint8).astype(np.int64) + 1
        tokens: Sequence[str] = ()
        if self.kind == "sentencepiece":
            codes = np.array(encode_pieces(self.model, text), dtype=np.int64)
        else:
            tokens = self.split(text)
            codes = self.vocabulary.encode(tokens)
        if unseen == "refuse" and not codes.all():
            unknown = np.flatnonzero(codes == 0)
            first = int(unknown[0])
            named = f"{tokens[first]!r}, " if tokens else ""
            raise DataError(
                f"the vocabulary does not have {counted(len(unknown), self.unit)} of the text, first "
                f'{named}number {first + 1}; unseen="unknown" takes them for unknown'
            )
        return codes

    def split(self, text: str) -> Sequence[str]:
        """Return the tokens of a text as they are written, also those without a code."""
        if self.kind == "characters":
            return text
        if self.kind == "words":
            return split_words(text)
        return self.vocabulary.decode(self.encode(text))

    def decode(self, codes: Indices | Sequence[int]) -> str:
        """Return the text of codes [T]; what was unknown becomes U+FFFD."""
        if self.kind == "bytes":
            found = np.asarray(codes, dtype=np.int64)
            runs = np.split(found, np.flatnonzero(found == 0))
            return UNKNOWN.join(
                (run[number > 0 :] - 1).astype(np.uint8).tobytes().decode("utf-8", "replace")
                for number, run in enumerate(runs)
            )
        if self.kind == "sentencepiece":
            return join_pieces(self.model, [int(code) for code in codes])
        tokens = self.vocabulary.decode(codes)
        return join_words(tokens) if self.kind == "words" else "".join(tokens)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, which `from_json` reads back."""
        model = {"model": b64encode(self.model).decode("ascii")} if self.model else {}
        return {"kind": self.kind, **self.vocabulary.to_json(), **model}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Tokens:
        """Return the tokens that `to_json` wrote."""
        return cls(saved["kind"], Vocabulary.from_json(saved), b64decode(saved.get("model", "")))


def learn_tokens(texts: Iterable[str], kind: TokenKind, most: int | None = None) -> Tokens:
    """Return the tokens of training texts: their vocabulary is what occurs in these.

    `most` bounds how many have a code, the most frequent ones; None: all characters, words that occur
    twice or more, at most 20,000, or 1,000 pieces. Equal counts go by the alphabet: equal texts give
    equal codes. Raises DataError for texts without tokens, OptionError for a bound that cannot be met.
    """
    held = list(texts)
    if not any(held):
        raise DataError("the text to learn the vocabulary from is empty")
    if kind == "bytes":
        return Tokens(kind, Vocabulary(_BYTES))
    if kind == "sentencepiece":
        symbols, model = learn_pieces(held, most or MOST[kind])
        return Tokens(kind, Vocabulary(symbols), model)
    counts: Counter[str] = Counter()
    for text in held:
        counts.update(split_words(text) if kind == "words" else text)
    counts.pop(UNKNOWN, None)  # a text that holds this mark holds unknown places
    least = LEAST_OF_A_WORD if kind == "words" and most is None else 1
    ordered = sorted(counts, key=lambda token: (-counts[token], token))
    ordered = ordered[: most or MOST.get(kind)]
    kept = tuple(token for token in ordered if counts[token] >= least)
    if not kept:
        raise DataError(
            f"no {UNITS[kind]} of the text occurs {least} times: give a longer text, or "
            "tokens='characters'"
        )
    return Tokens(kind, Vocabulary(kept))


def utf8(text: str) -> bytes:
    """Return the UTF-8 bytes of a text, whatever it holds."""
    return text.encode("utf-8", "surrogatepass")
