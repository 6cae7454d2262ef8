"""One column of a frame to one array: numbers, times, series names; refused by row and value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from numbers import Number
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from gatewise.data.native import Frame, is_missing
from gatewise.errors import DataError

COUNTED = "data rows are counted from 1"
_TEXT_TYPES = (nw.String, nw.Categorical, nw.Enum)
_PLAIN_ISO = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?)?")


def float_column(frame: Frame, name: str) -> NDArray[np.float64]:
    """Return a column as float64 [N], missing values as NaN.

    Numbers of every width, decimals, booleans (0 and 1) and objects that are all numbers are read.
    Raises DataError for text, categories, dates, with the first row that is not a number.
    """
    column = frame[name]
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return np.asarray(column.cast(nw.Float64).to_numpy(), dtype=np.float64)
    if column.null_count() == len(column):
        return np.full(len(column), np.nan)
    values = column.cast(nw.String).to_list() if _is_text(column) else column.to_list()
    if column.dtype == nw.Object and all(_is_number(value) for value in values):
        return np.array([np.nan if is_missing(v) else float(v) for v in values], dtype=np.float64)
    row = _first_not_number(values)
    what = "text" if isinstance(values[row], str) else f"values of type {_type_name(column)}"
    raise DataError(
        f"column {name!r} holds {what}, not numbers: row {row + 1} is {_shown(values[row])} "
        f"({COUNTED}); {_number_fix(values[row])}"
    )


def time_column(frame: Frame, name: str) -> tuple[NDArray[Any], bool]:
    """Return a column of times as datetime64[us] or int64 [N], and whether it had a time zone.

    Dates, datetimes, ISO 8601 text and integers are read. Times with a zone become UTC instants;
    times without one stay as they are. Raises DataError for gaps and for anything else.
    """
    column = frame[name]
    dtype = column.dtype
    if dtype.is_integer():
        _refuse_null_times(column, name)
        return np.asarray(column.cast(nw.Int64).to_numpy(), dtype=np.int64), False
    if dtype == nw.Date:
        _refuse_null_times(column, name)
        return _microseconds(column.cast(nw.Datetime("us")).to_numpy()), False
    if dtype == nw.Datetime:
        _refuse_null_times(column, name)
        aware = getattr(dtype, "time_zone", None) is not None
        if aware:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return _microseconds(column.to_numpy()), aware
    if _is_text(column):
        column = column.cast(nw.String)
    if column.dtype in (nw.String, nw.Object):
        _refuse_null_times(column, name)
        return _parse_times(column.to_list(), name)
    raise DataError(
        f"column {name!r} holds values of type {_type_name(column)} and cannot be the time: use "
        f"dates, datetimes, ISO text such as 1985-01-31, or integers{_time_hint(column)}"
    )


def series_column(frame: Frame, name: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the names of the series, in order of appearance, and each row's number among them."""
    column = frame[name]
    if column.null_count():
        row = int(np.asarray(column.is_null().to_numpy()).argmax())
        raise DataError(f"series column {name!r} is empty in row {row + 1} ({COUNTED})")
    if column.dtype.is_float() or column.dtype.is_temporal():
        raise DataError(
            f"series column {name!r} holds values of type {_type_name(column)}: use text or "
            "integers"
        )
    values = column.cast(nw.String).to_list() if _is_text(column) else column.to_list()
    numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
    index = np.fromiter(map(numbers.__getitem__, values), dtype=np.int64, count=len(values))
    names = tuple(str(value) for value in numbers)
    if len(set(names)) < len(names):
        twice = max(names, key=names.count)
        raise DataError(f"series column {name!r} has {twice!r} both as text and as a number")
    return names, index


def parse_time(text: str, *, clock: bool) -> Any:
    """Return one time, written as ISO text or an integer, in a table's own type of time.

    Raises ValueError where it is not one.
    """
    if not clock:
        return np.int64(int(text))
    if re.fullmatch(r"\d{4}", text) or _PLAIN_ISO.fullmatch(text):
        return np.datetime64(text, "us")
    return np.datetime64(_naive(datetime.fromisoformat(text)), "us")


def _parse_times(values: Sequence[Any], name: str) -> tuple[NDArray[Any], bool]:
    """Read text or date objects, all at once where the text is plain ISO 8601."""
    if isinstance(values[0], str) and _PLAIN_ISO.fullmatch(values[0]):
        text = np.asarray(values, dtype=object).astype(str)
        plain = np.strings.str_len(text) == len(values[0])
        try:
            if plain.all():
                return text.astype("datetime64[us]"), False
        except ValueError:
            pass  # the slow way below finds the row
    times: list[datetime] = []
    aware = False
    for row, value in enumerate(values):
        try:
            moment = _moment(value)
        except (TypeError, ValueError):
            raise DataError(
                f"column {name!r} is the time, and row {row + 1} is {_shown(value)} ({COUNTED}): "
                "write ISO dates such as 1985-01-31 or 1985-01-31 18:00"
            ) from None
        if row and aware != (moment.tzinfo is not None):
            raise DataError(
                f"column {name!r} mixes times with and without a time zone, first in row {row + 1} "
                f"({_shown(value)}; {COUNTED})"
            )
        aware = moment.tzinfo is not None
        times.append(_naive(moment))
    return np.array(times, dtype="datetime64[us]"), aware


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    return datetime.fromisoformat(value)


def _naive(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _microseconds(times: Any) -> NDArray[Any]:
    return np.asarray(times).astype("datetime64[us]")


def _refuse_null_times(column: nw.Series[Any], name: str) -> None:
    count = column.null_count()
    if count:
        row = int(np.asarray(column.is_null().to_numpy()).argmax())
        raise DataError(
            f"column {name!r} is the time and has {count} empty values, the first in row {row + 1} "
            f"({COUNTED}): every row needs its time"
        )


def _is_text(column: nw.Series[Any]) -> bool:
    return any(column.dtype == text for text in _TEXT_TYPES)


def _is_number(value: Any) -> bool:
    return is_missing(value) or (isinstance(value, Number) and not isinstance(value, complex))


def _first_not_number(values: Sequence[Any]) -> int:
    """Return the first row that no float can be read from, else the first that is not empty."""
    filled = [row for row, value in enumerate(values) if not is_missing(value)]
    for row in filled:
        value = values[row]
        try:
            readable = isinstance(value, (str, Number)) and float(value) is not None  # type: ignore[arg-type]
        except (TypeError, ValueError):
            readable = False
        if not readable:
            return row
    return filled[0]


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


def _number_fix(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[+-]?[\d.,\s'’]*\d[\d.,\s'’]*", value):
        return "write plain numbers such as 1234.5, as a column of numbers"
    return "convert it to numbers, or leave the column out"


def _type_name(column: nw.Series[Any]) -> str:
    """Return the type's name in the frame's own library."""
    return str(column.to_native().dtype).lower()


def _time_hint(column: nw.Series[Any]) -> str:
    if column.dtype.is_float():
        return " (cast whole numbers to integers)"
    return " (.dt.to_timestamp() turns periods into datetimes)" if _is_period(column) else ""


def _is_period(column: nw.Series[Any]) -> bool:
    return _type_name(column).startswith("period")
