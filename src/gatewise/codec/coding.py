"""Encoder and decoder, a sample at a time: both run one forecast, and only misses are sent.

In scaled units all that a decoder says are whole multiples of a `grain`, far below the bound: so that
two machines whose arithmetic differs in the last bit say the same.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gatewise.codec.forecast import Forecast
from gatewise.codec.options import MOST_STEPS, sample_of
from gatewise.codec.sight import Sight
from gatewise.errors import DataError, InputError
from gatewise.options import whole
from gatewise.typing import Array, Indices
from gatewise.wording import figure

_GRAINS = 64
"""In a step of the numbers that are sent."""


class Event(NamedTuple):
    """One message: the sample that it is for, counted from 0, and the forecast's error in steps."""

    at: int
    steps: int


class Side:
    """What encoder and decoder share: rows of the decoder's series, and the forecasts of each.

    Args:
        bound: The largest error, in the series' unit.
        step: What one of an event's steps stands for, in the series' unit.
    """

    def __init__(self, forecast: Forecast, bound: float, step: float) -> None:
        self.forecast, self.bound, self.step = forecast, bound, step
        self.at = 0
        self._scaled_bound = bound / forecast.deviation
        self._scaled_step = step / forecast.deviation
        self._grain = self._scaled_step / _GRAINS
        self._sight = Sight(1, forecast.seasons)
        self.state = np.zeros((1, forecast.units))

    def guess(self) -> Array:
        """Advance all rows and return their forecasts `[C]`, in standard deviations from the mean."""
        guess, self.state = self.forecast.next(self._sight, self.state, self._scaled_bound)
        return np.asarray(np.round(guess / self._grain) * self._grain, np.float64)

    def values(self, scaled: Array) -> Array:
        """Return scaled values in the series' unit."""
        return self.forecast.level + self.forecast.deviation * scaled

    def take(self, rows: Indices) -> None:
        """Go on with these rows alone, each as often as it is named."""
        self._sight, self.state = self._sight.of(rows), self.state[rows]

    def tell(self, guess: Array, numbers: Indices | None = None) -> Array:
        """Take the forecasts, corrected by `numbers` of steps where there are; return the values."""
        errors = np.zeros(len(guess))
        if numbers is not None:
            errors = errors + numbers * self._scaled_step
        came = np.full(guess.shape, numbers is not None)
        self._sight.tell(guess + errors, errors, came)
        self.at += 1
        return self.values(guess + errors)


class Encoder:
    """Takes a series a sample at a time and says which messages to send.

    With `wait` an event is held back for as many samples: several corrections are within the bound,
    and the one whose forecasts then hold longest is sent.
    """

    def __init__(self, side: Side, wait: int) -> None:
        self._side, self.wait = side, wait
        self._numbers: Indices | None = None
        self._since = 0
        self._cost = np.zeros(1)

    def step(self, value: float) -> list[Event]:
        """Take the next value and return the events that are now settled: none, one or two.

        Raises DataError for a value that is no finite number, or far outside the fit; then nothing
        of it is kept.
        """
        side = self._side
        value, before = sample_of(value, side.at), side.state
        guess = side.guess()
        off = value - side.values(guess)
        if not np.abs(off).min() < MOST_STEPS * side.step:
            side.state = before
            raise DataError(
                f"encoder: sample {side.at} is {figure(value, 6)}, too far from what was forecast for a "
                f"bound of {figure(side.bound)}: is it in the unit of the fit?"
            )
        held = np.abs(off) <= side.bound
        events = []
        if held.any():
            if not held.all():
                rows = np.flatnonzero(held)
                self._keep(rows)
                guess, off = guess[rows], off[rows]
            side.tell(guess)
            self._cost = self._cost + np.square(off)
        else:
            # every candidate has come to its end: the one that ends nearest was the best
            best = int(np.argmin(np.abs(off)))
            self._keep(np.array([best]))
            events += self._settled()
            self._branch(guess[best], float(off[best]))
        if self._numbers is not None and (
            len(self._numbers) == 1 or side.at > self._since + self.wait
        ):
            self._keep(np.array([int(np.argmin(self._cost))]))
            events += self._settled()
        return events

    def finish(self) -> list[Event]:
        """Return the event that is still held back, if there is one."""
        self._keep(np.array([int(np.argmin(self._cost))]))
        return self._settled()

    def _branch(self, guess: float, off: float) -> None:
        """Open an event: with each of the numbers that bring the forecast within the bound."""
        side = self._side
        nearest = round(off / side.step)
        numbers = [nearest]
        if self.wait:
            low = math.ceil((off - side.bound) / side.step)
            high = math.floor((off + side.bound) / side.step)
            numbers = [n for n in range(low, high + 1) if n] or numbers
        tried = np.array(numbers, np.int64)
        errors = off - tried * side.step
        # less what rounding may put past the bound
        tried = tried[(np.abs(errors) <= side.bound * (1 - 1e-6)) | (tried == nearest)]
        side.take(np.zeros(len(tried), np.int64))
        self._since = side.at
        side.tell(np.full(len(tried), guess), tried)
        self._numbers = tried
        self._cost = np.square(off - tried * side.step)

    def _keep(self, rows: Indices) -> None:
        self._side.take(rows)
        self._cost = self._cost[rows]
        if self._numbers is not None:
            self._numbers = self._numbers[rows]

    def _settled(self) -> list[Event]:
        if self._numbers is None:
            return []
        event = Event(self._since, int(self._numbers[0]))
        self._numbers = None
        return [event]


class Decoder:
    """Gives a series back a sample at a time."""

    def __init__(self, side: Side) -> None:
        self._side = side

    def step(self, steps: int | None = None) -> float:
        """Return the next value; `steps` is what an event for this sample says, None without one.

        Raises InputError for steps that are no whole number.
        """
        if steps is not None and not whole(-MOST_STEPS, MOST_STEPS).allowed(steps):
            raise InputError(f"decoder: steps must be a whole number, or None; got {steps!r:.40}")
        number = None if steps is None else np.array([steps], np.int64)
        return float(self._side.tell(self._side.guess(), number)[0])
