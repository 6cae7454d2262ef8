"""The data of the gate heatmaps: one byte per value, one order of units, pooling that says itself.

Gates lie between 0 and 1 and keep that scale; the candidate, the cell and the hidden state get a
scale symmetric around 0. Sizes: T steps, H units, C columns after pooling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.report.embed import is_calendar, packed, seconds
from gatewise.report.units import thinned, unit_order
from gatewise.results import GateTimescales, WindowGates

MAX_COLUMNS = 1_500
MAX_INPUTS = 12
MISSING = 255
OUTLYING = 3.0

SIGMOID_GATES = ("forget", "input", "output", "reset", "update")
# A reset is one dark column among bright ones: minima show it. Openings are the reverse.
POOLING = {
    "forget": "minimum",
    "update": "minimum",
    "reset": "minimum",
    "input": "maximum",
    "output": "maximum",
}
GATE_TITLES = {
    "forget": "Forget gate: 1 keeps the cell, 0 erases it",
    "input": "Input gate: 1 lets the candidate in",
    "output": "Output gate: 1 shows the cell to the network",
    "reset": "Reset gate: 0 hides the past from the candidate",
    "update": "Update gate: 1 keeps the hidden state, 0 replaces it",
    "candidate": "Candidate: what would be written",
    "cell": "Cell state: what is stored",
    "hidden": "Hidden state: what the network passes on",
}


@dataclass(frozen=True)
class GateData:
    """What the page embeds of one window, and what it must say about it."""

    payload: dict[str, Any]
    notes: tuple[str, ...]


def gate_data(
    window: WindowGates, timescales: GateTimescales | None, settings: dict[str, Any]
) -> GateData:
    """Return the heatmaps and the inputs above them as JSON values, with honest notes."""
    orders, ordered_by = unit_order(window, timescales)
    steps = len(window.time)
    block = -(-steps // MAX_COLUMNS)
    starts = np.arange(0, steps, block)
    kept = [thinned(order) for order in orders]
    layers: list[dict[str, Any]] = [
        {
            "units": [int(unit) for unit in units],
            "panels": [
                _panel(name, values[layer][:, units], starts)
                for name, values in window.gates.items()
            ],
        }
        for layer, units in enumerate(kept)
    ]
    notes = [f"Units are ordered by {ordered_by}, slowest at the top, the same in every panel."]
    if len(kept[0]) < len(orders[0]):
        notes.append(
            f"{len(kept[0])} of {len(orders[0]):,} units, at even distances along that order."
        )
    if block > 1:
        notes.append(
            f"1 column = {block} steps: minimum for forget, update and reset gates, maximum for "
            "input and output gates, the value furthest from 0 for the rest."
        )
    if any(panel["clipped"] for layer in layers for panel in layer["panels"]):
        notes.append(
            "Where a scale says “beyond”, 5 % of the values lie outside it and have its end colour."
        )
    names = list(window.inputs)[:MAX_INPUTS]
    if len(window.inputs) > MAX_INPUTS:
        notes.append(f"The first {MAX_INPUTS} of {len(window.inputs)} input columns are drawn.")
    horizon = settings.get("horizon")
    ahead = horizon if isinstance(horizon, int) and 0 < horizon < steps else 0
    if ahead:
        notes.append(
            "The vertical line is now: right of it lie the predicted steps, where inputs that are not "
            "known ahead are 0."
        )
    payload = {
        "calendar": is_calendar(window.time),
        "time": packed(seconds(window.time)[starts], "f8"),
        "block": block,
        "now": (steps - ahead) / steps if ahead else None,
        "inputs": [{"name": name, **_lane(window.inputs[name], starts)} for name in names],
        "layers": layers,
    }
    return GateData(payload, tuple(notes))


def pooled(values: NDArray[Any], starts: NDArray[np.int64], mode: str) -> NDArray[Any]:
    """Return `values` [T, H] as [C, H], one column per block that begins at `starts`."""
    low = np.minimum.reduceat(values, starts, axis=0)
    if mode == "minimum":
        return low
    high = np.maximum.reduceat(values, starts, axis=0)
    if mode == "maximum":
        return high
    return np.where(np.abs(low) > np.abs(high), low, high)


def _panel(name: str, values: NDArray[np.float32], starts: NDArray[np.int64]) -> dict[str, Any]:
    """Return one heatmap: bytes [H, C] (255 where missing), its scale and its wording."""
    mode = POOLING.get(name, "extreme")
    columns = pooled(values, starts, mode).T
    known = np.isfinite(columns)
    signed = name not in SIGMOID_GATES
    low, high = _signed_scale(name, columns[known]) if signed else (0.0, 1.0)
    clipped = bool(signed and known.any() and float(np.max(np.abs(columns[known]))) > high)
    share = np.where(known, (columns - low) / (high - low), 0.0)
    levels = np.where(known, np.clip(np.round(share * 254), 0, 254), MISSING).astype(np.uint8)
    return {
        "name": name,
        "title": GATE_TITLES.get(name, name),
        "signed": signed,
        "low": low,
        "high": high,
        "clipped": clipped,
        "mode": mode,
        "cells": packed(levels, "u1"),
    }


def _signed_scale(name: str, known: NDArray[np.float32]) -> tuple[float, float]:
    """Return -1 to 1 where that holds every value, else a symmetric scale.

    A few cells that count upwards would wash out all others, so a scale ends at the 95th percentile
    when the largest value is more than `OUTLYING` times that; the page marks what lies beyond.
    """
    sizes = np.abs(known)
    largest = float(np.max(sizes)) if known.size else 0.0
    # tanh keeps the candidate, and with it the LSTM's and the GRU's hidden state, inside -1 to 1.
    if largest == 0.0 or (name in ("candidate", "hidden") and largest <= 1.0):
        return -1.0, 1.0
    usual = float(np.percentile(sizes, 95))
    if usual > 0 and largest > OUTLYING * usual:
        largest = usual
    return -largest, largest


def _lane(values: NDArray[np.float64], starts: NDArray[np.int64]) -> dict[str, Any]:
    filled = values.astype(np.float64)[:, None]
    return {
        "low": packed(pooled(filled, starts, "minimum")[:, 0], "f4"),
        "high": packed(pooled(filled, starts, "maximum")[:, 0], "f4"),
    }
