"""The tables: what every coder sends at equal error, and how the codec compares over all series."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

Point = dict[str, float]
"""Setting, messages and bits a sample, rmse, largest error, wait; bits and rmse with each grid."""
Curves = dict[str, list[Point]]
"""The points of each coder of one series."""

SHARES = (0.125, 0.25, 0.5, 1.0)
"""Half of a grid's step as a share of the bound; the codec's is at most half."""
BOUNDS = (0.02, 0.05, 0.1, 0.2, 0.4)
ERRORS = (0.02, 0.05, 0.1, 0.2)
"""Root mean square errors at which everything is compared."""
AT_ONCE = ("send-on-delta", "linear forecast", "codec")
LATER = ("levels", "swinging door", "connected lines", "lines", "codec, wait 32")
BLIND = ("periodic, held", "periodic, lines", "learnt gate")
RIVALS = {"codec": AT_ONCE[:-1], "codec, wait 32": LATER[:-1]}


def tables(found: Curves) -> Iterator[str]:
    """Yield the lines of a series' tables."""
    for kind in ("messages", "bits"):
        yield f"\n{kind} per 100 samples at a largest error of"
        yield _head(BOUNDS)
        for name in (*AT_ONCE, *LATER):
            yield _row(name, [value_at(found, name, kind, bound) for bound in BOUNDS])
        yield f"\n{kind} per 100 samples at a root mean square error of"
        yield _head(ERRORS)
        for name in (*AT_ONCE, *LATER, *BLIND):
            yield _row(name, [at_error(found, name, kind, error) for error in ERRORS])


def summary(all_found: dict[str, Curves]) -> Iterator[str]:
    """Yield, over all series, how the codec compares with each rival at equal largest error."""
    for kind in ("messages", "bits"):
        yield f"\n{kind}, codec over rival: geometric mean over series and bounds; better at"
        for ours, rivals in RIVALS.items():
            for rival in rivals:
                yield _line(
                    f"{ours} / {rival}",
                    [
                        value_at(found, ours, kind, bound) / value_at(found, rival, kind, bound)
                        for found in all_found.values()
                        for bound in BOUNDS
                    ],
                )
        yield f"\n{kind}, codec over rival at equal root mean square error"
        for ours, rivals in RIVALS.items():
            for rival in (*rivals, *BLIND):
                yield _line(
                    f"{ours} / {rival}",
                    [
                        at_error(found, ours, kind, error) / at_error(found, rival, kind, error)
                        for found in all_found.values()
                        for error in ERRORS
                    ],
                )


def value_at(found: Curves, name: str, kind: str, bound: float) -> float:
    """Return messages or bits per 100 samples at a bound, the mean over seeds."""
    points = [p for each in _seeds(found, name) for p in each if p["setting"] == bound]
    return 100 * float(np.mean([point[kind] for point in points]))


def at_error(found: Curves, name: str, kind: str, error: float) -> float:
    """Return messages or bits per 100 samples at an rmse, the mean over seeds; NaN beyond a curve."""
    return 100 * float(np.mean([_between(each, error, kind) for each in _seeds(found, name)]))


def _between(points: list[Point], error: float, kind: str) -> float:
    """Read a curve off between its points, straight in both logarithms; for bits with the best grid."""
    if kind == "messages":
        return _read(points, error, "rmse", "messages")
    found = [
        _read(points, error, f"rmse {share}", f"bits {share}")
        for share in SHARES
        if f"bits {share}" in points[0]
    ]
    return min((value for value in found if not math.isnan(value)), default=math.nan)


def _read(points: list[Point], error: float, x_of: str, y_of: str) -> float:
    pairs = sorted((max(point[x_of], 1e-12), max(point[y_of], 1e-12)) for point in points)
    x, y = np.log(np.array(pairs)).T
    wanted = math.log(error)
    return float(np.exp(np.interp(wanted, x, y))) if x[0] <= wanted <= x[-1] else math.nan


def _seeds(found: Curves, name: str) -> list[list[Point]]:
    return [points for key, points in found.items() if key.partition(" #")[0] == name]


def _line(name: str, ratios: Sequence[float]) -> str:
    known = [ratio for ratio in ratios if not math.isnan(ratio)]
    mean = math.exp(np.mean(np.log(known))) if known else math.nan
    return f"{name:<36}{mean:>6.2f}   {sum(ratio < 1 for ratio in known)} of {len(known)}"


def _head(values: Sequence[float]) -> str:
    return f"{'':<20}" + "".join(f"{value:>9g}" for value in values)


def _row(name: str, values: Sequence[float]) -> str:
    return f"{name:<20}" + "".join(f"{value:>9.2f}" for value in values)
