"""What a codec sends and loses, for one bound after the other, beside send-on-delta."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatewise.curve import Curve, Line
from gatewise.typing import Array
from gatewise.wording import number, percent


@dataclass(frozen=True, eq=False)
class Rates:
    """The rate–distortion curve of a codec on a series; `held` is send-on-delta in the same messages.

    Attributes:
        bounds: In the series' unit, rising `[N]`.
        messages: Messages per sample `[N]`.
        bits: Bits per sample of the whole message, its header included `[N]`.
        rmse: Root mean square error, in the series' unit `[N]`.
        largest: Largest error, in the series' unit `[N]`.
        held_messages, held_bits, held_rmse: Those of send-on-delta.
    """

    bounds: Array
    messages: Array
    bits: Array
    rmse: Array
    largest: Array
    held_messages: Array
    held_bits: Array
    held_rmse: Array

    def __str__(self) -> str:
        pairs = {
            "messages per 100": (100 * self.messages, 100 * self.held_messages),
            "bits per 100": (100 * self.bits, 100 * self.held_bits),
            "rmse": (self.rmse, self.held_rmse),
        }
        lines = ["     bound" + "".join(f"{f'{name} (held)':>26}" for name in pairs)]
        for n, bound in enumerate(self.bounds):
            cells = [
                f"{number(ours[n], 4)} ({number(held[n], 4)})" for ours, held in pairs.values()
            ]
            lines.append(f"{number(bound, 4):>10}" + "".join(f"{cell:>26}" for cell in cells))
        return "\n".join(lines)

    def as_curve(self) -> Curve:
        """Return bits per sample over the bound, for a page or a figure."""
        saved = 1 - float(np.exp(np.mean(np.log(self.bits / self.held_bits))))
        word = "fewer" if saved > 0 else "more"
        told = f"{percent(round(abs(saved), 2))} {word} bits than send-on-delta"
        return Curve(
            "What is sent for an error",
            "largest error allowed",
            self.bounds,
            (
                Line("codec", self.bits, colour=0),
                Line("send-on-delta", self.held_bits, dashed=True, colour=1),
            ),
            y_label="bits per sample",
            log_x=True,
            log_y=True,
            reading=f"On the mean over the bounds the codec takes {told}.",
            group="Coding",
        )
