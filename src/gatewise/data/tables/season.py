"""Seasons of a table: how many rows one takes, from the time step or from the values themselves.

The strength of a season of m rows is the autocorrelation at lag m of a series less its centred moving
average over m rows, which takes the trend away and leaves what repeats (the trend of the classical
decomposition: Hyndman and Athanasopoulos 2021, section 3.4); over many series, the median. Dated rows
have the seasons of the calendar; where rows are only counted, every length up to `LONGEST` is tried.
Sizes: N rows, n rows of one series, L lengths.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from gatewise.data.tables.steps import DAY, Step
from gatewise.data.tables.table import Table
from gatewise.typing import Array, Mask
from gatewise.wording import figure

LONGEST = 400
"""Rows of the longest season that is looked for where the time step suggests none."""
MOST_ROWS = 4000
"""Rows of a series, its last ones, that seasons are looked for in where the time step suggests none."""
MOST_SERIES = 30
"""Series, spread over the table, whose median strength counts."""
CYCLES = 3
"""Seasons that must have gone by before one is found in the values."""
KNOWN_CYCLES = 2
"""Seasons of the calendar that must have gone by."""
CHANCE = 0.01
"""How often noise without a season may be taken for one, over all lengths that are tried."""
LEAST = 0.15
"""The weakest autocorrelation that is called a season: less of one helps no forecast."""
GAIN = 0.5
"""A multiple of a season is one of its own if it leaves at most this share of 1 - strength ..."""
LITTLE = 0.02
"""... and is stronger by this much."""
SHORTEST = 3
"""Rows of the shortest season: the trend over two rows leaves noise that alternates."""
MOST_SEASONS = 3
AROUND = 7
"""Rows whose median tells an outlier from a value like its neighbours."""
FAR = 6.0
"""Values further from that median than this many times the usual distance count as that far."""
OUTLYING = 4.0
"""Values further from the trend than this many times the usual distance count as that far."""
_WEEK, _YEAR = 7, 365  # days


@dataclass(frozen=True)
class Season:
    """One season: its length, and how far the training values show it."""

    rows: int
    source: Literal["time step", "autocorrelation"]
    strength: float
    """Autocorrelation at this lag without the trend, the median over series; NaN: too few rows."""
    significant: bool
    """Whether that is more than chance; a season of the time step may be there in name only."""

    @property
    def text(self) -> str:
        """The season in words, and where it comes from."""
        if self.source == "time step":
            return f"{self.rows} rows, by the time step"
        strength = figure(round(self.strength, 2))
        return f"{self.rows} rows, found in the training part (autocorrelation {strength})"


def find_seasons(table: Table, rows: Mask | None = None) -> tuple[Season, ...]:
    """Return the seasons of the targets, the one that repeats best first; empty where there is none.

    `rows [N]` are those that may be looked at, the training part; None looks at all. Rows with dates
    have the calendar's seasons, whether the values show them or not: a year for months, quarters and
    weeks, a week and a year for days, a day and a week for shorter steps that divide it. Those that
    the values show come first, by strength, the others follow by length. Where the step suggests none,
    as of rows that are only counted, seasons are found by autocorrelation, or none is. A season of the
    calendar that no series spans twice is left out, as long as a shorter one remains.
    """
    series = _series(table, rows)
    longest = max((len(values) for values in series), default=0)
    nominal = _of_step(table.step)
    if nominal:
        spanned = [m for m in nominal if KNOWN_CYCLES * m <= longest]
        found = [_measured(series, m, "time step", 1) for m in spanned or [min(nominal)]]
        return tuple(sorted(found, key=_rank))
    return _found([values[-MOST_ROWS:] for values in series])


def seasonal_strength(values: Array, season: int) -> float:
    """Return the autocorrelation of `values [n]` at lag `season` without the trend; NaN if undefined.

    The trend is the centred moving average over one season. Needs two seasons and rows to spare.
    """
    rest = _without_trend(values, season)
    if rest is None:
        return float("nan")
    return float(rest[season:] @ rest[:-season] / (len(rest) - season) / np.mean(rest**2))


def _without_trend(values: Array, season: int) -> Array | None:
    """Return `values [n]` less their centred moving average, about n - season of them.

    None where that leaves no season, or nothing but rounding.
    """
    if season < 2 or len(values) < KNOWN_CYCLES * season + 1:
        return None
    total = np.concatenate([[0.0], np.cumsum(values - values.mean())])
    trend = (total[season:] - total[:-season]) / season + values.mean()
    if season % 2 == 0:  # its centre lies between two rows: the mean of both sides is centred
        trend = (trend[:-1] + trend[1:]) / 2.0
    half = season // 2
    rest: Array = values[half : half + len(trend)] - trend
    rest -= rest.mean()
    usual = float(np.abs(rest).mean())
    if usual <= 1e-9 * (1.0 + float(np.abs(values).max())):
        return None
    return np.clip(rest, -OUTLYING * usual, OUTLYING * usual)


def _error_of_strength(values: Array, season: int) -> float:
    """Return the standard error of a strength where there is no season (Bartlett 1946).

    It grows with the autocorrelations at shorter lags: of what is left without the season's means, or
    a season would hide itself.
    """
    rest = _without_trend(values, season)
    if rest is None:
        return float("nan")
    n = len(rest)
    phase = np.arange(n) % season
    means = np.bincount(phase, rest, season) / np.bincount(phase, minlength=season)
    rest = rest - means[phase]
    power = np.abs(np.fft.rfft(rest, 2 * n)) ** 2
    correlation = np.fft.irfft(power)[:season]
    if correlation[0] <= 0.0:  # nothing but the season
        return 0.0
    correlation /= correlation[0]
    return float(np.sqrt((1.0 + 2.0 * np.sum(correlation[1:] ** 2)) / (n - season)))


def _series(table: Table, rows: Mask | None) -> list[Array]:
    """Return the targets of up to `MOST_SERIES` series, in the rows alone, gaps filled by lines."""
    allowed = np.ones(len(table), dtype=bool) if rows is None else rows
    count = len(table.series)
    picked = np.unique(np.linspace(0, count - 1, min(count, MOST_SERIES)).round().astype(int))
    found = []
    for number in picked:
        part = slice(table.starts[number], table.starts[number + 1])
        for name in table.columns.target:
            values = table.column(name)[part][allowed[part]]
            known = np.flatnonzero(~np.isnan(values))
            if known.size:
                inside = np.arange(known[0], known[-1] + 1)
                found.append(_tamed(np.interp(inside, known, values[known])))
    return found


def _tamed(values: Array) -> Array:
    """Return `values [n]` with those far from the median of the rows around them brought near it.

    An outlier would bend the trend on both sides, and that looks like a season.
    """
    if len(values) < AROUND:
        return values
    padded = np.pad(values, AROUND // 2, mode="edge")
    middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, AROUND), axis=1)
    off = values - middle
    most = FAR * float(np.median(np.abs(off)))
    return middle + np.clip(off, -most, most) if most > 0.0 else values


def _measured(
    series: list[Array], season: int, source: Literal["time step", "autocorrelation"], tried: int
) -> Season:
    """Return a season of so many rows, judged as one of `tried` lengths."""
    strengths = np.array([seasonal_strength(values, season) for values in series])
    known = ~np.isnan(strengths)
    if not known.any():
        return Season(season, source, float("nan"), False)
    strength = float(np.median(strengths[known]))
    # Series of a panel go up and down together: many of them are taken as no more evidence than one.
    errors = [_error_of_strength(series[place], season) for place in np.flatnonzero(known)]
    chance = NormalDist().inv_cdf(1.0 - CHANCE / tried) * float(np.median(errors))
    return Season(season, source, strength, strength > max(chance, LEAST))


def _rank(season: Season) -> tuple[bool, float]:
    """Order seasons: those that show before the others, stronger ones first; equals stay in order."""
    return not season.significant, -season.strength if season.significant else 0.0


def _found(series: list[Array]) -> tuple[Season, ...]:
    """Return the significant seasons of any length, by strength.

    A season is a peak among its neighbours; the multiples of a season repeat as well as it does, and
    are seasons of their own only if they repeat better.
    """
    longest = max((len(values) for values in series), default=0)
    lengths = np.arange(SHORTEST - 1, min(LONGEST, longest // CYCLES) + 1)
    if len(lengths) < 3:
        return ()
    by_series = np.array(
        [[seasonal_strength(each, m) for m in lengths.tolist()] for each in series]
    )
    tried = np.isnan(by_series).sum(axis=0) < len(series)
    strength = np.where(tried, np.nan_to_num(_median(by_series)), 0.0)
    padded = np.concatenate([[-np.inf], strength, [-np.inf]])
    peaks = (strength > padded[:-2]) & (strength > padded[2:]) & (lengths >= SHORTEST)
    kept: list[Season] = []
    for place in np.flatnonzero(peaks & (strength > max(LEAST, strength.max() / 2.0))):
        m = int(lengths[place])
        parts = [season.strength for season in kept if min(m % season.rows, -m % season.rows) <= 1]
        least = max((max(each + LITTLE, 1.0 - GAIN * (1.0 - each)) for each in parts), default=0.0)
        if strength[place] < least:
            continue
        season = _measured(series, m, "autocorrelation", len(lengths))
        if season.significant:
            kept.append(season)
    return tuple(sorted(kept, key=_rank)[:MOST_SEASONS])


def _median(values: Array) -> Array:
    """Return the median of each column's known values; NaN, without a warning, where none is known."""
    some = ~np.isnan(values).all(axis=0)
    found = np.full(values.shape[1], np.nan)
    found[some] = np.nanmedian(values[:, some], axis=0)
    return found


def _of_step(step: Step) -> tuple[int, ...]:
    """Return the calendar's seasons in rows, the shortest first."""
    if step.kind == "months":
        return (12 // step.size,) if step.size < 12 and 12 % step.size == 0 else ()
    length = step.microseconds
    if length is None or length < 1:
        return ()
    if length < DAY:
        return (DAY // length, _WEEK * DAY // length) if DAY % length == 0 else ()
    if length == DAY:
        return (_WEEK, _YEAR)
    return (52,) if length == _WEEK * DAY else ()
