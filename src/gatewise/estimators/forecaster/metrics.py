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

from gatewise.errors import InputError
from gatewise.typing import Array


def _known_pairs(truth: ArrayLike, prediction: ArrayLike) -> tuple[Array, Array]:
    """Return the two arrays, flat, without the pairs whose truth is NaN."""
    t = np.asarray(truth, dtype=np.float64)
    p = np.asarray(prediction, dtype=np.float64)
    if t.shape != p.shape:
        raise InputError(
            f"truth has shape {t.shape} but prediction has shape {p.shape}: both must be alike"
        )
    known = ~np.isnan(t)
    return t[known], p[known]


def _known_quantiles(truth: ArrayLike, quantiles: ArrayLike) -> tuple[Array, Array]:
    """Return truth `[n]` and quantiles `[n, Q]` where the truth is known."""
    t = np.asarray(truth, dtype=np.float64)
    q = np.asarray(quantiles, dtype=np.float64)
    if q.shape[:-1] != t.shape or q.ndim == 0:
        raise InputError(
            f"quantiles have shape {q.shape} but truth has shape {t.shape}: "
            f"give quantiles of shape {(*t.shape, 'Q')}"
        )
    known = ~np.isnan(t)
    return t[known], q[known]


def rmse(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the root of the mean squared error, in the target's units."""
    t, p = _known_pairs(truth, prediction)
    return float(np.sqrt(np.mean((p - t) ** 2))) if t.size else float("nan")


def mae(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the mean absolute error, in the target's units."""
    t, p = _known_pairs(truth, prediction)
    return float(np.mean(np.abs(p - t))) if t.size else float("nan")


def nse(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the Nash-Sutcliffe efficiency, `1 - sum((p - t)^2) / sum((t - mean(t))^2)`.

    1 is perfect, 0 is what the mean of the truth itself would reach (Nash and Sutcliffe 1970;
    the same figure as R^2 of regression). NaN where the truth never varies.
    """
    t, p = _known_pairs(truth, prediction)
    if t.size == 0:
        return float("nan")
    spread = float(np.sum((t - t.mean()) ** 2))
    return 1.0 - float(np.sum((p - t) ** 2)) / spread if spread > 0.0 else float("nan")


def pinball(truth: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]) -> float:
    """Return the mean pinball loss over the levels, in the target's units.

    For level a and error e = t - q the loss is `max(a e, (a - 1) e)` (Koenker and Bassett 1978):
    at a = .5 it is half the absolute error. `quantiles` is `truth.shape + (Q,)`.
    """
    t, q = _known_quantiles(truth, quantiles)
    a = np.asarray(levels, dtype=np.float64)
    if a.shape != q.shape[-1:]:
        raise InputError(
            f"{a.size} levels for quantiles of shape {q.shape}: give one level for each"
        )
    if t.size == 0:
        return float("nan")
    error = t[:, None] - q
    return float(np.mean(np.maximum(a * error, (a - 1.0) * error)))


def coverage(truth: ArrayLike, quantiles: ArrayLike) -> float:
    """Return the share of known truths within the outermost quantiles, bounds included.

    With levels .05 ... .95 an honest model reaches .90. `quantiles` is `truth.shape + (Q,)`,
    ascending.
    """
    t, q = _known_quantiles(truth, quantiles)
    if t.size == 0 or np.isnan(q).any():
        return float("nan")
    return float(np.mean((q[:, 0] <= t) & (t <= q[:, -1])))


@dataclass(frozen=True)
class Metric:
    """A score: how it is computed, and how tables, pages and docs show it."""

    title: str
    """Its heading."""
    of: Callable[[ArrayLike, ArrayLike, Sequence[float]], float]
    """From truth `[N, S]`, prediction (quantiles `[N, S, Q]` where it needs levels) and the levels."""
    meaning: str
    """A sentence for the docs."""
    better: Literal["low", "high"] | None = "low"
    """Which value is best in a table; None where neither is."""
    in_units: bool = True
    """Whether it has the target's units; else it is a plain number, shown with three decimals."""
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
    "pinball": Metric(
        "pinball loss",
        pinball,
        "Mean pinball loss over the levels, in the target's units.",
        levels=1,
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
) -> dict[str, float]:
    """Return every metric of one target; those of quantiles where there are enough levels.

    `truth` and `point` are `[N, S]`, `quantiles` `[N, S, Q]`; all steps are pooled.
    """
    table = {}
    for name, metric in METRICS.items():
        if metric.levels == 0:
            table[name] = metric.of(truth, point, ())
        elif quantiles is not None and len(levels) >= metric.levels:
            table[name] = metric.of(truth, quantiles, levels)
    return table
