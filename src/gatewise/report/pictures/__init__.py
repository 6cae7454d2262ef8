"""The main pictures of a page of sequences: counts, points, a sequence step by step, coloured text.

Each kind is a frozen dataclass of arrays and text with a `title`, notes and `html()`, which needs no
script. A new kind is one module here and its styles in assets/pictures.css.
"""

from __future__ import annotations

from typing import Protocol

from gatewise.report.pictures.coloured import ColouredText
from gatewise.report.pictures.matrix import Matrix
from gatewise.report.pictures.scatter import Scatter
from gatewise.report.pictures.strand import Strand

__all__ = ["ColouredText", "Matrix", "Picture", "Scatter", "Strand"]


class Picture(Protocol):
    """Something that can be drawn on the first screen."""

    @property
    def title(self) -> str:
        """What it is called there."""

    @property
    def notes(self) -> tuple[str, ...]:
        """How it is read, a sentence each."""

    def html(self) -> str:
        """Return the drawing."""
