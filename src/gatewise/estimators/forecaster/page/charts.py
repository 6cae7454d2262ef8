"""Truth against prediction as the page draws it: which series, targets, views and points are drawn.

Sizes: N windows, S predicted steps (`max(horizon, 1)`), K targets, P points of a chart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.zones import local
from gatewise.estimators.forecaster.by_series import SeriesScores
from gatewise.estimators.forecaster.metrics import METRICS
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.results import MeasuredTargets
from gatewise.estimators.forecaster.score_names import MODEL_NAME, metric_name, metric_text
from gatewise.report.contents import Charts
from gatewise.report.downsample import keep_extremes
from gatewise.report.embed import is_calendar, seconds
from gatewise.unit import Unit
from gatewise.wording import figure, number

MAX_TARGETS = 8
MAX_CHARTS = 2_000
"""Of one view and range: beyond, not every series is in the page."""
MANY_SERIES = 20
"""Beyond, each series has one view of its whole part alone, so that all of them fit into the page."""
MAX_POINTS = 150_000
"""Points of all charts together; one chart gets between `FEWEST` and `MOST` of them."""
FEWEST, MOST = 120, 8_000
DETAIL = 1_000
"""Last steps of a long part that are also drawn point by point."""
GAP = 5.0
"""A pause longer than this many usual steps breaks the line."""
LEAD = 200
"""Most steps before the scored part that a forecast is drawn with."""
EACH = -1
"""The view of whole forecasts, one after another; the others are of one step ahead each."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class RunCharts:
    """What is drawn of a run: the scored part and, where there are any, the steps beyond the data.

    Attributes:
        predictions: The scored part.
        ahead: The forecast beyond the data, a window each series, its truth NaN.
        measured: The targets as they were measured, to draw a forecast with what came before it.
        units: Column name to unit of measure, where it is known.
        unit: What one step is called.
        lookback: Steps that the network reads, where it is known.
        by_series: The scores of each series, where they are known.
    """

    predictions: Predictions
    ahead: Predictions | None = None
    measured: MeasuredTargets | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    unit: Unit = field(default_factory=Unit)
    lookback: int | None = None
    by_series: SeriesScores | None = None

    def charts(self) -> Charts:
        """Return the charts as JSON values and arrays, with honest notes."""
        return self._charts

    @cached_property  # the page and its picture both ask for them
    def _charts(self) -> Charts:
        predictions = self.predictions
        found = _series(predictions, self.by_series)
        targets = list(range(min(len(predictions.targets), MAX_TARGETS)))
        drawn = found[: max(1, MAX_CHARTS // len(targets))]
        views = _views(predictions.truth.shape[1], few=len(drawn) <= MANY_SERIES)
        limit = MAX_POINTS // (len(drawn) * len(targets) * len(views))
        limit = min(MOST, max(FEWEST, limit))
        longest = max(len(one.rows) for one in found)
        detail = min(DETAIL, limit)
        both = longest > limit and len(drawn) <= MANY_SERIES
        made: dict[str, Any] = {}
        for place, one in enumerate(drawn):
            for target in targets:
                for view in views:
                    points = self._points(one, target, view)
                    key = f"{place}/{target}/{view}"
                    made[f"{key}/0"] = _chart(points, limit)
                    if both:
                        made[f"{key}/1"] = _chart(points.last(detail), limit)
        payload = {
            "calendar": is_calendar(predictions.time),
            "clock": _clock(predictions),
            "series": [{"name": s.name or "the series", "score": s.score} for s in drawn],
            "first": _typical(drawn),
            "targets": [
                {"index": k, "name": name, "label": axis_label(name, self.units)}
                for k, name in enumerate(predictions.targets[: len(targets)])
            ],
            "views": [{"index": view, "name": self._view_name(view)} for view in views],
            "ranges": ["whole part, overview", f"last {detail:,} steps, every point"]
            if both
            else ["whole part"],
            "bands": [label for label, _, _ in _bands(predictions)],
            "lookback": _span(predictions, self.lookback),
            "windows": [
                float(seconds(predictions.origin).min()),
                float(seconds(predictions.origin).max()),
            ],
            "thinned": longest > limit,
            "charts": made,
        }
        shown = max(len(chart["time"]) for chart in made.values())
        notes = self._notes(found, drawn, views, (longest, shown))
        return Charts(payload, notes, band_text(predictions))

    def _points(self, one: _Series, target: int, view: int) -> _Points:
        """Return a chart's points in the order of time: what came before, the part, what is ahead."""
        predictions = self.predictions
        time = predictions.time[one.rows]
        if view == EACH:
            chosen = one.rows[_one_after_another(time)]
            where: Any = (chosen, slice(None), target)
            time = predictions.time[chosen].ravel()
        else:
            where, time = (one.rows, view, target), time[:, view]
        lines = [predictions.truth[where], predictions.point[where]]
        for _, low, high in _bands(predictions):
            lines += [low[where], high[where]]
        part = _Points(time, np.stack([line.ravel() for line in lines]), 0, 0)
        return self._with_ahead(one, target, self._with_before(one, target, part))

    def _with_before(self, one: _Series, target: int, part: _Points) -> _Points:
        measured, steps = self.measured, self.predictions.truth.shape[1]
        if measured is None or steps < 2:
            return part
        rows = np.flatnonzero(measured.series == one.name)
        rows = rows[measured.time[rows] < part.time[0]]
        rows = rows[-min(LEAD, max(self.lookback or 0, 4 * steps)) :]
        lines = np.full((len(part.lines), len(rows)), np.nan)
        lines[0] = measured.values[rows, target]
        return _Points(
            np.concatenate([measured.time[rows], part.time]),
            np.concatenate([lines, part.lines], axis=1),
            len(rows),
            0,
        )

    def _with_ahead(self, one: _Series, target: int, part: _Points) -> _Points:
        ahead = self.ahead
        if ahead is None:
            return part
        rows = np.flatnonzero(ahead.series == one.name)
        time = ahead.time[rows].ravel()
        later = time > part.time[-1]
        if not later.any():
            return part
        lines = [np.full(time.shape, np.nan), ahead.point[rows, :, target].ravel()]
        for _, low, high in _bands(ahead):
            lines += [low[rows, :, target].ravel(), high[rows, :, target].ravel()]
        # A model refitted on everything may have no band where the scored one has.
        lines += [np.full(time.shape, np.nan)] * (len(part.lines) - len(lines))
        values = np.stack(lines[: len(part.lines)])[:, later]
        return _Points(
            np.concatenate([part.time, time[later]]),
            np.concatenate([part.lines, values], axis=1),
            part.before,
            int(later.sum()),
        )

    def _view_name(self, view: int) -> str:
        steps = self.predictions.truth.shape[1]
        if view == EACH:
            return f"1 to {self.unit.counted(steps)} ahead"
        return f"{self.unit.counted(view + 1)} ahead" if steps > 1 else "one step"

    def _notes(
        self, found: list[_Series], drawn: list[_Series], views: list[int], sizes: tuple[int, int]
    ) -> tuple[str, ...]:
        predictions, (longest, shown) = self.predictions, sizes
        steps = predictions.truth.shape[1]
        notes = []
        if len(drawn) > 1:
            notes.append(
                f"{drawn[_typical(drawn)].name} is shown first: of the {len(drawn):,} series, as many "
                "are forecast better as worse."
            )
        if len(found) > len(drawn):
            notes.append(
                f"{len(drawn):,} of {len(found):,} series are in this page; the scores count all."
            )
        if len(predictions.targets) > MAX_TARGETS:
            notes.append(
                f"The first {MAX_TARGETS} of {len(predictions.targets)} targets are drawn."
            )
        if EACH in views:
            made = self.unit.counted(steps)
            notes.append(f"Whole forecasts are those made every {made}, the last one included.")
        if self.ahead is not None:
            notes.append(
                "Beyond the end of the data, the dashed line is the forecast of what is not known yet."
            )
        if longest > shown:
            notes.append(
                f"Overview: {longest:,} time steps are drawn as {shown:,} points. Each stretch keeps "
                "its lowest and highest truth and prediction, so no peak is lost; the points between "
                "them are left out."
            )
        return tuple(notes)


def axis_label(name: str, units: Mapping[str, str], column: str = "") -> str:
    """Return the label of an axis of a column's values: its unit, or that they are in its units.

    `name` may be what is drawn of `column`, such as a score.
    """
    if units.get(name):
        return f"{name} in {units[name]}"
    return f"{name} in units of {column}" if column else f"in units of {name}"


def band_text(predictions: Predictions) -> str:
    """Return what the band is, or "" without one."""
    if predictions.quantiles is not None:
        labels = [label for label, _, _ in _bands(predictions)]
        return (
            f"The band shows predicted quantiles ({', '.join(labels)}): where the model expects "
            "the truth to fall."
        )
    if predictions.spread is not None:
        return (
            "The band is one standard deviation over the members: how far the seeds disagree, "
            "not how far off the prediction may be."
        )
    return ""


class _Series(NamedTuple):
    """A series of the scored part: its rows in the order of time, and how far off it is."""

    name: str
    rows: NDArray[np.intp]
    score: str  # of the first target, as the targets may have different units
    off: float  # the same, comparable among series of unlike scales: the lower, the better


class _Points(NamedTuple):
    """The points of a chart: truth, prediction and the edges of bands, NaN where there is none."""

    time: NDArray[Any]  # [P]
    lines: Floats  # [2 + edges, P]
    before: int  # points before the scored part
    ahead: int  # points beyond the data

    def last(self, count: int) -> _Points:
        """Return the last points alone; those beyond the data come on top of `count`."""
        first = max(0, len(self.time) - self.ahead - count)
        return _Points(
            self.time[first:], self.lines[:, first:], max(0, self.before - first), self.ahead
        )


def _series(predictions: Predictions, by_series: SeriesScores | None) -> list[_Series]:
    """Return the series by name, "site 2" before "site 10"."""
    names, place = np.unique(predictions.series, return_inverse=True)
    order = np.lexsort((predictions.time[:, 0], place))
    ends = np.cumsum(np.bincount(place, minlength=len(names)))
    scored = {} if by_series is None else _scored(by_series, predictions.targets[0])
    found = []
    for name, rows in zip(names.tolist(), np.split(order, ends[:-1]), strict=True):
        score = scored.get(name) or _rmse(predictions, rows)
        found.append(_Series(str(name), rows, *score))
    return sorted(found, key=lambda one: _natural(one.name))


def _scored(by_series: SeriesScores, target: str) -> dict[str, tuple[str, float]]:
    """Return each series' score in words, and as a number that is lower for a better one."""
    measure = by_series.measure(target)
    sign = -1.0 if METRICS[measure].better == "high" else 1.0
    values = by_series.scores[MODEL_NAME][target][measure]
    return {
        name: (f"{metric_name(measure)} {metric_text(measure, value)}", sign * value)
        for name, value in zip(by_series.series, values.tolist(), strict=True)
    }


def _rmse(predictions: Predictions, rows: NDArray[np.intp]) -> tuple[str, float]:
    """Return the RMSE of a series in words, and over the spread of its truth."""
    truth, point = predictions.truth[rows, :, 0], predictions.point[rows, :, 0]
    known = np.isfinite(truth)
    rmse = float(np.sqrt(np.mean((point - truth)[known] ** 2))) if known.any() else np.nan
    spread = float(truth[known].std()) if known.any() else 0.0
    return f"RMSE {number(rmse)}", rmse / spread if spread > 0 else np.nan


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what sorts the numbers in names by their size."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)
    ]


def _typical(drawn: list[_Series]) -> int:
    """Return the place of the series of median score; the first where none has one."""
    order = np.argsort([one.off for one in drawn], kind="stable")
    known = sum(np.isfinite(one.off) for one in drawn)
    return int(order[(known - 1) // 2]) if known else 0


def _views(steps: int, *, few: bool) -> list[int]:
    """Return the views of S predicted steps: whole forecasts; the first, middle and last step."""
    if steps == 1:
        return [0]
    return [EACH, *sorted({0, steps // 2, steps - 1})] if few else [EACH]


def _one_after_another(time: NDArray[Any]) -> NDArray[np.intp]:
    """Return which windows of `time` [N, S] follow one another without overlap, the last included."""
    chosen = [len(time) - 1]
    while True:
        # Windows are in the order of time: the last one that ends before the one chosen begins.
        before = int(np.searchsorted(time[:, -1], time[chosen[-1], 0])) - 1
        if before < 0:
            return np.array(chosen[::-1])
        chosen.append(before)


def _span(predictions: Predictions, steps: int | None) -> float | None:
    """Return how far `steps` reach on the chart's axis; None where that is not known."""
    times = np.unique(predictions.time[:, 0])
    if steps is None or len(times) < 2:
        return None
    return float(steps * np.median(np.diff(seconds(times))))


def _clock(predictions: Predictions) -> list[list[float]]:
    """Return when the zone's clock changes as [seconds since 1970, seconds ahead of UTC from then on].

    The chart lies on UTC, where time always goes on, and is labelled as the clock shows it.
    """
    if predictions.zone is None or not is_calendar(predictions.time) or not predictions.time.size:
        return []
    times = np.unique(predictions.time[~np.isnat(predictions.time)])
    ahead = seconds(local(times, predictions.zone)) - seconds(times)
    changes = np.flatnonzero(np.diff(ahead, prepend=np.nan))
    return [[float(seconds(times[at : at + 1])[0]), float(ahead[at])] for at in changes]


def _bands(predictions: Predictions) -> list[tuple[str, Floats, Floats]]:
    """Return label, lower and upper edge [N, S, K] of each band, the widest first."""
    if predictions.quantiles is not None:
        levels, values = predictions.levels, predictions.quantiles
        pairs = [(i, len(levels) - 1 - i) for i in range(len(levels) // 2)]
        # Two bands are readable; more are not: the widest and the narrowest.
        chosen = pairs if len(pairs) < 3 else [pairs[0], pairs[-1]]
        return [
            (f"{figure(levels[a])} to {figure(levels[b])} quantile", values[..., a], values[..., b])
            for a, b in chosen
        ]
    if predictions.spread is not None:
        low = predictions.point - predictions.spread
        return [("members ± 1 sd", low, predictions.point + predictions.spread)]
    return []


def _chart(points: _Points, limit: int) -> dict[str, Any]:
    """Return one chart's arrays, thinned out to about `limit` points."""
    times = seconds(points.time)
    kept = keep_extremes(points.lines[:2], limit)
    ahead = int((kept >= len(times) - points.ahead).sum())
    first = float(times[points.before]) if points.before else None
    times, values = _with_gaps(times, points.lines, kept)
    return {"time": times, "lines": values, "ahead": ahead, "scored": first}


def _with_gaps(times: Floats, values: Floats, kept: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return the kept rows, with a missing row after each row that a long pause follows."""
    pauses = np.diff(times)
    if pauses.size == 0:
        return times[kept], values[:, kept]
    before = np.flatnonzero(pauses > GAP * np.median(pauses))
    # The kept row that comes last before each pause.
    places = np.unique(np.searchsorted(kept, before, side="right"))
    places = places[(places > 0) & (places < len(kept))]
    inserted = (times[kept[places - 1]] + times[kept[places]]) / 2
    return (
        np.insert(times[kept], places, inserted),
        np.insert(values[:, kept], places, np.nan, axis=1),
    )
