"""Sentences about numbers: figures, shares, intervals, counts and places, as every message has them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import SupportsInt

DIRECTIONS = ("forward", "reverse")
"""What directions are called, by their index."""


def figure(value: float, digits: int = 3) -> str:
    """Return `value` with at most `digits` significant digits: "0.0123", "37", "12,300".

    Of NaN it is "no figure".
    """
    if math.isnan(value):
        return "no figure"
    if math.isinf(value):
        return "infinity" if value > 0 else "minus infinity"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if not -4 <= size < 9:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        return with_minus(f"{mantissa.rstrip('0').rstrip('.')}e{power}")
    text = f"{round(value, digits - 1 - size):,.{max(0, digits - 1 - size)}f}"
    return with_minus(text.rstrip("0").rstrip(".") if "." in text else text)


def with_minus(text: str) -> str:
    """Return a number's text with a minus sign in place of the hyphens that Python writes."""
    return text.replace("-", "−")


def number(value: float | None, digits: int = 3) -> str:
    """Return `value` as a table writes it: all of `digits` significant digits, a dash for none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e7 or size < 1e-4:
        text = f"{value:.{digits - 1}e}"
    else:
        text = f"{value:,.{max(0, digits - 1 - math.floor(math.log10(size)))}f}"
    return with_minus(text)


def percent(share: float) -> str:
    """Return a share as a percentage: "12.5 %", "0 %", "no figure" for NaN."""
    return "no figure" if math.isnan(share) else f"{figure(100 * share)} %"


def between(low: float, high: float, unit: str = "") -> str:
    """Return " (low to high unit)", or why there is no interval."""
    if math.isnan(low) or math.isnan(high):
        return " (no interval: too few rows or steps)"
    return f" ({figure(low)} to {figure(high)}{unit})"


def span(low: float, high: float) -> str:
    """Return " (31–44)", " (−3 to 4)" where a dash would meet a minus; nothing without an interval."""
    if math.isnan(low) or math.isnan(high):
        return ""
    between_them = " to " if low < 0 or high < 0 else "–"
    return f" ({figure(low)}{between_them}{figure(high)})"


def joined(words: Sequence[str]) -> str:
    """Return words as prose: "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + " and " + words[-1]


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: "1 unit", "1,096 units", "2 series"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def layer_name(index: SupportsInt) -> str:
    """Return what people call the layer at an index, which counts from 0: "layer 1" for 0."""
    return f"layer {int(index) + 1}"


def unit_name(index: Sequence[SupportsInt], shape: Sequence[int]) -> str:
    """Return how the unit at `index` of an array `[..., H]` is called: "unit 3 of layer 1 (reverse)"."""
    *place, unit = index
    return f"unit {int(unit)}{place_name(place, shape[:-1], ' of ')}"


def place_name(place: Sequence[SupportsInt], lead: Sequence[int], before: str = "") -> str:
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
