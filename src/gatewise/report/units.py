"""One order of units for every panel: the slowest first, by the gate path where there is one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatewise.results import GateTimescales, WindowGates

MAX_UNITS = 256


def unit_order(
    window: WindowGates, timescales: GateTimescales | None
) -> tuple[list[NDArray[np.int64]], str]:
    """Return the units of each layer, slowest first, and what they are ordered by."""
    if timescales is not None:
        steps = np.nan_to_num(timescales.steps, nan=-1.0)
        return [np.argsort(-layer, kind="stable") for layer in steps], "gate timescale"
    hidden = window.gates["hidden"].astype(np.float64)
    return [
        np.argsort(-_persistence(layer), kind="stable") for layer in hidden
    ], "how slowly the hidden value changes in this window"


def thinned(order: NDArray[np.int64], most: int = MAX_UNITS) -> NDArray[np.int64]:
    """Return at most `most` units of `order`, at even distances along it."""
    if len(order) <= most:
        return order
    picks = np.linspace(0, len(order) - 1, most).round().astype(np.int64)
    return np.asarray(order[picks])


def _persistence(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the lag-1 autocorrelation of each unit of `values` [T, H]; 1 for a constant one."""
    centred = values - values.mean(axis=0)
    total = (centred**2).sum(axis=0)
    moved = (centred[1:] * centred[:-1]).sum(axis=0)
    return np.where(total > 0, moved / np.where(total > 0, total, 1.0), 1.0)
