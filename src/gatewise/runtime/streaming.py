"""A forecaster fed a row at a time: from the last window, or with its state carried on.

A window starts at a state of zeros, as in training; a state that is carried on has seen more, and the
numbers differ. Which of the two a stream gives is chosen when it is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from gatewise.data.tables.repairs import Repairs
from gatewise.data.tables.table import Table
from gatewise.errors import DataError, OptionError, nearest, warn
from gatewise.estimators.forecaster.fitted import (
    Fitted,
    calibrated,
    member_outputs,
    outputs_of,
    to_predictions,
)
from gatewise.estimators.forecaster.forecasting import row_features, windows_from
from gatewise.estimators.forecaster.output import prediction_columns
from gatewise.estimators.forecaster.predictions import Predictions
from gatewise.files import path_of
from gatewise.runtime._held import (
    Held,
    check_row,
    knows_targets,
    lone_series,
    missing_row,
    repaired,
    skipped,
    with_row,
    with_targets,
)
from gatewise.runtime._kept import keep
from gatewise.runtime._network import ForecastNetwork
from gatewise.runtime._rows import Row, RowReader
from gatewise.runtime.stream import State, Stream
from gatewise.typing import AnyArray, Array
from gatewise.wording import counted, figure

Mode = Literal["window", "carry"]
MOST_COMPARED = 200
"""Last rows of the history on which both modes are compared when a stream is opened."""


@dataclass(frozen=True)
class Difference:
    """How far predictions with a carried state are from those of a window, in a target's own units."""

    mean: float
    most: float
    rows: int


class ForecastStream:
    """Rows in, predictions out, for one series or many; see `ForecasterModel.stream`.

    A stream is not for two threads at once; `fork` gives another thread its own.

    Attributes:
        mode: "window" or "carry".
        differs: With "carry" and enough history, how far it is from "window", by target; else empty.
    """

    def __init__(self, fitted: Fitted, mode: Mode = "window") -> None:
        """Open a stream that knows of no rows; `ForecasterModel.stream` gives it those of the fit."""
        check_mode(fitted, mode)
        self.mode: Mode = mode
        self.differs: dict[str, Difference] = {}
        self._fitted = fitted.for_new_data()
        self._reader = RowReader(fitted)
        self._held: dict[str, Held] = {}
        self._most = fitted.settings.steps_back
        repairs = fitted.settings.repairs(fitted.baselines.season)
        self._repairs: Repairs = repairs
        if repairs.fill is not None:  # a value may be filled in from as far back
            self._most += repairs.fill_limit + 1
        networks: Any = self._fitted.networks
        self._networks: tuple[ForecastNetwork, ...] = networks
        self._streams: tuple[Stream, ...] = ()
        if mode == "carry":
            self._streams = tuple(network.stream() for network in self._networks)

    @property
    def series(self) -> tuple[str, ...]:
        """The names of the series that rows are known of; ("",) for a lone one."""
        return tuple(self._held)

    def step(
        self, row: Mapping[str, Any], ahead: Iterable[Mapping[str, Any]] = ()
    ) -> list[dict[str, Any]]:
        """Take the next row of a series and return what is predicted from there.

        `row` has the columns of the fit by their names, numbers as numbers or text; None and "" are
        missing. `ahead` are the rows after it, of which the columns known ahead are read. A sensor
        answers with one prediction, a forecast with one for each step, as dicts with the columns of
        `predict`, times as text; with none until `lookback` rows of the series are known, and from a row
        whose targets are missing.

        After a gap in time that the run does not fill in, the series begins anew, with a warning.
        Raises DataError for a row that cannot be used; the stream is then as it was before.
        """
        read = self._reader.read(row)
        after = [self._reader.read(one, ahead=True) for one in ahead]
        held = self._held.get(read.series) or Held.empty(self._fitted, read.series)
        between: list[Any] = []
        time = read.time
        if len(held.table):
            if time is None:
                time = held.last + 1
            found = skipped(held.table, time)
            if found is None or (found and not self._fills(len(found))):
                warn(
                    f"the row at {held.table.stamp(time)} does not follow that at "
                    f"{held.table.stamp(held.last)} by {held.table.step.text}: the series begins anew"
                )
                held = Held.empty(self._fitted, read.series)
            else:
                between = found
        for moment in between:
            held = self._taken(held, missing_row(held.table), moment)
        held = self._taken(held, read, time if time is not None else np.int64(0))
        predicted = self._predicted(held, after)
        self._held[read.series] = held
        return [] if predicted is None else _as_dicts(self._fitted, predicted, held.table)

    def reset(self, series: str | None = None) -> None:
        """Forget the rows and the state of a series; of all of them without a name."""
        if series is None:
            self._held.clear()
        elif self._held.pop(series, None) is None:
            raise DataError(f"no row of a series {series!r} is known.{nearest(series, self._held)}")

    def fork(self) -> ForecastStream:
        """Return a stream that goes on from here by itself; the weights are shared."""
        other = ForecastStream(self._fitted, self.mode)
        other._held, other.differs = dict(self._held), dict(self.differs)
        return other

    def save(self, path: str | Path) -> None:
        """Write the state to a file, whole or not at all; `ForecasterModel.stream(state=)` reads it."""
        keep(path_of(path, "save"), self.mode, self._networks, self._held)

    def take_over(self, series: Mapping[str, Held]) -> None:
        """Go on from what another stream of this model and mode kept."""
        self._held = dict(series)

    def feed(self, table: Table) -> None:
        """Take the rows of a table that was checked, the first of them from nothing."""
        for name, rows in lone_series(table).items():
            self._held[name] = self._fed(rows)

    def told(self) -> str:
        """Return in a sentence how far a carried state is from a window; "" for a window."""
        if self.mode == "window":
            return ""
        if not self.differs:
            least = 2 * self._fitted.settings.steps_back
            return (
                "how far a carried state is from a window was not measured: it takes a history of over "
                f"{counted(least, 'row')}"
            )
        each = [
            f"{target} by {figure(one.mean)} on average and {figure(one.most)} at most"
            for target, one in self.differs.items()
        ]
        rows = next(iter(self.differs.values())).rows
        return (
            f"over {counted(rows, 'prediction')} a carried state differs from a window: "
            f"{', '.join(each)}"
        )

    def _fills(self, rows: int) -> bool:
        return self._repairs.fill is not None and rows <= self._repairs.fill_limit

    def _taken(self, held: Held, row: Row, time: Any) -> Held:
        """Return a series with a row more, its state moved on where one is carried."""
        table = with_row(held.table, row, time, self._most)
        now = len(table) - 1
        checked = repaired(table, self._repairs, now)
        check_row(self._fitted, checked, now)
        if self.mode == "window":
            return Held(table, (), held.seen + 1)
        if self._fitted.settings.horizon:
            checked = with_targets(checked, self._repairs)
        x = row_features(self._fitted, checked.tail(1))
        states = []
        for place, (network, stream) in enumerate(zip(self._networks, self._streams, strict=True)):
            _set(stream, held.states[place] if held.states else None)
            _advanced(network, stream, x)
            states.append(stream.state)
        return Held(table, tuple(states), held.seen + 1)

    def _predicted(self, held: Held, after: list[Row]) -> Predictions | None:
        """Return what is predicted from the last row of a series; None of one that is too short."""
        if held.seen < self._fitted.settings.steps_back:
            return None
        table, now = held.table, len(held.table) - 1
        if self._fitted.settings.horizon and not knows_targets(table, now):
            return None  # the forecast from the last row that has them was given there
        for row in after:
            time = held.table.step.after(table.time[-1], 1)[()]
            if row.time is not None and row.time != time and held.table.step.kind != "rows":
                raise DataError(
                    f"the row ahead at {table.stamp(row.time)} does not follow "
                    f"{table.stamp(table.time[-1])} by {held.table.step.text}"
                )
            static = missing_row(table)
            values = np.where(np.isnan(row.values), static.values, row.values)
            stamp = time if row.time is None else row.time
            table = with_row(table, replace(row, values=values), stamp, len(table) + 1)
        table = repaired(table, self._repairs, now)
        return self._answer(held, table, now)

    def _answer(self, held: Held, table: Table, now: int) -> Predictions:
        fitted = self._fitted
        if self.mode == "window":
            table, windows = windows_from(fitted, table, now)
            return to_predictions(fitted, table, windows, member_outputs(fitted, table, windows))
        rows = table.tail(len(table) - now)
        rows, windows = windows_from(fitted, rows, 0, lookback=1)
        x = windows.gather(np.array([0]))[0][:, 0]
        answers = [
            self._carried(place, held.states[place], x) for place in range(len(self._networks))
        ]
        outputs = calibrated(fitted, outputs_of(fitted, windows, answers))
        return to_predictions(fitted, rows, windows, outputs)

    def _carried(self, place: int, state: State, x: AnyArray) -> Array:
        """Return a member's answers [1, S, K, ...] from its state after `x[0]` and the steps ahead."""
        network, stream = self._networks[place], self._streams[place]
        _set(stream, state)
        hidden = state[0][-1] if len(x) == 1 else _advanced(network, stream, x[1:])
        numbers = x[:1, : x.shape[-1] - len(network.tables)]
        return network.head(hidden[:, None][-network.steps :], numbers).astype(np.float64)

    def _fed(self, rows: Table) -> Held:
        """Return a series after all rows of a table, comparing the two modes on the way."""
        fitted, back = self._fitted, self._fitted.settings.steps_back
        if self.mode == "window":
            return Held(rows.tail(self._most), (), len(rows))
        x = row_features(fitted, rows)
        states: list[list[State]] = []
        kept = max(len(rows) - MOST_COMPARED, 2 * back)
        for network, stream in zip(self._networks, self._streams, strict=True):
            stream.reset()
            each = []
            for number, one in enumerate(x):
                _advanced(network, stream, one[None])
                if number >= kept or number == len(x) - 1:
                    each.append(stream.state)
            states.append(each)
        by_row = list(zip(*states, strict=True))
        self._compare(rows, kept, by_row)
        return Held(rows.tail(self._most), by_row[-1], len(rows))

    def _compare(self, rows: Table, first: int, states: list[tuple[State, ...]]) -> None:
        """Measure how far predictions from `states`, after rows from `first` on, are from a window's."""
        horizon, back = self._fitted.settings.horizon, self._fitted.settings.steps_back
        window = ForecastStream(self._fitted, "window")
        found = []
        for now in range(first, len(rows) - horizon):
            part = np.zeros(len(rows), dtype=bool)
            part[now + 1 - back : now + 1 + horizon] = True
            table = rows.only(part)
            held = Held(table, states[now - first], now + 1)
            both = [each._answer(held, table, back - 1).point for each in (self, window)]
            found.append(np.abs(both[0] - both[1]))
        if found:
            for k, target in enumerate(self._fitted.columns.target):
                apart = np.concatenate(found)[..., k]
                before = self.differs.get(target, Difference(0.0, 0.0, 0))
                rows_seen = before.rows + len(found)
                mean = (before.mean * before.rows + float(apart.mean()) * len(found)) / rows_seen
                most = max(before.most, float(apart.max()))
                self.differs[target] = Difference(mean, most, rows_seen)


def check_mode(fitted: Fitted, mode: str) -> None:
    """Raise OptionError for a mode that there is not, and for a carried state without a meaning."""
    if mode not in get_args(Mode):
        raise OptionError(
            f"mode={mode!r}: use 'window' or 'carry'.{nearest(str(mode), get_args(Mode))}"
        )
    settings = fitted.settings
    if settings.fill == "season" or settings.drop_duplicates is not None or settings.sort:
        name = "fill" if settings.fill == "season" else "sort"
        name = "drop_duplicates" if settings.drop_duplicates is not None else name
        raise OptionError(
            f"the run was fitted with {name}={getattr(settings, name)!r}, which needs more rows than a "
            "stream keeps: predict from tables, or fit without it"
        )
    if mode == "carry" and settings.fill == "linear":
        raise OptionError(
            "mode='carry' cannot fill in as the run was fitted (fill='linear'): a line needs the value "
            "after a gap; use mode='window'"
        )
    if mode == "carry" and (fitted.normaliser.normalise != "none" or settings.counts):
        why = "rate" if settings.counts else "level"
        fix = "" if settings.counts else ", or fit with normalise='none'"
        raise OptionError(
            "mode='carry' is for models that read all rows alike, and each window of this one has a "
            f"{why} of its own: use mode='window'{fix}"
        )


def _set(stream: Stream, state: State | None) -> None:
    if state is None:
        stream.reset()
    else:
        stream.set_state(*state)


def _advanced(network: ForecastNetwork, stream: Stream, x: AnyArray) -> AnyArray:
    """Move a stream on by `x [T, F]` and return its outputs [T, H]."""
    read = np.ascontiguousarray(network.embedded(x), dtype=stream.dtype)
    return np.concatenate([stream.step(one[None]).copy() for one in read])


def _as_dicts(fitted: Fitted, predictions: Predictions, table: Table) -> list[dict[str, Any]]:
    """Return predictions as rows: numbers, and times as text on the clock of their zone."""
    columns = prediction_columns(predictions, fitted.columns, truth=False)
    shown = {
        name: [table.stamp(one) for one in values] if values.dtype.kind == "M" else values.tolist()
        for name, values in columns.items()
    }
    return [dict(zip(shown, row, strict=True)) for row in zip(*shown.values(), strict=True)]
