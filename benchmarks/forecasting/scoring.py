"""Scores of forecasts over rolling origins: MASE and CRPS, scaled per series, with intervals.

Sizes: N seeds, O origins, G series, S steps, Q levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.forecasting.sets import Set
from gatewise.typing import AnyArray, Array

DRAWS = 1000


@dataclass(frozen=True)
class Score:
    """A measure of one model on one set: its median over seeds and a 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


@dataclass(frozen=True)
class Scores:
    """How well a model forecast one set; `against_naive` is MASE over seasonal naive's."""

    mase: Score
    crps: Score | None
    rmse: float
    coverage: float | None  # of the band between the outermost levels
    against_naive: float
    seconds: float


def scores(data: Set, forecasts: AnyArray, levels: list[float], seconds: Array) -> Scores:
    """Score forecasts [N, O, G, S, Q].

    MASE (Hyndman and Koehler 2006): the mean absolute error over that of the seasonal naive forecast
    within the rows known at the first origin, one season ahead; per series, then the mean over series
    and origins. CRPS is twice the mean pinball loss over the levels (Gneiting and Raftery 2007, with the
    integral as a sum), on the same scale. The interval is a bootstrap over blocks, a block being one
    origin of one series, and over seeds.
    """
    values = series_of(data)
    truth = np.stack([values[:, end : end + data.horizon] for end in data.ends])  # [O, G, S]
    scale = naive_scale(data)[None, :]  # [1, G]
    middle = forecasts[..., levels.index(0.5)]
    absolute = np.abs(middle - truth).mean(-1) / scale  # [N, O, G]
    crps = coverage = None
    has_band = bool((forecasts[..., 0] < forecasts[..., -1]).any())
    if has_band:
        error = truth[..., None] - forecasts
        level = np.array(levels)
        pinball = np.maximum(level * error, (level - 1) * error)
        crps = _interval(2 * pinball.mean((-1, -2)) / scale)
        inside = (truth >= forecasts[..., 0]) & (truth <= forecasts[..., -1])
        coverage = float(inside.mean())
    naive = np.abs(naive_forecasts(data) - truth).mean(-1) / scale
    return Scores(
        mase=_interval(absolute),
        crps=crps,
        rmse=float(np.median(np.sqrt(np.square(middle - truth).mean((-1, -2, -3))))),
        coverage=coverage,
        against_naive=float(np.median(absolute.mean((1, 2))) / naive.mean()),
        seconds=float(np.median(seconds)),
    )


def naive_forecasts(data: Set) -> AnyArray:
    """Return the seasonal naive forecasts [O, G, S]."""
    values, ahead = series_of(data), np.arange(data.horizon) % data.season
    return np.stack([values[:, end - data.season + ahead] for end in data.ends])


def naive_scale(data: Set) -> Array:
    """Return the mean absolute seasonal difference of each series [G] up to the first origin."""
    known = series_of(data)[:, : data.ends[0]]
    scale: Array = np.abs(known[:, data.season :] - known[:, : -data.season]).mean(1)
    return scale


def series_of(data: Set) -> Array:
    """Return the values [G, N]."""
    groups = data.frame.groupby("unique_id", sort=False)
    return np.array([rows["y"].to_numpy() for _, rows in groups])


def _interval(blocks: AnyArray) -> Score:
    """Return the median over seeds of the mean over blocks [N, O, G], with a bootstrap interval."""
    generator = np.random.default_rng(0)
    flat = blocks.reshape(len(blocks), -1)
    seeds = generator.integers(len(flat), size=(DRAWS, len(flat)))
    picks = generator.integers(flat.shape[1], size=(DRAWS, flat.shape[1]))
    drawn = [
        np.median(flat[rows][:, columns].mean(1))
        for rows, columns in zip(seeds, picks, strict=True)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Score(float(np.median(flat.mean(1))), float(low), float(high))
