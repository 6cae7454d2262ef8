"""The three memory curves as the page draws them, and those of targets, groups and members."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gatewise import memory
from gatewise.explaining.case import Unit
from gatewise.report import Curve, Line, Mark

Array = NDArray[np.float64]
TINY = 1e-30


def memory_curves(
    results: Mapping[str, memory.Result], unit: Unit, names: Mapping[str, str]
) -> tuple[Curve, ...]:
    """Return horizon, highway and context need; then one chart for the horizons asked for apart.

    `names` has those horizons: name of the result to its name in words.
    """
    found = [
        _horizon(results.get("horizon"), unit),
        *(
            _highway(own, unit, name.partition("[")[2].rstrip("]"))
            for name, own in results.items()
            if name.split("[")[0] == "highway"
        ),
        _context(results.get("context_need"), unit),
        _together(results, unit, names),
    ]
    return tuple(curve for curve in found if curve is not None)


def _horizon(own: memory.Result | None, unit: Unit) -> Curve | None:
    if not isinstance(own, memory.Horizon):
        return None
    low, high = _band(own.curve_low, own.curve_high)
    return Curve(
        "Memory horizon",
        f"{unit.noun}s back",
        own.lags.astype(float),
        (Line("change of the answer", own.curve, low, high, "intervention"),),
        y_label="change of the answer",
        marks=(Mark(float(own.steps), f"horizon {own.steps}"),) if own.depends else (),
        reading=own.reading,
        note=_sentence(own.caveat),
    )


def _highway(own: memory.Result, unit: Unit, module: str) -> Curve | None:
    if not isinstance(own, memory.Highway):
        return None
    lines = [Line("total", _positive(own.total), *_band(own.low, own.high, log=True), "gradient")]
    if (own.direct > TINY).any() and own.cell in ("lstm", "gru"):
        lines.append(Line("direct path", _positive(own.direct), kind="gate path", dashed=True))
    state = "c" if own.cell == "lstm" else "h"
    return Curve(
        f"Highway{f' of {module}' if module else ''}",
        f"{unit.noun}s back",
        own.lags.astype(float),
        tuple(lines),
        y_label=f"norm of d{state}/d{state}",
        log_y=True,
        reading=own.reading,
        note=_sentence(own.caveat),
    )


def _context(own: memory.Result | None, unit: Unit) -> Curve | None:
    if not isinstance(own, memory.ContextNeed) or not own.score > 0:
        return None
    low, high = _band(own.curve_low / own.score, own.curve_high / own.score)
    return Curve(
        "Context need",
        f"last {unit.noun}s seen",
        own.lengths.astype(float),
        (Line("share of the score lost", own.curve / own.score, low, high, "score"),),
        y_label="share of the score lost",
        marks=(Mark(float(own.steps), f"need {own.steps}"),) if own.steps else (),
        reading=own.reading,
        note=_sentence(own.caveat),
    )


def _together(
    results: Mapping[str, memory.Result], unit: Unit, names: Mapping[str, str]
) -> Curve | None:
    """Return horizons side by side, each as a share of its largest effect, on the lags of all."""
    own = {
        words: one
        for key, words in names.items()
        if isinstance(one := results.get(key), memory.Horizon) and one.depends
    }
    if not own:
        return None
    lags = np.unique(np.concatenate([one.lags for one in own.values()])).astype(float)
    lines = tuple(
        Line(
            words,
            np.interp(lags, one.lags, one.curve / one.curve.max(), right=np.nan),
            kind="intervention",
            dot=float(one.steps),
        )
        for words, one in own.items()
    )
    return Curve(
        "Memory horizon, apart",
        f"{unit.noun}s back",
        lags,
        lines,
        y_label="share of the largest effect",
        note="The dot is the horizon. Between the lags measured the lines are straight.",
    )


def _band(low: Array, high: Array, *, log: bool = False) -> tuple[Array | None, Array | None]:
    if np.isnan(low).all() or np.isnan(high).all():
        return None, None
    return (_positive(low), _positive(high)) if log else (low, high)


def _positive(values: Array) -> Array:
    """Return what a logarithmic axis can show, NaN for the rest."""
    return np.where((values > TINY) & np.isfinite(values), values, np.nan)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
