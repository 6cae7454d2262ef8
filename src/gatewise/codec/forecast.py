"""The forecast that both sides make: a GRU in NumPy, in float64. See `learning.py` for its training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatewise.codec.sight import Sight
from gatewise.typing import Array, Arrays

BOUNDS = (0.01, 0.6)
"""The bounds that a network is trained for, in standard deviations."""
_FAR = 20.0
"""Standard deviations; a forecast beyond them is not believed, and the last value taken for it."""


@dataclass(frozen=True)
class Forecast:
    """A trained network and the scales of its series.

    Attributes:
        arrays: The weights, in float64: those of a GRU in torch's order, and of a linear read-out.
        level, deviation: Mean and standard deviation of the series, in its unit.
        change: Mean size of a change a step, in standard deviations.
        seasons: Lengths of the cycles that the network is told of, in steps.
    """

    arrays: Arrays
    level: float
    deviation: float
    change: float
    seasons: tuple[int, ...]

    @property
    def units(self) -> int:
        """H, the units of the network."""
        return int(self.arrays["gru.weight_hh_l0"].shape[1])

    def next(self, sight: Sight, state: Array, bound: Array | float) -> tuple[Array, Array]:
        """Return the next values `[C]` and the next states `[C, H]`, for a bound of each row or all."""
        rises = sight.rises() / self.change
        told = np.log(np.clip(bound, *BOUNDS))
        rise, state = advance(self.arrays, sight.inputs(rises, bound, told), rises, state)
        values = sight.last + self.change * rise
        return np.where(np.abs(values) < _FAR, values, sight.last), state


def advance(a: Arrays, x: Array, rises: Array, h: Array) -> tuple[Array, Array]:
    """Return the rise to the next step `[C]` in mean changes, and the states `[C, H]`.

    r, z = sigmoid(W x + U h + b), n = tanh(W_n x + b_n + r (U_n h + c_n)), h = (1 - z) n + z h
    (torch's GRU), and the rise is w h + b + sum_k (V h + v)_k rises_k.
    """
    units = h.shape[-1]
    of_x = x @ a["gru.weight_ih_l0"].T + a["gru.bias_ih_l0"]
    of_h = h @ a["gru.weight_hh_l0"].T + a["gru.bias_hh_l0"]
    gates = 1 / (1 + np.exp(-np.clip((of_x + of_h)[:, : 2 * units], -500, 500)))
    new = np.tanh(of_x[:, 2 * units :] + gates[:, :units] * of_h[:, 2 * units :])
    h = new + gates[:, units:] * (h - new)
    out = h @ a["head.weight"].T + a["head.bias"]
    return out[:, 0] + (out[:, 1:] * rises).sum(1), h
