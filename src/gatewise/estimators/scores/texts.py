"""The score of a text, token by token, and what the same text costs compressors.

Sizes: N tokens.
"""

from __future__ import annotations

import bz2
import json
import lzma
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.data.sequences.stretches import Stretch
from gatewise.data.sequences.tokens import Tokens, utf8
from gatewise.data.tables.output import frame_like
from gatewise.typing import AnyArray, Array, Indices
from gatewise.wording import counted

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda text: zlib.compress(text, 9),
    "bz2": bz2.compress,
    "xz": lambda text: lzma.compress(text, preset=9 | lzma.PRESET_EXTREME),
}
"""What a text's bits are set beside: the standard library's compressors at their strongest."""


def compressed_bits(before: str, text: str) -> dict[str, float]:
    """Return what a text costs each compressor, in bits: what it adds to the text `before` it."""
    held, whole = utf8(before), utf8(before + text)
    return {
        name: 8.0 * (len(compress(whole)) - (len(compress(held)) if held else 0))
        for name, compress in COMPRESSORS.items()
    }


@dataclass(frozen=True, eq=False, repr=False)
class TextScore:
    """What each token of a text was to a language model that had read all before it.

    Attributes:
        tokens: The tokens as they are written, [N]; unknown ones as U+FFFD.
        log_probabilities: The natural logarithm of each token's probability, [N].
        likeliest: The most probable token at each place, [N].
        unit: What a token is: "character", "byte", "word" or "piece".
        characters: How many characters the text has.
        unknown: How many of the tokens the vocabulary does not have.
        spelled: What it would cost to spell these out, in bits: 8 for each of their bytes.
        notes: What else a reader must know, such as that the model was fitted on this text.
    """

    tokens: tuple[str, ...]
    log_probabilities: Array
    likeliest: tuple[str, ...]
    unit: str
    characters: int
    unknown: int
    spelled: int
    notes: tuple[str, ...] = ()

    @property
    def bits(self) -> float:
        """What the text costs in bits, unknown tokens spelled out."""
        return float(-self.log_probabilities.sum() / math.log(2)) + self.spelled

    @property
    def bits_per_character(self) -> float:
        """Bits for each character, by which models with different tokens compare."""
        return self.bits / self.characters

    @property
    def perplexity(self) -> float:
        """The inverse of the geometric mean of the tokens' probabilities, "unknown" as one of them."""
        return float(np.exp(-self.log_probabilities.mean()))

    def to_frame(self) -> Any:
        """Return a polars frame with a row for each token."""
        return frame_like("polars", columns_of([self]))

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return (
            f"TextScore({counted(len(self), self.unit)}, bits_per_character="
            f"{self.bits_per_character:.3f}, perplexity={self.perplexity:.2f})"
        )

    def __str__(self) -> str:
        return "\n".join([repr(self), *self.notes])


def columns_of(scores: Sequence[TextScore], *, quoted: bool = False) -> dict[str, AnyArray]:
    """Return columns with a row for each token of all scores, `quoted` as JSON writes texts.

    So a file has no line end or formula in a cell.
    """

    def written(tokens: Sequence[str]) -> list[str]:
        return [json.dumps(one, ensure_ascii=False) if quoted else one for one in tokens]

    return {
        "text": np.repeat(np.arange(1, len(scores) + 1), [len(score) for score in scores]),
        "token": np.array([token for score in scores for token in written(score.tokens)]),
        "log_probability": np.concatenate([score.log_probabilities for score in scores]),
        "likeliest": np.array([token for score in scores for token in written(score.likeliest)]),
    }


def spelling(tokens: Tokens, stretch: Stretch) -> Array:
    """Return the bits that spell each unknown token, [N]; 0 for the others."""
    unknown = stretch.codes == 0
    found = np.zeros(len(unknown))
    if unknown.any():
        written = tokens.split(stretch.text)
        found[unknown] = [
            8 * len(utf8(written[place])) for place in np.flatnonzero(unknown).tolist()
        ]
    return found


def characters_of(stretch: Stretch) -> Indices:
    """Return how many characters each token stands for, on the mean: gaps between words count too."""
    count = len(stretch.codes)
    return np.diff(len(stretch.text) * np.arange(count + 1, dtype=np.int64) // count)
