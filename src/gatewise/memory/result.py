"""The base of every result: figures, their uncertainty, the settings, and a sentence that reads them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from gatewise import notebook
from gatewise.typing import Array
from gatewise.unit import Unit
from gatewise.wording import percent

FELT = 0.05
"""The share of the largest effect that is still felt: what is below it counts as forgotten."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result(ABC):
    """What one function of `gatewise.memory` found.

    A subclass is a dataclass with `frozen=True, kw_only=True, eq=False, repr=False` (arrays have no
    single truth value, and are long). Its figures are numbers and NumPy arrays, their uncertainty
    the fields `low` and `high`, and it says in `reading` what a newcomer is to make of them.

    Attributes:
        settings: What the figures were computed with: options, sizes, seed, level of the interval.
    """

    settings: Mapping[str, Any]

    @property
    @abstractmethod
    def reading(self) -> str:
        """One plain sentence for a newcomer, with the figures and their interval."""

    @property
    def has_score(self) -> bool:
        """Whether shares of a score can be told: not where the score is not shown to be above 0."""
        return True

    @property
    def caveat(self) -> str:
        """What the figures do not say, such as "gate path only"; may be empty."""
        return ""

    def caveat_in(self, unit: Unit) -> str:
        """Return the caveat with steps counted in `unit`: in days where one step is a day."""
        return self.caveat

    @property
    def interval_name(self) -> str:
        """What the intervals are called, such as "95 % interval"."""
        level = self.settings.get("level")
        return "interval" if level is None else f"{percent(level)} interval"

    @property
    def note(self) -> str:
        """The caveat as a sentence of its own, or ""."""
        return self.note_in(Unit())

    def note_in(self, unit: Unit) -> str:
        """Return `note` with steps counted in `unit`."""
        text = self.caveat_in(unit)
        return f"{text[:1].upper()}{text[1:]}." if text else ""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON has, `kind` being the name of the class.

        Arrays become lists, NaN becomes None, and infinity the string "Infinity" or "-Infinity",
        which JSON has no number for. Raises TypeError for a field of any other kind.
        """
        figures = {field.name: getattr(self, field.name) for field in fields(self)}
        settings = figures.pop("settings")
        return {
            "kind": type(self).__name__,
            "reading": self.reading,
            "caveat": self.caveat,
            **{name: plain(value) for name, value in figures.items()},
            "settings": plain(settings),
        }

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the result as `gatewise.figures.draw` does; returns the matplotlib axes.

        Raises InputError for a result that has no panel, OptionError where matplotlib is not installed.
        """
        return notebook.figures().draw(self, ax, **options)

    def _repr_html_(self) -> str:
        figures = [field.name for field in fields(self) if field.name != "settings"]
        rows = [_brief(self, name).partition("=")[::2] for name in figures]
        return notebook.shown(
            type(self).__name__,
            notebook.sentences([self.reading]),
            notebook.small(self.note),
            notebook.table(("figure", "value"), rows),
        )

    def __str__(self) -> str:
        return f"{self.reading} ({self.caveat})" if self.caveat else self.reading

    def __repr__(self) -> str:
        figures = (f for f in fields(self) if f.name != "settings")
        return f"{type(self).__name__}({', '.join(_brief(self, f.name) for f in figures)})"


def plain(value: Any) -> Any:
    """Return `value` as what JSON has; see `Result.to_dict`."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return _plain_float(value)
    if isinstance(value, np.ndarray | np.generic):
        return _plain_array(np.asarray(value))
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | set | frozenset | range):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"a result cannot hold a {type(value).__name__} for JSON: {value!r:.60}")


def _plain_float(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


def _plain_array(array: np.ndarray[Any, Any]) -> Any:
    if array.dtype.kind in "mM":
        return array.astype(str).tolist()
    if array.dtype.kind in "biuU" or (array.dtype.kind == "f" and bool(np.isfinite(array).all())):
        return array.tolist()
    if array.dtype.kind in "fO":
        return plain(array.tolist())
    raise TypeError(f"a result cannot hold an array of {array.dtype} for JSON")


def _brief(result: Result, name: str) -> str:
    """Return `name=value`, with the shape alone where the value is an array of some length."""
    value = getattr(result, name)
    if isinstance(value, np.ndarray) and value.size > 4:
        return f"{name}={value.dtype} {list(value.shape)}"
    text = repr(value)
    return f"{name}={text if len(text) <= 60 else text[:57] + '...'}"


def in_blocks(settings: Mapping[str, Any]) -> str:
    """Return "; ..." where rows were drawn in blocks for the interval, to end a caveat with."""
    block = settings["row_block"]
    if block == 1:
        return ""
    return (
        f"; neighbouring rows resemble each other, so the interval draws them in blocks of {block}"
    )


def left_out(run_in: int, unit: Unit) -> str:
    """Return what a curve says of the steps that it leaves out, to go on a caveat with."""
    return f"the first {unit.counted(run_in)} of each row, its start from no state, are left out"


def known_band(low: Array, high: Array) -> tuple[Array | None, Array | None]:
    """Return the ends of an interval as a curve's line takes them: None where there is no interval."""
    if np.isnan(low).all() or np.isnan(high).all():
        return None, None
    return low, high
