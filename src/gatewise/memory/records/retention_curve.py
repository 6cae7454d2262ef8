"""The retention curve: retention over the lag, on average over the starts, and where half is gone.

R(s -> t) is that of `gatewise.memory.retention`: the product of the keep factors between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewise.errors import InputError
from gatewise.memory._base import (
    Groups,
    Result,
    Sampling,
    checked_options,
    groups_of,
    left_out,
    ratio_interval,
)
from gatewise.memory.records._logsums import LogSums
from gatewise.memory.records._recorded import Slice, recorded
from gatewise.memory.records._roles import Record
from gatewise.memory.records.timescale import GATE_PATH_ONLY
from gatewise.typing import Array
from gatewise.unit import Unit
from gatewise.wording import between, counted, figure, unit_name

CHUNK_BYTES = 32 * 2**20
"""The size of one array of steps, rows and some units that is worked on at a time."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RetentionCurve(Result):
    """What is left of a state after some steps, on average, and when half of it is gone.

    Attributes:
        lags: Steps, ascending from 0, int `[K]`.
        curve: The mean of R(s -> s + lag) over all s and rows, `[..., H, K]`; NaN where no row is
            that long.
        low: Lower end of its interval.
        high: Upper end.
        half_life: The first lag at which the mean is one half, `[..., H]`, between two lags by the
            exponential through both; inf where it never is up to the longest lag, NaN where the
            curve ends before.
        half_life_low: Where the lower end of the curve is one half.
        half_life_high: Where the upper end is.
    """

    lags: NDArray[np.int64]
    curve: Array
    low: Array
    high: Array
    half_life: Array
    half_life_low: Array
    half_life_high: Array

    @property
    def reading(self) -> str:
        """One sentence: the middle half-life and the longest."""
        known = ~np.isnan(self.half_life)
        if not known.any():
            return "The record has no row of two steps, so nothing can be said about retention."
        far = int(self.lags[-1])
        middle = float(np.quantile(self.half_life[known], 0.5, method="inverted_cdf"))
        longest = np.unravel_index(int(np.nanargmax(self.half_life)), self.half_life.shape)
        most = float(self.half_life[longest])
        low, high = float(self.half_life_low[longest]), float(self.half_life_high[longest])
        beyond = int((self.half_life == np.inf).sum())
        last = (
            f"{counted(beyond, 'unit')} keep more than half for all of the {far:,} steps looked at"
            if beyond
            else f"the longest, of {unit_name(longest, self.half_life.shape)}, is {figure(most)} steps"
            f"{between(low, high)}"
        )
        half = f"more than {far:,}" if middle == np.inf else f"at most {figure(middle)}"
        return f"The half-life by the gates alone is {half} steps for half of the units; {last}."

    @property
    def caveat(self) -> str:
        """Gate path only."""
        return self.caveat_in(Unit())

    def caveat_in(self, unit: Unit) -> str:
        """See `Result.caveat_in`."""
        run_in = self.settings["run_in"]
        return f"{GATE_PATH_ONLY}; {left_out(run_in, unit)}" if run_in else GATE_PATH_ONLY


@checked_options
def retention_curve(
    gates: Record | None = None,
    *,
    lags: Sequence[int] | None = None,
    run_in: int = 0,
    keep: ArrayLike | None = None,
    sampling: Sampling | None = None,
) -> RetentionCurve:
    """Return the mean of R(s -> s + lag) over all starts s and rows, for each unit and lag.

    Args:
        gates: A record of gates; NaN pads the ends of rows.
        lags: Steps; 0 is added. By default 0, 1, 2, 3, 4, 6, 8, 12, ... and last half the longest
            row or 10,000, so that each mean is over enough starts.
        run_in: How many steps at the start of each row to leave out, such as `Horizon.run_in`.
        keep: The keep factor as an array `[..., T, B, H]`, instead of the record's.
        sampling: How the interval is made: a bootstrap over rows, or over blocks of starts that are
            at least as long as the lag.

    Raises InputError for lags below 0 and for shapes and values that do not fit.
    """
    sampling = sampling or Sampling()
    found = recorded(gates, ["keep"], given={"keep": keep})
    longest = int(found.lengths.max(initial=0))
    every = _lags(lags, longest)
    shape = (found.units, len(every))
    curve, low, high = (found.empty(*shape) for _ in range(3))
    for part in found:
        # logarithms of all starts and lags of all units at once could exceed the memory
        width = max(1, CHUNK_BYTES // max(1, 8 * found.steps * found.rows))
        for begin in range(0, found.units, width):
            units = slice(begin, begin + width)
            for array, values in zip(
                (curve, low, high), _curves(part, units, every, sampling, run_in), strict=True
            ):
                array[part.place][units] = values
    return RetentionCurve(
        lags=every,
        curve=curve,
        low=low,
        high=high,
        half_life=half_life(every, curve),
        half_life_low=half_life(every, low),
        half_life_high=half_life(every, high),
        settings={**found.settings(), "run_in": run_in, **sampling.settings()},
    )


def half_life(lags: NDArray[np.int64], curve: Array) -> Array:
    """Return where `curve [..., K]` over `lags` first falls to one half; inf for nowhere.

    Between two lags the curve is taken as exponential, and as straight where it falls to 0. NaN
    where it has not fallen as far as it is known.
    """
    below = curve <= 0.5  # False for NaN
    fell = below.any(axis=-1)
    nowhere = np.where(np.isnan(curve).any(axis=-1), np.nan, np.inf)
    if curve.shape[-1] < 2:
        return nowhere
    k = np.maximum(below.argmax(axis=-1), 1)[..., None]
    left, right = np.take_along_axis(curve, k - 1, -1), np.take_along_axis(curve, k, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        straight = (left - 0.5) / (left - right)
        bent = np.log(left / 0.5) / np.log(left / right)
    portion = np.where(right > 0, bent, straight)
    at = (lags[k - 1] + portion * (lags[k] - lags[k - 1]))[..., 0]
    return np.where(fell, at, nowhere)


def _lags(lags: Sequence[int] | None, longest: int) -> NDArray[np.int64]:
    """Return the lags to look at, from 0 on."""
    if lags is None:
        limit = min(10_000, max(longest // 2, 1))
        powers = 2 ** np.arange(14)
        every = np.concatenate([[0, limit], powers, 3 * powers])
        return np.unique(every[every <= limit])
    array = np.asarray(lags)
    if array.ndim != 1 or array.dtype.kind not in "iu" or (array < 0).any():
        raise InputError(
            f"lags must be whole numbers from 0 on, such as [1, 10, 100]; got {lags!r}"
        )
    return np.unique(np.concatenate([[0], array])).astype(np.int64)


def _curves(
    part: Slice, units: slice, lags: NDArray[np.int64], sampling: Sampling, run_in: int
) -> tuple[Array, Array, Array]:
    """Return mean, low and high `[H, K]` of some units of a slice."""
    keep = part["keep"][:, :, units]
    sums = LogSums(keep, part.valid)
    steps = np.arange(len(keep))[:, None]
    shape = (keep.shape[2], len(lags))
    mean, low, high = (np.full(shape, np.nan) for _ in range(3))
    for k, lag in enumerate(lags):
        starts = ((steps >= run_in) & (steps < part.lengths - lag))[: max(len(keep) - lag, 0)]
        if not starts.any():
            break
        shares = np.where(starts[:, :, None], np.exp(sums.over(int(lag))), 0.0)
        mean[:, k] = shares.sum(axis=(0, 1)) / starts.sum()
        groups = groups_of(starts, sampling, like=shares, at_least=int(lag))
        low[:, k], high[:, k] = _interval(shares, starts, groups, sampling)
    return mean, low, high


def _interval(
    shares: Array, starts: NDArray[np.bool_], groups: Groups, sampling: Sampling
) -> tuple[Any, Any]:
    count = groups.sums(starts.astype(np.float64))
    return ratio_interval(groups.sums(shares), count, groups, sampling)
