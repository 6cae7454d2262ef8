"""The theta method: a straight line and a smoothed level, after the season is taken out.

statsforecast's Theta fits the standard method to each series in the form of Fiorucci et al. (2016, STM),
once and on the training part: line, smoothing and seasonal indices stay, later rows move the level only.
Forecasts are computed here from the level at every origin: a saved model needs no statsforecast.
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

MOST_SEASON = 400
"""Rows of the longest season that is taken out; above, series are fitted without one."""
MOST_SERIES = 300
MOST_WORK = 100_000_000
"""Series times targets, and the squares of their rows, that are fitted: some ten seconds."""
FEWEST = 10
"""A series with fewer known rows in training is smoothed by half, without line and season."""
NONE, ADDED, MULTIPLIED = 0.0, 1.0, 2.0


def why_not(table: Table, rows: Mask) -> str:
    """Say why Theta is left out; "" where it is not. OptionError where its extra is not installed."""
    if find_spec("statsforecast") is None:
        raise OptionError(f"the baseline theta needs statsforecast: {how_to_install('baselines')}")
    lengths = np.add.reduceat(rows.astype(np.int64), table.starts[:-1])
    targets = len(table.columns.target)
    if len(lengths) * targets > MOST_SERIES or targets * int((lengths**2).sum()) > MOST_WORK:
        return (
            f"Theta is left out: {len(lengths) * targets} series of up to {lengths.max():,} rows take "
            "long to fit."
        )
    return ""


@dataclass(frozen=True)
class Theta:
    """One model per series and target."""

    series: tuple[str, ...]
    season: int  # m, 1: none
    began: Array  # [G] time of each series' first row, as a number: lines and seasons start there
    kinds: Array  # [G, K] season: 0 none, 1 added, 2 multiplied
    smoothing: Array  # [G, K, 4] alpha, the level before the first row, and A and B of the line
    indices: Array  # [G, K, m] the season's values, from the first row on

    @classmethod
    def fit(cls, table: Table, values: Array, rows: Mask, season: int | None) -> Theta:
        """Fit every series of `values [N, K]` on the rows `[N]` of the training part."""
        m = season if season is not None and 1 < season <= MOST_SEASON else 1
        began, kinds, smoothing, indices = fitted_apart(
            table, values, rows, lambda column: _fitted(column, m)
        )
        return cls(table.series, m, began, kinds, smoothing, indices)

    def predict(self, table: Table, values: Array, origins: Indices, steps: Indices) -> Array:
        """Return the forecasts of `steps` rows after each origin, `[n, S, K]`."""
        out = np.full((len(origins), len(steps), values.shape[1]), np.nan)
        for found in following(table, origins, self.series, self.began):
            for k in range(values.shape[1]):
                model = (NONE, _simple(values[found.seen, k]), np.zeros(self.season))
                if found.group >= 0 and found.late is not None:
                    group = found.group
                    model = self.kinds[group, k], self.smoothing[group, k], self.indices[group, k]
                late = found.late or 0
                out[found.mine, :, k] = _forecasts(
                    values[found.seen, k], found.at, steps, late, model
                )
        return out


def _simple(values: Array) -> Array:
    """Return smoothing by half from the first known value on, without a line."""
    known = values[~np.isnan(values)]
    return np.array([0.5, known[0] if known.size else 0.0, 0.0, 0.0])


def _fitted(values: Array, m: int) -> tuple[float, Array, Array]:
    """Return the kind of season, the smoothing and the season's values of Theta on `values [n]`."""
    known = np.flatnonzero(~np.isnan(values))
    indices = np.zeros(m)
    if known.size < FEWEST or np.ptp(values[known]) == 0.0:
        return NONE, _simple(values), indices
    whole = np.interp(np.arange(len(values)), known, values[known])
    try:
        found = _theta(whole, m)
    except Exception:  # of statsforecast, for values that it cannot fit
        return NONE, _simple(values), indices
    kind = NONE
    if found.get("decompose", False):
        kind = MULTIPLIED if found["decomposition_type"] == "multiplicative" else ADDED
        # The season's next m values; row 0 is so many rows before the first of them.
        indices = np.roll(np.asarray(found["seas_forecast"]["mean"]), found["n"] % m)
    _, _, a, b, _ = found["states"][-1]
    par = found["par"]
    return kind, np.array([par["alpha"], par["initial_smoothed"], a, b]), indices


def _theta(values: Array, m: int) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of statsforecast and what it imports
        from statsforecast.models import (  # type: ignore[import-untyped]  # noqa: PLC0415 - slow
            Theta as Fitting,
        )

        found: dict[str, Any] = Fitting(season_length=m).fit(values).model_
    return found


def _forecasts(
    values: Array, at: Indices, steps: Indices, late: int, model: tuple[float, Array, Array]
) -> Array:
    """Return forecasts from the level after the rows `at [n]` of `values`, `[n, S]`.

    `late` is how many rows after the first row of the fit they begin; `model` is the kind of season, the
    smoothing and the season's values. A missing value moves no level. The equations are (8) to (11) of
    Fiorucci et al. (2016) with theta = 2, of which the line's part is half.
    """
    kind, (alpha, start, a, b), indices = model
    row = late + np.arange(len(values) + int(steps.max()) + 1)
    season = indices[row % len(indices)]
    adjusted = values - season[: len(values)] if kind == ADDED else values
    adjusted = adjusted / season[: len(values)] if kind == MULTIPLIED else adjusted
    if late:  # the level before is none of these rows'
        known = adjusted[~np.isnan(adjusted)]
        start = known[0] if known.size else start
    levels, level = np.empty(len(values)), float(start)
    for t, value in enumerate(adjusted.tolist()):
        level += alpha * (value - level) if value == value else 0.0  # noqa: PLR0124 - NaN
        levels[t] = level
    line = 0.5 * (a * (1 - alpha) ** row + b * (1 - (1 - alpha) ** (row + 1)) / alpha)
    before = np.concatenate([[0.0], np.cumsum(line)])
    now = at[:, None] + 1  # the row after the origin
    found = levels[at][:, None] + line[now + steps - 1]
    found = found + alpha * (before[now + steps - 1] - before[now])
    ahead = season[now + steps - 1]
    if kind == ADDED:
        return np.asarray(found + ahead)
    return np.asarray(found * ahead) if kind == MULTIPLIED else np.asarray(found)
