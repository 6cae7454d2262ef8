"""What both sides of a codec know: the decoder's series so far, and when messages came.

Sizes: C rows (series that are coded side by side, or candidates of one), R rises, I inputs.
"""

from __future__ import annotations

import numpy as np

from gatewise.typing import Array, Indices, Mask

OTHERS = 5
"""Inputs of the network beside the rises."""
_ERROR = 8.0
"""The largest error of a forecast that the network is told, in bounds."""


def rises_of(seasons: tuple[int, ...]) -> int:
    """Return how many rises there are: of late, between messages, drift, two of each season."""
    return 3 + 2 * len(seasons)


class Sight:
    """The decoder's side, of C rows that advance together.

    Attributes:
        last: The decoder's last value `[C]`, 0 before there is one.
        before: The one before it.
        error: The forecast's error at the last step where a message told it, else 0.
        slope: Rise a step between the last two messages.
        drift: The forecasts' error a step between the last two messages.
        sent: 1 where the last step came by a message, else 0.
        age: Steps since the last message, at least 1.
    """

    def __init__(self, rows: int, seasons: tuple[int, ...]) -> None:
        self.seasons = seasons
        self.last, self.before, self._told, self.error, self.slope, self.drift, self.sent = (
            np.zeros((7, rows))
        )
        self.age = np.ones(rows)
        self._past = np.zeros((rows, max(seasons, default=0) + 1))
        self._steps = 0

    def recall(self, past: Array) -> None:
        """Begin in the middle: with the decoder's values before now `[C, P]`, P above all seasons."""
        size = self._past.shape[1]
        self._past[:] = past[:, -size:]
        self._steps = size
        self.last = self.before = self._told = past[:, -1].copy()

    def of(self, rows: Indices) -> Sight:
        """Return a copy of these rows, each as often as it is named."""
        made = Sight.__new__(Sight)
        made.seasons, made._steps = self.seasons, self._steps
        made._past = self._past[rows]
        for name in ("last", "before", "_told", "error", "slope", "drift", "sent", "age"):
            setattr(made, name, getattr(self, name)[rows])
        return made

    def tell(self, values: Array, errors: Array, came: Mask) -> None:
        """Take the decoder's next values `[C]`; where a message came, the forecasts' errors."""
        self.slope = np.where(came, (values - self._told) / self.age, self.slope)
        self.drift = np.where(came, errors / self.age, self.drift)
        self._told = np.where(came, values, self._told)
        self.error = np.where(came, errors, 0.0)
        self.sent = came.astype(np.float64)
        self.age = np.where(came, 1.0, self.age + 1)
        self.before, self.last = self.last, values
        self._past[:, self._steps % self._past.shape[1]] = values
        self._steps += 1

    def rises(self) -> Array:
        """Return `[C, R]`: the last rise, those that messages told, and two of each season ago.

        Of a season ago: how the series then went on, and how far from now it then came. Both are 0
        until the series is that long.
        """
        found = [self.last - self.before, self.slope, self.drift]
        size = self._past.shape[1]
        for season in self.seasons:
            if self._steps > season:
                ago = self._past[:, (self._steps - season) % size]
                found += [ago - self._past[:, (self._steps - season - 1) % size], ago - self.last]
            else:
                found += [np.zeros_like(self.last)] * 2
        return np.stack(found, 1)

    def inputs(self, rises: Array, bound: Array | float, log_bound: Array | float) -> Array:
        """Return what the network reads `[C, I]`, with rises on its scale."""
        others = (
            self.last,
            self.sent,
            np.clip(self.error / bound, -_ERROR, _ERROR),
            np.log(self.age),
            np.broadcast_to(log_bound, self.last.shape),
        )
        return np.concatenate((np.arcsinh(rises), np.stack(others, 1)), 1)
