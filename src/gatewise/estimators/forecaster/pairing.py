"""Two models on the same rows: how much less one errs than the other, with an interval.

Errors are paired, window by window, since what is hard for one model is hard for the other: the
interval of the ratio is far narrower than those of the two scores would suggest. Whole series are drawn
where there are ten or more, and otherwise windows, neighbouring ones together as far as they resemble
each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import DataError
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.memory.intervals import MIN_GROUPS, Sampling, groups_of, ratio_interval
from gatewise.typing import Array, Indices, Mask
from gatewise.wording import counted, figure

CLOSE = 1e-9
"""The relative difference below which two truths are one."""


@dataclass(frozen=True)
class Difference:
    """The errors of one model as a share of another's, on the windows that both predict.

    `ratio` is this model's RMSE divided by the other's: below 1 this one errs less. `low` and `high`
    are the ends of the 95 % interval, NaN where there are too few windows for one.
    """

    target: str
    rmse: float
    other_rmse: float
    ratio: float
    low: float
    high: float
    windows: int

    @property
    def clear(self) -> bool:
        """Whether the interval leaves no doubt which of the two errs less."""
        return self.high < 1 or self.low > 1

    def sentence(self, name: str, other: str) -> str:
        """Return it in words, the models called as they are here."""
        errors = f"{figure(self.rmse)} for {self.target}, {other} {figure(self.other_rmse)}"
        lead = f"{name} has an RMSE of {errors}"
        on = f"on the same {counted(self.windows, 'window')}"
        if not math.isfinite(self.ratio):
            return f"{lead}, {on}."
        size = abs(1 - self.ratio) * 100
        word = "smaller" if self.ratio < 1 else "larger"
        said = "about the same" if size < 0.5 else f"{figure(round(size, 1))} % {word}"
        if math.isnan(self.low):
            return f"{lead}, {said}, {on}; too few for an interval."
        ends = f"{figure((self.low - 1) * 100)} to {figure((self.high - 1) * 100)} %"
        sure = "" if self.clear else ", so either may be the better one"
        return f"{lead}, {said}, {on} (95 % interval of the change: {ends}{sure})."


def differences(one: Predictions, other: Predictions) -> tuple[Difference, ...]:
    """Compare two models' predictions of the same table, target by target, where both predict.

    Raises DataError where they have no target or no window in common, and where their truths differ,
    which are then those of two tables.
    """
    targets = [target for target in one.targets if target in other.targets]
    if not targets:
        raise DataError(
            f"the models have no target in common: {', '.join(one.targets)} and "
            f"{', '.join(other.targets)}"
        )
    mine, theirs = shared_windows(one, other)
    return tuple(_difference(one, other, target, mine, theirs) for target in targets)


def shared_windows(one: Predictions, other: Predictions) -> tuple[Indices, Indices]:
    """Return the numbers of the windows of each that predict the same series from the same origin.

    Raises DataError where there are none.
    """
    ahead = [not np.array_equal(each.origin, each.time[:, 0]) for each in (one, other)]
    if ahead[0] != ahead[1]:
        raise DataError(
            "one model estimates the target now (a virtual sensor) and the other forecasts it: their "
            "errors are not alike"
        )
    places = {key: place for place, key in enumerate(_keys(other))}
    pairs = [(place, places[key]) for place, key in enumerate(_keys(one)) if key in places]
    if not pairs:
        raise DataError("the models predict no window in common")
    mine, theirs = np.array(pairs, dtype=np.int64).T
    return mine, theirs


def _keys(predictions: Predictions) -> list[tuple[str, int]]:
    times = predictions.origin.astype(np.int64)
    return list(zip(predictions.series.tolist(), times.tolist(), strict=True))


def _difference(
    one: Predictions, other: Predictions, target: str, mine: Indices, theirs: Indices
) -> Difference:
    steps = min(one.truth.shape[1], other.truth.shape[1])
    k, j = one.targets.index(target), other.targets.index(target)
    truth, again = one.truth[mine, :steps, k], other.truth[theirs, :steps, j]
    if not np.allclose(truth, again, rtol=CLOSE, atol=0, equal_nan=True):
        raise DataError(f"the truth of {target!r} is not the same for both models")
    known = ~np.isnan(truth)
    errors = np.where(known, one.point[mine, :steps, k] - truth, 0.0) ** 2
    others = np.where(known, other.point[theirs, :steps, j] - truth, 0.0) ** 2
    total, other_total, count = errors.sum(), others.sum(), max(int(known.sum()), 1)
    low, high = _interval(errors, others, known, one.series[mine])
    return Difference(
        target,
        rmse=math.sqrt(total / count),
        other_rmse=math.sqrt(other_total / count),
        ratio=math.sqrt(total / other_total) if other_total > 0 else math.nan,
        low=low,
        high=high,
        windows=len(mine),
    )


def _interval(
    errors: Array, others: Array, known: Mask, series: NDArray[np.str_]
) -> tuple[float, float]:
    """Return the interval of the ratio of RMSE, from squared errors `[n, S]`."""
    names, number = np.unique(series, return_inverse=True)
    sampling = Sampling()
    e, o, valid = errors.T, others.T, np.asarray(known.T)
    if len(names) >= MIN_GROUPS:
        # Series differ from each other more than the windows of one do.
        e, o = (_by_series(each, number, len(names)) for each in (errors, others))
        valid = np.asarray(_by_series(known.astype(np.float64), number, len(names)) > 0)
        sampling = Sampling(row_block=1)
    groups = groups_of(valid, sampling, like=np.stack([e, o], axis=-1))
    low, high = ratio_interval(groups.sums(e), groups.sums(o), groups, sampling, np.sqrt)
    return float(low), float(high)


def _by_series(values: Array, number: Indices, count: int) -> Array:
    """Return sums by series, `[1, series]`."""
    sums = np.bincount(number, weights=values.sum(axis=1), minlength=count)
    return np.asarray(sums[None], dtype=np.float64)
