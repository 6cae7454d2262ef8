"""The memory of forecasts of soil moisture, by depth: `python -m benchmarks.soil_depths`.

A forecaster sees a week of moisture and weather and answers for the day after, whose weather is given.
It sees the moisture itself because the weather alone does not tell the level at 25 and 40 cm (measured
first), and what a network remembers that fails says nothing. So a horizon here is that of moisture and
weather together, replaced at once.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any

import gatewise as gw
from benchmarks.against_peers import machine
from studies.river.soil import DEPTHS, WEATHER, soil_means

HOURS = 3
"""Of one step."""

SEEDS = range(5)
SHARED: dict[str, Any] = {
    "target": DEPTHS,
    # 2015 has a drought and in 2016 the sensors' level shifts: training has both.
    "validation": "2016-05-01",
    "test": "2016-07-01",
    "hidden_size": 16,
    "dropout": 0.2,
    "learning_rate": 0.005,
    "epochs": 20,
    "patience": None,
}
FORECAST = SHARED | {"future": WEATHER, "lookback": 56, "horizon": 8}
SENSOR = SHARED | {"inputs": WEATHER, "lookback": 240}

Scores = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Seed:
    """The horizon at each depth and the scores of one network."""

    horizons: dict[str, gw.memory.Horizon]
    scores: Scores


def main() -> int:
    print(machine(), flush=True)
    begun, frame = time.perf_counter(), soil_means(HOURS)
    sensor = gw.Forecaster(**SENSOR, seed=0).fit(frame, progress=False)
    days = SENSOR["lookback"] * HOURS // 24
    print(
        f"test NSE from {days} days of weather alone, seed 0: {_listed(_scores(sensor)['gatewise'])}"
    )
    seeds = []
    for seed in SEEDS:
        model = gw.Forecaster(**FORECAST, seed=seed).fit(frame, progress=False)
        explanation = gw.explain(model, frame)
        horizons = {name: _horizon(explanation.results[f"horizon[{name}]"]) for name in DEPTHS}
        seeds.append(Seed(horizons, _scores(model)["gatewise"]))
        print(f"\nseed {seed}: test NSE {_listed(seeds[-1].scores)}")
        for topic in ("targets", "carrier", "views"):
            if (finding := explanation.finding(topic)) is not None:
                print(f"  {finding.sentence}", flush=True)
    _print_table(
        seeds, {name: scores for name, scores in _scores(model).items() if name != "gatewise"}
    )
    asked = seeds[0].horizons[DEPTHS[0]].settings["rows"]
    print(f"intervals: 95 %, over {asked} windows; {time.perf_counter() - begun:.0f} s in all")
    return 0


def _print_table(seeds: list[Seed], baselines: dict[str, Scores]) -> None:
    heads = [f"seed {seed}" for seed in SEEDS]
    print("\nhorizon in hours (95 % interval)")
    print(_row("", *heads, "median", "all intervals"))
    for name in DEPTHS:
        found = [seed.horizons[name] for seed in seeds]
        middle = HOURS * statistics.median(lags.steps for lags in found)
        ends = (
            f"{_hours(min(lags.low for lags in found))}-{_hours(max(lags.high for lags in found))}"
        )
        print(_row(name, *map(_said, found), f"{middle:g} ({middle / 24:.1f} d)", ends))
    print("\ntest NSE")
    print(_row("", *heads, "median", *baselines))
    for name in DEPTHS:
        values = [seed.scores[name]["nse"] for seed in seeds]
        others = [scores[name]["nse"] for scores in baselines.values()]
        print(
            _row(name, *(f"{score:.3f}" for score in (*values, statistics.median(values), *others)))
        )


def _row(*cells: str) -> str:
    return "".join(f"{cell:<16}" for cell in cells).rstrip()


def _said(lags: gw.memory.Horizon) -> str:
    most = "at least " if lags.at_least else ""
    return f"{most}{_hours(lags.steps)} ({_hours(lags.low)}-{_hours(lags.high)})"


def _hours(steps: float) -> str:
    return f"{HOURS * steps:.0f}"


def _horizon(result: object) -> gw.memory.Horizon:
    assert isinstance(result, gw.memory.Horizon)
    return result


def _scores(model: gw.Forecaster) -> dict[str, Scores]:
    assert model.evaluation_ is not None
    return model.evaluation_.scores


def _listed(scores: Scores) -> str:
    return ", ".join(f"{name} {each['nse']:.3f}" for name, each in scores.items())


if __name__ == "__main__":
    sys.exit(main())
