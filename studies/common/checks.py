"""What a study predicts, in figures: a measurement with its interval against the bounds it must keep."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gatewise.wording import counted, figure
from studies.common.statistics import Interval

Outcome = Literal["met", "open", "missed"]

HOLDS = "holds"
CORRECTED = "holds with a correction"
FAILS = "does not hold as predicted"
OPEN = "undecided"


@dataclass(frozen=True)
class Check:
    """One prediction and what was measured.

    Attributes:
        name: What is measured, such as "slope over Lyapunov exponent".
        value: The measurement; `low` and `high` are the ends of its 95 % interval, both `value` where
            it is exact.
        at_least, at_most: The bounds that were set beforehand; infinite where there is none.
        unit: What the figures are in, such as "steps"; "" for bare numbers.
    """

    name: str
    value: float
    low: float
    high: float
    at_least: float = -math.inf
    at_most: float = math.inf
    unit: str = ""

    @classmethod
    def exact(cls, name: str, value: float, **bounds: Any) -> Check:
        """Return the check of a measurement without uncertainty."""
        return cls(name, value, value, value, **bounds)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Check:
        """Return the check that `to_json` wrote; None is an infinite bound, or a figure not measured."""
        empty = {"at_least": -math.inf, "at_most": math.inf}
        found: dict[str, Any] = {
            field.name: values[field.name]
            if values[field.name] is not None
            else empty.get(field.name, math.nan)
            for field in dataclasses.fields(cls)
        }
        return cls(**found)

    @classmethod
    def of(cls, name: str, found: Interval, **bounds: Any) -> Check:
        """Return the check of an estimate with its interval."""
        return cls(name, found.value, found.low, found.high, **bounds)

    @property
    def outcome(self) -> Outcome:
        """Return "met" where the interval keeps the bounds, "missed" where it lies outside, else "open".

        A figure that is not a number was not measured, which is a miss.
        """
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return "missed"
        if self.low >= self.at_least and self.high <= self.at_most:
            return "met"
        outside = self.high < self.at_least or self.low > self.at_most
        return "missed" if outside else "open"

    @property
    def predicted(self) -> bool:
        """Whether anything was predicted: a figure without bounds is reported, and is never missed."""
        return math.isfinite(self.at_least) or math.isfinite(self.at_most)

    @property
    def word(self) -> str:
        """The outcome, or "shown" of a figure of which nothing was predicted."""
        return self.outcome if self.predicted else "shown"

    @property
    def bounds(self) -> str:
        """The bounds in words, such as "0.95 to 1.05"."""
        if not self.predicted:
            return "reported only"
        if math.isinf(self.at_most):
            return f"at least {figure(self.at_least, 4)}"
        if math.isinf(self.at_least):
            return f"at most {figure(self.at_most, 4)}"
        if self.at_least == self.at_most:
            return f"exactly {figure(self.at_least, 4)}"
        return f"{figure(self.at_least, 4)} to {figure(self.at_most, 4)}"

    @property
    def measured(self) -> str:
        """The measurement in words, such as "1.01 (0.99 to 1.03)"."""
        text = figure(self.value, 4)
        if self.low != self.value or self.high != self.value:
            text += f" ({figure(self.low, 4)} to {figure(self.high, 4)})"
        return f"{text} {self.unit}".strip()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; an infinite bound is None."""
        values = {
            "name": self.name,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "at_least": self.at_least,
            "at_most": self.at_most,
            "unit": self.unit,
        }
        plain = {name: None if _no_number(value) else value for name, value in values.items()}
        return {**plain, "outcome": self.outcome}


def _no_number(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def unmet(checks: Sequence[Check]) -> str:
    """Return what keeps a claim from holding, such as "1 of 14 checks open"; "" where nothing does."""
    predicted = [check.outcome for check in checks if check.predicted]
    counts = {name: predicted.count(name) for name in ("missed", "open")}
    told = [f"{count} {name}" for name, count in counts.items() if count]
    if not told:
        return ""
    first, *rest = told
    count, name = first.split()
    return ", ".join([f"{count} of {counted(len(predicted), 'check')} {name}", *rest])


def verdict_of(checks: Sequence[Check], *, corrected: bool) -> str:
    """Return the verdict in words: the claim holds where all is met, and fails where one is missed.

    `corrected`: the prediction contains a correction of the claim as it is usually told.
    """
    outcomes = {check.outcome for check in checks}
    if "missed" in outcomes:
        return FAILS
    if "open" in outcomes:
        return OPEN
    return CORRECTED if corrected else HOLDS
