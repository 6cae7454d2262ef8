"""A text whose tokens are coloured by how much each surprised the model."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np

from gatewise.errors import InputError
from gatewise.typing import Array
from gatewise.wording import number, percent

DARKEST = 12.0
"""Bits from which a token is as dark as it gets: one chance in 4,096."""


@dataclass(frozen=True, eq=False, repr=False)
class ColouredText:
    """Tokens and the bits [n] that each cost: minus the binary logarithm of its probability.

    NaN where a token was not scored, such as the first. Raises InputError where lengths disagree.
    """

    title: str
    tokens: tuple[str, ...]  # as they stand in the text, with their spaces
    bits: Array  # [n]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if np.shape(self.bits) != (len(self.tokens),):
            raise InputError(
                f"ColouredText {self.title!r}: bits must be [{len(self.tokens)}], one for each token"
            )

    def html(self) -> str:
        """Return the text; a token says its probability where the pointer rests."""
        spans = "".join(
            _span(token, float(bits)) for token, bits in zip(self.tokens, self.bits, strict=True)
        )
        scale = "".join(
            f'<span style="--depth:{_depth(bits):.0f}%">{text}</span>'
            for bits, text in ((0, "certain"), (1, "1 in 2"), (4, "1 in 16"), (8, "1 in 256"))
        )
        return (
            f'<p class="coloured" role="region" tabindex="0" aria-label="{escape(self.title)}">{spans}'
            f'</p><p class="hint coloured-scale">{scale} and less</p>'
        )


def _depth(bits: float) -> float:
    return 100.0 * min(max(bits / DARKEST, 0.0), 1.0)


def _span(token: str, bits: float) -> str:
    if not np.isfinite(bits):
        return f"<span>{escape(token)}</span>"
    said = f"{percent(2.0**-bits)}, {number(bits)} bits"
    return (
        f'<span style="--depth:{_depth(bits):.0f}%" title="{escape(said)}">{escape(token)}</span>'
    )
