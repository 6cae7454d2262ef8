"""Exponential smoothing in state-space form (ETS): error, trend and season of each series alone.

The model of each series and its parameters are chosen by statsforecast's AutoETS (Hyndman et al. 2002,
by AICc), once and on the training part; later rows only move the states. Forecasts are computed here
from the states at every origin, so a model that was saved needs no statsforecast.
Sizes: N rows, n origins, S predicted steps, K targets, G series, m rows of a season.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from gatewise.data.tables.table import Table
from gatewise.errors import OptionError, how_to_install
from gatewise.estimators.forecaster.baselines.rows import fitted_apart, following
from gatewise.typing import Array, Indices, Mask

MOST_SEASON = 24
"""Rows of the longest season that AutoETS fits; above, series are fitted without one."""
MOST_SERIES = 100
MOST_ROWS = 20_000
"""Series times targets, and rows, that are fitted; each takes a third of a second or more."""
FEWEST = 10
"""A series with fewer known rows in training is smoothed by half, without trend and season."""
_SIMPLE = np.array([0.5, 0.0, 0.0, 1.0])


def why_not(table: Table, rows: Mask) -> str:
    """Say why ETS is left out; "" where it is not. OptionError where its extra is not installed."""
    if find_spec("statsforecast") is None:
        raise OptionError(f"the baseline ets needs statsforecast: {how_to_install('baselines')}")
    models = len(table.series) * len(table.columns.target)
    if models > MOST_SERIES or int(rows.sum()) > MOST_ROWS:
        return (
            f"ETS is left out: {models} series of {int(rows.sum())} rows take long to fit (at most "
            f"{MOST_SERIES} of {MOST_ROWS} in all)."
        )
    return ""


@dataclass(frozen=True)
class Ets:
    """One model per series and target."""

    series: tuple[str, ...]
    season: int  # m, 1: none
    began: (
        Array  # [G] time of each series' first row, as a number: the initial states are of that row
    )
    kinds: Array  # [G, K, 2] trend (0, 1 additive), season (0, 1 additive, 2 multiplicative)
    weights: Array  # [G, K, 4] alpha, beta, gamma, phi (1: not damped)
    initial: Array  # [G, K, 2 + m] level, trend, and the season's values from the oldest on

    @classmethod
    def fit(cls, table: Table, values: Array, rows: Mask, season: int | None) -> Ets:
        """Fit every series of `values [N, K]` on the rows `[N]` of the training part."""
        m = season if season is not None and 1 < season <= MOST_SEASON else 1
        began, kinds, weights, initial = fitted_apart(
            table, values, rows, lambda column: _fitted(column, m)
        )
        return cls(table.series, m, began, kinds, weights, initial)

    def predict(self, table: Table, values: Array, origins: Indices, steps: Indices) -> Array:
        """Return the forecasts of `steps` rows after each origin, `[n, S, K]`."""
        out = np.full((len(origins), len(steps), values.shape[1]), np.nan)
        for found in following(table, origins, self.series, self.began):
            for k in range(values.shape[1]):
                seen = values[found.seen, k]
                model = self._model(found.group, k, None if found.late == 0 else seen)
                out[found.mine, :, k] = _forecasts(seen, found.at, steps, self.season, model)
        return out

    def _model(self, group: int, k: int, seen: Array | None) -> tuple[Array, Array, Array]:
        """Return kinds, weights and initial states; of rows that begin elsewhere, `seen`, new states."""
        if group < 0:
            kinds, weights = np.zeros(2), _SIMPLE
        else:
            kinds, weights = self.kinds[group, k], self.weights[group, k]
        if seen is None:
            return kinds, weights, self.initial[group, k]
        return kinds, weights, _started(seen, self.season, kinds)


def _fitted(values: Array, m: int) -> tuple[Array, Array, Array]:
    """Return kinds, weights and initial states of AutoETS on `values [n]`."""
    known = np.flatnonzero(~np.isnan(values))
    simple = np.zeros(2), _SIMPLE, _started(values, m, np.zeros(2))
    if known.size < FEWEST or np.ptp(values[known]) == 0.0:
        return simple
    whole = np.interp(np.arange(len(values)), known, values[known])
    try:
        found = _auto_ets(whole, m)
    except Exception:
        return simple
    components, par, states = found["components"], found["par"], found["states"]
    kinds = np.array([float(components[1] != "N"), float("NAM".index(components[2]))])
    weights = np.nan_to_num(np.asarray(par[:4], dtype=np.float64))
    weights[3] = par[3] if np.isfinite(par[3]) else 1.0  # not damped
    initial = np.zeros(2 + m)
    first = np.asarray(states[0], dtype=np.float64)
    trends = int(kinds[0])
    initial[: 1 + trends] = first[: 1 + trends]
    initial[2:] = first[1 + trends :][::-1] if kinds[1] else 0.0
    return kinds, weights, initial


def _auto_ets(values: Array, m: int) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of statsforecast and what it imports
        from statsforecast.models import (  # type: ignore[import-untyped]  # noqa: PLC0415 - slow
            AutoETS,
        )

        found: dict[str, Any] = AutoETS(season_length=m).fit(values).model_
    return found


def _started(values: Array, m: int, kinds: Array) -> Array:
    """Return states to begin with: the first season's mean, no trend, and what departs from the mean."""
    first = values[:m] if len(values) >= m else np.resize(values, m)
    known = values[~np.isnan(values)][: max(m, 1)]
    level = float(known.mean()) if known.size else 0.0
    season = np.zeros(m)
    if kinds[1] == 1.0:
        season = np.nan_to_num(first - level)
    elif kinds[1] == 2.0:
        season = np.where(np.isnan(first) | (level == 0.0), 1.0, first / (level or 1.0))
    return np.concatenate([[level, 0.0], season])


def _forecasts(
    values: Array,
    at: Indices,
    steps: Indices,
    m: int,
    model: tuple[Array, Array, Array],
) -> Array:
    """Return forecasts from the states after the rows `at [n]` of `values`, `[n, S]`.

    `model` are kinds, weights and initial states. The recursions are those of Hyndman et al. (2008),
    table 2.2; a missing value moves no state.
    """
    kinds, weights, initial = model
    alpha, beta, gamma, phi = (float(weight) for weight in weights)
    trending, kind = bool(kinds[0]), int(kinds[1])
    count = len(values)
    levels, trends = np.empty(count), np.zeros(count)
    season = np.concatenate([initial[2:], np.empty(count)])
    level, trend = float(initial[0]), float(initial[1])
    for t in range(count):
        before = level + phi * trend
        old = float(season[t])
        told = before * old if kind == 2 else before + old if kind == 1 else before
        missed = float(values[t]) - told
        missed = 0.0 if missed != missed else missed  # noqa: PLR0124 - NaN
        share = missed / old if kind == 2 and old else missed
        level = before + alpha * share
        trend = phi * trend + beta * share if trending else 0.0
        season[t + m] = old + gamma * (missed / before if kind == 2 and before else missed)
        levels[t], trends[t] = level, trend
    damped = np.cumsum(phi ** np.arange(1, int(steps.max()) + 1))[steps - 1]
    found = levels[at][:, None] + trends[at][:, None] * damped
    # The season's value of a step's phase that was renewed last: rows at + 1 - m .. at.
    latest = season[at[:, None] + steps - m * -(-steps // m) + m]
    if kind == 1:
        return np.asarray(found + latest)
    return np.asarray(found * latest) if kind == 2 else found
