"""Figures as the readings of results write them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gatewise.places import DIRECTIONS, layer_name


def figure(value: float) -> str:
    """Return `value` with three significant digits: "0.0123", "37", "12,300", "no figure" for NaN."""
    if math.isnan(value):
        return "no figure"
    if math.isinf(value):
        return "infinity" if value > 0 else "minus infinity"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if not -4 <= size < 9:
        return f"{value:.2e}"
    text = f"{round(value, 2 - size):,.{max(0, 2 - size)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float) -> str:
    """Return a share as a percentage: "12.5 %", "0 %", "no figure" for NaN."""
    return "no figure" if math.isnan(share) else f"{figure(100 * share)} %"


def between(low: float, high: float, unit: str = "") -> str:
    """Return " (low to high unit)", or " (no interval)" where there is none."""
    if math.isnan(low) or math.isnan(high):
        return " (no interval: too few rows or steps)"
    return f" ({figure(low)} to {figure(high)}{unit})"


def in_blocks(settings: Mapping[str, Any]) -> str:
    """Return "; ..." where rows were drawn in blocks for the interval, to end a caveat with."""
    block = settings["row_block"]
    if block == 1:
        return ""
    return (
        f"; neighbouring rows resemble each other, so the interval draws them in blocks of {block}"
    )


def left_out(run_in: int) -> str:
    """Return what a curve says of the steps that it leaves out, to go on a caveat with."""
    return f"the first {counted(run_in, 'step')} of each row, its start from no state, are left out"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: "1 unit", "1,096 units"."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def unit_name(index: Sequence[int | np.integer[Any]], shape: Sequence[int]) -> str:
    """Return how the unit at `index` of an array `[..., H]` is called: "unit 3 of layer 1 (reverse)"."""
    *place, unit = index
    return f"unit {int(unit)}{place_name(place, shape[:-1], ' of ')}"


def place_name(
    place: Sequence[int | np.integer[Any]], lead: Sequence[int], before: str = ""
) -> str:
    """Return how a layer and direction of the leading axes `lead` are called, with `before`.

    Layers count from 1 and directions have names; what has one place alone needs none: "".
    """
    if math.prod(lead) <= 1:
        return ""
    if len(lead) == 2:
        return f"{before}{layer_name(place[0])}" + (
            f" ({DIRECTIONS[int(place[1])]})" if lead[1] > 1 else ""
        )
    return f"{before}{tuple(int(i) for i in place)}"
