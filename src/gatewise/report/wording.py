"""Numbers, times and model names as the page and the command line write them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from gatewise.data.tables.zones import local

MODEL_NOTES = {
    "persistence": "the last value seen",
    "seasonal_naive": "the value one season earlier",
    "climatology": "the usual value for the time of year or day",
    "ridge": "linear regression on lagged columns",
}
METRIC_ORDER = ("nse", "rmse", "mae", "pinball", "coverage")
METRIC_NAMES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "nse": "NSE",
    "pinball": "pinball loss",
    "coverage": "coverage",
}
PART_NAMES = {
    "train": "the training part",
    "validation": "the validation part",
    "test": "the test part",
    "all": "all of the given data",
}


def number(value: float | None, digits: int = 3) -> str:
    """Return `value` with `digits` significant digits, grouped thousands, or a dash for none."""
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
    return text.replace("-", "−")


def metric_text(metric: str, value: float | None) -> str:
    """Return a score as the table shows it: three decimals for NSE and coverage, else digits."""
    if (
        metric in ("nse", "coverage")
        and value is not None
        and math.isfinite(value)
        and abs(value) < 100
    ):
        return f"{value:.3f}".replace("-", "−")
    return number(value, 4)


def metric_name(metric: str) -> str:
    """Return how a metric is written in a heading."""
    return METRIC_NAMES.get(metric, metric)


def ordered_metrics(found: Iterable[str]) -> list[str]:
    """Return metric names in the order of the tables; names not known here come last."""
    names = set(found)
    known = [metric for metric in METRIC_ORDER if metric in names]
    return known + sorted(names - set(known))


def model_name(model: str) -> str:
    """Return a model's name in prose."""
    return model.replace("_", " ")


def time_text(value: Any, zone: str | None = None) -> str:
    """Return a timestamp as ISO text, without a clock where it is midnight, or a step number.

    With a zone, the timestamp is UTC and the text is what the clock of that zone shows.
    """
    if isinstance(value, np.datetime64):
        if np.isnat(value):
            return "–"
        value = local(np.array([value]), zone)[0]
        text = str(value.astype("datetime64[s]"))
        return text.removesuffix("T00:00:00").replace("T", " ")
    return str(value)


def joined(words: list[str]) -> str:
    """Return words as prose: "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + " and " + words[-1]


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: "1 member", "1,096 windows"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
