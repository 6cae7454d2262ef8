"""What an event codec may be told, and what it says of what it is given."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.errors import DataError, InputError, OptionError
from gatewise.options import Rule, check, option, whole
from gatewise.typing import Array
from gatewise.wording import figure

_LONGEST = 100_000
MOST_STEPS = 2**31
"""Of a correction; beyond, rounding in float64 would be felt in the bound."""
_FINEST = 1e-9
"""Of level or deviation, whichever is larger: the least bound."""

_SEASONS = Rule(
    lambda value: (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) <= 8
        and len(set(value)) == len(value)
        and all(whole(2, _LONGEST).allowed(each) for each in value)
    ),
    f"a list of at most 8 different whole numbers of steps, each from 2 to {_LONGEST:,}",
    tuple[int, ...],
)


@dataclass(frozen=True, kw_only=True)
class CodecOptions:
    """The options of an event codec. Raises OptionError for a value outside what it may be."""

    seasons: Sequence[int] = option(
        (), "Task and parts", "Lengths of the series' cycles, in samples.", _SEASONS
    )
    hidden_size: int = option(24, "Network", "Units of the GRU.", whole(1, 1024))
    updates: int = option(600, "Training", "Training steps.", whole(1))
    seed: int = option(0, "Training", "Of the starting weights and draws.", whole(0))

    def __post_init__(self) -> None:
        check(self)
        # plain and hashable, whatever sequence of whatever whole numbers was given
        object.__setattr__(self, "seasons", tuple(int(season) for season in self.seasons))


def series_of(values: Any, what: str) -> Array:
    """Return one series in float64 `[T]`. Raises InputError or DataError for what is none."""
    try:
        found = np.asarray(values)
        if found.dtype.kind not in "fiub":
            raise TypeError
        found = found.astype(np.float64)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{what}: give one row of numbers; got {_kind(values)}") from None
    if found.ndim == 0:
        raise InputError(f"{what}: give a series, one number for each sample; got a single number")
    if found.ndim != 1:
        raise InputError(
            f"{what}: give one series, one number for each sample; got shape {list(found.shape)}: "
            "make a codec for each column"
        )
    if not len(found):
        raise DataError(f"{what}: the series is empty")
    wrong = np.flatnonzero(~np.isfinite(found))
    if len(wrong):
        raise DataError(f"{what}: {_not_finite(int(wrong[0]), float(found[wrong[0]]))}")
    return found


def _kind(values: Any) -> str:
    """Return what was given in place of a series, with the first thing in it that is no number."""
    if isinstance(values, list | tuple):
        for place, each in enumerate(values):
            if isinstance(each, bool) or not isinstance(each, int | float | np.number):
                return f"a {type(values).__name__} with {each!r:.40} at {place}"
    return (
        f"{type(values).__name__} {values!r:.40}"
        if isinstance(values, str)
        else type(values).__name__
    )


def samples_of(samples: Any, most: int) -> int:
    """Return a number of samples. Raises InputError for what is none that a message has."""
    rule = whole(0, most)
    if not rule.allowed(samples):
        raise InputError(f"message: samples must be {rule.wanted}; got {samples!r:.40}")
    return int(samples)


def events_of(events: Any, samples: int) -> list[tuple[int, int]]:
    """Return events as pairs of whole numbers: a sample, each after the last one's, and steps.

    Raises InputError for what is none.
    """
    if isinstance(events, str | bytes) or not isinstance(events, Iterable):
        raise InputError(
            f"message: give the events that an encoder returned; got {type(events).__name__}"
        )
    found: list[tuple[int, int]] = []
    for place, each in enumerate(events):
        pair = tuple(each) if isinstance(each, Sequence) and not isinstance(each, str) else ()
        sound = len(pair) == 2 and whole(0).allowed(pair[0])
        if not sound or not whole(-MOST_STEPS, MOST_STEPS).allowed(pair[1]):
            raise InputError(
                f"message: event {place} must be a sample and a whole number of steps, as an encoder "
                f"returns it; got {each!r:.40}"
            )
        at, steps = int(pair[0]), int(pair[1])
        if at >= samples or (found and at <= found[-1][0]):
            raise InputError(
                f"message: event {place} is for sample {at}: events come one after the other, within "
                f"the {samples} samples"
            )
        found.append((at, steps))
    return found


def sample_of(value: Any, at: int) -> float:
    """Return the next sample of a stream. Raises DataError for what is no finite number."""
    try:
        if isinstance(value, str):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise DataError(f"encoder: sample {at} must be a number; got {value!r:.40}") from None
    if not math.isfinite(number):
        raise DataError(f"encoder: {_not_finite(at, number)}")
    return number


def _not_finite(at: int, value: float) -> str:
    return f"sample {at} is {value}: fill gaps first, or code the stretches between them apart"


def bound_of(bound: Any, level: float, deviation: float) -> float:
    """Return a bound as a float. Raises OptionError for one that is none, or is too fine."""
    sound = isinstance(bound, int | float | np.number) and not isinstance(bound, bool)
    if not sound or not math.isfinite(bound) or bound <= 0:
        raise OptionError(f"bound must be a number above 0, in the series' unit; got {bound!r:.40}")
    least = _FINEST * max(abs(level), deviation)
    if bound < least:
        raise OptionError(
            f"bound must be at least {figure(least)}, a billionth of the series' size; got {bound:g}"
        )
    return float(bound)


def wait_of(wait: Any) -> int:
    """Return a number of samples to wait. Raises OptionError for what is none."""
    rule = whole(0, _LONGEST)
    if not rule.allowed(wait):
        raise OptionError(f"wait must be {rule.wanted}; got {wait!r:.40}")
    return int(wait)


def steps_of(steps: Any) -> int:
    """Return a number of steps in a bound. Raises OptionError for what is none."""
    rule = whole(1, 1024)
    if not rule.allowed(steps):
        raise OptionError(f"steps must be {rule.wanted}; got {steps!r:.40}")
    return int(steps)
