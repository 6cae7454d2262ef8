"""What a text costs a compressor, whole, and its end alone after what comes before.

The second is what a model is asked that has read the rest: a compressor learns while it reads.
"""

from __future__ import annotations

from collections.abc import Callable

import brotli  # type: ignore[import-untyped]

Compress = Callable[[bytes], bytes]


def by_brotli(text: bytes) -> bytes:
    """Return a text as Brotli packs it at its strongest."""
    packed: bytes = brotli.compress(text, quality=11, lgwin=24)
    return packed


def bits(compress: Compress, text: str, last: int) -> tuple[float, float]:
    """Return bits per character of a text, and those that its last characters add to the rest."""
    whole, rest = (8 * len(compress(part.encode())) for part in (text, text[:-last]))
    return whole / len(text), (whole - rest) / last
