"""Scores, models and parts of the data as the page and the command line name them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from gatewise.estimators.forecaster.metrics import METRICS
from gatewise.wording import number, with_minus

MODEL_NAME = "gatewise"
"""The network among the models of a score table."""

MODEL_NOTES = {
    "persistence": "the last value seen",
    "seasonal_naive": "the value one season earlier",
    "climatology": "the usual value for the time of year or day",
    "ets": "exponential smoothing of each series",
    "theta": "a line and a smoothed level of each series",
    "boosting": "gradient boosting on lagged columns",
    "ridge": "linear regression on lagged columns",
    "tirex": "TiRex, pre-trained, without training on these data",
    "tirex2": "TiRex-2, pre-trained, without training on these data",
}
PART_NAMES = {
    "training": "the training part",
    "validation": "the validation part",
    "test": "the test part",
    "all": "all of the given data",
}


def metric_text(metric: str, value: float | None) -> str:
    """Return a score as the table shows it: with three decimals where it has no units, else digits."""
    unitless = metric in METRICS and not METRICS[metric].in_units
    if unitless and value is not None and math.isfinite(value) and abs(value) < 100:
        return with_minus(f"{value:.3f}")
    return number(value, 4)


def metric_name(metric: str) -> str:
    """Return how a metric is written in a heading."""
    return METRICS[metric].title if metric in METRICS else metric


def shown_metrics(found: Iterable[str], *, forecast: bool) -> list[str]:
    """Return those that tables show of a forecast or of a virtual sensor, in their order."""
    kinds = ("always", "forecast" if forecast else "sensor")
    return [
        name
        for name in ordered_metrics(found)
        if name not in METRICS or METRICS[name].shown in kinds
    ]


def ordered_metrics(found: Iterable[str]) -> list[str]:
    """Return metric names in the order of the tables; names not known here come last."""
    names = set(found)
    known = [metric for metric in METRICS if metric in names]
    return known + sorted(names - set(known))


def model_name(model: str) -> str:
    """Return a model's name in prose."""
    return model.replace("_", " ")
