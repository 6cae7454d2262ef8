"""`EventCodec`: fit, encode, decode, save, load, and the curve of rate over error."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np

from gatewise.codec import files
from gatewise.codec.coding import Decoder, Encoder, Event, Side
from gatewise.codec.forecast import Forecast
from gatewise.codec.messages import MOST, Message, pack, unpack
from gatewise.codec.options import (
    CodecOptions,
    bound_of,
    events_of,
    samples_of,
    series_of,
    steps_of,
    wait_of,
)
from gatewise.codec.rates import Rates
from gatewise.errors import DataError, InputError, NotFittedError, OptionError
from gatewise.typing import Array

_BOUNDS = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Of a curve, in standard deviations."""


class EventCodec:
    """Sends a sensor's series as few messages, with a bound on the error of every sample.

    Encoder and decoder run the same small recurrent forecast of the series. As long as it is within the
    bound nothing is sent, and the decoder takes the forecast for the value; where it misses, the encoder
    sends by how much (dual prediction: Jain, Chang and Wang 2004). To fit takes torch; to encode and to
    decode takes NumPy.

        codec = gw.EventCodec(seasons=[24]).fit(last_year)
        message = codec.encode(this_week, bound=0.5)       # bytes
        series = codec.decode(message)                     # nowhere off by more than 0.5

    What is decoded lies on a grid far below the bound: machines whose arithmetic differs in the last bit
    agree, but for forecasts that lie between two points of it to that bit.
    """

    def __init__(
        self,
        *,
        seasons: Sequence[int] = (),
        hidden_size: int = 24,
        updates: int = 600,
        seed: int = 0,
    ) -> None:
        """Take the options of the fit.

        Args:
            seasons: Lengths of the series' cycles in samples, such as `[24]` for hours with days.
            hidden_size: Units of the GRU.
            updates: Training steps.
            seed: Of the starting weights and draws.

        Raises OptionError for a value outside what it may be.
        """
        self.options = CodecOptions(
            seasons=seasons, hidden_size=hidden_size, updates=updates, seed=seed
        )
        self._forecast: Forecast | None = None

    def fit(self, series: Any) -> EventCodec:
        """Learn to forecast from a series `[T]` at even distances in time, and return the codec.

        One fit serves all bounds. Raises InputError and DataError for a series that cannot be learnt
        from: too short, constant, or with a value that is no finite number.
        """
        values = series_of(series, "fit")
        learning: Any = import_module("gatewise.codec.learning")  # brings torch
        seasons = tuple(self.options.seasons)
        least = learning.least_samples(seasons)
        if len(values) < least:
            raise DataError(
                f"fit: needs {least} samples or more with these seasons; got {len(values)}"
            )
        if not values.std() > 1e-12 * np.abs(values).max():
            raise DataError(
                "fit: the series is constant: there is nothing to learn, and nothing to send"
            )
        recipe = learning.Recipe(self.options.hidden_size, self.options.updates, self.options.seed)
        self._forecast = learning.learn(values, seasons, recipe)
        return self

    def encode(self, series: Any, bound: float, *, wait: int = 0, steps: int = 4) -> bytes:
        """Return a series `[T]` as one message, from which no value comes back off by more than `bound`.

        Args:
            series: The values, at the distances of the fit.
            bound: The largest error, in the series' unit.
            wait: Samples for which an event may be held back, to find the correction that holds
                longest: fewer messages, later. A waiting encoder goes nearer to the bound.
            steps: Steps of a correction in a bound. Many take fewer messages, one takes the fewest bits.

        Raises InputError, DataError and OptionError for what cannot be coded, and NotFittedError.
        """
        encoder = self.encoder(bound, wait=wait, steps=steps)
        values = series_of(series, "encode")
        events = [event for value in values.tolist() for event in encoder.step(value)]
        return self.message([*events, *encoder.finish()], len(values), bound, steps=steps)

    def decode(self, message: bytes) -> Array:
        """Return the series of a message `[T]`, in float64.

        Raises DataError for a message that is cut short, damaged, of a newer version or of another
        codec, and NotFittedError.
        """
        forecast = self._fitted()
        if not isinstance(message, bytes | bytearray | memoryview):
            raise InputError(f"decode: give the bytes of a message; got {type(message).__name__}")
        held = unpack(bytes(message))
        if held.codec != files.fingerprint(forecast):
            raise DataError("the message is of another codec: load the one that made it")
        decoder, told = Decoder(Side(forecast, held.bound, held.step)), dict(held.events)
        return np.array([decoder.step(told.get(at)) for at in range(held.samples)])

    def encoder(self, bound: float, *, wait: int = 0, steps: int = 4) -> Encoder:
        """Return an encoder that takes a series a sample at a time, from its beginning.

        `encoder.step(value)` returns the events that are settled, `encoder.finish()` the last one;
        `bound`, `wait` and `steps` are those of `encode`. Raises OptionError, and NotFittedError.
        """
        return Encoder(self._side(bound, steps), wait_of(wait))

    def decoder(self, bound: float, *, steps: int = 4) -> Decoder:
        """Return a decoder that gives the series of such events back a sample at a time.

        `decoder.step(number)` returns the next value; the number is that of the event for this sample,
        None where there is none. `bound` and `steps` are the encoder's. Raises OptionError, and
        NotFittedError.
        """
        return Decoder(self._side(bound, steps))

    def message(
        self, events: Iterable[Event], samples: int, bound: float, *, steps: int = 4
    ) -> bytes:
        """Return the bytes of the events of an encoder with this bound and steps, which took `samples`.

        Raises InputError for events that are not one after the other within the samples, and for more
        samples than a message has, and NotFittedError.
        """
        side = self._side(bound, steps)
        samples = samples_of(samples, MOST)
        made_by = files.fingerprint(self._fitted())
        told = tuple(Event(*each) for each in events_of(events, samples))
        return pack(Message(made_by, samples, side.bound, side.step, told))

    def curve(
        self,
        series: Any,
        bounds: Sequence[float] | None = None,
        *,
        wait: int = 0,
        steps: int = 4,
    ) -> Rates:
        """Return what is sent of a series `[T]` and lost, for each of `bounds`, beside send-on-delta.

        Give a series that was not learnt from. Without `bounds` they are .02 to .4 of the standard
        deviation of the fit; `wait` and `steps` are those of `encode`, for send-on-delta too. Raises
        what `encode` raises.
        """
        values, forecast = series_of(series, "curve"), self._fitted()
        if bounds is None:
            bounds = [forecast.deviation * each for each in _BOUNDS]
        asked: Any = bounds
        listed = asked if isinstance(asked, Iterable) and not isinstance(asked, str) else ()
        given = [bound_of(each, forecast.level, forecast.deviation) for each in listed]
        if not given or any(not low < high for low, high in pairwise(given)):
            raise OptionError(f"bounds must be a list of rising numbers; got {bounds!r:.60}")
        holds = EventCodec()
        still = {name: np.zeros_like(array) for name, array in forecast.arrays.items()}
        holds._forecast = replace(forecast, arrays=still)  # forecasts no rise: send-on-delta
        ours = np.array([_rate(self, values, bound, wait=wait, steps=steps) for bound in given])
        held = np.array([_rate(holds, values, bound, wait=wait, steps=steps) for bound in given])
        return Rates(np.array(given, np.float64), *ours.T, *held.T[:3])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the codec to `path`, one safetensors file, whole or not at all.

        Raises FileError where it cannot be written, InputError for what is no name of a file, and
        NotFittedError.
        """
        files.write(path, self.options, self._fitted())

    @staticmethod
    def load(path: str | os.PathLike[str]) -> EventCodec:
        """Return the codec that `save` wrote to `path`; it codes to the same bits.

        Raises FileError for a file that is missing, damaged, foreign or from a newer version, and
        InputError for what is no name of a file.
        """
        made = EventCodec()
        made.options, made._forecast = files.read(path)
        return made

    def __repr__(self) -> str:
        state = "" if self._forecast else ", not fitted"
        return f"EventCodec(seasons={list(self.options.seasons)}{state})"

    def _fitted(self) -> Forecast:
        if self._forecast is None:
            raise NotFittedError("the codec is not fitted: call fit, or load one")
        return self._forecast

    def _side(self, bound: float, steps: int) -> Side:
        forecast = self._fitted()
        kept = bound_of(bound, forecast.level, forecast.deviation)
        return Side(forecast, kept, kept / steps_of(steps))


def _rate(codec: EventCodec, values: Array, bound: float, **how: int) -> tuple[float, ...]:
    """Return messages and bits per sample, root mean square error and largest error."""
    message = codec.encode(values, bound, **how)
    off = np.abs(codec.decode(message) - values)
    samples = len(values)
    sent = len(unpack(message).events)
    return (
        sent / samples,
        8 * len(message) / samples,
        float(np.sqrt(np.square(off).mean())),
        float(off.max()),
    )
