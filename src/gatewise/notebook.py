"""What a result shows in a notebook: HTML without scripts or colours of its own, small and escaped.

Text and lines take the colour of the page around them, so that a dark notebook reads as well as a
light one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from html import escape
from importlib import import_module
from typing import Any

_BOX = "max-width:60em;line-height:1.45"
_CELL = "padding:.15em .7em;border-bottom:1px solid rgba(128,128,128,.3)"
_SMALL = "font-size:.9em;opacity:.75"


def shown(title: str, *parts: str) -> str:
    """Return a result as HTML: its title, then parts that the functions below made."""
    return f'<div style="{_BOX}"><strong>{escape(title)}</strong>{"".join(parts)}</div>'


def sentences(texts: Iterable[str]) -> str:
    """Return sentences, a paragraph each."""
    return "".join(f'<p style="margin:.4em 0">{escape(text)}</p>' for text in texts)


def small(text: str) -> str:
    """Return a note in small print."""
    return f'<p style="margin:.4em 0;{_SMALL}">{escape(text)}</p>' if text else ""


def folded(sentence: str, more: str) -> str:
    """Return a sentence that opens to more of it."""
    if not more:
        return sentences([sentence])
    return (
        f'<details style="margin:.4em 0"><summary>{escape(sentence)}</summary>'
        f'<div style="margin:.3em 1.2em;{_SMALL}">{escape(more)}</div></details>'
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is words and whose others are figures."""

    def cells(texts: Sequence[str], kind: str) -> str:
        aligned = ["left", *["right"] * (len(texts) - 1)]
        return "".join(
            f'<{kind} style="{_CELL};text-align:{side}">{escape(text)}</{kind}>'
            for text, side in zip(texts, aligned, strict=True)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse;margin:.4em 0">'
        f"<thead><tr>{cells(head, 'th')}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def figures() -> Any:
    """Return the room that draws. By its name: it stands above the results, which it imports."""
    return import_module("gatewise.figures")


def is_notebook() -> bool:
    """Return whether this process answers to a notebook's cells."""
    loaded = sys.modules.get("IPython")  # whoever runs in a notebook has it
    shell = None if loaded is None else loaded.get_ipython()
    return hasattr(shell, "kernel")  # a terminal's shell has none


class Place:
    """A line below a notebook's cell that is written over."""

    def __init__(self) -> None:
        self.handle: Any = None

    def write(self, text: str) -> None:
        """Show `text` in place of what was there."""
        bundle = {"text/plain": text}
        if self.handle is None:
            display = import_module("IPython.display").display
            self.handle = display(bundle, raw=True, display_id=True)
        else:
            self.handle.update(bundle, raw=True)
