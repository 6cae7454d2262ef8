"""A vocabulary: the numbers that stand for letters, characters or words. Code 0 is "unknown"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gatewise.errors import DataError
from gatewise.typing import Indices

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""What code 0 is written as. It is no symbol of its own: a text that holds it holds unknown places."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Symbols by their codes: code k + 1 stands for `symbols[k]`, code 0 for whatever is not in it.

    Attributes:
        symbols: Distinct texts, none of them empty: letters, characters or words.

    Raises DataError where there is no symbol, or one is twice, empty, or `UNKNOWN`.
    """

    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.symbols:
            raise DataError("a vocabulary needs at least one symbol")
        for symbol in self.symbols:
            if not isinstance(symbol, str) or symbol in ("", UNKNOWN):
                raise DataError(f"{symbol!r} is no symbol of a vocabulary: give texts")
        if len(set(self.symbols)) < len(self.symbols):
            twice = next(one for one in self.symbols if self.symbols.count(one) > 1)
            raise DataError(f"the symbol {twice!r} is twice in the vocabulary")

    @property
    def size(self) -> int:
        """The number of codes: the symbols and "unknown"."""
        return len(self.symbols) + 1

    def encode(self, tokens: Iterable[str]) -> Indices:
        """Return the codes [T] of tokens; of a text, those of its characters. 0: not in it."""
        if isinstance(tokens, str) and self._by_character is not None:
            return self._encode_characters(tokens)
        codes = self._codes
        return np.fromiter((codes.get(token, 0) for token in tokens), dtype=np.int64)

    def decode(self, codes: Indices | Sequence[int]) -> list[str]:
        """Return the symbols of codes [T], `UNKNOWN` for 0. Raises DataError for one out of range."""
        found = np.asarray(codes, dtype=np.int64)
        if found.size and not (found.min() >= 0 and found.max() < self.size):
            bad = found.min() if found.min() < 0 else found.max()
            raise DataError(f"code {bad} is not in a vocabulary of codes 0 to {self.size - 1}")
        written = (UNKNOWN, *self.symbols)
        return [written[code] for code in found.tolist()]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, which `from_json` reads back."""
        return {"symbols": list(self.symbols)}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Vocabulary:
        """Return the vocabulary that `to_json` wrote."""
        return cls(tuple(saved["symbols"]))

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {symbol: code for code, symbol in enumerate(self.symbols, start=1)}

    @cached_property
    def _by_character(self) -> Indices | None:
        """Codes by code point, where all symbols are single characters: a text is then one gather."""
        if any(len(symbol) != 1 for symbol in self.symbols):
            return None
        points = np.array([ord(symbol) for symbol in self.symbols])
        table = np.zeros(points.max() + 2, dtype=np.int64)  # the last: every point above
        table[points] = np.arange(1, self.size)
        return table

    def _encode_characters(self, text: str) -> Indices:
        table = self._by_character
        assert table is not None
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        codes: Indices = table[np.minimum(points, len(table) - 1)]
        return codes
