"""What one step of time is called, so that sentences say "37 days" and not "37 steps"."""

from __future__ import annotations

from dataclasses import dataclass


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

    def counted(self, steps: float) -> str:
        """Return a number of steps in words: "37 days", "4 steps of 15 minutes"."""
        word = self.noun if steps == 1 else self.plural
        return f"{steps:,.0f} {word}" + (f" of {self.size}" if self.size else "")
