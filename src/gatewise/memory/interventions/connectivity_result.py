"""The result of `gw.memory.connectivity`, and its curve over lags.

Sizes: B rows, T steps, A steps whose answer is read, I inputs, L lags, R resamples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.memory._base import FELT, Result, Sampling, draws_of, in_blocks, left_out
from gatewise.typing import Array
from gatewise.unit import Unit
from gatewise.wording import between, counted, figure, percent

DRAWN = 2**22
"""Resampled figures kept at a time: 32 MiB."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Connectivity(Result):
    """The norm of `dy_t/dx_s`, in answers' units per inputs' unit.

    Attributes:
        times: The t, `[A]`.
        heat: Norms over answers and channels, the mean over rows, `[A, T]` for (t, s).
        channels: The same by input channel, `[A, T, I]`.
        rows: By row, `[A, B, T]`.
        standard_error: Of `rows` by random probes, `[A, B, T]`; zeros where exact.
        lags: t - s, `[L]`; below 0 the future, where the answers depend on it at all.
        curve: The mean over rows and t at each lag, `[L]`.
        low: Lower end of its interval over rows, NaN below ten rows.
        high: Upper end.
        reach: The largest lag at which `curve` is above a twentieth of its maximum.
        reach_low: Lower end of its interval.
        reach_high: Upper end.
    """

    times: NDArray[np.int64]
    heat: Array
    channels: Array
    rows: Array
    standard_error: Array
    lags: NDArray[np.int64]
    curve: Array
    low: Array
    high: Array
    reach: int
    reach_low: float
    reach_high: float

    @property
    def channel_share(self) -> Array:
        """The share of each input channel in the squared norms of all, `[I]`."""
        squares = (self.channels**2).sum(axis=(0, 1))
        with np.errstate(invalid="ignore"):
            return np.asarray(squares / squares.sum())

    @property
    def future_share(self) -> float:
        """The share of the curve's sum that lies in the future, 0 for a causal model."""
        total = float(self.curve.sum())
        return float(self.curve[self.lags < 0].sum()) / total if total > 0 else math.nan

    @property
    def reading(self) -> str:
        """One sentence: the most sensitive lag, how far sensitivity reaches, which input counts."""
        if not self.curve.any():
            return "By its gradient, the answer does not depend on the inputs at any lag."
        peak = int(self.lags[int(self.curve.argmax())])
        where = f"{counted(abs(peak), 'step')} {'ahead' if peak < 0 else 'back'}"
        parts = [
            f"By its gradient, the answer depends most on the input {where if peak else 'of its step'}"
        ]
        if self.reach:
            back = f" and on inputs up to {counted(self.reach, 'step')} back"
            parts[0] += back + between(self.reach_low, self.reach_high)
        elif not peak:
            parts = [
                "By its gradient, the answer depends on no earlier input than that of its step"
            ]
        if self.future_share > 0:
            parts.append(f"{percent(self.future_share)} of it lies ahead")
        if len(share := self.channel_share) > 1:
            parts.append(f"input {int(share.argmax())} counts most, {percent(float(share.max()))}")
        return "; ".join(parts) + "."

    @property
    def caveat(self) -> str:
        """What a gradient does not say."""
        return self.caveat_in(Unit())

    def caveat_in(self, unit: Unit) -> str:
        """See `Result.caveat_in`."""
        text = (
            "gradient only, for small changes around these inputs and in the inputs' own units: a "
            "network that latches has small gradients where it remembers (see horizon)"
        )
        if self.settings["method"] == "estimate":
            total = float(np.square(self.rows).sum())
            error = float(np.square(self.standard_error).sum())
            relative = math.sqrt(error / total) if total > 0 else 0.0
            text += (
                f"; estimated with {self.settings['probes']} random probes, standard error of a norm "
                f"about {figure(100 * relative)} %"
            )
        if run_in := self.settings["run_in"]:
            text += f"; {left_out(run_in, unit)}"
        return text + in_blocks(self.settings)


def by_lag(
    rows: Array,
    places: NDArray[np.int64],
    there: NDArray[np.bool_],
    sampling: Sampling,
    run_in: int = 0,
) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the fields of the curve over lags, from norms `[A, B, T]` at steps `places [A, B]`.

    `there` says which of these steps lie inside their row; the first `run_in` steps of rows are left
    out. Also return how rows were drawn for the
    intervals.
    """
    steps = rows.shape[2]
    lags = np.arange(int(places.min()) - steps + 1, int(places.max()) + 1)
    sums, count = (np.zeros((rows.shape[1], len(lags))) for _ in range(2))
    for at, inside, norms in zip(places, there, rows, strict=True):
        index = at[:, None] - np.arange(steps) - lags[0]  # [B, T], each lag once a row
        row = np.arange(len(at))[:, None]
        read = inside[:, None] & (np.arange(steps) >= run_in)
        sums[row, index] += np.where(read, norms, 0.0)
        count[row, index] += read
    seen = count.any(axis=0)
    if not sums[:, lags < 0].any():
        seen &= lags >= 0
    lags, sums, count = lags[seen], sums[:, seen], count[:, seen]
    known = count > 0
    each = np.divide(sums, count, out=np.zeros_like(sums), where=known)  # [B, L]
    curve = each.sum(axis=0) / known.sum(axis=0)
    draws = draws_of(np.where(known, each, np.nan), sampling)
    weights = draws.weights
    low, high = np.full_like(curve, np.nan), np.full_like(curve, np.nan)
    size = max(1, DRAWN // max(1, len(weights)))
    for begin in range(0, len(lags), size):
        part = slice(begin, begin + size)
        low[part], high[part] = draws.interval(_mean(weights, each[:, part], known[:, part]))
    drawn = np.array([_reach(_mean(weight, each, known), lags) for weight in weights])
    reach_low, reach_high = draws.interval(drawn)
    fields = {
        "lags": lags,
        "curve": curve,
        "low": low,
        "high": high,
        "reach": _reach(curve, lags),
        "reach_low": float(reach_low),
        "reach_high": float(reach_high),
    }
    return fields, draws.settings()


def _mean(weights: Array, each: Array, known: NDArray[np.bool_]) -> Array:
    """Return the weighted mean over the rows that have a lag, 0 where none of them is drawn."""
    share = weights @ known
    return np.divide(weights @ each, share, out=np.zeros_like(share), where=share > 0)


def _reach(curve: Array, lags: NDArray[np.int64]) -> int:
    felt = lags[(curve > FELT * curve.max()) & (lags >= 0)]
    return int(felt[-1]) if len(felt) else 0
