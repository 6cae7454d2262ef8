"""The soil's moisture at three depths, told by a network from the weather of the months before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

import gatewise as gw
from studies.common.statistics import loss_ratio
from studies.common.study import Settings

Array = NDArray[np.float64]

WEATHER = ("rain", "radiation", "humidity", "temperature", "wind")
DEPTHS = ("moisture_10cm", "moisture_25cm", "moisture_40cm")
MOST_RAIN = 500
"""In mm/day: two suspicious hours exceed it, at near 2000."""
BASELINES = ("ridge", "climatology")
LAGS = 30
"""Days over which errors may be like each other: a flood that is missed takes weeks to pass."""

HOURS = 24
"""Of one step of the soil: a day."""
SOIL: dict[str, Any] = {
    "target": DEPTHS,
    "inputs": WEATHER,
    "lookback": 120,
    "validation": None,
    "test": "2015-07-01",
    "hidden_size": 32,
    "dropout": 0.4,
    "noise": 0.1,
    "forget_bias": 3.0,
    "batch_size": 64,
    "learning_rate": 0.01,
    "epochs": 60,
    "patience": None,
    "baselines": BASELINES,
}
TESTED = datetime.fromisoformat(SOIL["test"])
SHIFTED = datetime(2016, 1, 1)
"""From here on the sensors' level is another."""


def predicted(model: gw.Forecaster, frame: pl.DataFrame, target: str) -> pl.DataFrame:
    """Return ds, the target and what network and baselines say of it, by name."""
    joined = frame.select("ds", target)
    for name, called in (("lstm", "gatewise"), *((one, one) for one in BASELINES)):
        made = model.predict(frame, model=called)
        joined = joined.join(made.select("ds", pl.col(f"{target}_predicted").alias(name)), on="ds")
    return joined.sort("ds")


def nse(truth: Array, squared: Array) -> float:
    """Return the Nash-Sutcliffe efficiency of squared errors."""
    return float(1 - squared.mean() / truth.var())


def soil_means(hours: int) -> pl.DataFrame:
    """Return moisture and weather as means over so many hours."""
    hourly: pl.DataFrame = gw.datasets.load("soil")
    hourly = hourly.with_columns(pl.col("rain").clip(upper_bound=MOST_RAIN))
    means = [pl.col(name).mean() for name in (*DEPTHS, *WEATHER)]
    return hourly.group_by_dynamic("ds", every=f"{hours}h").agg(means)


def soil(seed: int, settings: Settings) -> dict[str, Any]:
    """Return scores on late 2015 and on 2016 and horizons, by depth."""
    whole = soil_means(HOURS)
    until = whole.filter(pl.col("ds") < pl.lit(SHIFTED))
    model = gw.Forecaster(**{**SOIL, **settings["soil"]}, seed=seed).fit(until, progress=False)
    # Over all windows: half a year of drought is little to read a memory from.
    told = gw.explain(model, until, part="all", budget=settings["budget"])
    found: dict[str, Any] = {}
    for name in DEPTHS:
        made = predicted(model, whole, name).filter(pl.col("ds") >= pl.lit(TESTED))
        parts = {
            "2015": made.filter(pl.col("ds") < SHIFTED),
            "2016": made.filter(pl.col("ds") >= SHIFTED),
        }
        found[name] = {part: soil_scores(rows, name) for part, rows in parts.items()}
        found[name]["off_by_month"] = off_by_month(made, name)
        most = whole.filter(pl.col("ds") < TESTED)[name].to_numpy().max()
        found[name]["beyond"] = float(np.mean(parts["2016"][name].to_numpy() > most))
        lags = told.results.get(f"horizon[{name}]")
        # None at a depth that is not learnt: what fails remembers nothing that could be told.
        found[name]["horizon"] = lags.steps if isinstance(lags, gw.memory.Horizon) else None
    return found


def soil_scores(made: pl.DataFrame, target: str) -> dict[str, Any]:
    """Return efficiencies, also with the mean error taken off, and the ratio to the better baseline."""
    truth = made[target].to_numpy()
    errors = {name: made[name].to_numpy() - truth for name in ("lstm", *BASELINES)}
    squared = {name: np.square(values) for name, values in errors.items()}
    better = min(BASELINES, key=lambda name: float(squared[name].mean()))
    apart = {name: np.square(values - values.mean()) for name, values in errors.items()}
    return {
        "nse": {name: nse(truth, values) for name, values in squared.items()},
        "nse, level apart": {name: nse(truth, values) for name, values in apart.items()},
        "better": better,
        "over better": vars(loss_ratio(squared["lstm"], squared[better], LAGS)),
    }


def off_by_month(made: pl.DataFrame, target: str) -> list[float]:
    """Return how much more was measured than was told, month by month."""
    months = made.group_by_dynamic("ds", every="1mo").agg((pl.col(target) - pl.col("lstm")).mean())
    return [float(value) for value in months[target]]
