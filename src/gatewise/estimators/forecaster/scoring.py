"""Scores of a table of predictions, whoever made it, against a table of truth.

A row of the table predicts one time of one series; `step` or `origin`, where there is one, says from
how far back. Predictions of `gatewise predict` and of a run's predictions.csv are read as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.columns import Columns, resolve_columns
from gatewise.data.tables.frames import table_from_frame
from gatewise.data.tables.ids import read_ids
from gatewise.data.tables.native import Frame, as_frame
from gatewise.data.tables.reading import float_column, time_column
from gatewise.data.tables.table import Table
from gatewise.errors import DataError, OptionError, nearest
from gatewise.estimators.forecaster.metrics import scores
from gatewise.estimators.forecaster.results import Metrics
from gatewise.typing import Array, Indices
from gatewise.wording import counted, figure

STEP, ORIGIN = "step", "origin"
PREDICTED = "predictions"
PERSISTENCE = "persistence"


@dataclass(frozen=True)
class ScoredTable:
    """The scores of a table of predictions.

    Attributes:
        target: What is predicted.
        rows: How many rows are scored.
        scores: Of the predictions, and of the last value seen where it is known: `persistence`.
        by_step: Of each step ahead, where the table has one: step to metrics.
        series: Of a panel the median over its series; else {}.
        notes: What was left out.
    """

    target: str
    rows: int
    scores: dict[str, Metrics]
    by_step: dict[int, Metrics]
    series: Metrics
    notes: tuple[str, ...]


def score_table(
    predictions: Any,
    truth: Any = None,
    *,
    target: str | None = None,
    point: str | None = None,
    quantiles: Mapping[float, str] | None = None,
    time: str | None = None,
    series: str | None = None,
) -> ScoredTable:
    """Score a table of predictions against a table of truth, or against the truth that it holds.

    Args:
        predictions: A frame with a row for each series, time and, where there are several, step.
        truth: A frame with the target by series and time; None: `predictions` has it.
        target: The column of the truth; by default y, or the NAME of a column NAME_predicted.
        point: The column that predicts; by default NAME_predicted.
        quantiles: Level to column; by default the columns NAME_q0.1 and the like.
        time, series: Columns of both tables; found as in a fit.

    Raises DataError for columns that are not there, times that cannot be read, rows that predict the
    same twice and tables that share no row.
    """
    frame = as_frame(predictions)
    target = target or _target_of(frame)
    known = frame if truth is None else as_frame(truth)
    _present(known, target, "the truth")
    columns = resolve_columns(known, target=target, time=time, series=series)
    point = point or f"{target}_predicted"
    _present(frame, point, "the predictions: name the column that predicts with point=...")
    levels, names = _quantiles(frame, target, quantiles)
    keys = _keys(frame, columns)
    steps = float_column(frame, STEP).astype(int) if STEP in frame.columns else None
    _check_once(frame, keys, steps)
    values, rows, table = _truth(frame, known, columns, keys, own=truth is None)
    found = np.isfinite(values)
    if not found.any():
        raise DataError("no row of the predictions has a known truth: the tables share no time")
    made = float_column(frame, point)[found]
    bands = np.stack([float_column(frame, name)[found] for name in names], -1) if names else None
    held = values[found]
    result = {PREDICTED: _scored(held, made, bands, levels)}
    last = None if table is None or steps is None else _last_seen(table, rows, steps)
    notes = _notes(frame, found, last)
    if last is not None and np.isfinite(last[found]).all():
        result[PERSISTENCE] = _scored(held, last[found], None, ())
    each = np.array([name for name, _ in keys])[found]
    return ScoredTable(
        target=target,
        rows=int(found.sum()),
        scores=result,
        by_step={
            int(step): _scored(*_at(steps[found] == step, held, made, bands), levels)
            for step in np.unique(steps[found])
        }
        if steps is not None
        else {},
        series=_medians(each, held, made, bands, levels),
        notes=notes,
    )


def _at(
    rows: NDArray[np.bool_], held: Array, made: Array, bands: Array | None
) -> tuple[Array, Array, Array | None]:
    return held[rows], made[rows], None if bands is None else bands[rows]


def _scored(held: Array, made: Array, bands: Array | None, levels: tuple[float, ...]) -> Metrics:
    return scores(held[:, None], made[:, None], None if bands is None else bands[:, None], levels)


def _target_of(frame: Frame) -> str:
    """Return the target that the columns tell: NAME of the only NAME_predicted."""
    ending = "_predicted"
    found = [name.removesuffix(ending) for name in frame.columns if name.endswith(ending)]
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        raise DataError(f"the predictions are of {', '.join(found)}: name one with target=")
    return "y"


def _present(frame: Frame, name: str, where: str) -> None:
    if name not in frame.columns:
        raise DataError(
            f"no column {name!r} in {where}.{nearest(name, frame.columns)} The table has: "
            f"{', '.join(frame.columns)}"
        )


def _quantiles(
    frame: Frame, target: str, given: Mapping[float, str] | None
) -> tuple[tuple[float, ...], list[str]]:
    """Return the levels, ascending, and the column of each."""
    found: dict[float, str] = dict(given or {})
    if given is None:
        for name in frame.columns:
            try:
                level = float(name.removeprefix(f"{target}_q"))
            except ValueError:
                continue
            if name.startswith(f"{target}_q"):
                found[level] = name
    for level, name in found.items():
        if not 0 < level < 1:
            raise OptionError(f"the level of {name!r} must lie between 0 and 1, not {level}")
        _present(frame, name, f"the predictions, for the quantile {figure(level)}")
    levels = tuple(sorted(found))
    return levels, [found[level] for level in levels]


def _keys(frame: Frame, columns: Columns) -> list[tuple[str, int]]:
    """Return series and time of each row; the number of a time in its own type."""
    names = [""] * len(frame)
    if columns.series is not None:
        _present(frame, columns.series, "the predictions, for the series")
        ids = read_ids(frame[columns.series], columns.series)
        names = [ids.names[index] for index in ids.index]
    time = columns.time or "row"
    _present(frame, time, "the predictions, for the time")
    times = time_column(frame, time).values.astype(np.int64)
    return list(zip(names, times.tolist(), strict=True))


def _check_once(frame: Frame, keys: list[tuple[str, int]], steps: Indices | None) -> None:
    """Raise DataError where two rows predict the same from equally far back."""
    whole: list[Any] = list(keys if steps is None else zip(keys, steps.tolist(), strict=True))
    seen: dict[Any, int] = {}
    for row, key in enumerate(whole):
        if key in seen:
            missing = "" if steps is not None else f": give a column {STEP!r} that tells them apart"
            raise DataError(
                f"data rows {seen[key] + 1} and {row + 1} of the predictions are of the same time"
                f"{missing}"
            )
        seen[key] = row


def _truth(
    frame: Frame, known: Frame, columns: Columns, keys: list[tuple[str, int]], *, own: bool
) -> tuple[Array, Indices, Table | None]:
    """Return the truth of each row, NaN where there is none, its row in the table, and the table."""
    if own:
        return float_column(frame, columns.target[0]), np.full(len(keys), -1), None
    table = table_from_frame(known.to_native(), columns, missing="mask", frequency="rows")
    names = np.asarray(table.series, dtype=np.str_)[table.series_index()]
    at = zip(names.tolist(), table.time.astype(np.int64).tolist(), strict=True)
    places = {key: row for row, key in enumerate(at)}
    rows = np.array([places.get(key, -1) for key in keys], dtype=np.int64)
    return np.where(rows >= 0, table.values[rows, 0], np.nan), rows, table


def _last_seen(table: Table, rows: Indices, steps: Indices) -> Array:
    """Return the truth `step` rows before each row, the last that was seen; NaN before the start."""
    first = table.starts[:-1][table.series_index()]
    back = rows - steps
    inside = (rows >= 0) & (back >= first[np.maximum(rows, 0)])
    return np.where(inside, table.values[np.maximum(back, 0), 0], np.nan)


def _notes(frame: Frame, found: NDArray[np.bool_], last: Array | None) -> tuple[str, ...]:
    notes = []
    if not found.all():
        left = counted(int((~found).sum()), "row")
        notes.append(f"{left} of {len(frame):,} without a known truth: left out.")
    if last is None:
        notes.append(
            "No baseline stands beside: that needs the table of truth and a column 'step' in the "
            "predictions."
        )
    elif not np.isfinite(last[found]).all():
        notes.append("No baseline stands beside: the truth does not go back far enough.")
    return tuple(notes)


def _medians(
    series: NDArray[np.str_],
    held: Array,
    made: Array,
    bands: Array | None,
    levels: tuple[float, ...],
) -> Metrics:
    """Return the median over the series of each score; {} for a lone series."""
    names = np.unique(series)
    if len(names) < 2:
        return {}
    each = [_scored(*_at(series == name, held, made, bands), levels) for name in names]
    known = {name: [row[name] for row in each if np.isfinite(row[name])] for name in each[0]}
    return {name: float(np.median(values)) for name, values in known.items() if values}
