"""One row of a stream, as a caller or a line gives it, read by the rules of the run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from gatewise.data.tables.reading import parse_time
from gatewise.errors import DataError, nearest
from gatewise.estimators.forecaster.fitted import Fitted
from gatewise.typing import Array

ABSENT = ("", "nan", "null", "na", "none")
"""Texts that stand for no value, in lower case."""


@dataclass(frozen=True)
class Row:
    """A row that was read: its series, its time (None where rows are counted), numbers and labels."""

    series: str
    time: Any
    values: Array  # [C], NaN where missing
    labels: tuple[str | None, ...]  # of each column of categories


class RowReader:
    """Reads rows into the columns of a model."""

    def __init__(self, fitted: Fitted) -> None:
        self.columns, self.like = fitted.columns, fitted.context
        self.date_format = fitted.settings.date_format
        self.clock = bool(np.issubdtype(self.like.time.dtype, np.datetime64))
        unread = self.columns.calendar
        if fitted.settings.horizon == 0:  # a sensor never looks at its target
            unread += self.columns.target
        self.unread = frozenset(unread)

    def read(self, row: Mapping[str, Any], *, ahead: bool = False) -> Row:
        """Return a row; of one `ahead` only what is known ahead is looked at.

        Raises DataError for a column that is not there and for a value that is none of its type.
        """
        if not isinstance(row, Mapping):
            raise DataError(f"a row must have names and values, not be a {type(row).__name__}")
        columns = self.columns
        hidden = columns.target + columns.named("inputs") if ahead else ()
        values = np.full(len(columns.values), np.nan)
        for place, name in enumerate(columns.values):
            if name not in self.unread and name not in hidden:
                values[place] = _number(name, self._of(row, name))
        labels = tuple(
            None if one.name in hidden else _category(one.name, self._of(row, one.name))
            for one in columns.categories
        )
        series = (
            "" if columns.series is None else _label(columns.series, self._of(row, columns.series))
        )
        if series is None:
            raise DataError(
                f"series column {columns.series!r} is empty: name the series of the row"
            )
        time = None if columns.time is None else self._time(columns.time, row)
        return Row(series, time, values, labels)

    def _of(self, row: Mapping[str, Any], name: str) -> Any:
        if name not in row:
            known = [str(one) for one in row]
            raise DataError(
                f"the row lacks column {name!r}.{nearest(name, known)} It has: {', '.join(known)}"
            )
        return row[name]

    def _time(self, name: str, row: Mapping[str, Any]) -> Any:
        value = self._of(row, name)
        if isinstance(value, np.datetime64):
            return value.astype("datetime64[us]")
        try:
            if isinstance(value, str) and self.date_format is not None:
                value = datetime.strptime(value, self.date_format)
            text = value.isoformat() if isinstance(value, date) else str(value)
            return parse_time(
                text.strip(), clock=self.clock, zone=self.like.zone, form=self.like.form
            )
        except ValueError:
            kind = "time" if self.clock else "whole number"
            raise DataError(
                f"time column {name!r}: {value!r:.40} is no {kind} such as "
                f"{self.like.stamp(self.like.time[-1])}"
            ) from None


def _number(name: str, value: Any) -> float:
    """Return a value as a number, NaN where it stands for none."""
    if value is None or (isinstance(value, str) and value.strip().lower() in ABSENT):
        return math.nan
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise DataError(f"column {name!r} must hold numbers, not {value!r:.40}") from None
    if math.isinf(number):
        raise DataError(f"column {name!r} is infinite: leave it empty where it is missing")
    return number


def _label(name: str, value: Any) -> str | None:
    """Return a label or a series' name as text, a whole number without a fraction; None for none."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float | np.integer | np.bool_):
        return str(value)
    raise DataError(f"column {name!r} must hold text or whole numbers, not {value!r:.40}")


def _category(name: str, value: Any) -> str | None:
    text = _label(name, value)
    return text.lower() if text is not None and isinstance(value, bool | np.bool_) else text
