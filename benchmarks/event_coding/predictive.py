"""Dual prediction with a linear forecast, and with that of `gw.EventCodec`.

Both sides forecast alike, and only misses are sent (Jain, Chang and Wang 2004, "Adaptive stream resource
management using Kalman filters"). The linear forecast has all that the network has: rises of late,
between messages, and a season ago.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.event_coding.classic import nearest
from benchmarks.event_coding.messages import Coded, beyond
from gatewise.codec.coding import Decoder, Encoder, Side
from gatewise.codec.forecast import Forecast
from gatewise.codec.sight import Sight
from gatewise.typing import Array

ROUNDS = 4
RIDGE = 1e-3
FITTED_ON = 6000
"""The last samples of the part learnt from: weights for a few rises need no more."""
FAR = 20.0
"""Standard deviations; a forecast beyond them is not believed."""


def by_network(x: Array, forecast: Forecast, bound: float, step: float, *, wait: int) -> Coded:
    """Return what the codec sends for a scaled series, decoded from the messages alone."""
    encoder = Encoder(Side(forecast, bound, step), wait)
    events = [event for value in x.tolist() for event in encoder.step(value)] + encoder.finish()
    decoder, told = Decoder(Side(forecast, bound, step)), dict(events)
    values = np.array([decoder.step(told.get(t)) for t in range(len(x))])
    at, steps = np.array(events, np.int64).reshape(-1, 2).T
    least = 1 if wait else nearest(bound, step)
    return Coded(values, at, (beyond(steps, least),), wait=float(wait))


class Linear:
    """A ridge regression on rises, fitted in the loop that it is used in.

    A regression on the true series would forecast one step well and many badly; so the series is
    coded, the weights are fitted on what the decoder then had, and so on. The round with the fewest
    messages on the part learnt from is kept; the first holds, which is send-on-delta.
    """

    def __init__(self, seasons: tuple[int, ...]) -> None:
        self.seasons = seasons
        self.weights = np.zeros(5 + 2 * len(seasons))

    def fit(self, train: Array, bound: float, step: float) -> None:
        """Fit the weights on a series for a bound."""
        best, fewest, train = self.weights, math.inf, train[-FITTED_ON:]
        for _ in range(ROUNDS + 1):
            coded, features = self._run(train, bound, step)
            if len(coded.at) < fewest:
                best, fewest = self.weights, len(coded.at)
            target = train - np.append(0.0, coded.values[:-1])
            # rare large rises are sent whatever is forecast: they are not to rule the fit
            target = np.clip(target, -4 * bound, 4 * bound)
            spread = np.sqrt((features**2).mean(0)) + 1e-12
            scaled = features / spread
            gram = scaled.T @ scaled + RIDGE * len(scaled) * np.eye(scaled.shape[1])
            self.weights = np.linalg.solve(gram, scaled.T @ target) / spread
        self.weights = best

    def code(self, x: Array, bound: float, step: float) -> Coded:
        """Return the messages for a series."""
        return self._run(x, bound, step)[0]

    def _run(self, x: Array, bound: float, step: float) -> tuple[Coded, Array]:
        sight, no, yes = Sight(1, self.seasons), np.array([False]), np.array([True])
        at, sent, values = [], [], np.empty(len(x))
        features = np.empty((len(x), len(self.weights)))
        for t, value in enumerate(x.tolist()):
            features[t] = [*sight.rises()[0], sight.last[0], 1.0]
            guess = float(sight.last[0] + self.weights @ features[t])
            guess = guess if abs(guess) < FAR else float(sight.last[0])
            number = round((value - guess) / step) if abs(value - guess) > bound else 0
            if number:
                at.append(t)
                sent.append(number)
            values[t] = guess + number * step
            sight.tell(values[t : t + 1].copy(), np.array([number * step]), yes if number else no)
        fields = (beyond(np.array(sent, np.int64), nearest(bound, step)),)
        return Coded(values, np.array(at, np.int64), fields), features
