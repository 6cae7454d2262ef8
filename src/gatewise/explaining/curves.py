"""The three memory curves as the page draws them, and those of targets, groups and members."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gatewise import memory
from gatewise.report import Curve, Line, Mark, Unit
from gatewise.typing import Array
from gatewise.wording import figure, percent

TINY = 1e-30
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
            _highway(own, unit, (called or {}).get(of := name.partition("[")[2].rstrip("]"), of))
            for name, own in results.items()
            if name.split("[")[0] == "highway"
        ),
        _context(results.get("context_need"), unit),
        *(_together(results, unit, what, names) for what, names in apart.items()),
    ]
    return tuple(curve for curve in found if curve is not None)


def _horizon(own: memory.Result | None, unit: Unit, change: str) -> Curve | None:
    if not isinstance(own, memory.Horizon):
        return None
    low, high = _band(own.curve_low, own.curve_high)
    share = float(own.settings["share"])
    beyond = own.lags > own.reach
    lines = [
        Line(
            "change of the answer",
            np.where(beyond, np.nan, own.curve),
            None if low is None else np.where(beyond, np.nan, low),
            None if high is None else np.where(beyond, np.nan, high),
            "intervention",
        )
    ]
    if own.run_in:
        start = np.where(own.lags < own.reach, np.nan, own.curve)
        lines.append(Line("start of the window, not read", start, dashed=True))
    each, counted = unit.axis(float(own.lags[-1]))
    return Curve(
        "Memory horizon",
        f"{counted} back",
        own.lags * each,
        tuple(lines),
        y_label=change,
        marks=_marks(own.lags, own.steps, unit, "horizon") if own.depends else (),
        level=Mark(share * float(own.curve[~beyond].max()), f"{percent(share)} of the largest")
        if own.depends
        else None,
        reading=_horizon_reading(own, unit),
        note=_sentence(own.caveat),
    )


def _horizon_reading(own: memory.Horizon, unit: Unit) -> str:
    """Return what the curve shows and where it ends, in the unit of the data."""
    if not own.depends:
        return f"No {unit.noun} of the input, however near, changes the answer when it is replaced."
    drawn = (
        f"How much the answer changes when the input of one {unit.noun}, so far back, is replaced by "
        "another one."
    )
    bar = f"{percent(float(own.settings['share']))} of the largest change"
    if own.run_in:
        drawn += (
            f" Dashed, and not read as memory: the first {unit.counted(own.run_in)} of each window, "
            "where the network begins with no state."
        )
    if own.at_least:
        without = " without their start" if own.run_in else ""
        return (
            f"{drawn} At {unit.counted(own.steps)}, as far as the inputs reach{without}, it is above "
            f"{bar}."
        )
    if own.steps == 0:
        return f"{drawn} At every earlier {unit.noun} it is below {bar}."
    return f"{drawn} Beyond {unit.spanned(own.steps, own.low, own.high)} it is below {bar}."


def _highway(own: memory.Result, unit: Unit, module: str) -> Curve | None:
    if not isinstance(own, memory.Highway):
        return None
    lines = [
        Line(
            "total gradient", _positive(own.total), *_band(own.low, own.high, log=True), "gradient"
        )
    ]
    if _has_gate_path(own):
        alone = _positive(own.direct)
        lines.append(Line("gate path only", alone, kind="gate path", dashed=True))
    state = own.settings["symbol"]
    each, counted = unit.axis(float(own.lags[-1]))
    return Curve(
        f"Gradient highway{f' of {module}' if module else ''}",
        f"{counted} later",
        own.lags * each,
        tuple(lines),
        y_label=f"norm of d{state}/d{state}",
        log_y=True,
        reading=_highway_reading(own, unit),
        note=_sentence(own.caveat),
    )


def _has_gate_path(own: memory.Highway) -> bool:
    return bool((own.direct > TINY).any()) and own.settings["gates"] is not None


def _highway_reading(own: memory.Highway, unit: Unit) -> str:
    """Return what the curve shows, and how much is left at the largest lag where anything is felt."""
    symbol = own.settings["symbol"]
    state = {"c": "cell c", "h": "hidden state h"}.get(symbol, f"state {symbol}")
    drawn = f"How strongly a small change of the {state} is felt later."
    lag = own.reach
    if lag == 0:
        return f"{drawn} One {unit.noun} later it has all but vanished."
    left = f"{drawn} After {unit.counted(lag)} it is {figure(float(own.gain[lag]))} times as large"
    if not _has_gate_path(own):
        return f"{left}."
    return f"{left}, by the gates alone {figure(float(own.gate_gain[lag]))} times (gate gain)."


def _context(own: memory.Result | None, unit: Unit) -> Curve | None:
    if not isinstance(own, memory.ContextNeed) or not own.score > 0:
        return None
    low, high = _band(own.curve_low / own.score, own.curve_high / own.score)
    of = "score" if own.settings["targets"] else "answers' spread"
    reading = f"How much of the {of} is lost when only the last {unit.plural} are seen."
    if own.steps and not own.at_least:
        reading += (
            f" With {unit.spanned(own.steps, own.low, own.high)} it is under "
            f"{percent(own.tolerance)}."
        )
    each, counted = unit.axis(float(own.lengths[-1]))
    return Curve(
        "Context need",
        f"last {counted} seen",
        own.lengths * each,
        (Line("share lost", own.curve / own.score, low, high, "score"),),
        y_label=f"share of the {of} lost",
        marks=_marks(own.lengths, own.steps, unit, "needed") if own.steps else (),
        reading=reading,
        note=_sentence(own.caveat),
    )


def _together(
    results: Mapping[str, memory.Result], unit: Unit, what: str, names: Mapping[str, str]
) -> Curve | None:
    """Return horizons side by side, each as a share of its largest effect, on the lags of all."""
    own = {
        words: one
        for key, words in names.items()
        if isinstance(one := results.get(key), memory.Horizon) and one.depends
    }
    if not own:
        return None
    lags = np.unique(np.concatenate([one.lags[one.lags <= one.reach] for one in own.values()]))
    lags = lags.astype(float)
    each, counted = unit.axis(float(lags[-1]))
    lines = tuple(
        Line(
            words,
            np.maximum(_share_of_largest(lags, one), LEAST),
            kind="intervention",
            dot=one.steps * each,
        )
        for words, one in own.items()
    )
    share = float(next(iter(own.values())).settings["share"])
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


def _marks(lags: NDArray[np.int64], steps: int, unit: Unit, name: str) -> tuple[Mark, ...]:
    """Return the mark at `steps`, called by its figure on the axis of `lags`."""
    furthest = float(lags[-1])
    each, _ = unit.axis(furthest)
    return (Mark(steps * each, f"{name} {unit.of_interval(furthest, steps)}"),)


def _share_of_largest(lags: Array, one: memory.Horizon) -> Array:
    """Return the curve at `lags` as a share of its largest, NaN beyond those that are read."""
    read = one.lags <= one.reach
    curve = one.curve[read]
    return np.asarray(np.interp(lags, one.lags[read], curve / curve.max(), right=np.nan))


def _band(low: Array, high: Array, *, log: bool = False) -> tuple[Array | None, Array | None]:
    if np.isnan(low).all() or np.isnan(high).all():
        return None, None
    return (_positive(low), _positive(high)) if log else (low, high)


def _positive(values: Array) -> Array:
    """Return what a logarithmic axis can show, NaN for the rest."""
    return np.where((values > TINY) & np.isfinite(values), values, np.nan)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
