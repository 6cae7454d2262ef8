"""The demo's score over ten seeds, and over means of three: `python -m benchmarks.demo_seeds`."""

from __future__ import annotations

import statistics
import sys
import time
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

import gatewise as gw
from benchmarks.against_peers import machine
from gatewise.cli.demo import SETTINGS, SOURCE
from gatewise.estimators.scores.numbers import nse

SEEDS = range(10)


def main() -> int:
    print(machine(), flush=True)
    points: list[NDArray[np.float64]] = []
    begun = time.perf_counter()
    for seed in SEEDS:
        model = gw.Forecaster(**{**SETTINGS, "seed": seed}).fit(SOURCE, progress=False)
        assert model.evaluation_ is not None
        predictions = model.evaluation_.predictions
        points.append(predictions.point)
        validation = model.evaluate(SOURCE, part="validation").scores["gatewise"]["discharge"]
        print(
            f"seed {seed}: test NSE {nse(predictions.truth, points[-1]):.3f}, validation NSE "
            f"{validation['nse']:.3f}, {model.fitted_.histories[0].seconds:.0f} s",
            flush=True,
        )
    for name, scores in model.evaluate().scores.items():
        if name != "gatewise":
            print(f"{name}: test NSE {scores['discharge']['nse']:.3f}")
    # The demo's prediction is the mean of three members: so it is compared with means of three.
    single = [nse(predictions.truth, point) for point in points]
    triples = [nse(predictions.truth, np.mean(three, axis=0)) for three in combinations(points, 3)]
    first = [nse(predictions.truth, np.mean(points[n : n + 3], axis=0)) for n in (0, 3, 6)]
    print(f"ten seeds: median {statistics.median(single):.3f}, lowest {min(single):.3f}")
    print("means of seeds 0-2, 3-5, 6-8: " + ", ".join(f"{score:.3f}" for score in first))
    print(
        f"all {len(triples)} means of three: lowest {min(triples):.3f}, median "
        f"{statistics.median(triples):.3f}; {time.perf_counter() - begun:.0f} s in all"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
