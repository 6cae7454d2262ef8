"""The segments into which a bound on memory cuts a pass, by what it keeps for its backward pass.

A backward pass needs every gate of every step. Instead of keeping them, the native engine can keep
the states at the starts of segments and recompute the gates of one segment at a time. With L layers,
D directions, B rows, states of s bytes a row, gates of g bytes a row and step, and segments of S of
the T steps, it keeps

    L * D * B * s * ceil(T / S)  +  D * B * g * S   bytes

beside the input and the outputs of the layers; without segments L * D * B * g * T. The states are the
hidden one and the cell; g counts what is saved for a step of the cell and the step's output.
"""

from __future__ import annotations

from math import isqrt
from typing import NamedTuple

from gatewise.errors import InputError, OptionError

MaxMemory = int | str | None
"""Bytes to keep at most, or "sqrt" for segments that keep least, or None to keep everything."""


def check_max_memory(value: object) -> None:
    """Raise OptionError unless `value` is None, "sqrt" or a positive number of bytes."""
    if value is None or (isinstance(value, str) and value == "sqrt"):
        return
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise OptionError(
            f"max_memory must be a positive number of bytes, 'sqrt' or None; got {value!r}"
        )


class Costs(NamedTuple):
    """What a pass keeps, in bytes."""

    steps: int  # T
    chunk: int  # segments are multiples of this many steps
    start: int  # the states at which a segment starts, of all layers
    step: int  # what is recomputed for a step of one layer
    gates: int  # the gates of a step of all layers, where nothing is recomputed

    def of(self, segment: int) -> int:
        """Return what segments of that many steps keep; 0: everything is kept."""
        if segment == 0:
            return self.gates * self.steps
        return self.start * -(-self.steps // segment) + self.step * segment


def segment_for(max_memory: int | str, costs: Costs) -> int:
    """Return the steps of a segment for `max_memory`: as long as it allows; 0 where all fits.

    Raises InputError where no segment is small enough, with the bytes that are needed.
    """
    least = _rounded(isqrt(costs.steps * costs.start // costs.step), costs)
    if max_memory == "sqrt":
        return least if costs.of(least) < costs.of(0) else 0
    budget = int(max_memory)
    if costs.of(0) <= budget:
        return 0
    # The longest S with start * (T / S + 1) + step * S <= budget.
    free = budget - costs.start
    root = free * free - 4 * costs.step * costs.start * costs.steps
    longest = (free + isqrt(root)) // (2 * costs.step) if free > 0 and root >= 0 else 0
    longest -= longest % costs.chunk
    for segment in (longest, least, least - costs.chunk):
        if segment > 0 and costs.of(segment) <= budget:
            return segment
    raise InputError(
        f"max_memory={budget} bytes is too little for {costs.steps} steps of this batch: at least "
        f"{costs.of(least)} are needed; allow these, or use a smaller batch"
    )


def _rounded(steps: int, costs: Costs) -> int:
    """Return `steps` rounded up to what segments are multiples of."""
    return max(1, -(-steps // costs.chunk)) * costs.chunk
