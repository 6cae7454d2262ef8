"""The unit of time that one step of the data is, so that sentences say "37 days" and not "37 steps"."""

from __future__ import annotations

import math
from dataclasses import dataclass

LARGER = {"second": (60, "minute"), "minute": (60, "hour"), "hour": (24, "day")}
"""How many of a unit make the next one. Days are not joined: 14 of them are no clearer as 2 weeks."""

MANY = 120
"""So many of a unit and more are said in the next one, even where that is no whole number."""


@dataclass(frozen=True)
class Unit:
    """What one step of the data is: a day, or a step of which nothing is known.

    Attributes:
        noun: "day" where one step is one day; else "step".
        size: How long a step is where the noun does not say it, such as "15 minutes"; or "".
    """

    noun: str = "step"
    size: str = ""

    @classmethod
    def of(cls, text: str) -> Unit:
        """Return the unit for the step in words, such as "1 day" or "15 minutes"."""
        count, _, noun = text.partition(" ")
        if count == "1" and noun not in ("", "row", "step"):
            return cls(noun)
        return cls("step", "" if count == "1" else text)

    @property
    def plural(self) -> str:
        """The noun for several, such as "days"."""
        return f"{self.noun}s"

    def axis(self, furthest: float) -> tuple[float, str]:
        """Return how long a step is on an axis up to `furthest` steps, and what that axis counts.

        Such as 0.5 and "hours" for 30 steps of 30 minutes.
        """
        each, noun = self._each(furthest)
        return each, f"{noun}s"

    def counted(self, steps: float) -> str:
        """Return a number of steps in words: "37 days", and "15 hours" for 30 steps of 30 minutes."""
        return self.spanned(steps, math.nan, math.nan)

    def spanned(self, steps: float, low: float, high: float) -> str:
        """Return a number of steps and its interval in one unit: "15 hours (12–18.5)".

        Without an interval where that is not known.
        """
        each, noun = self._each(steps)
        known = not (math.isnan(low) or math.isnan(high))
        ends = f" ({_figure(low * each)}–{_figure(high * each)})" if known else ""
        count = _figure(steps * each)
        return f"{count} {noun if count == '1' else noun + 's'}{ends}"

    def of_interval(self, steps: float, end: float) -> str:
        """Return `end` as a number of the unit in which `steps` are counted."""
        return _figure(end * self._each(steps)[0])

    def _each(self, steps: float) -> tuple[float, str]:
        """Return how long a step is, and in which unit so many of them are counted."""
        count, _, noun = self.size.partition(" ")
        try:
            each = float(count)
        except ValueError:
            return 1.0, self.noun
        noun = noun.removesuffix("s")
        while noun in LARGER:
            size, larger = LARGER[noun]
            total = steps * each
            if not total or (total % size and total < MANY):
                break
            each, noun = each / size, larger
        return each, noun


def _figure(value: float) -> str:
    """Return a count: whole with its thousands, or with one decimal below a hundred.

    A half is rounded up, as the page does.
    """
    if math.isinf(value):
        return "∞"
    if value == round(value) or abs(value) >= 100:
        return f"{math.floor(value + 0.5):,}"
    return f"{math.floor(value * 10 + 0.5) / 10:,.1f}".removesuffix(".0")
