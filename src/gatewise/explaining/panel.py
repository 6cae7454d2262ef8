"""The panel of inputs on the page, from permutation importance and integrated gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from gatewise.memory import Importance, IntegratedGradients, Result
from gatewise.report.inputs import InputPanel, InputWorth
from gatewise.unit import Unit
from gatewise.wording import figure, joined


def input_panel(results: Mapping[str, Result], unit: Unit) -> InputPanel | None:
    """Return the columns, the most important first; None where nothing is known of them."""
    columns, ways = results.get("importance"), results.get("integrated_gradients")
    if not isinstance(columns, Importance):
        return None
    names = [str(name) for name in columns.columns]
    alike = isinstance(ways, IntegratedGradients) and ways.columns.tolist() == names
    inputs = tuple(
        InputWorth(
            names[n],
            float(columns.relative[n]),
            float(columns.low[n]),
            float(columns.high[n]),
            float(ways.share[n]) if alike and isinstance(ways, IntegratedGradients) else math.nan,
            tuple(columns.by_lag[n].tolist()) if np.isfinite(columns.by_lag[n]).any() else (),
        )
        for n in columns.order
    )
    together = tuple(
        InputWorth(
            f"{joined([names[n] for n in group])} together",
            float(columns.group_relative[place]),
            float(columns.group_low[place]),
            float(columns.group_high[place]),
        )
        for place, group in enumerate(columns.groups)
    )
    each, plural = unit.axis(float(columns.lag_last[-1]))
    return InputPanel(
        inputs=inputs,
        lag_names=tuple(
            _lag_name(first * each, last * each)
            for first, last in zip(columns.lag_first, columns.lag_last, strict=True)
        ),
        lag_label=f"{plural} back" + (" (+: ahead)" if columns.lag_first[0] < 0 else ""),
        whole="score" if columns.settings["targets"] else "answers' spread",
        interval="no interval" if np.isnan(columns.low).all() else columns.interval_name,
        together=together,
        notes=(columns.note,),
    )


def _lag_name(first: float, last: float) -> str:
    """Return what a range of lags is called: "0", "8–11", and "+2" for one ahead."""
    if first < 0:
        return f"+{figure(-last)}" if first == last else f"+{figure(-last)}–{figure(-first)}"
    return figure(first) if first == last else f"{figure(first)}–{figure(last)}"
