"""One sequence step by step: the true classes, those predicted, and how sure the model is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from gatewise.errors import InputError
from gatewise.report.pictures.scatter import ticks
from gatewise.typing import Array, Indices
from gatewise.wording import counted

WIDTH, LEFT, EDGE = 1000.0, 78.0, 6.0
RIBBON, BETWEEN, CURVE = 22.0, 8.0, 110.0
COLOURS = 5
"""Of the palette; classes beyond share them in turn."""
LETTERS = 120
"""Up to so many steps each has its letter."""


@dataclass(frozen=True, eq=False, repr=False)
class Strand:
    """Steps of one sequence: T of them.

    Attributes:
        classes: Names of the codes; class 0 is the background, which is drawn in grey.
        truth: [T] codes, -1 unknown; None where none is known.
        predicted: [T] codes.
        probabilities: Name to [T], the lines below the ribbons, each from 0 to 1.
        start: The number of the first step in its sequence, from 0.
        letters: [T] symbols of the steps, or "" where they have none.
        step: What a step is called, such as "base".

    Raises InputError where lengths disagree.
    """

    title: str
    classes: tuple[str, ...]
    predicted: Indices
    truth: Indices | None = None
    probabilities: tuple[tuple[str, Array], ...] = ()
    start: int = 0
    letters: str = ""
    step: str = "step"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sized = [
            ("truth", self.truth),
            *self.probabilities,
            ("letters", list(self.letters) or None),
        ]
        for name, values in sized:
            if values is not None and len(values) != len(self.predicted):
                raise InputError(
                    f"Strand {self.title!r}: {name} has {len(values)} steps, the prediction "
                    f"{len(self.predicted)}"
                )

    def html(self) -> str:
        """Return the drawing with the names of its colours."""
        rows = [] if self.truth is None else [("truth", self.truth)]
        rows.append(("predicted", self.predicted))
        parts, top = [], 4.0
        for name, codes in rows:
            parts.append(f'<text class="up" x="{LEFT - 8:g}" y="{top + 15:g}">{name}</text>')
            parts += [self._block(*run, top) for run in _runs(codes)]
            top += RIBBON + BETWEEN
        parts += self._letters(top)
        top += 16.0 if self._lettered else 0.0
        if self.probabilities:
            parts += self._curve(top)
            top += CURVE
        parts += self._axis(top)
        return (
            f'<svg class="drawn strand" viewBox="0 0 {WIDTH:g} {top + 34:g}" role="img" '
            f'aria-label="{escape(self.title)}">{"".join(parts)}</svg>{self._keys()}'
        )

    @property
    def _lettered(self) -> bool:
        return bool(self.letters) and len(self.letters) <= LETTERS

    def _x(self, step: float) -> float:
        return LEFT + step / max(len(self.predicted), 1) * (WIDTH - LEFT - EDGE)

    def _block(self, first: int, last: int, code: int, top: float) -> str:
        if code < 0:
            return ""
        where = f"{self.step} {self.start + first + 1:,} to {self.start + last:,}"
        said = f"{self.classes[code]}, {where}, {counted(last - first, self.step)}"
        return (
            f'<rect class="k{_colour(code)}" x="{self._x(first):.2f}" y="{top:g}" '
            f'width="{max(self._x(last) - self._x(first), 0.4):.2f}" height="{RIBBON:g}">'
            f"<title>{escape(said)}</title></rect>"
        )

    def _letters(self, top: float) -> list[str]:
        if not self._lettered:
            return []
        return [
            f'<text class="letter" x="{self._x(k + 0.5):.1f}" y="{top + 8:g}">{escape(letter)}</text>'
            for k, letter in enumerate(self.letters)
        ]

    def _curve(self, top: float) -> list[str]:
        parts = []
        for value in (0.0, 0.5, 1.0):
            y = top + (1 - value) * (CURVE - 10) + 5
            parts.append(
                f'<line class="grid" x1="{LEFT:g}" x2="{WIDTH - EDGE:g}" y1="{y:g}" y2="{y:g}"/>'
                f'<text class="up" x="{LEFT - 8:g}" y="{y + 4:g}">{value:g}</text>'
            )
        for place, (_, values) in enumerate(self.probabilities):
            steps, thinned = _thinned(values)
            corners = " ".join(
                f"{self._x(step + 0.5):.1f},{top + (1 - value) * (CURVE - 10) + 5:.1f}"
                for step, value in zip(steps, thinned, strict=True)
            )
            parts.append(f'<polyline class="trail l{place % COLOURS}" points="{corners}"/>')
        return parts

    def _axis(self, top: float) -> list[str]:
        count = len(self.predicted)
        parts = [
            f'<text class="across" x="{self._x(value - self.start - 0.5):.1f}" y="{top + 15:g}">'
            f"{int(value):,}</text>"
            for value in ticks(self.start + 1, self.start + count, 8)
            if float(value).is_integer()
        ]
        middle = (LEFT + WIDTH - EDGE) / 2
        parts.append(f'<text class="across" x="{middle:g}" y="{top + 30:g}">{self.step}</text>')
        return parts

    def _keys(self) -> str:
        there = set(self.predicted.tolist()) | set(
            () if self.truth is None else self.truth.tolist()
        )
        keys = [
            f'<span class="key"><i class="k{_colour(code)}"></i>{escape(self.classes[code])}</span>'
            for code in sorted(there)
            if code >= 0
        ]
        keys += [
            f'<span class="key"><i class="l{place % COLOURS}"></i>{escape(name)}</span>'
            for place, (name, _) in enumerate(self.probabilities)
        ]
        return f'<p class="hint keys">{"".join(keys)}</p>'


def _colour(code: int) -> int:
    return 0 if code == 0 else 1 + (code - 1) % COLOURS


def _runs(codes: Indices) -> Iterator[tuple[int, int, int]]:
    """Yield the runs of equal codes: first step, step after the last, code."""
    if not len(codes):
        return
    ends = [*(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    first = 0
    for last in ends:
        yield first, last, int(codes[first])
        first = last


def _thinned(values: Array, most: int = 900) -> tuple[Array, Array]:
    """Return steps and values to draw: of long rows the lowest and the highest of each bin, in order."""
    known = np.where(np.isfinite(values), values, 0.0)
    if len(known) <= 2 * most:
        return np.arange(len(known), dtype=np.float64), known
    edges = np.linspace(0, len(known), most + 1).astype(np.int64)
    picks = []
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = known[first:last]
        picks += sorted({first + int(part.argmin()), first + int(part.argmax())})
    steps = np.array(picks)
    return steps.astype(np.float64), known[steps]
