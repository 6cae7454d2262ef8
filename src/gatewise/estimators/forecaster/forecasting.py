"""Windows of new data for a fitted model: what it may see, from where, and how far ahead."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.categories import MISSING
from gatewise.data.tables.frames import table_from_frame
from gatewise.data.tables.output import frame_like
from gatewise.data.tables.reading import parse_time
from gatewise.data.tables.repairs import Repairs
from gatewise.data.tables.table import Table
from gatewise.data.tables.windows import Features, Windows
from gatewise.errors import DataError, GatewiseWarning, OptionError, nearest, warn
from gatewise.estimators.forecaster.fitted import (
    Fitted,
    baseline_predictions,
    member_outputs,
    to_predictions,
)
from gatewise.estimators.forecaster.output import prediction_columns, prediction_frame
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.estimators.forecaster.preparation import (
    Prepared,
    as_frame,
    new_rows,
    rates_of,
    rows_ahead,
)
from gatewise.estimators.forecaster.score_names import MODEL_NAME
from gatewise.estimators.forecaster.silence import named, warn_of_unusable
from gatewise.typing import Array32

AHEAD = "predicted"
"""What messages call the rows past the last known ones, by which a table is extended."""


def predict(fitted: Fitted, frame: Any, model: str = MODEL_NAME) -> Predictions:
    """Predict from the rows of `frame`; None stands for the end of the fitted data.

    `model` is the network's name or a baseline's. Raises OptionError for one that was not fitted.
    """
    known = (MODEL_NAME, *fitted.baselines.names)
    if model not in known:
        raise OptionError(
            f"model={model!r} was not fitted here: choose of {', '.join(map(repr, known))}."
            f"{nearest(model, known)}"
        )
    if fitted.settings.horizon == 0:
        table, windows = _sensor_windows(fitted, frame)
    else:
        table, windows = _forecast_windows(fitted, frame)
    if model != MODEL_NAME:
        return baseline_predictions(fitted, table, windows, model)
    answering = fitted.for_new_data()
    outputs = member_outputs(answering, table, windows)
    return to_predictions(answering, table, windows, outputs)


def predicted_frame(fitted: Fitted, data: Any, model: str = MODEL_NAME) -> Any:
    """Return the predictions for new rows in a frame of their kind: see `Forecaster.predict`."""
    frame = None if data is None else as_frame(fitted.settings, data)
    result = predict(fitted, frame, model)
    if frame is None:
        return prediction_frame(result, fitted.columns, truth=False)
    return frame_like(
        frame,
        prediction_columns(result, fitted.columns, truth=False),
        time=fitted.columns.time,
        series=fitted.columns.series,
        zone=result.zone,
        known=fitted.context.series,
    )


def beyond(fitted: Fitted) -> Predictions | None:
    """Return the forecast past the fitted data; None where there is none without more rows."""
    if fitted.settings.horizon == 0:
        return None
    if fitted.ahead is None and rows_ahead(fitted.settings, fitted.columns):
        return None
    with warnings.catch_warnings(), suppress(DataError):
        # a series that is too short was named when the data was read
        warnings.simplefilter("ignore", GatewiseWarning)
        return predict(fitted, None)
    return None


def prepared_for(fitted: Fitted, data: Any) -> Prepared:
    """Return data whose targets are known, prepared as that of the fit; what was prepared for it stays.

    The fitted data's last rows come before it where it directly follows them.
    """
    if isinstance(data, Prepared):
        if data.scaler is fitted.scaler and data.split is fitted.split:
            return data
        data = data.given
    table = table_of(fitted, as_frame(fitted.settings, data), need_target=True)
    known, ahead = table.parted(rows_ahead(fitted.settings, fitted.columns))
    return Prepared(
        fitted.settings,
        known,
        fitted_scaler=fitted.scaler,
        fitted_normaliser=fitted.normaliser,
        fitted_vocabulary=fitted.vocabulary,
        fitted_split=fitted.split,
        context=fitted.context,
        ahead=ahead,
    )


def comes_after(fitted: Fitted, table: Table) -> bool:
    """Tell whether a table begins after the last row of the fitted data."""
    return bool(table.time.min() > fitted.context.time.max())


def warn_of_no_score(prepared: Prepared) -> None:
    """Warn of labels that are not known, and of series that can have no score in any part."""
    prepared.warn_of_unseen()
    warn_of_unusable(
        prepared.given,
        np.diff(prepared.table.starts),
        lookback=prepared.settings.steps_back,
        horizon=prepared.settings.horizon,
        lost="no score",
    )


def windows_of(table: Table, windows: Windows, series: str) -> NDArray[np.intp]:
    """Return the numbers of the windows of one series; DataError where there are none."""
    if table.series == ("",):
        raise DataError(f"this data is a single series, without a name: leave out of={series!r}")
    if series not in table.series:
        raise DataError(f"no series {series!r} in this data.{nearest(series, table.series)}")
    place = table.series.index(series)
    found = np.flatnonzero(table.series_index()[windows.origins] == place)
    if not found.size:
        raise DataError(f"series {series!r} has no window in this part: name another part")
    return found


def window_at(
    table: Table, windows: Windows, at: Any, picks: NDArray[np.intp] | None = None
) -> int:
    """Return the number of the first window, of `picks` or of all, whose "now" is the time `at`."""
    picks = np.arange(len(windows)) if picks is None else picks
    clock = bool(np.issubdtype(table.time.dtype, np.datetime64))
    now = table.time[windows.origins[picks]]
    try:
        moment = parse_time(str(at), clock=clock, zone=table.zone, form=table.form)
    except ValueError:
        raise OptionError(
            f"at={at!r} is not a time of the data, such as {table.stamp(now[0])}"
        ) from None
    found = np.flatnonzero(now == moment)
    if not found.size:
        raise DataError(
            f"no window ends at {at}: windows end from {table.stamp(now.min())} to "
            f"{table.stamp(now.max())}, each at a row with {windows.lookback} rows up to it"
        )
    return int(picks[found[0]])


def table_of(
    fitted: Fitted,
    frame: Any,
    *,
    need_target: bool,
    read_target: bool = True,
    allow_trailing_gap: int = 0,
    repairs: Repairs | None = None,
) -> Table:
    """Return the checked table of new data in the columns and the time step of the fit.

    Its rows are repaired as those of the fit were, unless there are other `repairs`.
    """
    settings = fitted.settings
    if need_target:  # of new rows to predict from, all may be of the future
        allow_trailing_gap = rows_ahead(settings, fitted.columns)
    return table_from_frame(
        frame,
        fitted.columns,
        missing=settings.missing,
        frequency=settings.frequency,
        need_target=need_target,
        read_target=read_target,
        allow_trailing_gap=allow_trailing_gap,
        step=fitted.step,
        like=fitted.context,
        repairs=settings.repairs(fitted.baselines.season) if repairs is None else repairs,
    )


def windows_from(
    fitted: Fitted, table: Table, now: int, *, lookback: int | None = None
) -> tuple[Table, Windows]:
    """Return the one window that ends at row `now` of a lone series, and the table that it lies in.

    Rows after it hold what is known ahead; the table is extended to the horizon. `lookback` is another
    than the model's for whoever keeps what came before by other means. Raises DataError where a column
    that is known ahead is not given.
    """
    horizon = fitted.settings.horizon
    table = table.extended(max(now + 1 + horizon - len(table), 0))
    if horizon:
        _check_ahead(fitted, table, np.array([now]), np.array([0]))
    rows = np.zeros(len(table), dtype=bool)
    rows[[now] if horizon == 0 else slice(now + 1, now + 1 + horizon)] = True
    part = AHEAD if horizon else "new"
    windows = _windows(fitted, table, rows, part, need_target=False, lookback=lookback)
    return table, replace(windows, origins=np.array([now]))


def row_features(fitted: Fitted, table: Table) -> Array32:
    """Return what a network reads of each row as one that is known, [N, F]; not of its window."""
    return _features(fitted, table, 1).values


def _windows(
    fitted: Fitted,
    table: Table,
    rows: NDArray[np.bool_],
    part: str,
    *,
    need_target: bool = True,
    lookback: int | None = None,
) -> Windows:
    settings = fitted.settings
    given = np.ones(len(table), dtype=bool)
    if part == AHEAD:  # the rows that a table was extended by repeat the labels of its series
        given[(table.starts[1:, None] - np.arange(1, settings.horizon + 1)).ravel()] = False
    unseen = fitted.vocabulary.unseen(table.labels, given, settings.unseen)
    if unseen is not None:
        warn(unseen)
    features = _features(fitted, table, lookback or settings.steps_back)
    return features.windows(rows, need_target=need_target, part=part)


def _features(fitted: Fitted, table: Table, lookback: int) -> Features:
    settings, normaliser = fitted.settings, fitted.normaliser
    return Features.of(
        table,
        fitted.scaler.transform(normaliser.transform.applied(table)),
        lookback=lookback,
        horizon=settings.horizon,
        missing=settings.missing,
        levels=normaliser.levels(table, settings.steps_back, settings.horizon),
        rates=rates_of(settings, table, fitted.scaler),
        vocabulary=fitted.vocabulary,
    )


def new_rows_of(fitted: Fitted, frame: Any) -> Table:
    """Return the checked rows to predict from: a sensor's target is not looked at."""
    horizon = fitted.settings.horizon
    return table_of(
        fitted, frame, need_target=False, read_target=horizon > 0, allow_trailing_gap=horizon
    )


def _sensor_windows(fitted: Fitted, frame: Any) -> tuple[Table, Windows]:
    if frame is None:
        raise DataError("a virtual sensor (horizon=0) needs data to predict from: pass new rows")
    new = new_rows_of(fitted, frame)
    table = fitted.context.before(new)
    windows = _windows(fitted, table, new_rows(table, new), "new", need_target=False)
    _warn_of_silence(table, windows, np.empty(0, dtype=np.int64))
    return table, windows


def _forecast_windows(fitted: Fitted, frame: Any) -> tuple[Table, Windows]:
    """Return one window per series, from the last row whose targets are known."""
    horizon = fitted.settings.horizon
    if frame is None:
        table = _context_and_ahead(fitted)
    else:
        new = new_rows_of(fitted, frame)
        table = fitted.context.before(new)
    table = table.extended(horizon)
    last = table.last_known()
    history = np.where(last < 0, 0, last - table.starts[:-1] + 1)
    enough = np.flatnonzero(history >= fitted.settings.steps_back)
    if not enough.size:
        raise DataError(
            f"a forecast starts from the last row whose targets ({', '.join(fitted.columns.target)}) "
            f"are known and needs lookback={fitted.settings.steps_back} rows up to there; there are "
            f"{history.max()}: add the rows before, or rows that directly follow the fitted data"
        )
    # Before the windows: a gap ahead drops its window, and no message after that names the column.
    _check_ahead(fitted, table, last, enough)
    rows = np.zeros(len(table), dtype=bool)
    rows[(last[enough, None] + np.arange(1, horizon + 1)).ravel()] = True
    windows = _windows(fitted, table, rows, AHEAD, need_target=False)
    windows = replace(windows, origins=np.intersect1d(windows.origins, last[enough]))
    _warn_of_silence(table, windows, np.flatnonzero(last < 0))
    return table, windows


def _context_and_ahead(fitted: Fitted) -> Table:
    """Return the last rows of the fitted data with the rows after them, where there are any."""
    context, ahead = fitted.context, fitted.ahead
    if ahead is None:
        return context
    without = np.array(
        [place for place, name in enumerate(context.series) if name not in ahead.series]
    )
    if without.size:
        known = ", ".join(fitted.columns.named("future"))
        warn(
            f"no prediction for {without.size} of {len(context.series)} series: "
            f"{named(context, without)}the data does not go on with what is known ahead ({known})"
        )
    return context.before(ahead)


def _warn_of_silence(table: Table, windows: Windows, unknown: NDArray[np.int64]) -> None:
    """Warn of series without a single window; raise DataError where no series has one.

    `unknown` are the numbers of the series that have nowhere to start from: no known target.
    """
    answered = np.unique(table.series_index()[windows.origins])
    silent = np.setdiff1d(np.arange(len(table.series)), answered)
    if not silent.size:
        return
    reasons = []
    # A series without a known target may be short as well, but more rows alone would not help it.
    short = np.setdiff1d(silent, unknown)
    if short.size:
        reasons.append(
            f"{named(table, short)}lookback={windows.lookback} rows without gaps are needed, in the "
            "data or at the end of the fitted data that they directly follow"
        )
    if unknown.size:
        reasons.append(
            f"{named(table, unknown)}no row has its target ({', '.join(table.columns.target)}), and a "
            "forecast starts from one that has: give its last known rows, or leave the series out"
        )
    text = f"no prediction for {silent.size} of {len(table.series)} series: {'; '.join(reasons)}"
    if not answered.size:
        raise DataError(text)
    warn(text)


def _check_ahead(
    fitted: Fitted, table: Table, last: NDArray[np.int64], asked: NDArray[np.int64]
) -> None:
    """Raise DataError where a column that is known ahead is not given as far as the horizon.

    `last [S]` is the row that each series' forecast starts from, `asked` the series that have one.
    """
    columns = fitted.columns
    if not columns.named("future") or fitted.settings.missing == "mask":
        return
    ahead = last[asked, None] + np.arange(1, fitted.settings.horizon + 1)
    missing = {name: np.isnan(table.column(name)) for name in columns.future}
    for place, (name, role) in enumerate(columns.categories):
        if role == "future":
            missing[name] = table.labels.codes[:, place] == MISSING
    for name, absent in missing.items():
        gaps = absent[ahead]
        if gaps.any() and name in fitted.columns.calendar:
            raise DataError(
                "the calendar ahead is not known, because every row is a step (frequency='rows'): give "
                f"{fitted.settings.horizon} rows more with their times, target and inputs left empty"
            )
        if gaps.any():
            place, step = np.argwhere(gaps)[0]
            named = table.series[asked[place]]
            raise DataError(
                f"future column {name!r}{f' of series {named!r}' if named else ''} is not known at "
                f"{table.stamp(table.time[ahead[place, step]])}: give it for {fitted.settings.horizon} "
                f"rows after {table.stamp(table.time[last[asked[place]]])}"
            )
