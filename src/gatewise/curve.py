"""One curve of a result, as the page and the figures both paint it: lines over x, marks, and a sentence.

Sizes: N points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from gatewise.errors import InputError
from gatewise.typing import Floats
from gatewise.wording import figure

Kind = Literal["", "gate path", "gradient", "intervention", "score"]


@dataclass(frozen=True)
class Mark:
    """A labelled line: vertical at a step of the time axis or a value of x, or a level of y.

    Attributes:
        low, high: The interval of `at`, NaN where there is none.
    """

    at: float
    text: str
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, eq=False, repr=False)
class Line:
    """One line of a curve; `kind` says which of the three views of memory it is."""

    name: str
    y: Floats  # [N], NaN where unknown
    low: Floats | None = None  # [N]
    high: Floats | None = None
    kind: Kind = ""
    dashed: bool = False
    dot: float | None = None  # the x that is marked by a dot
    colour: int | None = None  # of the palette, for lines that belong together; by place where None
    interval: str = "interval"  # what low and high are called, such as "95 % interval"

    def __post_init__(self) -> None:
        kinds = ("", "gate path", "gradient", "intervention", "score")
        check_one_of("Line.kind", self.kind, kinds)
        check_band(f"Line {self.name!r}", self.y, self.low, self.high)

    def __repr__(self) -> str:
        return f"Line({self.name!r}, {len(self.y)} points)"


@dataclass(frozen=True, eq=False, repr=False)
class Curve:
    """One small chart; charts of the same `group` stand together under that heading.

    Raises InputError for lines that are not as long as `x`, and for an `x` that does not increase.
    """

    name: str
    x_label: str
    x: Floats  # [N], increasing
    lines: tuple[Line, ...]
    y_label: str = ""
    log_x: bool = False
    log_y: bool = False
    marks: tuple[Mark, ...] = ()
    level: Mark | None = None  # a labelled horizontal line
    reading: str = ""  # one sentence that reads the curve
    note: str = ""  # what it does not say
    group: str = "Memory"

    def __post_init__(self) -> None:
        where = f"Curve {self.name!r}"
        if not self.lines:
            raise InputError(f"{where} has no line")
        if np.ndim(self.x) != 1 or len(self.x) == 0 or bool(np.any(np.diff(self.x) <= 0)):
            raise InputError(f"{where}: x must be one row of increasing numbers")
        if self.log_x and self.x[0] <= 0:
            raise InputError(f"{where}: log_x needs x above 0; it begins with {figure(self.x[0])}")
        for line in self.lines:
            if len(line.y) != len(self.x):
                raise InputError(
                    f"{where}: line {line.name!r} has {len(line.y)} points, x has {len(self.x)}"
                )

    def scaled(self, by: float, line: str, y_label: str) -> Curve:
        """Return the curve, of a single line, with `by` times its y, under other names."""
        (drawn,) = self.lines
        band = (None if end is None else np.asarray(end) * by for end in (drawn.low, drawn.high))
        low, high = band
        level = self.level and replace(self.level, at=self.level.at * by)
        lines = (replace(drawn, name=line, y=np.asarray(drawn.y) * by, low=low, high=high),)
        return replace(self, lines=lines, level=level, y_label=y_label)

    @classmethod
    def of(
        cls,
        name: str,
        x_label: str,
        x: Floats,
        y: Floats,
        *,
        low: Floats | None = None,
        high: Floats | None = None,
        kind: Kind = "",
        note: str = "",
        **more: Any,
    ) -> Curve:
        """Return a curve of a single line."""
        return cls(name, x_label, x, (Line(name, y, low, high, kind),), note=note, **more)

    def __repr__(self) -> str:
        return f"Curve({self.name!r}, lines {', '.join(line.name for line in self.lines)})"


def check_one_of(where: str, value: str, known: Sequence[str]) -> None:
    """Raise InputError unless `value` is among `known`."""
    if value not in known:
        raise InputError(f"{where} must be one of {', '.join(map(repr, known))}; got {value!r}")


def check_band(where: str, values: Any, low: Any, high: Any) -> None:
    """Raise InputError unless all three are `[N]` of one length, and low and high come together."""
    if (low is None) != (high is None):
        raise InputError(f"{where}: low and high belong together; only one of them was given")
    for name, array in (("values", values), ("low", low), ("high", high)):
        if array is not None and np.shape(array) != (np.size(values),):
            raise InputError(
                f"{where}: {name} must be one row of {np.size(values)} numbers; got shape "
                f"{list(np.shape(array))}"
            )
