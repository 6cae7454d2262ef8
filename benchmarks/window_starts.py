"""The share of a window's start in the memory horizon: `python -m benchmarks.window_starts`.

The demo's river, learned from windows of several lengths, one seed. If the horizon were read off every
lag, the last of them, where the network begins with no state, would now and then be taken for memory,
and the horizon be as long as the window whatever its length. Printed side by side, by season: the
horizon with every lag read, and without the start of the window, as `gw.explain` gives it.
"""

from __future__ import annotations

import sys

import gatewise as gw
from benchmarks.against_peers import machine
from gatewise import memory
from gatewise.cli.demo import SETTINGS
from gatewise.explaining.remembering import duration
from gatewise.report import Unit

LOOKBACKS = (120, 180, 240, 300)
DAY = Unit("day")


def main() -> int:
    print(machine(), flush=True)
    frame = gw.datasets.load("fulda")
    print("| window | windows that end in | every lag read | without the start | days of start |")
    print("|---|---|---|---|---|")
    for lookback in LOOKBACKS:
        model = gw.Forecaster(**SETTINGS | {"lookback": lookback}, members=1, seed=0)
        model.fit(frame, progress=False)
        case = model.explain_case(frame, part="test", by="season", module=None, budget=lookback / 6)
        run_in: int | None = None
        for name, inputs in (("all year", case.inputs), *((g.name, g.inputs) for g in case.groups)):
            every = memory.horizon(case.model, inputs, time=case.time, run_in=0)
            settled = memory.horizon(case.model, inputs, time=case.time, run_in=run_in)
            run_in = settled.run_in if run_in is None else run_in
            told = (duration(one, DAY).removeprefix("about ") for one in (every, settled))
            print(f"| {lookback} | {name} | {' | '.join(told)} | {settled.run_in} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
