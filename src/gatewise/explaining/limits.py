"""Thresholds that a job can hold a network to: a sentence for each that is broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewise.errors import OptionError
from gatewise.options import Rule, option, options_of
from gatewise.wording import percent

if TYPE_CHECKING:
    from gatewise.explaining.explanation import Explanation


STEPS = Rule(lambda steps: steps >= 0, "a number of steps from 0 on", int)
SHARE = Rule(lambda share: 0 <= share <= 1, "a share from 0 to 1", float)


@dataclass(frozen=True)
class Limits:
    """What the figures of an explanation may be; None asks for nothing.

    Raises OptionError for values out of range.
    """

    min_horizon: int | None = option(
        None, "Limits", "The fewest steps that have to be remembered.", STEPS
    )
    max_window: int | None = option(
        None,
        "Limits",
        "The most steps that a window may need to lose under 1 % of the score.",
        STEPS,
    )
    max_idle: float | None = option(
        None, "Limits", "The largest share of idle units, 0 to 1.", SHARE
    )
    max_saturated: float | None = option(
        None,
        "Limits",
        "The largest share of units whose gate is saturated at over 95 % of the steps, 0 to 1.",
        SHARE,
    )

    def __post_init__(self) -> None:
        for name, _, each in options_of(self):
            value = getattr(self, name)
            if value is not None and not each.rule.allowed(value):
                raise OptionError(f"{name}={value!r}: use {each.rule.wanted}")

    def broken(self, explanation: Explanation) -> list[str]:
        """Return a sentence for each limit that does not hold; a figure that is missing breaks it."""
        found, unit = explanation.figures, explanation.unit
        if found.get("learnt") is False:
            return self._unlearnt()
        said = []
        if self.min_horizon is not None and found["horizon"] < self.min_horizon:
            said.append(
                f"The horizon is {unit.counted(found['horizon'])}, less than the "
                f"{unit.counted(self.min_horizon)} of --min-horizon."
            )
        window = found.get("window")
        if self.max_window is None:
            pass
        elif window is None:
            said.append(
                f"The window needed has no figure, so --max-window {self.max_window} does not hold."
            )
        elif window > self.max_window:
            said.append(
                f"The window needed is {unit.counted(window)}, more than the "
                f"{unit.counted(self.max_window)} of --max-window."
            )
        said += self._share(found.get("idle_share"), self.max_idle, "idle units", "--max-idle")
        gate = found.get("saturated_gate")
        if gate is not None:  # an RNN has none that could be stuck
            said += self._share(
                found["saturated_share"],
                self.max_saturated,
                f"units with a stuck {gate} gate",
                "--max-saturated",
            )
        return said

    def _unlearnt(self) -> list[str]:
        """Return a sentence for each limit that asks for something; there is no figure to hold it."""
        asked = [
            ("--min-horizon", self.min_horizon if self.min_horizon else None),
            ("--max-window", self.max_window),
            ("--max-idle", None if self.max_idle == 1 else self.max_idle),
            ("--max-saturated", None if self.max_saturated == 1 else self.max_saturated),
        ]
        return [
            f"The network is not shown to have learnt anything, so {option} {value:g} does not hold."
            for option, value in asked
            if value is not None
        ]

    @staticmethod
    def _share(value: float | None, most: float | None, what: str, option: str) -> list[str]:
        if most is None or most >= 1:
            return []  # no share is above 1
        if value is None:
            return [f"The share of {what} has no figure, so {option} {most:g} does not hold."]
        if value <= most:
            return []
        return [f"The share of {what} is {percent(value)}, above the {percent(most)} of {option}."]
