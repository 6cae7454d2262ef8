"""One column of a frame to one array: numbers, times, series names; refused by row and value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from numbers import Number
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from gatewise.data.tables.dateformat import read_formatted
from gatewise.data.tables.native import COUNTED, Frame, is_missing, type_name
from gatewise.data.tables.timeformats import MIXED, UnreadableTimeError, read_texts
from gatewise.data.tables.timenumbers import EPOCHS, WHOLE, form_of, read_numbers
from gatewise.data.tables.zones import from_local, has_zone, to_utc, zone_name, zone_of
from gatewise.errors import DataError

LEADING_ZERO = re.compile(r"[+-]?0\d")
_DIGITS = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_TEXT_TYPES = (nw.String, nw.Categorical, nw.Enum)
ISO = "ISO 8601"
_OFFSET_AT_END = re.compile(r"(?<=\d)(Z|[+-]\d{2}:?\d{2})$")
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
    if _is_text(column) and _with_leading_zeros(values):
        return np.array([np.nan if is_missing(v) else float(v) for v in values], dtype=np.float64)
    if column.dtype == nw.Object and all(_is_number(value) for value in values):
        return np.array([np.nan if is_missing(v) else float(v) for v in values], dtype=np.float64)
    row = _first_not_number(values)
    what = "text" if isinstance(values[row], str) else f"values of type {type_name(column)}"
    raise DataError(
        f"column {name!r} holds {what}, not numbers: row {row + 1} is {_shown(values[row])} "
        f"({COUNTED}); {_number_fix(values[row])}"
    )


@dataclass(frozen=True)
class Times:
    """A column of times as read."""

    values: NDArray[Any]  # [N] datetime64[us], in UTC where there was a zone; or int64
    zone: str | None = None
    form: str | None = None  # the spelling of text or numbers


def time_column(
    frame: Frame, name: str, form: str | None = None, date_format: str | None = None
) -> Times:
    """Return a column of times; text and numbers in the spelling `date_format`, if one is named.

    Dates, datetimes, periods, text in the spellings of `timeformats`, and numbers are read. Numbers
    such as 20100131, 201001, seconds since 1970 and 1956.25 become dates, other integers stay as
    they are. Times with a zone become UTC instants; times without one stay as they are. A spelling
    `form` that fits is preferred. Raises DataError for gaps and for anything else.
    """
    column = frame[name]
    dtype = column.dtype
    _refuse_null_times(column, name)
    if date_format is not None and (_is_text(column) or dtype.is_numeric()):
        return _formatted(column, name, date_format)
    if has_zone(column):  # before dates: hours stay regular in UTC when clocks change
        return Times(_microseconds(to_utc(column).to_numpy(), name), zone_of(column))
    if is_period(column):
        starts = column.to_native().dt.to_timestamp()
        return Times(_microseconds(starts.to_numpy(), name), None, "period")
    if dtype.is_integer() or dtype.is_float() or dtype.is_decimal():
        return _number_times(column, name, form)
    if dtype == nw.Date:
        return Times(_microseconds(column.cast(nw.Datetime("us")).to_numpy(), name))
    if dtype == nw.Datetime:
        return Times(_microseconds(column.to_numpy(), name))
    if _is_text(column):
        column = column.cast(nw.String)
    if column.dtype in (nw.String, nw.Object):
        return _parse_times(column.to_list(), name, form)
    raise DataError(
        f"column {name!r} holds values of type {type_name(column)} and cannot be the time: use "
        f"dates, datetimes, ISO text such as 1985-01-31, or integers{_time_hint(column)}, "
        'or count rows with time="none"'
    )


def _formatted(column: nw.Series[Any], name: str, date_format: str) -> Times:
    """Read times in a spelling that was named, whole numbers as their digits."""
    texts = column.cast(nw.String).to_list()
    values, zoned = read_formatted(texts, date_format)
    wrong = np.isnat(values)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"column {name!r} is the time, and row {row + 1} is {_shown(texts[row])} ({COUNTED}), "
            f"which is not written as date_format={date_format!r} says"
        )
    return Times(values, "UTC" if zoned else None)


def _number_times(column: nw.Series[Any], name: str, form: str | None) -> Times:
    if column.dtype.is_integer():
        try:
            values = np.asarray(column.cast(nw.Int64).to_numpy(), dtype=np.int64)
        except Exception as error:  # each library has its own type for it
            raise DataError(
                f"column {name!r} is the time and holds integers beyond 64 bits: use dates"
            ) from error
    else:
        values = np.asarray(column.cast(nw.Float64).to_numpy(), dtype=np.float64)
    form = form_of(values, form)
    if form is not None:
        return Times(read_numbers(values, form), "UTC" if form in EPOCHS else None, form)
    if column.dtype.is_integer():
        return Times(values, None, WHOLE)
    if np.all(values == np.floor(values)) and np.all(np.abs(values) < 2**53):
        return Times(values.astype(np.int64), None, WHOLE)
    raise DataError(
        f"column {name!r} holds values of type {type_name(column)} and cannot be the time: use "
        f"dates, datetimes, ISO text such as 1985-01-31, or integers{_time_hint(column)}, "
        'or count rows with time="none"'
    )


def parse_time(text: str, *, clock: bool, zone: str | None = None, form: str | None = None) -> Any:
    """Return one time, written in a known spelling or as an integer, in a table's own type of time.

    In a table with a zone, text without an offset is that zone's clock: the first instant at which
    it shows at least this much. Raises ValueError where it is no time.
    """
    if not clock:
        return np.int64(int(text))
    if re.fullmatch(r"\d{4}", text) or _PLAIN_ISO.fullmatch(text):
        return from_local(np.datetime64(text, "us"), zone)
    read = read_texts([text], form)
    return read.values[0] if read.zone is not None else from_local(read.values[0], zone)


def _parse_times(values: Sequence[Any], name: str, form: str | None = None) -> Times:
    """Read text or date objects, all at once where the text is plain ISO 8601."""
    if all(isinstance(value, str) for value in values):
        return _parse_texts(values, name, form)
    times: list[datetime] = []
    zones = set()
    aware = False
    for row, value in enumerate(values):
        try:
            moment = _moment(value)
        except (TypeError, ValueError):
            raise _unreadable(name, row, value) from None
        if row and aware != (moment.tzinfo is not None):
            raise DataError(
                f"column {name!r} mixes times with and without a time zone, first in row {row + 1} "
                f"({_shown(value)}; {COUNTED})"
            )
        aware = moment.tzinfo is not None
        if moment.tzinfo is not None:
            zones.add(zone_name(moment.tzinfo))
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        times.append(moment)
    zone = (zones.pop() if len(zones) == 1 else "UTC") if aware else None
    return Times(np.array(times, dtype="datetime64[us]"), zone)


def _parse_texts(values: Sequence[str], name: str, form: str | None) -> Times:
    quick = _plain_iso(values)
    if quick is not None:
        return quick
    try:
        read = read_texts(values, form)
    except UnreadableTimeError as error:
        if error.reason == MIXED:
            raise DataError(
                f"column {name!r} mixes times with and without a time zone, first in row "
                f"{error.row + 1} ({_shown(values[error.row])}; {COUNTED})"
            ) from None
        raise _unreadable(name, error.row, values[error.row], error.reason) from None
    return Times(read.values, read.zone, read.form)


def _plain_iso(values: Sequence[str]) -> Times | None:
    """Read ISO 8601 of one length and one offset, all at once; None where that cannot be."""
    found = _OFFSET_AT_END.search(values[0])
    end, length = "" if found is None else found[0], len(values[0])
    if not _PLAIN_ISO.fullmatch(values[0].removesuffix(end)):
        return None
    text = np.array(values)
    if text.dtype.itemsize != 4 * length:
        return None
    letters = text.view(np.uint32).reshape(len(text), length)
    shorter = (letters[:, -1] == 0).any()  # NumPy fills up with zeros
    if shorter or (letters[:, length - len(end) :] != letters[0, length - len(end) :]).any():
        return None
    cut = np.ascontiguousarray(letters[:, : length - len(end)])
    try:
        shown = cut.view(f"U{cut.shape[1]}").ravel().astype("datetime64[us]")
        first = read_texts(values[:1])
    except ValueError:
        return None  # the slow way finds the row
    return Times(shown + (first.values[0] - shown[0]), first.zone, ISO)


def _unreadable(name: str, row: int, value: Any, reason: str = "") -> DataError:
    why = f"; {reason}" if reason else ""
    return DataError(
        f"column {name!r} is the time, and row {row + 1} is {_shown(value)} ({COUNTED}{why}): write "
        "ISO dates such as 1985-01-31 or 1985-01-31 18:00, say how they are written "
        "(date_format='%d/%m/%Y', say), or count rows with time=\"none\""
    )


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    read = read_texts([value])
    moment: datetime = read.values[0].astype(datetime)
    return moment if read.zone is None else moment.replace(tzinfo=UTC)


def _microseconds(times: Any, name: str) -> NDArray[Any]:
    """Return times in microseconds; DataError where that would make two times of one."""
    times = np.asarray(times)
    micro: NDArray[Any] = times.astype("datetime64[us]")
    lost = np.flatnonzero(micro != times)
    if lost.size:
        row = int(lost[0])
        raise DataError(
            f"column {name!r} is the time and has nanoseconds, first in row {row + 1} "
            f"({times[row]}; {COUNTED}): round it to microseconds"
        )
    return micro


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


def _with_leading_zeros(values: Sequence[Any]) -> bool:
    """Say whether these are plain numbers, and text only for zeros in front: the hours 00 to 23."""
    filled = [value for value in values if not is_missing(value)]
    return all(map(_DIGITS.fullmatch, filled)) and any(map(LEADING_ZERO.match, filled))


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


def _time_hint(column: nw.Series[Any]) -> str:
    if column.dtype.is_float():
        return " (cast whole numbers to integers; year 1956.25 is read, in quarters or months)"
    if column.dtype == nw.Duration:
        return " (add the moment that they count from)"
    return ""


def is_period(column: nw.Series[Any]) -> bool:
    """Say whether a pandas column holds periods."""
    return type_name(column).startswith("period")
