"""Arrays in the page: gzip and base64, each in an element of its own, decoded when it is needed."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = {"u1": "u1", "f4": "<f4", "f8": "<f8"}
LEVEL = 6
"""Of gzip: higher ones take several times as long for a percent or two."""


class Blobs:
    """The page's arrays: early ones stand before the script, what only a zoom needs stands after."""

    def __init__(self) -> None:
        self._early: list[str] = []
        self._late: list[str] = []
        self._limited = 0

    def early(self, values: NDArray[Any], kind: str) -> str:
        """Add an array that the first drawing needs; return its name."""
        name = f"e{len(self._early)}"
        self._early.append(_element(name, encoded(values, kind)))
        return name

    def late(self, values: NDArray[Any], kind: str, *, limit: int | None = None) -> str | None:
        """Add an array for later; return its name, or None where it was left out.

        It is left out where all arrays that were added with a limit would exceed `limit` bytes.
        """
        text = encoded(values, kind)
        if limit is not None:
            if self._limited + len(text) > limit:
                return None
            self._limited += len(text)
        name = f"l{len(self._late)}"
        self._late.append(_element(name, text))
        return name

    def early_html(self) -> str:
        """Return the elements that stand before the script."""
        return "\n".join(self._early)

    def late_html(self) -> str:
        """Return the elements that stand after the script."""
        return "\n".join(self._late)


def encoded(values: NDArray[Any], kind: str) -> str:
    """Return an array as base64 of gzip; kind is `u1`, `f4` or `f8`, little-endian."""
    raw = np.ascontiguousarray(values, dtype=KINDS[kind]).tobytes()
    # A fixed time in its header: the same data give the same page.
    return base64.b64encode(gzip.compress(raw, LEVEL, mtime=0)).decode("ascii")


def _element(name: str, text: str) -> str:
    return f'<script type="text/plain" id="gatewise-{name}">{text}</script>'
