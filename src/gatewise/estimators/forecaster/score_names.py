"""Scores, models and parts of the data as the page and the command line name them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from gatewise.wording import number

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
