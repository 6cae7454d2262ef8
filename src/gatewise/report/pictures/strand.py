"""One sequence step by step: the true classes, those predicted, and how sure the model is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from gatewise.errors import InputError
from gatewise.report.pictures.scatter import ticks
from gatewise.typing import Array, Indices
from gatewise.wording import counted

WIDTH, RIBBON, CURVE = 1000.0, 22.0, 100.0
"""Of drawings that are stretched to their place; text stands beside them, and so keeps its size."""
COLOURS = 5
"""Of the palette; classes beyond share them in turn."""
LETTERS = 160
"""Up to so many steps each has its letter, where there is room for it."""


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
        """Return the drawing with the names of its colours; a script reads what is pointed at."""
        rows = [_row(name, self._ribbon(codes)) for name, codes in self._codes()]
        rows += [_row("", self._letters()), _row(_scale(), self._curve()), _row("", self._axis())]
        return (
            f'<div class="strand" style="--steps:{len(self.predicted)}" role="img" '
            f'aria-label="{escape(self.title)}" data-strand="{escape(self._data())}">'
            f"{''.join(rows)}</div>"
            f'<p class="hint strand-reading" aria-live="polite">{self._span()}</p>{self._keys()}'
        )

    def _codes(self) -> list[tuple[str, Indices]]:
        truth = [] if self.truth is None else [("truth", self.truth)]
        return [*truth, ("predicted", self.predicted)]

    def _data(self) -> str:
        """Return what the script says of a step, as JSON: runs are pairs of class and length."""
        runs = {
            name: [(code, last - first) for first, last, code in _runs(codes)]
            for name, codes in self._codes()
        }
        told = {"step": self.step, "start": self.start, "classes": self.classes, "runs": runs}
        return json.dumps({**told, "letters": self.letters, "span": self._span()})

    def _span(self) -> str:
        count = len(self.predicted)
        return f"{self.step}s {self.start + 1:,} to {self.start + count:,}" if count else ""

    def _x(self, step: float) -> float:
        return step / max(len(self.predicted), 1) * WIDTH

    def _ribbon(self, codes: Indices) -> str:
        blocks = "".join(self._block(*run) for run in _runs(codes))
        return f'<svg class="drawn ribbon" {_box(RIBBON)}>{blocks}</svg>'

    def _block(self, first: int, last: int, code: int) -> str:
        if code < 0:
            return ""
        where = f"{self.step} {self.start + first + 1:,} to {self.start + last:,}"
        said = f"{self.classes[code]}, {where}, {counted(last - first, self.step)}"
        return (
            f'<rect class="k{_colour(code)}" x="{self._x(first):.2f}" y="0" '
            f'width="{max(self._x(last) - self._x(first), 0.4):.2f}" height="{RIBBON:g}">'
            f"<title>{escape(said)}</title></rect>"
        )

    def _letters(self) -> str:
        if not self.letters or len(self.letters) > LETTERS:
            return ""
        spans = "".join(f'<span class="letter">{escape(letter)}</span>' for letter in self.letters)
        return f'<div class="letters" aria-hidden="true"><div>{spans}</div></div>'

    def _curve(self) -> str:
        if not self.probabilities:
            return ""
        parts = [
            f'<line class="grid" x1="0" x2="{WIDTH:g}" y1="{y:g}" y2="{y:g}"/>'
            for y in (1.0, CURVE / 2, CURVE - 1)
        ]
        for place, (_, values) in enumerate(self.probabilities):
            steps, thinned = _thinned(values)
            corners = " ".join(
                f"{self._x(step + 0.5):.1f},{1 + (1 - value) * (CURVE - 2):.1f}"
                for step, value in zip(steps, thinned, strict=True)
            )
            parts.append(f'<polyline class="trail l{place % COLOURS}" points="{corners}"/>')
        return f'<svg class="drawn shares" {_box(CURVE)}>{"".join(parts)}</svg>'

    def _axis(self) -> str:
        count = len(self.predicted)
        marks = "".join(
            f'<span style="left:{self._x(value - self.start - 0.5) / WIDTH:.2%}">{int(value):,}</span>'
            for value in ticks(self.start + 1, self.start + max(count, 2), 8)
            if float(value).is_integer() and value <= self.start + count
        )
        return f'<div class="places">{marks}</div><div class="of">{self.step}</div>'

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


def _row(name: str, drawn: str) -> str:
    """Return a drawing with its name beside it; "" where there is no drawing."""
    return f'<div class="lead">{name}</div><div class="along">{drawn}</div>' if drawn else ""


def _box(height: float) -> str:
    return f'viewBox="0 0 {WIDTH:g} {height:g}" preserveAspectRatio="none"'


def _scale() -> str:
    return '<div class="scale-of-one"><span>1</span><span>0.5</span><span>0</span></div>'


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
