"""An LSTM tells a river's discharge and the soil's moisture from the weather of the months before.

The Fulda: daily rain and temperature of 180 days, the discharge never seen; trained to 1984, chosen by
1985, tested on 1986 to 1988. The soil: weather of some weeks, moisture at three depths; trained to June
2015, tested on the rest of 2015; 2016, in which the level of the sensors shifts, is reported. Beside it
stand ridge regression on lags and means, and the climatology of the training years.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

import gatewise as gw
from gatewise.report import Curve, Line, Mark
from studies.common.checks import Check
from studies.common.statistics import Interval, loss_ratio, mean_interval, paired, same_time
from studies.common.study import Figures, Question, Settings, Study
from studies.river.soil import BASELINES, DEPTHS, LAGS, nse, predicted, soil

# Those of `gatewise demo`, where docs/benchmarks.md tells how they were chosen.
FULDA: dict[str, Any] = {
    "target": "discharge",
    "inputs": ("rain", "tmax", "tmin"),
    "lookback": 180,
    "validation": "1985-01-01",
    "test": "1986-01-01",
    "hidden_size": 32,
    "dropout": 0.4,
    "noise": 0.1,
    "forget_bias": 3.0,
    "batch_size": 64,
    "learning_rate": 0.01,
    "epochs": 30,
    "patience": None,
    "baselines": BASELINES,
}


def measure(seed: int, settings: Settings) -> Figures:
    """Return scores and horizons of one network of the river and one of the soil."""
    return {
        "river": river(seed, settings),
        "leak": leak(seed, settings),
        "soil": soil(seed, settings),
    }


def river(seed: int, settings: Settings) -> dict[str, Any]:
    """Return what a network of the Fulda's weather scores on the test years, and its memory."""
    frame = gw.datasets.load("fulda")
    model = gw.Forecaster(**{**FULDA, **settings["river"]}, seed=seed).fit(frame, progress=False)
    made = predicted(model, frame, "discharge")
    tested = made["ds"].to_numpy() >= np.datetime64(FULDA["test"])
    truth = made["discharge"].to_numpy()[tested]
    errors = {
        name: np.square(made[name].to_numpy()[tested] - truth) for name in ("lstm", *BASELINES)
    }
    return {
        "nse": {name: nse(truth, squared) for name, squared in errors.items()},
        **{
            f"over {name}": vars(loss_ratio(errors["lstm"], errors[name], LAGS))
            for name in BASELINES
        },
        **remembered(model, frame, settings),
    }


def remembered(model: gw.Forecaster, frame: pl.DataFrame, settings: Settings) -> dict[str, Any]:
    """Return the memory horizon in steps with its interval, its curve, and the other two views."""
    told = gw.explain(model, frame, part="test", budget=settings["budget"])
    lags = told.results["horizon"]
    assert isinstance(lags, gw.memory.Horizon)
    return {
        "horizon": lags.steps,
        "horizon_low": lags.low,
        "horizon_high": lags.high,
        "gate_reach": told.figures["gate_reach"],
        "gradient_reach": told.figures["gradient_reach"],
    }


def leak(seed: int, settings: Settings) -> float:
    """Return how much what is said of 1985 changes with the data of the test years, in m3/s."""
    frame = gw.datasets.load("fulda")
    later = pl.col("ds") >= pl.lit(FULDA["test"]).str.to_date()
    columns = ("rain", "tmax", "tmin", "discharge")
    other = frame.with_columns(
        pl.when(later).then(10 * pl.col(name) + 100).otherwise(pl.col(name)).alias(name)
        for name in columns
    )
    said = []
    for table in (frame, other):
        model = gw.Forecaster(**{**FULDA, **settings["river"], "epochs": 1}, seed=seed)
        model.fit(table, progress=False)
        said.append(model.evaluate(table, part="validation").predictions.point)
    return float(np.abs(said[0] - said[1]).max())


# --- judging ----------------------------------------------------------------------------------------


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    """Return errors over those of ridge and climatology, horizons, leakage, and what 2016 does."""
    return [*of_river(seeds), *of_soil(seeds)]


def of_river(seeds: Sequence[Figures]) -> list[Check]:
    """Return the checks of the Fulda."""
    checks = []
    rivers = [seed["river"] for seed in seeds]
    for name in BASELINES:
        told = [one[f"over {name}"] for one in rivers]
        found = same_time([one["ratio"] for one in told], [one["error"] for one in told])
        words = f"river: squared error of the LSTM over that of {name}"
        checks.append(Check.of(words, found, at_most=1.0))
    worst = min(one["nse"]["lstm"] - max(one["nse"][name] for name in BASELINES) for one in rivers)
    words = "river: NSE of the worst seed less that of the best baseline"
    checks.append(Check.exact(words, worst, at_least=0.0))
    horizon = mean_interval([one["horizon"] for one in rivers])
    checks.append(Check.of("river: memory horizon", horizon, at_least=30.0, unit="days"))
    gates = mean_interval([one["gate_reach"] / max(one["horizon"], 1) for one in rivers])
    words = "river: how far the forget gates alone would reach, over the horizon"
    checks.append(Check.of(words, gates, at_least=1.5))
    leaked = max(seed["leak"] for seed in seeds)
    words = "river: change of what is said of 1985 with other data in the test years"
    checks.append(Check.exact(words, leaked, at_least=0.0, at_most=0.0, unit="m3/s"))
    return checks


def of_soil(seeds: Sequence[Figures]) -> list[Check]:
    """Return the checks of the soil."""
    checks = []
    soils = [seed["soil"] for seed in seeds]
    for name in DEPTHS:
        told = [one[name]["2015"]["over better"] for one in soils]
        found = same_time([one["ratio"] for one in told], [one["error"] for one in told])
        better = soils[0][name]["2015"]["better"]
        words = f"soil at {depth(name)}: squared error of the LSTM over that of {better}, late 2015"
        checks.append(Check.of(words, found, at_most=1.0))
    for name in DEPTHS:
        found = horizons(soils, name)
        words = f"soil at {depth(name)}: memory horizon"
        checks.append(Check.of(words, found, unit="days"))
    both = [
        (one[DEPTHS[-1]]["horizon"], one[DEPTHS[0]]["horizon"])
        for one in soils
        if one[DEPTHS[-1]]["horizon"] is not None and one[DEPTHS[0]]["horizon"] is not None
    ]
    found = paired(*zip(*both, strict=True)) if len(both) > 1 else UNKNOWN
    words = "soil: horizon at 40 cm less that at 10 cm, seed by seed"
    checks.append(Check.of(words, found, at_least=0.0, unit="days"))
    for name in DEPTHS:
        words = f"soil at {depth(name)}: share of days of 2016 above all that training had"
        checks.append(Check.exact(words, soils[0][name]["beyond"]))
        for key, how in (("nse", ""), ("nse, level apart", ", its mean error taken off")):
            found = mean_interval([one[name]["2016"][key]["lstm"] for one in soils])
            checks.append(Check.of(f"soil at {depth(name)}: NSE of the LSTM in 2016{how}", found))
    return checks


UNKNOWN = Interval(math.nan, math.nan, math.nan)


def depth(name: str) -> str:
    """Return a depth in words, such as "10 cm"."""
    return name.removeprefix("moisture_").replace("cm", " cm")


def horizons(soils: Sequence[Any], name: str) -> Interval:
    """Return the horizon at a depth, of the seeds that have one."""
    known = [one[name]["horizon"] for one in soils if one[name]["horizon"] is not None]
    return mean_interval(known) if known else UNKNOWN


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    """Return scores and horizons of every seed, horizons over depth, and the drift of 2016."""
    return [
        *curves_of_river([seed["river"] for seed in seeds]),
        *curves_of_soil([seed["soil"] for seed in seeds]),
    ]


def curves_of_river(rivers: Sequence[Any]) -> list[Curve]:
    """Return scores beside the baselines', and the horizon beside what gates alone would say."""
    number = np.arange(len(rivers), dtype=np.float64)
    scores = [
        Line(
            "LSTM" if name == "lstm" else name,
            np.array([one["nse"][name] for one in rivers]),
            dashed=name != "lstm",
        )
        for name in ("lstm", *BASELINES)
    ]
    steps, low, high, gates = (
        np.array([one[name] for one in rivers], dtype=np.float64)
        for name in ("horizon", "horizon_low", "horizon_high", "gate_reach")
    )
    views = (
        Line("memory horizon", steps, low, high, kind="intervention", interval="95 % interval"),
        Line("gates alone", gates, kind="gate path"),
    )
    return [
        Curve(
            "The river's discharge, 1986 to 1988",
            "seed",
            number,
            tuple(scores),
            y_label="NSE",
            reading="The network is told no more than ridge regression is: the weather.",
            group="The river",
        ),
        Curve(
            "How far back, and what the gates say",
            "seed",
            number,
            views,
            y_label="days",
            reading="What the forget gates alone would hold is not what is remembered.",
            group="The river",
        ),
    ]


def curves_of_soil(soils: Sequence[Any]) -> list[Curve]:
    """Return the horizon over depth, and how far the sensors drift from what is told."""
    found = [horizons(soils, name) for name in DEPTHS]
    value, low, high = (
        np.array(part)
        for part in zip(*((one.value, one.low, one.high) for one in found), strict=True)
    )
    months = np.arange(1, 1 + len(soils[0][DEPTHS[0]]["off_by_month"]), dtype=np.float64)
    drift = [
        Line(depth(name), np.mean([one[name]["off_by_month"] for one in soils], axis=0))
        for name in DEPTHS
    ]
    return [
        Curve(
            "Memory over depth",
            "depth in cm",
            np.array([float(depth(name).split()[0]) for name in DEPTHS]),
            (Line("memory horizon", value, low, high, interval="95 % interval over seeds"),),
            y_label="days",
            reading="Of the seeds whose network is better than the mean at a depth.",
            group="The soil",
        ),
        Curve(
            "Measured less told",
            "months from July 2015 on",
            months,
            tuple(drift),
            y_label="volumetric moisture",
            marks=(Mark(7.0, "January 2016"),),
            reading="At 10 cm the sensor shows more from autumn 2015 on than weather tells.",
            group="The soil",
        ),
    ]


STUDY = Study(
    name="river",
    title="An LSTM reads a river and the soil from the weather of months",
    claim=(
        "LSTMs model dynamic systems in engineering. A river is one: what it carries today is rain of "
        "weeks ago, kept in snow and soil. Told nothing but the weather, the network has to keep that "
        "store itself."
    ),
    prediction=(
        "In the held-out years 1986 to 1988 the error is below that of ridge regression on lags and of "
        "climatology, in every seed, and the network remembers at least 30 days. Forget gates alone "
        "would make that at least 1.5 times as long. What is said of 1985 is exactly the same with "
        "other data in the test years. In late 2015 the soil's moisture at each depth is told better "
        "than by both baselines, and deeper soil is remembered longer. 2016, when the level of the "
        "sensors shifts, is reported and is no test."
    ),
    source=(
        "Kratzert et al. 2018, Hydrology and Earth System Sciences 22, on LSTMs of rain and discharge; "
        "data of the Fulda and of the soil at Vollnkirchen: see DATA-LICENSES.md"
    ),
    correction=(
        "How far a network remembers is measured by changing its inputs, not read off its forget gates, "
        "which would hold for longer than anything counts. And a network that was right for years is "
        "wrong on the day a sensor is moved."
    ),
    measure=measure,
    judge=judge,
    curves=curves,
    quick={"river": {"epochs": 6}, "soil": {"epochs": 20}, "budget": 3},
    full={"river": {}, "soil": {}, "budget": 15},
    minutes=6.0,
    quick_seeds=2,
    questions=(
        Question(
            "How far would the forget gates reach in a network that has learnt nothing?",
            "They start with a bias of 3, which keeps .953 a day: after 62 days a twentieth is left. "
            "So a reach of months says at first how the network began, not what it remembers.",
        ),
        Question(
            "Why is 2016 no test year?",
            "The level of the sensor at 10 cm shifts, as if it had been moved: it shows more than it "
            "ever did, though full soil holds no more than before. A score there tells of the sensor. "
            "Whoever runs such a model needs an alarm: watch the mean of measured less told.",
        ),
        Question(
            "What would scaling by all years change?",
            "The scores of the test years would know their mean and spread. Scaling is learnt from the "
            "training part alone here, and the study shows it: with quite other data in the test years "
            "nothing changes before them.",
        ),
    ),
)
