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
        # By kind and text: an array that many charts share, such as a time axis, is there once.
        self._early: dict[tuple[str, str], str] = {}
        self._late: dict[tuple[str, str], str] = {}
        self._limited = 0

    def early(self, values: NDArray[Any], kind: str) -> str:
        """Add an array that the first drawing needs; return its name."""
        return self._early.setdefault((kind, encoded(values, kind)), f"e{len(self._early)}")

    def late(self, values: NDArray[Any], kind: str, *, limit: int | None = None) -> str | None:
        """Add an array for later; return its name, or None where it was left out.

        It is left out where all arrays that were added with a limit would exceed `limit` bytes.
        """
        text = encoded(values, kind)
        if limit is not None:
            if self._limited + len(text) > limit:
                return None
            self._limited += len(text)
        return self._late.setdefault((kind, text), f"l{len(self._late)}")

    def early_html(self) -> str:
        """Return the elements that stand before the script."""
        return "\n".join(_element(name, text) for (_, text), name in self._early.items())

    def late_html(self) -> str:
        """Return the elements that stand after the script."""
        return "\n".join(_element(name, text) for (_, text), name in self._late.items())


def encoded(values: NDArray[Any], kind: str) -> str:
    """Return an array as base64 of gzip; kind is `u1`, `f4` or `f8`, little-endian."""
    raw = np.ascontiguousarray(values, dtype=KINDS[kind]).tobytes()
    # A fixed time in its header: the same data give the same page.
    return base64.b64encode(gzip.compress(raw, LEVEL, mtime=0)).decode("ascii")


def _element(name: str, text: str) -> str:
    return f'<script type="text/plain" id="gatewise-{name}">{text}</script>'
