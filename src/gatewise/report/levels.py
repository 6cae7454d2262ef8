"""Gates as bytes, and the pyramid above them: each level pools four columns of the one below.

Gates lie between 0 and 1 and keep that scale; candidate, cell and hidden state get one symmetric
around 0. Means would hide single-step events, so nothing is averaged: a gate that keeps is pooled by
its minimum (a reset stays visible), one that writes or reads by its maximum, other gates by their
minimum, all else by the value furthest from 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewise.cells import CellSpec

MISSING = 255
TOP = 254
ZERO = 127
FACTOR = 4
OUTLYING = 3.0

Bytes = NDArray[np.uint8]


class Scale(NamedTuple):
    """What the lowest and the highest byte stand for; values beyond `high` have its colour."""

    low: float
    high: float
    signed: bool
    clipped: bool


def pooling(spec: CellSpec | None, name: str) -> str:
    """Return "minimum", "maximum" or "extreme", how a quantity of a cell is pooled."""
    if spec is None or name not in spec.fractions:
        return "extreme"
    return "maximum" if name in (spec.write_gate, spec.read_gate) else "minimum"


def scale_of(spec: CellSpec | None, name: str, values: NDArray[Any]) -> Scale:
    """Return the fixed scale of a gate, or one symmetric around 0 that holds the usual values.

    A few cells that count upwards would wash out all others, so a scale ends at the 95th percentile
    when the largest value is more than `OUTLYING` times that; the page marks what lies beyond.
    """
    if spec and name in spec.fractions:
        return Scale(0.0, 1.0, signed=False, clipped=False)
    is_squashed = name == "hidden" or (spec is not None and name == spec.content)
    sizes = np.abs(values[np.isfinite(values)])
    largest = float(sizes.max()) if sizes.size else 0.0
    # tanh keeps the candidate, and with it the LSTM's and the GRU's hidden state, inside -1 to 1.
    if largest == 0.0 or (is_squashed and largest <= 1.0):
        return Scale(-1.0, 1.0, signed=True, clipped=False)
    usual = float(np.percentile(sizes, 95))
    high = usual if 0 < OUTLYING * usual < largest else largest
    return Scale(-high, high, signed=True, clipped=bool(largest > high))


def to_bytes(values: NDArray[Any], scale: Scale) -> Bytes:
    """Return `values` [T, H] as bytes [H, T]: 0 to `TOP`, and `MISSING` where there is no value."""
    known = np.isfinite(values)
    share = (values - scale.low) * (TOP / (scale.high - scale.low))
    levels = np.rint(np.clip(np.where(known, share, 0.0), 0, TOP)).astype(np.uint8)
    levels[~known] = MISSING
    return np.ascontiguousarray(levels.T)


def pool(levels: Bytes, mode: str) -> Bytes:
    """Return `levels` [H, C] with `FACTOR` columns pooled into one; a missing byte is left out."""
    short = -levels.shape[1] % FACTOR
    if short:
        levels = np.pad(levels, ((0, 0), (0, short)), constant_values=MISSING)
    parts = [levels[:, k::FACTOR] for k in range(FACTOR)]
    low: Bytes = np.minimum.reduce(parts)  # MISSING is the highest byte: never the least of several
    if mode == "minimum":
        return low
    # One more, and MISSING becomes 0, the least: never the highest of several.
    high: Bytes = np.maximum.reduce([part + np.uint8(1) for part in parts]) - np.uint8(1)
    if mode == "maximum":
        return high
    below = ZERO - low.astype(np.int16)
    above = high.astype(np.int16) - ZERO
    far: Bytes = np.where((low != MISSING) & (below > above), low, high)
    return far


def pool_to(levels: Bytes, mode: str, stride: int) -> Bytes:
    """Return `levels` pooled to `stride` steps a column, a power of `FACTOR`."""
    while stride > 1:
        levels = pool(levels, mode)
        stride //= FACTOR
    return levels
