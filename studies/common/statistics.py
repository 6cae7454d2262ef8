"""Intervals, tests and fits that several studies use, from SciPy and statsmodels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats


@dataclass(frozen=True)
class Interval:
    """An estimate and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Slope:
    """A line fitted by least squares: its slope and the share of variance that it explains."""

    slope: float
    r_squared: float


def line(x: ArrayLike, y: ArrayLike) -> Slope:
    """Return the least-squares line through points."""
    fitted = stats.linregress(x, y)
    return Slope(float(fitted.slope), float(fitted.rvalue) ** 2)


def mean_interval(values: ArrayLike) -> Interval:
    """Return the mean and its t interval; of a single value, an interval of no width."""
    data = np.asarray(values, dtype=np.float64)
    mean = float(data.mean())
    if len(data) < 2 or np.ptp(data) == 0:
        return Interval(mean, mean, mean)
    low, high = stats.t.interval(0.95, len(data) - 1, loc=mean, scale=stats.sem(data))
    return Interval(mean, float(low), float(high))


def share_interval(successes: int, of: int) -> Interval:
    """Return a share and its exact interval (Clopper & Pearson 1934)."""
    found = stats.binomtest(successes, of).proportion_ci(0.95, method="exact")
    return Interval(successes / of, float(found.low), float(found.high))


def jackknife(values: ArrayLike, statistic: Callable[[NDArray[np.float64]], float]) -> Interval:
    """Return a statistic of rows and its t interval, leaving out one after the other (Tukey 1958).

    For one that corrects its own bias, such as a bias squared, which a bootstrap would add again; and
    for few rows, where a bootstrap's percentiles are too close together.
    """
    data = np.asarray(values, dtype=np.float64)
    number, value = len(data), statistic(data)
    without = [statistic(np.delete(data, row, axis=0)) for row in range(number)]
    error = math.sqrt((number - 1) * float(np.var(without)))
    width = float(stats.t.isf(0.025, number - 1)) * error
    return Interval(value, value - width, value + width)


def paired(one: ArrayLike, other: ArrayLike) -> Interval:
    """Return the mean of one minus other, pair by pair, with its t interval."""
    return mean_interval(np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64))


@dataclass(frozen=True)
class LossRatio:
    """How the mean loss of one forecast compares with that of another on the same stretch of time.

    `ratio` is below 1 where the first is better, `error` its standard error, and `p_value` that of
    the two being equally good.
    """

    ratio: float
    error: float
    p_value: float


def hac_error(series: ArrayLike, lags: int) -> float:
    """Return the standard error of the mean of a series whose values are like their neighbours.

    By Newey & West 1987: up to `lags` steps apart, with weights that fall linearly.
    """
    # Here alone: it takes two seconds to import, and most studies do without.
    from statsmodels.regression.linear_model import OLS  # noqa: PLC0415

    data = np.asarray(series, dtype=np.float64)
    fitted = OLS(data, np.ones(len(data))).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    return float(fitted.bse[0])


def loss_ratio(one: ArrayLike, other: ArrayLike, lags: int) -> LossRatio:
    """Return how two forecasts compare by their losses, a value for each time, in order.

    The p value is that of Diebold & Mariano 1995: the mean difference over its error. The error of the
    ratio is that of its linear part, (one - ratio * other) / mean(other).
    """
    first, second = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    level = float(second.mean())
    ratio = float(first.mean()) / level
    apart = first - second
    if not np.any(apart):
        return LossRatio(1.0, 0.0, 1.0)
    statistic = float(apart.mean()) / hac_error(apart, lags)
    error = hac_error((first - ratio * second) / level, lags)
    return LossRatio(ratio, error, 2 * float(stats.norm.sf(abs(statistic))))


def same_time(values: ArrayLike, errors: ArrayLike) -> Interval:
    """Return the mean of what seeds measured on one and the same stretch of time, with its interval.

    More seeds do not make the time longer. The errors are added up as if all seeds had the same one,
    which the error of their mean cannot exceed (Cauchy & Schwarz), and what seeds differ by comes on
    top.
    """
    data = np.asarray(values, dtype=np.float64)
    between = float(stats.sem(data)) if len(data) > 1 else 0.0
    width = float(stats.norm.isf(0.025)) * math.hypot(float(np.asarray(errors).mean()), between)
    mean = float(data.mean())
    return Interval(mean, mean - width, mean + width)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979), in the order given."""
    order = np.argsort(p_values)
    corrected = np.empty(len(p_values))
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, float(p_values[place]) * (len(p_values) - rank)))
        corrected[place] = largest
    return [float(value) for value in corrected]


def fisher(solved: int, of: int, other_solved: int, other_of: int) -> float:
    """Return the two-sided p value that two solve rates are the same (Fisher's exact test)."""
    table = [[solved, of - solved], [other_solved, other_of - other_solved]]
    return float(stats.fisher_exact(table).pvalue)


def log_rank(one: Sequence[int | None], other: Sequence[int | None], limit: int) -> float:
    """Return the p value that two sets of times are the same; None is later than `limit` (censored).

    The log-rank test (Mantel 1966). 1 where nothing was reached in either.
    """
    if all(time is None for time in (*one, *other)):
        return 1.0
    samples = [
        stats.CensoredData(
            uncensored=[time for time in times if time is not None],
            right=[limit for time in times if time is None],
        )
        for times in (one, other)
    ]
    return float(stats.logrank(*samples).pvalue)


def censored_slope(
    x: Sequence[float], y: Sequence[float | None], limit: float, *, draws: int = 200
) -> Interval:
    """Return the slope of a line through points some of which lie above a limit (Tobin 1958).

    None stands for those. By maximum likelihood under normal errors; the interval is the bootstrap's
    over points.
    """
    values = np.array([np.nan if one is None else one for one in y])
    places = np.asarray(x, dtype=np.float64)
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(draws):
        picks = generator.integers(0, len(places), len(places))
        if np.isfinite(values[picks]).sum() >= 3 and np.ptp(places[picks]) > 0:
            drawn.append(_tobit(places[picks], values[picks], limit))
    low, high = np.quantile(drawn, (0.025, 0.975)) if drawn else (math.nan, math.nan)
    return Interval(_tobit(places, values, limit), float(low), float(high))


def _tobit(x: NDArray[np.float64], y: NDArray[np.float64], limit: float) -> float:
    """Return the slope at the largest likelihood."""
    seen = np.isfinite(y)
    if seen.sum() < 2:
        return math.nan
    centre = x.mean()

    def loss(parameters: NDArray[np.float64]) -> float:
        level, slope, log_scale = parameters
        scale = math.exp(min(max(log_scale, -10.0), 10.0))
        fitted = level + slope * (x - centre)
        told = stats.norm.logpdf(y[seen], fitted[seen], scale).sum()
        above = stats.norm.logsf(limit, fitted[~seen], scale).sum()
        return -float(told + above)

    filled = np.where(seen, y, limit)
    start = stats.linregress(x, filled) if np.ptp(x) > 0 else None
    slope = 0.0 if start is None else float(start.slope)
    scale = max(float(np.std(filled)), 1e-2)
    found = optimize.minimize(
        loss, np.array([filled.mean(), slope, math.log(scale)]), method="Nelder-Mead",
        options={"maxiter": 2000},
    )  # fmt: skip
    return float(found.x[1])
