"""Sensor series as few messages: `python -m benchmarks.event_coding`.

    python -m benchmarks.event_coding [--sets NAME …] [--seeds N] [--updates N] [--json FILE]
    python -m benchmarks.event_coding --print FILE …

Every coder learns from the first 60 % of a series and is scored on the rest. Errors are in standard
deviations of the first part. All pay by one message format (messages.py), and are decoded from it. Two
figures for what is sent:

- messages per sample, on a grid whose half is an eighth of the bound: what a radio pays for;
- bits per sample, on the grid that takes the fewest on the first part: what a disk pays for.

Bounded coders are compared at equal largest error, those that send at once and those that look ahead
apart. With those without a bound (periodic sampling, the learnt gate) everything is compared at equal
root mean square error, in bits on whatever grid is best there, for all alike. `--print FILE …` makes
the tables of what `--json` kept.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.against_peers import machine
from benchmarks.event_coding import classic, gate
from benchmarks.event_coding.messages import Coded, bits, orders
from benchmarks.event_coding.predictive import Linear, by_network
from benchmarks.event_coding.sets import SETS, Series, names
from benchmarks.event_coding.tables import BOUNDS, SHARES, Curves, Point, summary, tables
from gatewise.codec.learning import Recipe, learn
from gatewise.typing import Array

CHOSEN_ON = 2000
"""The last samples of the first part, on which grid and code are chosen."""
EVERY = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
KAPPAS = tuple(float(kappa) for kappa in np.geomspace(3e-4, 2.0, 7))
WAIT = 32

Code = Callable[[Array, float, float], Coded]
"""A series, a bound (or number of steps, or price) and the grid's half as a share, to messages."""


def _bounded(code: Callable[[Array, float, float], Coded]) -> Code:
    return lambda x, bound, share: code(x, bound, 2 * share * bound)


def _sampled(x: Array, every: float, share: float, *, lines: bool) -> Coded:
    return classic.periodic(x, int(every), 0.2 * share, lines=lines)


BOUNDED: dict[str, Code] = {
    "send-on-delta": _bounded(classic.send_on_delta),
    "levels": _bounded(classic.levels),
    "swinging door": _bounded(partial(classic.connected, measured=True)),
    "connected lines": _bounded(classic.connected),
    "lines": _bounded(classic.lines),
}
PERIODIC: dict[str, Code] = {
    "periodic, held": partial(_sampled, lines=False),
    "periodic, lines": partial(_sampled, lines=True),
}


def linear(series: Series) -> Code:
    """Return the coder with a linear forecast, fitted for each bound."""
    fitted: dict[float, Linear] = {}

    def code(x: Array, bound: float, share: float) -> Coded:
        if bound not in fitted:
            fitted[bound] = Linear(series.seasons)
            fitted[bound].fit(series.train, bound, bound / 2)
        return fitted[bound].code(x, bound, 2 * share * bound)

    return code


def point(code: Code, series: Series, setting: float, shares: Sequence[float]) -> Point:
    """Return what a coder with one setting does to the part that is scored, with each grid.

    The order of the codes, and the grid that takes the fewest bits, are those of the part learnt from.
    """
    before, costs, errors = [], [], []
    fine: Coded | None = None
    for share in shares:
        learnt = code(series.train[-CHOSEN_ON:], setting, share)
        coded = code(series.test, setting, share)
        order = orders(learnt)
        before.append(bits(learnt, order))
        costs.append(bits(coded, order) / len(series.test))
        errors.append(float(np.sqrt(np.square(coded.values - series.test).mean())))
        fine = fine or coded
    assert fine is not None
    cheapest = int(np.argmin(before))
    return {
        "setting": setting,
        "messages": len(fine.at) / len(series.test),
        "rmse": errors[0],
        "largest": float(np.abs(fine.values - series.test).max()),
        "wait": fine.wait,
        "bits": costs[cheapest],
        **{f"bits {share}": cost for share, cost in zip(shares, costs, strict=True)},
        **{f"rmse {share}": error for share, error in zip(shares, errors, strict=True)},
    }


def curve(
    code: Code, series: Series, settings: Sequence[float], shares: Sequence[float] = SHARES
) -> list[Point]:
    """Return a coder's points; a bound that is broken is an error of ours."""
    found = [point(code, series, setting, shares) for setting in settings]
    if settings is BOUNDS:
        assert all(one["largest"] <= one["setting"] * (1 + 1e-9) for one in found)
    return found


def curves(series: Series, seeds: int, updates: int) -> Curves:
    """Return the points of every coder; of networks, those of each seed."""
    found = {name: curve(code, series, BOUNDS) for name, code in BOUNDED.items()}
    for name, code in PERIODIC.items():
        found[name] = curve(code, series, EVERY)
    found["linear forecast"] = curve(linear(series), series, BOUNDS)
    change = float(np.abs(np.diff(series.train)).mean())
    for seed in range(seeds):
        forecast = learn(series.train, series.seasons, Recipe(24, updates, seed))
        for name, wait in (("codec", 0), (f"codec, wait {WAIT}", WAIT)):
            code = _bounded(partial(_by_network, forecast=forecast, wait=wait))
            found[f"{name} #{seed}"] = curve(code, series, BOUNDS, SHARES[:-1])
        net = gate.train(series.train, change, seed, updates // 3)
        code = partial(_gated, net=net, change=change)
        found[f"learnt gate #{seed}"] = curve(code, series, KAPPAS)
    return found


def _by_network(x: Array, bound: float, step: float, **given: Any) -> Coded:
    return by_network(x, given["forecast"], bound, step, wait=given["wait"])


def _gated(x: Array, kappa: float, share: float, *, net: gate.Gate, change: float) -> Coded:
    return gate.code(x, net, kappa, change, share)


def main() -> None:
    """Code every series with everything and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.event_coding")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=names())
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--updates", type=int, default=600)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--print", type=Path, nargs="+", dest="kept")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.kept:
        read = [json.loads(path.read_text(encoding="utf-8")) for path in given.kept]
        all_found: dict[str, Curves] = {
            name: found for part in read for name, found in part.items()
        }
        for name, found in all_found.items():
            print("\n".join([f"\n## {name}", *tables(found)]))
    else:
        print(machine(), flush=True)
        all_found = {}
        for name in given.sets:
            begun, series = time.perf_counter(), SETS[name](name)
            all_found[name] = curves(series, given.seeds, given.updates)
            print(
                f"\n## {name}: {len(series.train)} samples learnt from, {len(series.test)} scored"
            )
            print("\n".join(tables(all_found[name])))
            print(f"{time.perf_counter() - begun:.0f} s", flush=True)
            if given.json:
                given.json.write_text(json.dumps(all_found), encoding="utf-8")
    print("\n## All\n" + "\n".join(summary(all_found)))


if __name__ == "__main__":
    main()
