"""The space that a search looks through: for each option of the forecaster a list or a range of values.

This module knows no Optuna, so that a space can be read and refused without the extra.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.data.tables.levels import least_lookback
from gatewise.errors import OptionError, nearest
from gatewise.estimators.forecaster.preparation import Prepared
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.options import Option, options_of

FIXED = (
    *("horizon", "validation", "test", "frequency", "missing", "season", "baselines", "quantiles"),
    *("members", "seed", "engine", "device"),
)
"""Options, beside those of columns, that say what the task is or where it is computed: trials that
differed in them could not be told apart by one score."""

LOG_FROM = 10
"""A range whose end is so many times its beginning is searched on a logarithmic scale."""

WIDER, LONGER = 4, 3
"""How many times shorter and longer than the settings' a lookback and a training may be."""


@dataclass(frozen=True)
class Choice:
    """A few values that an option may have."""

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Return whether `value` is among them."""
        return value in self.values

    def to_json(self) -> Any:
        """Return it as `space` takes it."""
        return list(self.values)

    def __str__(self) -> str:
        return ", ".join("none" if value is None else f"{value}" for value in self.values)


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones where the option's are."""

    low: float
    high: float
    whole: bool

    @property
    def log(self) -> bool:
        """Whether it is searched on a logarithmic scale."""
        return self.low > 0 and self.high >= LOG_FROM * self.low

    def holds(self, value: Any) -> bool:
        """Return whether `value` lies in it."""
        return isinstance(value, int | float) and self.low <= value <= self.high

    def to_json(self) -> Any:
        """Return it as `space` takes it, and as JSON has it."""
        return {"from": self.low, "to": self.high}

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}" + (" (log)" if self.log else "")


Space = dict[str, Choice | Range]

USUAL: Mapping[str, Choice | Range] = {
    "cell": Choice(("lstm", "gru")),
    "hidden_size": Range(8, 128, True),
    "num_layers": Choice((1, 2)),
    "learning_rate": Range(1e-3, 3e-2, False),
    "dropout": Range(0.0, 0.5, False),
    "weight_decay": Choice((0.0, 1e-3, 1e-2, 1e-1)),
    "noise": Choice((0.0, 0.05, 0.1, 0.2)),
    "forget_bias": Choice((0.0, 1.0, 3.0)),
}
"""What is searched where nothing is said, whatever the data; `usual_space` adds what follows from it."""


def usual_space(prepared: Prepared) -> Space:
    """Return what is searched where nothing is said.

    The lookback goes by what the data allows; of a forecast so do what its windows add to, the logarithm
    and the number of steps that it is trained for.
    """
    settings, space = prepared.settings, dict(USUAL)
    if settings.long_memory is not None:  # it starts the gate that a bias would start
        del space["forget_bias"]
    longest = _longest_lookback(prepared)
    least = least_lookback(settings.normalise, prepared.season)
    back = settings.steps_back
    high = max(min(back * WIDER, longest), back)
    space["lookback"] = Range(max(min(back // WIDER, high), least, 1), high, True)
    if settings.horizon == 0:
        return space
    fits = prepared.season is not None and high >= least_lookback("season", prepared.season)
    seasonal = ("season",) if fits else ()
    space["normalise"] = Choice((*seasonal, "last", "window"))
    if settings.transform == "log":
        space["transform"] = Choice(("log", "none"))
    if settings.steps is not None:
        space["steps"] = Range(max(settings.steps // LONGER, 1), settings.steps * LONGER, True)
    return space


def space_of(
    settings: ForecasterSettings, prepared: Prepared, given: Mapping[str, Any] | None
) -> Space:
    """Return the space of a search around `settings` on the data that is prepared for them.

    `given` replaces and adds to what is searched by default, option by option: a list of values, a
    pair (low, high) of numbers, or one value, which the option keeps. An option that has been set to
    other than its default stays as it is unless `given` names it.

    Raises OptionError for an option that there is not or that cannot differ between trials, and for
    values that it cannot have.
    """
    options = {name: (default, option) for name, default, option in options_of(settings)}
    space = {
        name: over
        for name, over in usual_space(prepared).items()
        if getattr(settings, name) == options[name][0]
    }
    if settings.epochs is not None:  # training is counted in one of the two
        space.pop("steps", None)
    space |= {name: _read(name, value, options) for name, value in (given or {}).items()}
    if all(_is_one(over) for over in space.values()):
        raise OptionError(
            "there is nothing to tune: every option is set, or has one value in the space; give several "
            "values of one of them"
        )
    return space


def _longest_lookback(prepared: Prepared) -> int:
    """Return the longest lookback that leaves half of the training part's times as windows."""
    rows = prepared.split.part_rows(prepared.given, "training")
    lengths = np.add.reduceat(rows.astype(np.int64), prepared.given.starts[:-1])
    return int((np.median(lengths) - prepared.settings.horizon) // 2)


def settings_of(space: Space, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a draw from `space` stands for: numbers of three digits, to be typed."""
    return {name: _rounded(space[name], value) for name, value in drawn.items()}


def _rounded(over: Choice | Range, value: Any) -> Any:
    if isinstance(over, Choice) or over.whole:
        return value
    return min(max(float(f"{value:.3g}"), over.low), over.high)


def _is_one(over: Choice | Range) -> bool:
    return over.low == over.high if isinstance(over, Range) else len(over.values) == 1


def _read(name: str, value: Any, options: Mapping[str, tuple[Any, Option]]) -> Choice | Range:
    """Return what `space` says of one option."""
    if name not in options:
        raise OptionError(f"space: there is no option {name!r}.{nearest(name, options)}")
    option = options[name][1]
    if option.group == "Columns" or name in FIXED:
        raise OptionError(
            f"space: {name} says what is predicted, from what or where, and is the same in all trials: "
            "set it beside the space"
        )
    over = _values(name, value, whole=option.rule.typed is int)
    if option.rule.typed is float and isinstance(over, Choice):
        # 0 is typed where 0.0 is meant, and a model's file would tell the two apart
        over = Choice(
            tuple(
                float(v) if isinstance(v, int) and not isinstance(v, bool) else v
                for v in over.values
            )
        )
    for each in over.values if isinstance(over, Choice) else (over.low, over.high):
        if not option.rule.allowed(each):
            raise OptionError(f"space: {name} must be {option.rule.wanted}, not {each!r:.60}")
    return over


def _values(name: str, value: Any, *, whole: bool) -> Choice | Range:
    if isinstance(value, Choice | Range):
        return value
    if isinstance(value, Mapping) and set(value) == {"from", "to"}:
        value = (value["from"], value["to"])
    if isinstance(value, tuple):
        return _range(name, value, whole=whole)
    if isinstance(value, Sequence) and not isinstance(value, str):
        if not value:
            raise OptionError(f"space: {name} has no value; leave it out to have it tuned as usual")
        return Choice(tuple(dict.fromkeys(_plain(name, each) for each in value)))
    return Choice((_plain(name, value),))


def _plain(name: str, value: Any) -> Any:
    """Return a value as a search can keep it."""
    value = value.item() if hasattr(value, "item") else value
    if value is not None and not isinstance(value, str | bool | int | float):
        raise OptionError(
            f"space: {name} cannot be {value!r:.60}: give a list of values, two numbers for a range, or "
            "one value"
        )
    return value


def _range(name: str, ends: tuple[Any, ...], *, whole: bool) -> Range:
    numbers = [_plain(name, end) for end in ends]
    if len(numbers) != 2 or not all(
        isinstance(end, int | float) and not isinstance(end, bool) and math.isfinite(end)
        for end in numbers
    ):
        raise OptionError(
            f"space: the values of {name} are no range: give two numbers, the smaller first, or a list"
        )
    low, high = numbers
    if low > high:
        raise OptionError(
            f"space: {name} runs from {low!r} down to {high!r}: put the smaller first"
        )
    return Range(low, high, whole)
