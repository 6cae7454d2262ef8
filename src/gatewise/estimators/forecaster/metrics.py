"""Scores of predictions against the truth, on NumPy arrays in float64.

Pairs whose truth is NaN are left out; a NaN prediction where the truth is known makes the score
NaN, so that a broken prediction is never hidden. With no known truth at all, every score is NaN.
Sizes: N windows, S predicted steps, K targets, Q quantile levels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from gatewise.estimators.forecaster.crps import crps
from gatewise.estimators.scores.numbers import (
    NAN,
    coverage,
    known_pairs,
    mae,
    nse,
    pinball,
    rmse,
)
from gatewise.typing import Array

PEAKS = 50
"""One in so many known values is a peak."""


def smape(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the symmetric mean absolute percentage error, `mean(200 |p - t| / (|p| + |t|))`.

    0 is perfect, 200 the worst (Makridakis 1993, as in the M4 competition). Where both are 0 the error
    is 0.
    """
    t, p = known_pairs(truth, prediction)
    if not t.size:
        return NAN
    size = np.abs(p) + np.abs(t)
    return float(np.mean(200.0 * np.abs(p - t) / np.where(size == 0.0, 1.0, size)))


def kge(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the Kling-Gupta efficiency of 2009, `1 - sqrt((r - 1)^2 + (a - 1)^2 + (b - 1)^2)`.

    r is the correlation, a the ratio of the standard deviations, b that of the means, prediction over
    truth (Gupta et al. 2009, eq. 9). 1 is perfect. A prediction that never varies has r = 0, so the
    mean of the truth reaches 1 - sqrt(2) (Knoben et al. 2019). NaN where the truth never varies, or its
    mean is 0.
    """
    t, p = known_pairs(truth, prediction)
    if not t.size or t.std() == 0.0 or t.mean() == 0.0:
        return NAN
    together = float(np.mean((t - t.mean()) * (p - p.mean())))
    r = together / float(t.std() * p.std()) if p.std() != 0.0 else 0.0
    a, b = float(p.std() / t.std()), float(p.mean() / t.mean())
    return 1.0 - float(np.sqrt((r - 1.0) ** 2 + (a - 1.0) ** 2 + (b - 1.0) ** 2))


def percent_bias(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the bias of the volume in percent, `100 sum(p - t) / sum(t)`: above 0 is too much.

    (Yilmaz et al. 2008, eq. 7.) NaN where the truth is below 0 somewhere, or nowhere above it.
    """
    return _percent_off(*known_pairs(truth, prediction))


def peak_bias(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the bias in percent at the times of the highest 2 % of the truth: above 0 is too much.

    A peak that comes too late counts as one that is missed. NaN as of `percent_bias`, and for fewer
    than 50 known values.
    """
    t, p = _peaked(truth, prediction)
    highest = np.argsort(-t, kind="stable")[: t.size // PEAKS]
    return _percent_off(t[highest], p[highest])


def high_flow_bias(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return FHV in percent: the bias of the highest 2 % of predictions against those of the truth.

    Both are sorted by themselves, so timing does not count: with `peak_bias` it tells peaks that are
    late from peaks that are low (the upper end of the flow duration curve, Yilmaz et al. 2008, eq. 8).
    NaN as of `peak_bias`.
    """
    t, p = _peaked(truth, prediction)
    count = t.size // PEAKS
    return _percent_off(-np.sort(-t)[:count], -np.sort(-p)[:count])


def _peaked(truth: ArrayLike, prediction: ArrayLike) -> tuple[Array, Array]:
    """Return the known pairs, and none where the figures of peaks mean nothing."""
    t, p = known_pairs(truth, prediction)
    # A prediction that is NaN must not hide among those that are no peaks.
    return (t[:0], p[:0]) if not t.size or t.min() < 0.0 or np.isnan(p).any() else (t, p)


def _percent_off(t: Array, p: Array) -> float:
    if not t.size or t.min() < 0.0 or t.sum() == 0.0:
        return NAN
    return 100.0 * float(np.sum(p - t) / np.sum(t))


@dataclass(frozen=True)
class Metric:
    """A score: how it is computed, and how tables, pages and docs show it."""

    title: str
    """Its heading."""
    of: Callable[[ArrayLike, ArrayLike, Sequence[float]], float]
    """From truth `[N, S]`, prediction (quantiles `[N, S, Q]` where it needs levels) and the levels."""
    meaning: str
    """A sentence for the docs."""
    better: Literal["low", "high", "zero"] | None = "low"
    """Which value is best in a table; None where neither is."""
    in_units: bool = True
    """Whether it has the target's units; else it is a plain number, shown with three decimals."""
    scaled: Literal["absolute", "squared"] | None = None
    """Which error of the seasonal naive forecast in training truth and prediction are divided by."""
    shown: Literal["always", "forecast", "sensor", "never"] = "always"
    """Of what the tables show it; scores and files hold every metric."""
    levels: int = 0
    """Quantile levels that it needs; 0 for a score of the prediction itself."""
    note: str = ""
    """What a reader of the table must know beside the units."""


METRICS: dict[str, Metric] = {
    "nse": Metric(
        "NSE",
        lambda truth, point, _: nse(truth, point),
        "Nash–Sutcliffe efficiency, the same as R²: 1 is perfect, 0 is the mean of the truth.",
        better="high",
        in_units=False,
        note="NSE: 1 is perfect, 0 is as good as the mean of the truth, below 0 is worse than that.",
    ),
    "rmse": Metric(
        "RMSE",
        lambda truth, point, _: rmse(truth, point),
        "Root of the mean squared error, in the target's units.",
    ),
    "mae": Metric(
        "MAE",
        lambda truth, point, _: mae(truth, point),
        "Mean absolute error, in the target's units.",
    ),
    "mase": Metric(
        "MASE",
        lambda truth, point, _: mae(truth, point),
        "Mean absolute scaled error: the MAE in units of the seasonal naive forecast's MAE in training "
        "(Hyndman and Koehler 2006), of each series alone.",
        in_units=False,
        scaled="absolute",
        shown="forecast",
        note="MASE: the MAE over that of the seasonal naive forecast in training, of each series alone.",
    ),
    "rmsse": Metric(
        "RMSSE",
        lambda truth, point, _: rmse(truth, point),
        "Root mean squared scaled error: the RMSE in units of that of the same forecast.",
        in_units=False,
        scaled="squared",
        shown="never",
    ),
    "smape": Metric(
        "sMAPE, %",
        lambda truth, point, _: smape(truth, point),
        "Symmetric mean absolute percentage error, 0 to 200.",
        in_units=False,
        shown="never",
    ),
    "kge": Metric(
        "KGE",
        lambda truth, point, _: kge(truth, point),
        "Kling–Gupta efficiency of 2009 (correlation, spread and mean): 1 is perfect, the mean of the "
        "truth reaches −0.41.",
        better="high",
        in_units=False,
        shown="sensor",
    ),
    "pbias": Metric(
        "bias, %",
        lambda truth, point, _: percent_bias(truth, point),
        "Bias of the sum in percent, above 0 is too much; of a truth that is never below 0.",
        better="zero",
        in_units=False,
        shown="sensor",
    ),
    "peak": Metric(
        "peaks, %",
        lambda truth, point, _: peak_bias(truth, point),
        "Bias in percent at the times of the highest 2 % of the truth.",
        better="zero",
        in_units=False,
        shown="sensor",
        note="Peaks: the bias at the times of the highest 2 % of the truth.",
    ),
    "fhv": Metric(
        "FHV, %",
        lambda truth, point, _: high_flow_bias(truth, point),
        "Bias in percent of the highest 2 % of the predictions, whenever they come, against those of "
        "the truth (Yilmaz et al. 2008).",
        better="zero",
        in_units=False,
        shown="never",
    ),
    "pinball": Metric(
        "pinball loss",
        pinball,
        "Mean pinball loss over the levels, in the target's units.",
        levels=1,
    ),
    "crps": Metric(
        "CRPS",
        crps,
        "Continuous ranked probability score that the quantiles stand for, in the target's units; "
        "compare scores of the same levels alone.",
        levels=2,
    ),
    "coverage": Metric(
        "coverage",
        lambda truth, quantiles, _: coverage(truth, quantiles),
        "Share of the truth within the outermost quantiles: best is what these promise.",
        better=None,
        in_units=False,
        levels=2,
    ),
}
"""Every metric by its name in `evaluation_.scores` and metrics.json, in the order of the tables.

A new one is a function and an entry here: scores, tables, page, files and docs take it from here.
"""


def scores(
    truth: ArrayLike,
    point: ArrayLike,
    quantiles: ArrayLike | None = None,
    levels: Sequence[float] = (),
    naive: tuple[ArrayLike, ArrayLike] | None = None,
    *,
    only: Sequence[str] | None = None,
) -> dict[str, float]:
    """Return every metric of one target; those of quantiles where there are enough levels.

    `truth` and `point` are `[N, S]`, `quantiles` `[N, S, Q]`; all steps are pooled. `naive`, the errors
    of the seasonal naive forecast in training (mean absolute, root mean square; `[N]` each, NaN where
    there is none), brings the scaled metrics: what has no such error is left out of them. Of `only`
    these metrics, or of all.
    """
    table = {}
    for name, metric in METRICS.items():
        if only is not None and name not in only:
            continue
        if metric.scaled:
            if naive is not None:
                by = np.asarray(naive[metric.scaled == "squared"], dtype=np.float64)
                by = by.reshape(-1, *[1] * (np.ndim(truth) - 1))
                table[name] = metric.of(np.asarray(truth) / by, np.asarray(point) / by, ())
        elif metric.levels == 0:
            table[name] = metric.of(truth, point, ())
        elif quantiles is not None and len(levels) >= metric.levels:
            table[name] = metric.of(truth, quantiles, levels)
    return table
