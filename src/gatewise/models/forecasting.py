"""Windows of new data for a fitted model: what it may see, from where, and how far ahead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.frames import table_from_frame
from gatewise.data.reading import parse_time
from gatewise.data.split import Part
from gatewise.data.table import Table
from gatewise.data.windows import Windows, make_windows
from gatewise.errors import DataError, OptionError
from gatewise.models.fitted import Fitted, member_outputs, to_predictions
from gatewise.models.results import Predictions


def predict(fitted: Fitted, frame: Any) -> Predictions:
    """Predict from the rows of `frame`; None stands for the end of the fitted data."""
    if fitted.settings.horizon == 0:
        table, windows = _sensor_windows(fitted, frame)
    else:
        table, windows = _forecast_windows(fitted, frame)
    outputs = member_outputs(fitted, table, windows)
    return to_predictions(fitted, table, windows, outputs)


def known_windows(fitted: Fitted, frame: Any, part: Part | None) -> tuple[Table, Windows]:
    """Return the windows of `frame` whose targets are known, with the fitted data's end before them."""
    table, new = _joined(fitted, _table(fitted, frame, need_target=True))
    rows = new & fitted.split.part_rows(table, part or "all")
    return table, _windows(fitted, table, rows, part or "data")


def window_at(table: Table, windows: Windows, at: Any) -> int:
    """Return the number of the first window whose "now" is the time `at`."""
    clock = bool(np.issubdtype(table.time.dtype, np.datetime64))
    now = table.time[windows.origins]
    try:
        moment = parse_time(str(at), clock=clock)
    except ValueError:
        raise OptionError(f"at={at!r} is not a time of the data, such as {now[0]}") from None
    found = np.flatnonzero(now == moment)
    if not found.size:
        raise DataError(
            f"no window ends at {at}: windows end from {now.min()} to {now.max()}, each at a row "
            f"with {windows.lookback} rows up to it"
        )
    return int(found[0])


def _table(fitted: Fitted, frame: Any, *, need_target: bool, allow_trailing_gap: int = 0) -> Table:
    return table_from_frame(
        frame,
        fitted.columns,
        missing=fitted.settings.missing,
        frequency=fitted.settings.frequency,
        need_target=need_target,
        allow_trailing_gap=allow_trailing_gap,
        step=fitted.step,
    )


def _joined(fitted: Fitted, table: Table) -> tuple[Table, NDArray[np.bool_]]:
    """Put the fitted data's last rows before rows that directly follow; say which rows are new."""
    joined = fitted.context.appended(table)
    if joined is None:
        return table, np.ones(len(table), dtype=bool)
    old = np.diff(joined.starts) - np.diff(table.starts)
    within = np.arange(len(joined)) - np.repeat(joined.starts[:-1], np.diff(joined.starts))
    return joined, within >= np.repeat(old, np.diff(joined.starts))


def _windows(
    fitted: Fitted, table: Table, rows: NDArray[np.bool_], part: str, *, need_target: bool = True
) -> Windows:
    return make_windows(
        table,
        fitted.scaler.transform(table),
        rows,
        lookback=fitted.settings.lookback,
        horizon=fitted.settings.horizon,
        missing=fitted.settings.missing,
        need_target=need_target,
        part=part,
    )


def _sensor_windows(fitted: Fitted, frame: Any) -> tuple[Table, Windows]:
    if frame is None:
        raise DataError("a virtual sensor (horizon=0) needs data to predict from: pass new rows")
    table, new = _joined(fitted, _table(fitted, frame, need_target=False))
    return table, _windows(fitted, table, new, "new", need_target=False)


def _forecast_windows(fitted: Fitted, frame: Any) -> tuple[Table, Windows]:
    """Return one window per series, from the last row whose targets are known."""
    horizon = fitted.settings.horizon
    if frame is None:
        table = fitted.context
    else:
        new = _table(fitted, frame, need_target=False, allow_trailing_gap=horizon)
        table, _ = _joined(fitted, new)
    table = table.extended(horizon)
    origins = _last_known(fitted, table)
    _check_ahead(fitted, table, origins)
    rows = np.zeros(len(table), dtype=bool)
    rows[(origins[:, None] + np.arange(1, horizon + 1)).ravel()] = True
    windows = _windows(fitted, table, rows, "predicted", need_target=False)
    kept = np.isin(windows.origins, origins)
    if kept.sum() != len(origins):
        missed = np.setdiff1d(origins, windows.origins[kept])[0]
        raise DataError(
            f"the forecast{_of(table, missed)} from {table.time[missed]} lacks history: lookback="
            f"{windows.lookback} rows up to there must be present and without gaps"
        )
    return table, replace(windows, origins=windows.origins[kept])


def _last_known(fitted: Fitted, table: Table) -> NDArray[np.int64]:
    """Return the last row of each series in which every target is known."""
    known = ~np.isnan(table.values[:, : len(fitted.columns.target)]).any(axis=1)
    row = np.where(known, np.arange(len(table)), -1)
    last: NDArray[np.int64] = np.maximum.reduceat(row, table.starts[:-1])
    if (last < 0).any():
        name = table.series[int(last.argmin())]
        raise DataError(
            f"no row{f' of series {name!r}' if name else ''} has its target "
            f"({', '.join(fitted.columns.target)}), and a forecast starts from its past: "
            "add the rows before, or rows that directly follow the fitted data"
        )
    return last


def _check_ahead(fitted: Fitted, table: Table, origins: NDArray[np.int64]) -> None:
    """Raise DataError where a column that is known ahead is not given as far as the horizon."""
    if not fitted.columns.future or fitted.settings.missing == "mask":
        return
    ahead = origins[:, None] + np.arange(1, fitted.settings.horizon + 1)
    for name in fitted.columns.future:
        gaps = np.isnan(table.column(name)[ahead])
        if gaps.any():
            series, step = np.argwhere(gaps)[0]
            raise DataError(
                f"future column {name!r}{_of(table, origins[series])} is not known at "
                f"{table.time[ahead[series, step]]}: give it for {fitted.settings.horizon} rows "
                f"after {table.time[origins[series]]}"
            )


def _of(table: Table, row: int) -> str:
    if table.columns.series is None:
        return ""
    return f" of series {table.series[int(table.starts.searchsorted(row, 'right')) - 1]!r}"
