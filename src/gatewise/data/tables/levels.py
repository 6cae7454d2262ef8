"""What the network of a forecast adds to in each window, and the spread that it measures in.

A series that rises leaves the range in which a network was trained. So each window has a level and a
spread of its own, from the target's past in that window and nothing else: the network sees
(past - centre) / spread and predicts z, and the forecast is level + spread * z, which increases
strictly in z, so that quantiles map exactly.

    normalise   level, and centre where it is another      spread
    window      mean (Kim et al. 2022, RevIN)              standard deviation
    robust      median                                     distance of the quartiles / 1.349
    last        last value                                 standard deviation of the differences
    season      the value whole seasons before,            that of the seasonal differences
                centre: mean of the last season

With "last" and "season" z = 0 is the naive and the seasonal naive forecast (Hyndman and Athanasopoulos
2021, section 5.2). Sizes: N rows, B windows, L steps of the past, S predicted steps, K targets,
G series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gatewise.choices import Normalise
from gatewise.data.tables.table import Table
from gatewise.data.tables.transforms import Transform
from gatewise.errors import OptionError
from gatewise.typing import Array, Array32, Indices, Mask

QUARTILES = 1.3489795003921634
"""Distance of the quartiles of the standard normal distribution."""

LEAST = 0.1
"""Share of a series' mean spread in training that no window's spread falls below: a window that is
nearly constant would make what follows it look enormous, and a constant one infinite."""

CHUNK = 1 << 20
"""Values of windows that are looked at in one go."""


@dataclass(frozen=True)
class Levels:
    """Level and spread of every window of one table."""

    past: Array  # [N, K] the transformed targets, NaN where unknown
    centre: Array  # [N, K] of the window that ends at each row; NaN where it has no known value
    spread: Array  # [N, K], above 0
    lookback: int
    steps: int  # S
    season: int | None  # whose naive forecast is the level; None: the centre is
    transform: Transform

    def of(self, origins: Indices) -> tuple[Array, Array]:
        """Return the level [B, S, K] and the spread [B, K] of the windows that end at `origins` [B]."""
        centre = self.centre[origins]
        if self.season is None:
            return np.repeat(centre[:, None], self.steps, axis=1), self.spread[origins]
        ahead = np.arange(1, self.steps + 1)
        back = ahead - self.season * -(-ahead // self.season)  # -season < back <= 0
        rows = origins[:, None] + back
        level = self.past[rows]
        oldest = origins[:, None] - self.lookback + 1
        while (gaps := np.isnan(level)).any():
            # a gap one season ago is stepped over, within what the window sees
            rows = rows - self.season
            if (rows < oldest).all():
                break
            seen = np.where(
                (rows >= oldest)[..., None], self.past[np.maximum(rows, oldest)], np.nan
            )
            level = np.where(gaps, seen, level)
        return np.where(np.isnan(level), centre[:, None], level), self.spread[origins]

    def scaled(self, rows: Indices, origins: Indices) -> Array:
        """Return the past at `rows` [L, B] of windows that end at `origins`, [L, B, K]; gaps are 0."""
        values = (self.past[rows] - self.centre[origins]) / self.spread[origins]
        return np.nan_to_num(values, copy=False, nan=0.0)

    def answers(self, rows: Indices, origins: Indices) -> Array32:
        """Return the right answers [B, S, K] for the predicted `rows` [B, S]; NaN where unknown."""
        level, spread = self.of(origins)
        answers: Array32 = ((self.past[rows] - level) / spread[:, None]).astype(np.float32)
        return answers

    def restored(self, answers: Any, origins: Indices) -> Array:
        """Return answers [B, S, K, ...] of the network in the targets' own units; increasing in them."""
        level, spread = self.of(origins)
        further = (1,) * (answers.ndim - 3)
        level = level.reshape(*level.shape, *further)
        spread = spread.reshape(len(spread), 1, spread.shape[1], *further)
        return self.transform.inverse(level + spread * answers.astype(np.float64))


@dataclass(frozen=True)
class Normaliser:
    """How a forecast's targets become what its network sees and answers, as learnt in training.

    With `normalise="none"` windows have no levels: the scaling of the whole table serves.
    """

    normalise: Normalise  # but not "auto"
    transform: Transform
    season: int | None
    series: tuple[str, ...]
    typical: (
        Array  # [G, K] mean spread of each series' windows in training, NaN where there is none
    )

    @classmethod
    def plain(cls, transform: Transform | None = None) -> Normaliser:
        """Return the one that leaves windows as they are."""
        return cls("none", transform or Transform("none"), None, (), np.empty((0, 0)))

    @classmethod
    def naive(
        cls, table: Table, normalise: Normalise, transform: Transform, season: int | None
    ) -> Normaliser:
        """Return one that has seen no training: its levels serve as naive forecasts."""
        targets = len(table.columns.target)
        return cls(normalise, transform, season, (), np.empty((0, targets)))

    @classmethod
    def fit(
        cls,
        table: Table,
        rows: Mask,
        *,
        normalise: Normalise,
        transform: Transform,
        season: int | None,
        lookback: int,
    ) -> Normaliser:
        """Learn from the windows that lie in `rows` [N] what a spread usually is in each series.

        Raises OptionError for "season" without a season and for a lookback that is too short.
        """
        if normalise == "none":
            return cls.plain(transform)
        check_lookback(normalise, season, lookback)
        past = _targets(transform.applied(table))
        _, spread = _measured(past, normalise, season, lookback)
        spread[~rows] = np.nan  # the past of a row in the training part is in it too
        row = np.arange(len(table)) - np.repeat(table.starts[:-1], np.diff(table.starts))
        spread[row < lookback - 1] = np.nan  # reaches into the series before
        known = ~np.isnan(spread)
        starts = table.starts[:-1]
        total = np.add.reduceat(np.where(known, spread, 0.0), starts, axis=0)
        count = np.add.reduceat(known.astype(np.int64), starts, axis=0)
        typical = np.where(total > 0, total / np.maximum(count, 1), np.nan)
        return cls(normalise, transform, season, table.series, typical)

    def levels(self, table: Table, lookback: int, horizon: int) -> Levels | None:
        """Return the levels of a table's windows; None where there are none."""
        if self.normalise == "none":
            return None
        past = _targets(self.transform.applied(table))
        centre, spread = _measured(past, self.normalise, self.season, lookback)
        least = LEAST * self._typical_of(table)
        with np.errstate(invalid="ignore"):
            spread = np.fmax(spread, least)
            # of a series that training never saw, a constant window tells nothing but its level
            size = np.where(np.isfinite(centre) & (centre != 0), np.abs(centre), 1.0)
            spread = np.where(spread > 0, spread, size)
        return Levels(
            past=past,
            centre=centre,
            spread=spread,
            lookback=lookback,
            steps=horizon,
            season=self.season if self.normalise == "season" else None,
            transform=self.transform,
        )

    def _typical_of(self, table: Table) -> Array:
        """Return the usual spread of each row's series, [N, K]; NaN for one that training never saw.

        Of logarithms a spread is a share of the level, so that such a series may take the others'.
        """
        place = {name: number for number, name in enumerate(self.series)}
        known = np.array([place.get(name, -1) for name in table.series])
        others = np.full((1, self.typical.shape[1]), np.nan)
        seen = ~np.isnan(self.typical)
        if self.transform.kind != "none":
            total, count = np.where(seen, self.typical, 0.0).sum(axis=0), seen.sum(axis=0)
            others[0] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        typical = np.where(seen, self.typical, others)
        usual: Array = np.concatenate([typical, others])[known][table.series_index()]
        return usual

    def arrays(self) -> dict[str, Array]:
        """Return the array to save; `to_json` has the rest."""
        return {"typical": self.typical}

    def to_json(self) -> dict[str, Any]:
        """Return everything but the array as JSON values."""
        return {
            "normalise": self.normalise,
            "transform": self.transform.to_json(),
            "season": self.season,
            "series": list(self.series),
        }

    @classmethod
    def from_saved(cls, saved: dict[str, Any] | None, arrays: dict[str, Array]) -> Normaliser:
        """Return what `to_json` and `arrays` wrote; None: a model from before there were any."""
        if saved is None:
            return cls.plain()
        transform = Transform.from_json(saved["transform"])
        series = tuple(saved["series"])
        return cls(saved["normalise"], transform, saved["season"], series, arrays["typical"])


def least_lookback(normalise: str, season: int | None) -> int:
    """Return how many steps of the past a window needs for a level and a spread."""
    if normalise == "season":
        return (season or 1) + 2  # two differences, whose deviation is none of one
    return {"none": 1, "last": 3}.get(normalise, 2)


def check_lookback(normalise: str, season: int | None, lookback: int) -> None:
    """Raise OptionError where windows are too short for the level and the spread that are asked for."""
    if normalise == "season" and season is None:
        raise OptionError(
            "normalise='season' needs a season, and the time step suggests none: give season=, or use "
            "normalise='last'"
        )
    least = least_lookback(normalise, season)
    if lookback < least:
        of = f" with season={season}" if normalise == "season" else ""
        other = (
            "last" if lookback >= least_lookback("last", None) and normalise != "last" else "none"
        )
        raise OptionError(
            f"normalise={normalise!r}{of} needs a lookback of at least {least}, not {lookback}: "
            f"look back further, or use normalise={other!r}"
        )


def _targets(table: Table) -> Array:
    return np.ascontiguousarray(table.values[:, : len(table.columns.target)])


def _measured(
    past: Array, mode: Normalise, season: int | None, lookback: int
) -> tuple[Array, Array]:
    """Return centre and raw spread [N, K] of the `lookback` rows up to each; NaN for the first rows."""
    centre, spread = np.full_like(past, np.nan), np.full_like(past, np.nan)
    if len(past) < lookback:
        return centre, spread
    windows = sliding_window_view(past, lookback, axis=0)  # [N - L + 1, K, L]
    rows = max(1, CHUNK // (lookback * past.shape[1]))
    gaps = bool(np.isnan(past).any())
    for start in range(0, len(windows), rows):
        part = windows[start : start + rows]
        into = slice(start + lookback - 1, start + lookback - 1 + len(part))
        centre[into], spread[into] = _of_windows(part, mode, season, gaps=gaps)
    return centre, spread


def _of_windows(
    windows: Array, mode: Normalise, season: int | None, *, gaps: bool
) -> tuple[Array, Array]:
    """Return centre and spread [n, K] of `windows` [n, K, L]; NaN where nothing is known."""
    mean = _mean_of_known if gaps else _mean
    if mode == "window":
        centre = mean(windows)
        return centre, np.sqrt(mean((windows - centre[..., None]) ** 2))
    if mode == "robust":
        low, centre, high = _quartiles(windows, gaps=gaps)
        return centre, (high - low) / QUARTILES
    back = 1 if mode == "last" else season or 1
    differences = windows[..., back:] - windows[..., :-back]
    spread = np.sqrt(mean((differences - mean(differences)[..., None]) ** 2))
    if not gaps:
        return mean(windows[..., -back:]), spread
    # where the newest are all missing, what is known further back has to do
    centre = mean(windows[..., -back:])
    if mode == "last":
        centre = _last_known(windows)
    return np.where(np.isnan(centre), mean(windows), centre), spread


def _mean(values: Array) -> Array:
    return np.asarray(values.mean(axis=-1))


def _mean_of_known(values: Array) -> Array:
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _quartiles(windows: Array, *, gaps: bool) -> Array:
    """Return lower quartile, median and upper quartile [3, n, K]."""
    if not gaps:
        return np.asarray(np.quantile(windows, [0.25, 0.5, 0.75], axis=-1))
    found = np.full((3, *windows.shape[:2]), np.nan)
    some = ~np.isnan(windows).all(axis=-1)  # NumPy warns of those without a value
    found[:, some] = np.nanquantile(windows[some], [0.25, 0.5, 0.75], axis=-1)
    return found


def _last_known(windows: Array) -> Array:
    known = ~np.isnan(windows)
    place = windows.shape[-1] - 1 - known[..., ::-1].argmax(axis=-1)
    last: Array = np.take_along_axis(windows, place[..., None], axis=-1)[..., 0]
    return last
