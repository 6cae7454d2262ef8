"""The three memory curves as the page draws them, and those of targets, groups and members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gatewise import memory
from gatewise.curve import Curve, Line, Mark
from gatewise.typing import Array
from gatewise.unit import Unit
from gatewise.wording import percent

LEAST = 1e-3
"""Where the axis of the horizons side by side ends."""


def memory_curves(
    results: Mapping[str, memory.Result],
    unit: Unit,
    apart: Mapping[str, Mapping[str, str]],
    change: str = "change of the answer",
    called: Mapping[str, str] | None = None,
) -> tuple[Curve, ...]:
    """Return horizon, highway and context need; then a chart for each way to ask for horizons apart.

    `apart` has the names of those horizons in words, by what tells them apart ("season", "member") and
    by the name of the result. `change` is what the horizon's axis is called, `called` what modules
    are called, by their path, where that is not the path.
    """
    found = [
        _horizon(results.get("horizon"), unit, change),
        *(
            _highway(result, unit, (called or {}).get(of := name.partition("[")[2].rstrip("]"), of))
            for name, result in results.items()
            if name.split("[")[0] == "highway"
        ),
        _context(results.get("context_need"), unit),
        *(_together(results, unit, what, names) for what, names in apart.items()),
    ]
    return tuple(curve for curve in found if curve is not None)


def _horizon(result: memory.Result | None, unit: Unit, change: str) -> Curve | None:
    return (
        replace(result.as_curve(unit), y_label=change)
        if isinstance(result, memory.Horizon)
        else None
    )


def _highway(result: memory.Result, unit: Unit, module: str) -> Curve | None:
    if not isinstance(result, memory.Highway):
        return None
    curve = result.as_curve(unit)
    return replace(curve, name=f"{curve.name} of {module}") if module else curve


def _context(result: memory.Result | None, unit: Unit) -> Curve | None:
    if not isinstance(result, memory.ContextNeed) or not result.score > 0:
        return None
    return result.as_curve(unit).scaled(
        1 / result.score, "share lost", f"share of the {result.scored_by} lost"
    )


def _together(
    results: Mapping[str, memory.Result], unit: Unit, what: str, names: Mapping[str, str]
) -> Curve | None:
    """Return horizons side by side, each as a share of its largest effect, on the lags of all."""
    horizons = {
        words: one
        for key, words in names.items()
        if isinstance(one := results.get(key), memory.Horizon) and one.depends
    }
    if not horizons:
        return None
    lags = np.unique(np.concatenate([one.lags[one.lags <= one.reach] for one in horizons.values()]))
    lags = lags.astype(float)
    each, counted = unit.axis(float(lags[-1]))
    # np.maximum lets NaN through, where np.fmax would draw a line on past what was measured.
    lines = tuple(
        Line(
            words,
            np.maximum(_share_of_largest(lags, one), LEAST),
            kind="intervention",
            dot=one.steps * each,
        )
        for words, one in horizons.items()
    )
    share = float(next(iter(horizons.values())).settings["share"])
    return Curve(
        f"Memory horizon by {what}",
        f"{counted} back",
        lags * each,
        lines,
        y_label="share of the largest change",
        log_y=True,
        level=Mark(share, percent(share)),
        reading=f"The same for each {what}; the dot is the horizon.",
        note="Between the lags measured the lines are straight; what is below "
        f"{percent(LEAST)} is drawn there.",
    )


def _share_of_largest(lags: Array, one: memory.Horizon) -> Array:
    """Return the curve at `lags` as a share of its largest, NaN beyond those that are read."""
    read = one.lags <= one.reach
    curve = one.curve[read]
    return np.asarray(np.interp(lags, one.lags[read], curve / curve.max(), right=np.nan))
