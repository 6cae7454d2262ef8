"""Predictions beside the truth, and the charts of both: which series, targets and steps are drawn.

Sizes: N windows, S predicted steps (`max(horizon, 1)`), K targets, Q quantile levels, M members. Values
are in the target's own units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.zones import local
from gatewise.report.contents import Charts
from gatewise.report.downsample import keep_extremes
from gatewise.report.embed import is_calendar, packed, seconds
from gatewise.wording import number

MAX_SERIES = 20
MAX_TARGETS = 8
MAX_POINTS = 150_000
"""Points of all charts together; one chart gets between `FEWEST` and `MOST` of them."""
FEWEST, MOST = 400, 8_000
DETAIL = 1_000
"""Last steps of a long part that are also drawn point by point."""
GAP = 5.0
"""A pause longer than this many usual steps breaks the line."""


@dataclass(frozen=True, repr=False)
class Predictions:
    """Truth and predictions of one part of a table, one row per window."""

    targets: tuple[str, ...]
    series: NDArray[np.str_]  # [N]
    origin: NDArray[Any]  # [N] the last time the model saw
    time: NDArray[Any]  # [N, S] the times predicted
    truth: NDArray[np.float64]  # [N, S, K], NaN where unknown
    point: NDArray[np.float64]  # [N, S, K] mean over the members
    spread: NDArray[np.float64] | None  # [N, S, K] standard deviation over the members, M > 1
    levels: tuple[float, ...]  # quantile levels, ascending; empty without quantiles
    quantiles: NDArray[np.float64] | None  # [N, S, K, Q]
    zone: str | None = None  # of the clock that the times are shown on; they are UTC then
    ids: str = "String"  # the type of the series column, by its name in narwhals

    def charts(self) -> Charts:
        """Return the charts of truth against prediction, with honest notes."""
        return forecast_data(self)

    def __repr__(self) -> str:
        count, steps = self.time.shape
        return f"Predictions({count} windows, {steps} steps, targets {', '.join(self.targets)})"


def forecast_data(predictions: Predictions) -> Charts:
    """Return the charts of truth against prediction as JSON values, with honest notes."""
    names, rmse, series_note = _choose_series(predictions)
    targets = list(range(min(len(predictions.targets), MAX_TARGETS)))
    horizon = predictions.truth.shape[1]
    steps = sorted({0, horizon // 2, horizon - 1}) if horizon > 2 else list(range(horizon))
    count = max(1, len(names) * len(targets) * len(steps))
    limit = min(MOST, max(FEWEST, MAX_POINTS // count))
    longest = int(np.unique(predictions.series, return_counts=True)[1].max())
    # At most `limit`, beyond which a chart is thinned out: this range promises every point.
    detail = min(DETAIL, limit)
    ranges = ["whole part, overview", f"last {detail:,} steps, every point"]
    ranges = ranges if longest > limit else ["whole part"]
    charts: dict[str, Any] = {}
    shown = 0
    for place, name in enumerate(names):
        rows = np.flatnonzero(predictions.series == name)
        for target in targets:
            for step in steps:
                key = f"{place}/{target}/{step}"
                charts[f"{key}/0"], drawn = _chart(predictions, rows, step, target, limit)
                shown = max(shown, drawn)
                if len(ranges) > 1:
                    last = rows[np.argsort(predictions.time[rows, step])[-detail:]]
                    charts[f"{key}/1"], _ = _chart(predictions, last, step, target, limit)
    notes = [series_note] if series_note else []
    if len(predictions.targets) > MAX_TARGETS:
        notes.append(f"The first {MAX_TARGETS} of {len(predictions.targets)} targets are drawn.")
    if horizon > len(steps):
        notes.append(f"{len(steps)} of {horizon} predicted steps are drawn: first, middle, last.")
    if len(ranges) > 1:
        notes.append(
            f"Overview: {longest:,} time steps are drawn as {shown:,} points. Each stretch keeps "
            "its lowest and highest truth and prediction, so no peak is lost; the points between "
            "them are left out."
        )
    payload = {
        "calendar": is_calendar(predictions.time),
        "clock": _clock(predictions),
        "series": [
            {"name": name or "the series", "rmse": number(error)}
            for name, error in zip(names, rmse, strict=True)
        ],
        "targets": [{"index": k, "name": predictions.targets[k]} for k in targets],
        "steps": [{"index": s, "name": f"{s + 1} of {horizon}"} for s in steps],
        "ranges": ranges,
        "bands": [[f"{label}: low", "high"] for label, _, _ in _bands(predictions)],
        "charts": charts,
    }
    return Charts(payload, tuple(notes), _band_text(predictions))


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


def _choose_series(predictions: Predictions) -> tuple[list[str], list[float], str]:
    """Return the series to draw with their RMSE, best first, and a note when some are left out."""
    names = [str(name) for name in np.unique(predictions.series)]
    errors = []
    for name in names:
        rows = predictions.series == name
        squares = (predictions.point[rows] - predictions.truth[rows]) ** 2
        # Targets may have different units: the first one ranks.
        known = squares[..., 0][np.isfinite(squares[..., 0])]
        errors.append(float(np.sqrt(known.mean())) if known.size else float("nan"))
    order = np.argsort(np.nan_to_num(errors, nan=np.inf), kind="stable")
    note = ""
    if len(names) > MAX_SERIES:
        order = order[np.linspace(0, len(order) - 1, MAX_SERIES).round().astype(int)]
        note = (
            f"{MAX_SERIES} of {len(names):,} series are in this page, taken at even distances from "
            f"the best to the worst RMSE of {predictions.targets[0]}; the scores above count all."
        )
    return [names[i] for i in order], [errors[i] for i in order], note


def _bands(
    predictions: Predictions,
) -> list[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """Return label, lower and upper edge [N, S, K] of each band, the widest first."""
    if predictions.quantiles is not None:
        levels, values = predictions.levels, predictions.quantiles
        pairs = [(i, len(levels) - 1 - i) for i in range(len(levels) // 2)]
        # Two bands are readable; more are not: the widest and the narrowest.
        chosen = pairs if len(pairs) < 3 else [pairs[0], pairs[-1]]
        return [
            (f"{levels[a]:g} to {levels[b]:g} quantile", values[..., a], values[..., b])
            for a, b in chosen
        ]
    if predictions.spread is not None:
        low = predictions.point - predictions.spread
        return [("members ± 1 sd", low, predictions.point + predictions.spread)]
    return []


def _band_text(predictions: Predictions) -> str:
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


def _chart(
    predictions: Predictions, rows: NDArray[np.int64], step: int, target: int, limit: int
) -> tuple[dict[str, Any], int]:
    """Return one chart's arrays and how many points it has."""
    rows = rows[np.argsort(predictions.time[rows, step], kind="stable")]
    lines = [predictions.truth[rows, step, target], predictions.point[rows, step, target]]
    for _, low, high in _bands(predictions):
        lines += [low[rows, step, target], high[rows, step, target]]
    values = np.stack(lines)
    times = seconds(predictions.time[rows, step])
    kept = keep_extremes(values[:2], limit)
    times, values = _with_gaps(times, values, kept)
    chart = {
        "time": packed(times, "f8"),
        "lines": [packed(line, "f4") for line in values],
    }
    return chart, len(kept)


def _with_gaps(
    times: NDArray[np.float64], values: NDArray[np.float64], kept: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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
